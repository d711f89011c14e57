//! What a package says about itself.

use crate::ContainerError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The contents of the manifest section. It holds no time and no machine's name: the same model
/// built twice is the same bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// The model's version, chosen by whoever built it.
    pub version: String,
    /// Program and version that built it: `schooner 0.1.0`.
    pub created_by: String,
    /// What it was made from.
    pub source: Source,
    /// Operator sets that the source used: domain (empty for ONNX's own) and version.
    #[serde(default)]
    pub opsets: BTreeMap<String, i64>,
    /// Version of the plan's encoded form.
    pub plan_format: u32,
    /// Each input: `x: f32[n, 3, 224, 224]`.
    pub inputs: Vec<String>,
    /// Each output, in the same form.
    pub outputs: Vec<String>,
    /// Names of the classes, where the source itself has some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// The file that a model was made from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its name without folders.
    pub file: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The manifest in a section's bytes.
    pub fn from_json(bytes: &[u8]) -> Result<Manifest, ContainerError> {
        serde_json::from_slice(bytes).map_err(|e| ContainerError::Manifest(e.to_string()))
    }

    /// The manifest as a section's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("strings and numbers always have a JSON form")
    }
}
