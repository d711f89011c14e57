//! TensorFlow: a protobuf of nodes and functions, frozen into one file, or in the folder of a
//! SavedModel with its variables, tables and files beside it.
//!
//! Imported are the nodes that the outputs need. Functions are inlined, variables and tables are
//! constants, loops and branches are graphs inside of nodes. Each operator has its import function
//! in `ops/<family>.rs`.

mod bundle;
mod call;
mod counters;
mod graph;
mod inside;
pub(crate) mod nodes;
mod ops;
mod proto;
mod refusal;
mod repeat;
mod resources;
mod schema;
mod signature;
mod tensors;
mod walk;

pub use ops::operators;

use crate::error::ImportError;
use crate::protobuf::WireError;
use crate::{ModelMetadata, Options, Survey, formats};
use bundle::Bundle;
use bytes::Bytes;
use graph::Model;
use prost::Message;
use proto::{GraphDef, MetaGraphDef, SavedModel};
use resources::Resources;
use std::collections::BTreeMap;
use walk::Walk;

const FORMAT: &str = "TensorFlow";

/// The domain that operators are said to be of.
pub(crate) const DOMAIN: &str = "tensorflow";

/// The graph of a SavedModel, in its folder.
pub const SAVED_MODEL: &str = "saved_model.pb";

/// Could these be the bytes of a graph or a SavedModel, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    schema::begins_as_saved_model(bytes) || schema::begins_as_graph(bytes)
}

/// What a graph or a SavedModel is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let is_saved_model = schema::begins_as_saved_model(&bytes);
    let schema = if is_saved_model { schema::SAVED_MODEL } else { schema::GRAPH };
    match schema.check(&bytes, options.memory) {
        Ok(()) => {}
        Err(WireError::TooLarge { decoded, limit }) => {
            return Err(ImportError::TooLarge { bytes: decoded as u64, limit });
        }
        Err(WireError::Foreign) => return Err(formats::not_a_model(&bytes)),
        Err(error) => return Err(damaged(error)),
    }
    let meta = match is_saved_model {
        true => for_serving(SavedModel::decode(bytes).map_err(damaged)?)?,
        false => MetaGraphDef {
            graph_def: Some(GraphDef::decode(bytes).map_err(damaged)?),
            ..MetaGraphDef::default()
        },
    };
    survey_graph(&meta, is_saved_model, options)
}

/// The graph that is there to be served: the one with that tag, or the first one.
fn for_serving(model: SavedModel) -> Result<MetaGraphDef, ImportError> {
    let mut graphs = model.meta_graphs;
    let is_for_serving = |graph: &MetaGraphDef| {
        graph.meta_info_def.iter().any(|info| info.tags.iter().any(|tag| tag == "serve"))
    };
    let at = graphs.iter().position(is_for_serving).unwrap_or(0);
    if at >= graphs.len() {
        return Err(damaged("it holds no graph"));
    }
    Ok(graphs.swap_remove(at))
}

fn survey_graph(
    meta: &MetaGraphDef,
    is_saved_model: bool,
    options: &Options,
) -> Result<Survey, ImportError> {
    let graph = meta.graph_def.as_ref().ok_or_else(|| damaged("it holds no graph"))?;
    let folder = options.folder.as_deref().filter(|_| is_saved_model);
    let bundle = match folder {
        Some(folder) => Bundle::open(&folder.join("variables/variables")).map_err(damaged)?,
        None => None,
    };
    let model = Model::of(graph);
    let resources = Resources::of(&model, bundle, &meta.asset_file_def, folder);
    let mut walk = Walk::new("tensorflow", &model, &resources, options);
    let ports = signature::ports(meta, &model, options)?;
    let inputs = signature::import(&ports, options, &mut walk);
    let metadata = metadata(meta, graph, &ports);
    let Walk { build, refusals, unjudged, origins, taken, .. } = walk;
    let survey = Survey::new(build.graph, inputs, metadata, taken);
    Ok(Survey { refusals, unjudged, origins, ..survey })
}

fn metadata(meta: &MetaGraphDef, graph: &GraphDef, ports: &signature::Ports) -> ModelMetadata {
    let version = meta.meta_info_def.as_ref().map(|info| info.tensorflow_version.as_str());
    let version = version.unwrap_or_default();
    let mut properties = BTreeMap::new();
    if let Some(signature) = &ports.signature {
        properties.insert("signature".to_string(), signature.clone());
    }
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: format!("TensorFlow {version}").trim().to_string(),
        format_version: graph.versions.as_ref().map_or(0, |versions| versions.producer.into()),
        properties,
        ..ModelMetadata::default()
    }
}

fn damaged(reason: impl ToString) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason: reason.to_string() }
}
