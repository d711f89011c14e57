//! Folders and files of other servers, as they lie on disk.

mod archives;
mod changes;
mod folders;
mod mutated;
mod support;
mod tensorflow_serving;
mod text_proto;
mod torchserve;
mod triton;
