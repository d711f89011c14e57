//! A graph to a smaller and faster one, inside a budget of accuracy, or a refusal with its reason.
//!
//! What is there to be compressed, [`layers()`] lists; [`observe()`] measures the ranges of their
//! inputs on [`Samples`]; [`quantize()`] makes the graph in which each layer has the [`Precision`]
//! that a [`Config`] gives it. [`methods`] lists all there is beside.
#![forbid(unsafe_code)]

pub mod certificate;
mod config;
mod error;
pub mod evaluate;
pub mod gate;
mod layers;
pub mod methods;
pub mod observe;
mod prepare;
mod prune;
mod quantize;
pub mod report;
mod run;
mod samples;
pub mod search;
mod synthetic;
mod weights;

pub use config::{Clip, Config, Precision};
pub use error::CompressError;
pub use layers::{Layer, layers};
pub use observe::{Observed, Observer, Range, Ranges, count, observe};
pub use prepare::{Preparation, Prepared};
pub use prune::{
    ChannelPruning, Channels, Criterion, Pattern, WeightPruning, prune_channels, prune_weights,
};
pub use quantize::{
    Affine, Equalized, Learning, correct_bias, equalize, learn_rounding, quantize, smooth,
};
pub use run::{Compressed, Refinement, Refusal, Request, compress};
pub use samples::Samples;
