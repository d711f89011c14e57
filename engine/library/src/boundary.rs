//! Between C and Rust: panics stop here, and failures become a status and a text.

use crate::failure::Failure;
use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Status of a call that did what it was asked.
const OK: i32 = 0;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Runs the body of an interface function; its failure or panic becomes the thread's last error.
pub(crate) fn guarded(body: impl FnOnce() -> Result<(), Failure>) -> i32 {
    // Every value that a body changes is either its own or under a lock that heals itself.
    let result = catch_unwind(AssertUnwindSafe(body));
    let failure = match result {
        Ok(Ok(())) => return OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::Panic(text_of(&*panic)),
    };
    let status = failure.status();
    // A thread that is about to end has no last error any more; the status still tells.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = c_string(&failure.to_string()));
    status
}

/// Text for C: what follows a zero byte would be lost, so zeros are replaced.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// See the header.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn schooner_last_error() -> *const c_char {
    LAST_ERROR.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no reason given").to_string()
}
