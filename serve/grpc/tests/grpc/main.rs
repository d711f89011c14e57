//! Real sockets, with the client of `tonic` and messages that are derived, unlike the server's.

mod calls;
mod malformed;
mod messages;
mod open_inference;
mod reload;
mod reflection;
mod support;
mod tensorflow_serving;
