//! Which precision each layer has.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How a layer's numbers are held and multiplied, the most exact last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Weights of 4 bits with one scale a channel, activations of 8 bits by calibration.
    Int4Static,
    /// Weights of 4 bits in groups, activations as they are.
    WeightsInt4,
    /// Weights and activations of 8 bits, the activations' range found while the model runs.
    Int8Dynamic,
    /// Weights and activations of 8 bits, the activations' range found by calibration.
    Int8Static,
    /// Weights of 8 bits, activations as they are.
    WeightsInt8,
    /// Weights that share a table of 256 numbers, activations as they are.
    Clusters,
    /// Weights of 16 bits, the upper half of 32.
    Bf16,
    /// Weights of 16 bits, with more digits and a smaller range.
    F16,
    /// As in the original.
    F32,
}

impl Precision {
    /// As people write it.
    pub const fn name(self) -> &'static str {
        match self {
            Precision::Int4Static => "int4 weights, int8 activations",
            Precision::WeightsInt4 => "weights int4",
            Precision::Int8Dynamic => "int8 dynamic",
            Precision::Int8Static => "int8 static",
            Precision::WeightsInt8 => "weights int8",
            Precision::Clusters => "clusters",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
            Precision::F32 => "f32",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the scale of weights is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clip {
    /// By the largest weight, so that none saturates.
    MinMax,
    /// By the least squared error of all weights; the largest may saturate.
    #[default]
    SquaredError,
}

/// The precision of each layer, by the layer's name; layers that are not named stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Config {
    /// By the layer's name.
    pub layers: BTreeMap<String, Precision>,
    /// Of the weights' scales.
    #[serde(default)]
    pub clip: Clip,
}

impl Config {
    /// The precision of a layer.
    pub fn precision(&self, layer: &str) -> Precision {
        self.layers.get(layer).copied().unwrap_or(Precision::F32)
    }
}
