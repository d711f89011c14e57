//! The numbers are made here: kernels by family first, by instruction set second.
//!
//! A *call* (such as [`matmul::MatMul`]) binds a kernel to its operands; its constructor checks
//! every length against the shapes, so that safe code cannot leave a buffer. Every call is a
//! [`Task`]: a number of independent pieces, which a thread pool runs in any order.
//!
//! Invariants, each held by a test:
//! - Kernels never allocate; what a piece needs beside its operands is scratch from the caller.
//! - The pieces depend on the shapes only (of a chain: also on how many are asked for), and the
//!   order of each element's reduction depends on its own length only: never on batch size, tile
//!   position or thread count.
//! - Every ISA computes every call; [`catalogue`] lists which kernel does it.
//!
//! ```
//! use kernels::{SharedMut, elementwise::UnaryMap};
//! use tensor::{DType, scalar::Unary};
//! let input = [-1.0f32, 2.0];
//! let mut output = [0.0f32; 2];
//! let call = UnaryMap::new(
//!     simd::Isa::best(),
//!     Unary::Relu,
//!     DType::F32,
//!     bytemuck::cast_slice(&input),
//!     SharedMut::from_bytes_of(&mut output),
//! );
//! kernels::run_serially(&call, &mut []);
//! assert_eq!(output, [0.0, 2.0]);
//! ```

mod catalogue;
mod floats;
mod number;
mod task;

pub mod attention;
pub mod chain;
pub mod conv;
pub mod depthwise;
pub mod elementwise;
pub mod matmul;
pub mod movement;
pub mod norm;
pub mod pool;
pub mod quantize;
pub mod reduce;
pub mod resize;
pub mod trees;
pub mod winograd;

pub use catalogue::{Row, catalogue};
pub use floats::{Floats, FloatsMut};
pub use number::{Number, is_number};
pub use task::{SharedMut, Task, run_serially};

#[cfg(test)]
mod testing;
