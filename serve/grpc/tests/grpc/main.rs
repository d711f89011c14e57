//! Real sockets, with the client of `tonic` and messages that are derived, unlike the server's.

mod calls;
mod clients;
mod examples;
mod malformed;
mod messages;
mod open_inference;
mod reflection;
mod reload;
mod support;
mod tensorflow_serving;
mod text;
