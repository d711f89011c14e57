//! ONNX: a protobuf of nodes in an order in which they can run.
//!
//! Read are operator sets 7 to 28 and `ai.onnx.ml`, weights inside the file or in files beside
//! it, and functions that the model itself defines. Each operator has its import function in
//! `ops/<family>.rs`, under the family names of `compile/ir`.

mod call;
pub mod decode;
mod functions;
mod ops;
mod signature;
mod tensors;
mod walk;
mod wire;

pub use ops::{Operator, operators};

use crate::error::ImportError;
use crate::{Imported, ModelMetadata, Options, formats};
use bytes::Bytes;
use decode::{ModelProto, TensorProto};
use prost::Message;
use std::collections::BTreeMap;
use tensor::Tensor;
use walk::Walk;
use wire::WireError;

const FORMAT: &str = "ONNX";

/// Could these be the bytes of an ONNX model, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    match wire::check(bytes) {
        Ok(()) => true,
        Err(WireError::Foreign) => false,
        // A SavedModel that breaks off reads as a model of the first format version.
        Err(_) => !formats::is_foreign(bytes),
    }
}

/// The graph of an ONNX model.
pub fn import(bytes: Bytes, options: &Options) -> Result<Imported, ImportError> {
    match wire::check(&bytes) {
        Ok(()) => {}
        Err(_) if !is_format(&bytes) => return Err(formats::not_a_model(&bytes)),
        Err(error) => return Err(damaged(error.to_string())),
    }
    let model = ModelProto::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    import_model(model, options)
}

/// The graph of a model that is decoded already.
pub fn import_model(mut model: ModelProto, options: &Options) -> Result<Imported, ImportError> {
    let Some(graph) = model.graph.take() else {
        return Err(damaged("it holds no graph".to_string()));
    };
    let mut metadata = metadata(&model);
    let mut walk = Walk::new(&graph.name, &metadata.opset_imports, &model.functions, options);
    signature::inputs(&graph, options, &mut walk)?;
    for tensor in graph.initializer {
        walk.initializer(tensor);
    }
    if !graph.sparse_initializer.is_empty() {
        return Err(damaged("sparse initializers are not supported".to_string()));
    }
    for node in &graph.node {
        walk.node(node);
    }
    let (graph, labels) = walk.finish(&graph.output)?;
    debug_assert_eq!(graph.verify(), Ok(()));
    metadata.labels = labels;
    Ok(Imported { graph, metadata })
}

/// A tensor in a file of its own, a `TensorProto` as in ONNX test data: its name, which may be
/// empty, and its elements.
pub fn import_tensor(bytes: Bytes) -> Result<(String, Tensor), ImportError> {
    let refused = |reason: String| ImportError::Damaged { format: "ONNX tensor", reason };
    let proto = TensorProto::decode(bytes).map_err(|error| refused(error.to_string()))?;
    let tensor = tensors::read(&proto, None).map_err(|reason| refused(reason.to_string()))?;
    Ok((proto.name, tensor))
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
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: format!("{} {}", model.producer_name, model.producer_version).trim().to_string(),
        format_version: model.ir_version,
        model_version: model.model_version,
        opset_imports: opsets.map(|o| (domain_name(&o.domain).to_string(), o.version)).collect(),
        properties: properties
            .map(|p| (p.key.clone(), p.value.clone()))
            .collect::<BTreeMap<_, _>>(),
        doc: model.doc_string.clone(),
        labels: Vec::new(),
    }
}
