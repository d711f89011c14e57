//! The REST interface over real sockets, with small models behind it.

mod bodies;
mod headers;
mod lifecycle;
mod open_inference;
mod support;
mod tensorflow_serving;
mod triton;
