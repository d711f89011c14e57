//! The REST interface over real sockets, with small models behind it.

mod bodies;
mod clients;
mod examples;
mod extensions;
mod headers;
mod lifecycle;
mod mutated;
mod open_inference;
mod random;
mod support;
mod tensorflow_serving;
mod text;
mod torchserve;
mod triton;
