//! TensorFlow.js: a description of layers, as Keras has it, in `model.json`, and weights in files
//! beside it, which may be numbers of 8 or 16 bits.
//!
//! The layers are those of Keras and are imported as such.

mod shards;

use crate::error::{ImportError, Reason, Refusal};
use crate::keras::{self, Written};
use crate::{Options, Survey};
use bytes::Bytes;
use serde_json::Value;
use shards::Shards;

const FORMAT: &str = "TensorFlow.js";

/// Bytes of a file in which its own words stand: what comes before them is a version.
const HEAD: usize = 4096;

/// The description of layers or nodes, and the list of weights.
const TOPOLOGY: &str = "modelTopology";
const MANIFEST: &str = "weightsManifest";

/// Could these be the bytes of a model, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let head = &start[..start.len().min(HEAD)];
    let holds = |word: &str| head.windows(word.len()).any(|part| part == word.as_bytes());
    head.starts_with(b"{") && (holds(TOPOLOGY) || holds(MANIFEST))
}

/// What a model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let text = std::str::from_utf8(&bytes).map_err(damaged)?;
    let mut model = keras::described(text, options).map_err(of_this)?;
    let missing = |what: &str| damaged(format!("it has no `{what}`"));
    let mut topology = model.get_mut(TOPOLOGY).map(Value::take).ok_or_else(|| missing(TOPOLOGY))?;
    let format = model.get("format").and_then(Value::as_str);
    if format == Some("graph-model") || topology.get("node").is_some() {
        return Err(of_nodes());
    }
    let manifest = model.get(MANIFEST).and_then(Value::as_array);
    let manifest = manifest.ok_or_else(|| missing(MANIFEST))?;
    let weights = Shards::open(manifest, options)?;
    let said = |name: &str| topology.get(name).and_then(Value::as_str).map(str::to_string);
    let (version, backend) = (said("keras_version"), said("backend"));
    // A model that was saved in the browser is the description itself.
    let description = match topology.get_mut("model_config") {
        Some(config) => config.take(),
        None => topology,
    };
    let written = Written {
        format: FORMAT,
        version: version.unwrap_or_else(|| "2".to_string()),
        backend: Some(backend.unwrap_or_else(|| "tensorflow".to_string())),
    };
    keras::survey_described(description, written, Box::new(weights), options).map_err(of_this)
}

fn damaged(reason: impl ToString) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason: reason.to_string() }
}

/// What Keras says of the description, said of this format.
fn of_this(error: ImportError) -> ImportError {
    match error {
        ImportError::Damaged { reason, .. } => damaged(reason),
        other => other,
    }
}

/// A model that is a graph of nodes, not of layers.
fn of_nodes() -> ImportError {
    let reason = "is a graph of TensorFlow's nodes (graph-model), not of layers".to_string();
    let hint = "serve the SavedModel that it was made from, or convert that with \
                --output_format=tfjs_layers_model where it came from Keras";
    let reason = Reason::Signature(reason);
    ImportError::Unsupported(vec![Refusal::of_part("model", TOPOLOGY, reason, hint)])
}
