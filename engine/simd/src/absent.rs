//! Stands in for the ISAs that this CPU family cannot have.

use crate::{Vectorize, generic};

/// Never.
pub(crate) fn is_available() -> bool {
    false
}

/// # Safety
/// None to uphold: it runs on the generic vectors.
pub(crate) unsafe fn enter<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: the generic vectors exist everywhere.
    unsafe { generic::enter(f) }
}

/// # Safety
/// None to uphold: it runs on the generic vectors.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) unsafe fn enter_bf16<F: Vectorize>(f: F) -> F::Output {
    // SAFETY: the generic vectors exist everywhere.
    unsafe { generic::enter(f) }
}
