//! What both forms of the Open Inference Protocol share, HTTP and gRPC: a request that was read
//! meets the model, classes become texts, settings and models are told in Triton's words.
//!
//! The life of a request: a form reads it into [`Asked`]; [`bind`] finds the model's inputs among
//! those given and what the reply is to hold, [`reply::Asked`]; the form writes it. Nothing here
//! knows how either looks on the wire.
#![forbid(unsafe_code)]

mod asked;
mod bind;
pub mod classification;
pub mod datatype;
mod models;
pub mod reply;
pub mod settings;
mod strings;
mod words;

pub use asked::{Asked, Data, Given, Shared, Wanted, max_wait};
pub use bind::{Bound, bind, bind_raw};
pub use models::{IndexEntry, answering, index, versions};
pub use reply::{Place, share};
pub use words::{EXTENSIONS, PLATFORM, refused, text};
