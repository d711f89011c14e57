//! One vocabulary of f32 vectors over the instruction sets (ISAs).
//!
//! An algorithm is written once over [`F32Vector`] and runs on the vectors of any ISA:
//! [`Isa`] names the ISAs as data, a [`Token`] is the proof that this CPU has one, and
//! [`Token::run`] compiles a [`Vectorize`] for each ISA and enters the right one. [`math`] holds
//! the transcendental functions.
//!
//! Safety: only the `unsafe` constructors of a vector ask whether the CPU has the ISA. A vector
//! that exists is the proof, so all arithmetic on vectors is safe.
//!
//! ```
//! use simd::{F32Vector, Isa, Vectorize};
//! struct Double<'a>(&'a mut [f32]);
//! impl Vectorize for Double<'_> {
//!     type Output = ();
//!     #[inline(always)]
//!     unsafe fn run<V: F32Vector>(self) {
//!         for chunk in self.0.chunks_mut(V::LANES) {
//!             // SAFETY: the chunk has so many elements, and the caller vouches for the ISA.
//!             unsafe {
//!                 let x = V::load_partial(chunk.as_ptr(), chunk.len());
//!                 x.add(x).store_partial(chunk.as_mut_ptr(), chunk.len());
//!             }
//!         }
//!     }
//! }
//! let mut data = [1.0f32; 21];
//! Isa::best().require().run(Double(&mut data));
//! assert_eq!(data, [2.0; 21]);
//! ```

mod cache;
mod isa;
pub mod math;
mod peak;
mod vector;

pub mod generic;
#[cfg(target_arch = "x86_64")]
pub mod x86_avx2;
#[cfg(target_arch = "x86_64")]
pub mod x86_avx512;
#[cfg(target_arch = "x86_64")]
pub mod x86_dot;

#[cfg(target_arch = "aarch64")]
pub mod aarch64_neon;

// On other CPUs these ISAs are never available; their rows still need functions to name.
mod absent;
#[cfg(not(target_arch = "aarch64"))]
use absent as aarch64_neon;
#[cfg(not(target_arch = "x86_64"))]
use absent as x86_avx2;
#[cfg(not(target_arch = "x86_64"))]
use absent as x86_avx512;

/// Does this CPU multiply pairs of bf16 in one instruction (AVX-512 BF16)?
pub fn has_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return x86_dot::has_bf16();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Does this CPU multiply and sum four bytes in one instruction (AVX-512 VNNI)?
pub fn has_vnni() -> bool {
    #[cfg(target_arch = "x86_64")]
    return x86_dot::has_vnni();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

pub use cache::prefetch;
pub use isa::{Isa, IsaRow, Token};
pub use peak::peak_gflops;
pub use vector::{F32Vector, LANES_MAX, Vectorize};
