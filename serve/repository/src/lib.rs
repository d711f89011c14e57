//! What model folders and configuration files of other servers say, as one plain description.
//!
//! A [`Repository`] looks at a [`Source`] (a folder of models, TensorFlow Serving's
//! `models.config`, a Triton repository, TorchServe's `config.properties` with its archives) and
//! says each time what is [`Desired`]: which models in which versions, where their files lie, and
//! how they are to be batched and labeled. It opens no model and knows no protocol.
//!
//! Whatever changes what a model answers and is not served refuses that model by name; whatever
//! else is not read is listed as ignored. No code of an archive is ever run.
#![forbid(unsafe_code)]

mod archive;
mod batching;
mod candidate;
mod desired;
mod error;
mod folder;
mod listing;
mod model_config;
mod priority;
mod settled;
mod source;
mod tensorflow_serving;
pub mod text_proto;
mod torchserve;
mod triton;
mod version_text;

pub use archive::{Archive, Limits};
pub use desired::{
    Batching, Classes, Desired, Ignored, Model, ModelFile, Policy, Refused, Version,
};
pub use error::Error;
pub use model_config::ModelConfig;
pub use priority::{Priorities, QueuePolicy};
pub use settled::{Fingerprint, QUIET, is_settled};
pub use source::{Repository, Source};
pub use torchserve::Properties;
pub use version_text::{version_number, version_text};
