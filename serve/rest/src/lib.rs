//! HTTP for the server: TensorFlow Serving's REST routes, the Open Inference Protocol, images as
//! plain bodies, health and metrics.
//!
//! The life of a request: a connection of [`listen::serve`] reads the head; [`router`] picks the
//! protocol by the path, and `protocol` answers in its words: the protocol finds the model,
//! receives the body under its limits, and hands an exchange to the [`server::Service`]. A worker
//! thread inflates and parses the body, runs the model, and writes and compresses the reply. Each
//! protocol has a folder: `tfs` for TensorFlow Serving, `oip` for the Open Inference Protocol,
//! `torchserve` for TorchServe, which has ports of its own. Every refusal on the main port is
//! `{"error": …}` with the status of [`server::Refusal::row`].
//!
//! `tower-http` is not used: its (de)compression works on the reactor's threads and ends a body
//! that is too long or damaged without the status that the client is owed.
#![forbid(unsafe_code)]

mod json;
mod media;
mod oip;
mod openapi;
mod protocol;
mod response;
mod router;
mod tfs;
mod torchserve;
mod trace;

pub use router::{path, router, triton, triton_metrics};
pub use torchserve::{ModelStore, TorchServe};
