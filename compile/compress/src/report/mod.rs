//! What compression did, for people and for scripts: text, JSON, a page, pictures.

mod html;
mod make;
mod picture;
mod pixels;
mod text;

pub use html::page;
pub use make::About;
pub use picture::{png, svg};

use crate::certificate::Certificate;
use crate::evaluate::Harm;
use crate::search::{Candidate, Slow};
use crate::{Channels, Precision, Range};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that was found out.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The model's name.
    pub model: String,
    /// Why it is not written out; nothing when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The claim.
    pub certificate: Certificate,
    /// The files, in bytes; nothing when none was written.
    pub disk_bytes: Option<Change>,
    /// Constants and working memory of a run, in bytes.
    pub memory_bytes: Change,
    /// The median time of a run, in milliseconds.
    pub latency_ms: Change,
    /// Runs a second when all threads work on runs of their own.
    pub throughput: Change,
    /// The share of samples that are right, or agreed on.
    pub accuracy: Change,
    /// Rounds in which the compressed model was faster, and all rounds.
    pub faster_rounds: (usize, usize),
    /// Layers that were left as they are, because they are slower compressed.
    pub slow_layers: Vec<Slow>,
    /// What is left of the layers' channels, where some were to go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channels>,
    /// The share of zeros among each layer's weights, where some were to go.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub zeros: BTreeMap<String, f64>,
    /// The layers, the guiltiest first.
    pub layers: Vec<LayerReport>,
    /// The models that were measured, the original first.
    pub candidates: Vec<Candidate>,
    /// Which of them nothing beats.
    pub front: Vec<bool>,
}

/// A figure before and after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// Of the original.
    pub before: f64,
    /// Of the compressed model.
    pub after: f64,
    /// Compression rate: (original − compressed) / original.
    pub rate: f64,
    /// Performance gain: (after − before) / before.
    pub gain: f64,
}

impl Change {
    /// Of these two figures.
    pub fn new(before: f64, after: f64) -> Change {
        let relative = |difference: f64| if before == 0.0 { 0.0 } else { difference / before };
        Change { before, after, rate: relative(before - after), gain: relative(after - before) }
    }
}

/// What became of a layer, and why.
#[derive(Debug, Clone, Serialize)]
pub struct LayerReport {
    /// Its name.
    pub layer: String,
    /// Its operator.
    pub op: String,
    /// The range of its input that calibration has found.
    pub range: Option<Range>,
    /// Its part of the arithmetic.
    pub macs_share: f64,
    /// The precision that was tried.
    pub tried: Precision,
    /// The precision that it has now.
    pub kept: Precision,
    /// The damage when only this layer is compressed.
    pub alone: Harm,
    /// What is left of the damage when only this layer is put back.
    pub without: Harm,
    /// By how much less the answers then diverge.
    pub relief: f64,
}

impl LayerReport {
    /// What was done with it.
    pub fn done(&self) -> String {
        match self.kept == self.tried {
            true => format!("kept in {}", self.tried),
            false => format!("put back to {}", self.kept),
        }
    }
}
