//! Keras: a description of layers in JSON and their weights in HDF5, in one `.h5` file or in a
//! `.keras` archive.
//!
//! Read are Sequential and Functional models of all versions, of version 1 within the limits that
//! `legacy.rs` names, models inside of models and layers that are called more than once. Values
//! keep the order of axes that Keras gives them, channels last as a rule. No code that a file holds
//! is run: a Lambda layer is refused. Each layer has its import function in
//! `layers/<family>.rs`.

mod archive;
mod call;
mod config;
mod hdf5;
mod layers;
mod legacy;
mod net;
mod pixels;
mod refusal;
mod signature;
mod variables;
mod walk;

pub use layers::{Class, classes};
pub(crate) use variables::Weights;

use crate::archive::Archive;
use crate::error::{ImportError, Reason};
use crate::{ModelMetadata, Options, Survey, json};
use bytes::Bytes;
use hdf5::Hdf5;
use net::Net;
use serde_json::Value;
use std::collections::BTreeMap;
use variables::Variables;
use walk::Walk;

const FORMAT: &str = "Keras";

/// The domain that layers are said to be of.
pub(crate) const DOMAIN: &str = "keras";

/// The first bytes of an HDF5 file.
const HDF5: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Could these be the bytes of a Keras model, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    bytes.starts_with(HDF5) || archive::is_archive(bytes)
}

/// What a file says of itself.
pub(crate) struct Written {
    /// The format that it is in.
    pub(crate) format: &'static str,
    /// The version of Keras.
    pub(crate) version: String,
    pub(crate) backend: Option<String>,
}

/// Where the weights lie.
enum Held {
    /// Each layer has a group of its own.
    Tree(Hdf5),
    /// Each layer of the model has a list.
    Flat(Hdf5),
    /// All are in one list.
    Named(Box<dyn Weights>),
}

/// What a file holds: the description, the weights, and what it says of itself.
struct Contents {
    description: Value,
    weights: Held,
    written: Written,
}

/// What a Keras model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let contents = match bytes.starts_with(HDF5) {
        true => of_hdf5(bytes.into(), options)?,
        false => of_archive(bytes.into(), options)?,
    };
    survey_contents(contents, options)
}

/// The same of a description whose weights lie in one list.
pub(crate) fn survey_described(
    description: Value,
    written: Written,
    weights: Box<dyn Weights>,
    options: &Options,
) -> Result<Survey, ImportError> {
    survey_contents(Contents { description, weights: Held::Named(weights), written }, options)
}

fn survey_contents(contents: Contents, options: &Options) -> Result<Survey, ImportError> {
    let Contents { mut description, weights, written } = contents;
    let Written { format, version, backend } = written;
    let dialect = version.split('.').next().and_then(|first| first.parse().ok()).unwrap_or(2);
    legacy::modernize(&mut description, dialect);
    let net = Net::parse(&description).map_err(damaged)?;
    let Some(net) = net else { return Err(no_graph(&description)) };
    let variables = match weights {
        Held::Tree(file) => Variables::tree(file),
        Held::Flat(file) => Variables::flat(file, &net).map_err(damaged)?,
        Held::Named(weights) => Variables::named(weights, &net).map_err(damaged)?,
    };
    let mut walk = Walk::new(net.name, dialect, &variables, options);
    walk.note_unknown(&net, "");
    walk.refusals.extend(legacy::refusals(&net, dialect, backend.as_deref()));
    let given = signature::inputs(&net, options, &mut walk);
    let inputs = walk.build.graph.inputs.len();
    let made = walk.net(&net, "", "", &given);
    signature::outputs(&net, made, &mut walk);
    let by = backend.map_or_else(String::new, |backend| format!(" ({backend})"));
    let metadata = ModelMetadata {
        format: format.to_string(),
        producer: format!("Keras {version}{by}"),
        properties: BTreeMap::from([("keras_version".to_string(), version)]),
        pixels: pixels::of(&net, &walk),
        ..ModelMetadata::default()
    };
    let Walk { build, refusals, unjudged, origins, taken, .. } = walk;
    let survey = Survey::new(build.graph, inputs, metadata, taken);
    Ok(Survey { refusals, unjudged, origins, ..survey })
}

/// One file of weights that holds the description as an attribute.
fn of_hdf5(bytes: Vec<u8>, options: &Options) -> Result<Contents, ImportError> {
    let file = Hdf5::open(bytes).map_err(damaged)?;
    let root = file.attributes("").ok_or_else(|| damaged("its root is no group"))?;
    let Some(description) = root.text("model_config") else { return Err(only_weights(&file)) };
    let description = described(description, options)?;
    let group = file.attributes("model_weights");
    let said = |name: &str| {
        let own = root.text(name).or_else(|| group.as_ref()?.text(name));
        own.map(str::to_string)
    };
    let version = said("keras_version").unwrap_or_else(|| "1".to_string());
    let backend = said("backend");
    let is_tree = group.is_none() && file.has("layers");
    let weights = if is_tree { Held::Tree(file) } else { Held::Flat(file) };
    Ok(Contents { description, weights, written: Written { format: FORMAT, version, backend } })
}

/// A zip file of a description and a file of weights.
fn of_archive(bytes: Vec<u8>, options: &Options) -> Result<Contents, ImportError> {
    let limit = options.memory as u64;
    let mut archive = Archive::open(bytes, limit).map_err(damaged)?;
    let mut member = |name: &str, limit: u64| archive.read(name, limit).map_err(damaged);
    let missing = |name: &str| damaged(format!("the archive holds no {name}"));
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).map_err(|_| damaged("its description is not UTF-8"))
    };
    let config = member(archive::CONFIG, archive::JSON_BYTES_MAX)?;
    let config = text(config.ok_or_else(|| missing(archive::CONFIG))?)?;
    let metadata = member(archive::METADATA, archive::METADATA_BYTES_MAX)?;
    let metadata = metadata.map(text).transpose()?.and_then(|text| json::parse(&text).ok());
    let weights = member(archive::WEIGHTS, limit)?.ok_or_else(|| missing(archive::WEIGHTS))?;
    let version = metadata.as_ref().and_then(|m| m.get("keras_version")?.as_str());
    let version = version.unwrap_or("3").to_string();
    Ok(Contents {
        description: described(&config, options)?,
        weights: Held::Tree(Hdf5::open(weights).map_err(damaged)?),
        written: Written { format: FORMAT, version, backend: None },
    })
}

/// The value of a description, which has to fit into the memory before it is read.
pub(crate) fn described(text: &str, options: &Options) -> Result<Value, ImportError> {
    let (length, limit) = (text.len(), archive::JSON_BYTES_MAX);
    if length as u64 > limit {
        let reason = format!("its description: expected at most {limit} bytes, found {length}");
        return Err(damaged(reason));
    }
    let bytes = json::bytes(text);
    if bytes > options.memory as u64 {
        return Err(ImportError::TooLarge { bytes, limit: options.memory });
    }
    json::parse(text).map_err(damaged)
}

fn damaged(reason: impl ToString) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason: reason.to_string() }
}

/// An HDF5 file without a description.
fn only_weights(file: &Hdf5) -> ImportError {
    let root = file.attributes("");
    let names = root.as_ref().and_then(|root| root.texts("layer_names"));
    let is_weights =
        names.is_some() || file.has("layers") || file.has("_layer_checkpoint_dependencies");
    let (found, hint) = match is_weights {
        true => (
            "this HDF5 file holds only the weights of a Keras model, no graph",
            "save the whole model with model.save(\"model.keras\"), not its weights alone",
        ),
        false => (
            "this HDF5 file holds no Keras model: it has no attribute `model_config`",
            "expected one that model.save(\"model.h5\") wrote",
        ),
    };
    ImportError::NotAModel {
        found: found.to_string(),
        hint: hint.to_string(),
        first_bytes: HDF5.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "),
    }
}

/// A model whose class says by code, not by layers, what it computes.
fn no_graph(description: &Value) -> ImportError {
    let class = description.get("class_name").and_then(Value::as_str).unwrap_or("an unnamed class");
    let reason = "is a class of its own, which says by code what it computes; code from a file is \
                  not run"
        .to_string();
    let mut refused = refusal::of_part("model", class, Reason::Signature(reason));
    refused.hint = "build the model with keras.Sequential or from keras.Input with the functional \
                    API, then save it again; or export it to ONNX"
        .to_string();
    ImportError::Unsupported(vec![refused])
}
