//! Real sockets, plain and under TLS, with clients that behave and clients that do not.

mod door;
mod http2;
mod slow;
mod support;
mod tls;
