//! HTTP for the server: TensorFlow Serving's REST routes, images as plain bodies, health and
//! metrics.
//!
//! The life of a request: a connection of [`serve`] reads the head under a timeout; [`router`]
//! sends `/v1/…` to the one handler in `v1`, which finds the model, receives the body under its
//! limits, and hands a `Predict` exchange to the [`server::Service`]. A worker thread inflates
//! and parses the body, runs the model, and writes and compresses the reply. Every refusal is
//! `{"error": …}` with the status of [`server::Refusal::row`].
//!
//! `tower-http` is not used: its (de)compression works on the reactor's threads and ends a body
//! that is too long or damaged without the status that the client is owed.
#![forbid(unsafe_code)]

mod body;
mod encoding;
mod json;
mod listen;
mod metadata;
mod predict;
mod response;
mod route;
mod router;
mod v1;

pub use listen::{BindError, Options, Summary, bind, serve};
pub use router::router;
