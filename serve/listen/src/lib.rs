//! Sockets to requests, for every protocol: HTTP/1.1 and HTTP/2 on one port, plain or under TLS.
//!
//! The life of a connection: `accept` takes it under a permit; `connection` ends TLS, looks at the
//! first bytes and serves HTTP/1.1 or HTTP/2; each request passes the `gate`, which asks for a key
//! and counts the client's requests, and goes to the [`Routes`] of its protocol. A protocol
//! receives the body with [`receive`] and knows nothing of sockets.
//!
//! Invariants: every wait for a client ends at a time in [`Options`]; what a client can make the
//! server keep (heads, streams, clients' counts) is bounded there too.
#![forbid(unsafe_code)]

mod accept;
mod activity;
mod bind;
mod body;
mod charged;
mod connection;
mod encoding;
mod gate;
mod headers;
mod keys;
mod options;
mod rate;
mod refused;
mod tls;
mod wire;

pub use accept::{Summary, serve};
pub use bind::{BindError, bind};
pub use body::{Patience, Received, discard, receive};
pub use encoding::Coding;
pub use gate::{Guard, Routes};
pub use headers::{REQUEST_ID, TRACEPARENT};
pub use keys::{Keys, KeysError};
pub use options::Options;
pub use rate::RateLimit;
pub use refused::{error_json, grpc_status, grpc_trailers};
pub use tls::{Tls, TlsError, TlsFiles};
