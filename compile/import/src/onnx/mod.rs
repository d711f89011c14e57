//! ONNX: a protobuf of nodes in an order in which they can run.
//!
//! Read are operator sets up to 28 as far as their rules are known (`walk.rs`), `ai.onnx.ml` and
//! `com.microsoft`, weights inside the file or in files beside it, and functions that the model
//! itself defines. Each operator has its import function in
//! `ops/<family>.rs`, under the family names of `compile/ir`.

mod call;
mod control;
pub mod decode;
mod functions;
mod ops;
mod order;
mod pixels;
mod remarks;
mod schema;
mod signature;
mod tensors;
mod values;
mod walk;

pub use tensors::{element_number, write as write_tensor};
pub use values::{import_tensor, import_value};

pub use ops::{Operator, operators};

use crate::error::ImportError;
use crate::protobuf::WireError;
use crate::replace::Replacement;
use crate::{ModelMetadata, Options, Survey, formats};
use bytes::Bytes;
use decode::ModelProto;
use prost::Message;
use schema::SCHEMA;
use std::collections::BTreeMap;
use walk::Walk;

const FORMAT: &str = "ONNX";

/// Could these be the bytes of an ONNX model, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    match SCHEMA.check(bytes, usize::MAX) {
        Ok(()) => true,
        Err(WireError::Foreign) => false,
        // A SavedModel that breaks off reads as a model of the first format version.
        Err(_) => !formats::is_foreign(bytes),
    }
}

/// What an ONNX model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    match SCHEMA.check(&bytes, options.memory) {
        Ok(()) => {}
        Err(WireError::TooLarge { decoded, limit }) => {
            return Err(ImportError::TooLarge { bytes: decoded as u64, limit });
        }
        Err(_) if !is_format(&bytes) => return Err(formats::not_a_model(&bytes)),
        Err(error) => return Err(damaged(error.to_string())),
    }
    let model = ModelProto::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    survey_model(model, options)
}

/// What a model is that is decoded already.
pub fn survey_model(mut model: ModelProto, options: &Options) -> Result<Survey, ImportError> {
    let Some(graph) = model.graph.take() else {
        return Err(damaged("it holds no graph".to_string()));
    };
    let metadata = metadata(&model);
    let mut walk = Walk::new(&graph.name, metadata, &model.functions, options);
    walk.replacement = Replacement::open(options)?;
    signature::read(&graph, options, &mut walk);
    for tensor in graph.initializer {
        walk.initializer(tensor);
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(damaged("sparse initializers are not supported".to_string()));
    }
    walk.announce(&graph.node);
    for index in order::of(&graph.node) {
        walk.node(&graph.node[index]);
    }
    if let Some(replacement) = &walk.replacement {
        replacement.finish()?;
    }
    let survey = walk.finish(&graph.output);
    debug_assert_eq!(survey.graph.verify(), Ok(()));
    Ok(survey)
}

fn damaged(reason: String) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason }
}

/// The domain's name in full: the standard operators have an empty one in files.
fn domain_name(domain: &str) -> &str {
    if domain.is_empty() { "ai.onnx" } else { domain }
}

fn metadata(model: &ModelProto) -> ModelMetadata {
    let opsets = model.opset_import.iter();
    let properties = model.metadata_props.iter();
    let properties: BTreeMap<String, String> =
        properties.map(|p| (p.key.clone(), p.value.clone())).collect();
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: format!("{} {}", model.producer_name, model.producer_version).trim().to_string(),
        format_version: model.ir_version,
        model_version: model.model_version,
        opset_imports: opsets.map(|o| (domain_name(&o.domain).to_string(), o.version)).collect(),
        doc: model.doc_string.clone(),
        labels: pixels::labels(&properties),
        pixels: pixels::pixels(&properties),
        properties,
    }
}
