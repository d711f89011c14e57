//! Runs plans. This is what is inside a built library, and what the server, evaluation and
//! every other part of Schooner that needs numbers runs on: one engine everywhere.
//!
//! A [`Model`] is a plan with its constants. Its first run on inputs of some shape binds the
//! plan to those sizes: every buffer gets a place in one arena, every step its concrete
//! parameters. Later runs of that shape allocate nothing but their results.

mod bound;
mod constants;
mod error;
mod freed;
mod isa;
mod kernel;
mod model;
mod open;
mod pool;
mod program;
mod session;

pub use constants::Constants;
pub use error::{LoadError, RunError};
pub use freed::{bound_freed_memory, give_back_freed_memory};
pub use isa::{IsaError, isa};
pub use model::Model;
pub use open::{Check, OpenError, OpenReason, Opened, open, read};
pub use pool::{Pool, threads};
pub use session::Timing;
