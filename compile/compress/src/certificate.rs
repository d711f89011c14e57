//! What was shown about a compressed model, so that somebody else can repeat it.

use crate::evaluate::Measure;
use crate::gate::{Budget, Pairs, Verdict};
use crate::{Config, Observer, Preparation, Refinement};
use serde::Serialize;

/// The claim, and everything that it rests on.
#[derive(Debug, Clone, Serialize)]
pub struct Certificate {
    /// The version of Schooner that made it.
    pub schooner: String,
    /// What the model was compressed for.
    pub target: String,
    /// The instruction set that both models were run with.
    pub isa: String,
    /// The original.
    pub model: Identity,
    /// All samples, as the model takes them, with their labels.
    pub data: Identity,
    /// How many of them calibrated the model and named its guilty layers.
    pub calibration_samples: usize,
    /// What seed chose those.
    pub seed: u64,
    /// The method, and what each layer has become.
    pub method: Method,
    /// What counts as right.
    pub measure: Measure,
    /// The drop that is allowed, in percentage points.
    pub budget: Budget,
    /// How sure the gate is when all its tests are taken together.
    pub confidence: f64,
    /// Tests that were made on the same samples, and the confidence of the one that decided.
    pub tests: usize,
    /// The confidence of the test that decided.
    pub test_confidence: f64,
    /// The counted answers of that test, on samples that nothing was fitted to.
    pub pairs: Pairs,
    /// How many of them the original had right; without labels it is all.
    pub original_right: u64,
    /// How many of them the compressed model had right, or agreed on.
    pub compressed_right: u64,
    /// What the gate says, with the upper bound of the true drop.
    pub verdict: Verdict,
}

/// A thing and the hash of all of it.
#[derive(Debug, Clone, Serialize)]
pub struct Identity {
    /// What it is called.
    pub name: String,
    /// SHA-256.
    pub sha256: String,
    /// Bytes of a file, samples of data.
    pub size: u64,
}

/// What was done.
#[derive(Debug, Clone, Serialize)]
pub struct Method {
    /// What was asked for.
    pub name: String,
    /// What ranges were observed by.
    pub observer: Observer,
    /// What was done before rounding.
    pub preparation: Preparation,
    /// What was done beside rounding.
    pub refinement: Refinement,
    /// The precision of each layer that is not as it was.
    pub config: Config,
}
