//! gRPC for the server: the services of TensorFlow Serving and of the Open Inference Protocol, and
//! the health and reflection protocols.
//!
//! The life of a call: [`router`] hands it to `call`, which picks the service by the path. The
//! service reads the message, whose outline names the model; what costs CPU (inflating, tensors,
//! the reply) is done on worker threads of the [`server::Service`]. A refusal is the status of
//! [`server::Refusal::row`] in the words of the service.
//!
//! Messages that clients send are read field by field straight into tensors (`fields`): a derived
//! decoder would make hundreds of bytes in memory of two on the wire. What we send, and requests
//! of a few bytes, are derived.
//!
//! `tonic` is not used but in tests: it inflates messages on the reactor's threads, and takes
//! memory for a message before anybody can say that there is none left.
#![forbid(unsafe_code)]

mod call;
mod elements;
mod fields;
mod frames;
mod health;
mod oip;
mod reflection;
mod reply;
mod tfs;

pub use call::router;
