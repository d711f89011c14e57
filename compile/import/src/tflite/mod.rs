//! TensorFlow Lite: a FlatBuffer of values and operators in an order in which they can run.
//!
//! Its operators are those of TensorFlow with other attributes, and most are imported as these.
//! Integers that stand for numbers are computed as these numbers: what an operator makes is rounded
//! to the steps that the model names, so that the integers of the original come out. Each operator
//! has its import function in `ops/<family>.rs`.

mod about;
mod flat;
mod model;
mod ops;
mod quantize;
mod refusal;
mod signature;
mod step;
mod walk;

pub use ops::operators;

use crate::error::ImportError;
use crate::tensorflow::nodes;
use crate::{ModelMetadata, Options, Survey};
use bytes::Bytes;
use flat::File;
use model::Model;
use signature::Ports;
use std::collections::BTreeMap;
use walk::Walk;

const FORMAT: &str = "TensorFlow Lite";

/// The domain that operators are said to be of.
pub(crate) const DOMAIN: &str = "tflite";

/// What stands behind the first offset of a file.
const MAGIC: &[u8] = b"TFL3";

/// Could these be the bytes of a model, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(MAGIC)
}

/// What a model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let file = File::new(&bytes);
    let model = Model::read(&file).map_err(damaged)?;
    let ports = signature::ports(&model, options)?;
    let metadata = metadata(&model, &ports, &bytes);
    let graph = model.graphs.get(ports.graph).ok_or_else(|| damaged("it holds no graph"))?;
    let survey = nodes::with(DOMAIN, options, |nodes| {
        let mut walk = Walk::new(nodes, &model, graph);
        signature::inputs(&ports, options, &mut walk);
        for operation in &graph.operations {
            walk.operation(operation);
        }
        signature::outputs(&ports, &mut walk);
        walk.survey(metadata)
    });
    match file.is_damaged() {
        true => Err(damaged("a part of it lies outside of the file")),
        false => Ok(survey),
    }
}

fn metadata(model: &Model<'_>, ports: &Ports, bytes: &Bytes) -> ModelMetadata {
    let about = about::read(model.metadata, bytes);
    let mut properties: BTreeMap<String, String> = about.properties;
    if let Some(signature) = &ports.signature {
        properties.insert("signature".to_string(), signature.clone());
    }
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: model.description.clone(),
        format_version: i64::try_from(model.version).unwrap_or(0),
        properties,
        labels: about.labels,
        doc: about.description,
        pixels: about.pixels,
        ..ModelMetadata::default()
    }
}

fn damaged(reason: impl ToString) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason: reason.to_string() }
}
