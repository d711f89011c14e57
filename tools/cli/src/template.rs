//! The library template that this binary carries; `build.rs` made it.

/// The runtime as a shared library that holds no model.
pub(crate) const TEMPLATE: &[u8] = include_bytes!(env!("SCHOONER_TEMPLATE"));
