//! A trained model file becomes an [`ir::Graph`]: foreign operators are decomposed into the
//! closed set, constants are computed, and arithmetic on shapes is resolved, so that what is
//! left is the model's own arithmetic with shapes in terms of the inputs' sizes.
//!
//! The bytes are hostile: nothing in them is run, nothing is allocated on a length that they
//! merely claim, and whatever is wrong with them is an [`ImportError`]. All nodes that cannot be
//! expressed are named in one go.
//!
//! ```
//! let error = import::import(&b"GGUF"[..], &import::Options::default()).unwrap_err();
//! assert!(error.to_string().starts_with("this is a GGUF language model"));
//! ```
#![forbid(unsafe_code)]

mod archive;
mod beside;
mod build;
mod decompose;
mod error;
pub mod formats;
mod json;
pub mod keras;
pub mod lightgbm;
mod listing;
pub mod mxnet;
pub mod onnx;
mod pixels;
mod protobuf;
pub mod pytorch;
mod replace;
mod survey;
pub mod tensorflow;
pub mod tfjs;
pub mod tflite;
pub mod xgboost;

pub use bytes::Bytes;
pub use error::{ImportError, Reason, Refusal};
pub use listing::Operator;
pub use pixels::{Channels, Framing, Pixels, Scale};
pub use survey::{Origin, Remark, Survey};

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use tensor::Bindings;

/// Bytes of constants that an import may take when it is not told: below what the machines have
/// that models are served on, above what any model takes whose weights are all its file.
pub const MEMORY: usize = 4 << 30;

/// How to import.
#[derive(Debug, Clone)]
pub struct Options {
    /// Symbolic sizes of the inputs that are to be fixed, by the symbol's name. An axis without
    /// a name is called `<input>_<axis>`.
    pub sizes: Bindings,
    /// Where files lie that the model keeps weights in. [`import_file`] takes the model's own
    /// folder when this is not set; without one such models are refused.
    pub folder: Option<PathBuf>,
    /// The model's file in that folder, after which files beside it are named. [`import_file`]
    /// takes the model's own when this is not set.
    pub name: Option<String>,
    /// Bytes that the file may have, and that its constants may take, whether they are read or
    /// computed.
    pub memory: usize,
    /// The outputs that are wanted, where a format lets one choose: outputs by their names, or
    /// values of a TensorFlow graph. Empty for those that the model has.
    pub outputs: Vec<String>,
    /// The signature by which a SavedModel is called; without one the default one.
    pub signature: Option<String>,
    /// A file of weights alone, a state dict of PyTorch, whose tensors stand in the place of those
    /// of the model that have their names.
    pub weights: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            sizes: Bindings::new(),
            folder: None,
            name: None,
            memory: MEMORY,
            outputs: Vec::new(),
            signature: None,
            weights: None,
        }
    }
}

/// A model that was read.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What it computes.
    pub graph: ir::Graph,
    /// What the file says about itself.
    pub metadata: ModelMetadata,
}

/// What a model file says about itself; nothing in it changes what is computed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ModelMetadata {
    /// The format, as in [`formats::FORMATS`].
    pub format: String,
    /// The tool that wrote the file, with its version.
    pub producer: String,
    /// Version of the file format.
    pub format_version: i64,
    /// The model's own version; 0 when it has none.
    pub model_version: i64,
    /// Version of each operator set, by domain; `ai.onnx` is the standard one.
    pub opset_imports: BTreeMap<String, i64>,
    /// Whatever the producer wished to add.
    pub properties: BTreeMap<String, String>,
    /// Text for people.
    pub doc: String,
    /// Names of the classes, in the order of the outputs, when the model itself gives them.
    pub labels: Vec<String>,
    /// What the file says of the images that the model takes.
    pub pixels: Option<Pixels>,
}

/// The graph of a model whose bytes are at hand.
pub fn import(bytes: impl Into<Bytes>, options: &Options) -> Result<Imported, ImportError> {
    survey(bytes, options)?.imported()
}

/// The graph of a model file.
pub fn import_file(path: &Path, options: &Options) -> Result<Imported, ImportError> {
    survey_file(path, options)?.imported()
}

/// What a model is whose bytes are at hand, as far as it can be expressed.
pub fn survey(bytes: impl Into<Bytes>, options: &Options) -> Result<Survey, ImportError> {
    let bytes = bytes.into();
    let format = formats::recognize(&bytes)?;
    if let (Some(path), false) = (&options.weights, format.takes_weights) {
        return Err(ImportError::Weights {
            path: path.clone(),
            reason: format!("a {} file takes no other weights than its own", format.name),
            hint: "give them with a model of PyTorch (.pt2, .pt) or ONNX (.onnx)".to_string(),
        });
    }
    (format.survey)(bytes, options)
}

/// What a model file is, as far as it can be expressed.
pub fn survey_file(path: &Path, options: &Options) -> Result<Survey, ImportError> {
    // A SavedModel is a folder.
    let inside = path.join(tensorflow::SAVED_MODEL);
    let path = if inside.is_file() { inside.as_path() } else { path };
    let bytes = read_file(path, options.memory)?;
    let folder = path.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
    let folder = options.folder.clone().or_else(|| folder.map(Path::to_path_buf));
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_string);
    let name = options.name.clone().or(name);
    survey(bytes, &Options { folder, name, ..options.clone() })
}

/// The bytes of a file, at most so many.
fn read_file(path: &Path, limit: usize) -> Result<Vec<u8>, ImportError> {
    let failed = |error| ImportError::Io { path: path.to_path_buf(), error };
    let file = File::open(path).map_err(failed)?;
    // What is no file has no length, so that the length is held to the limit once more.
    let most = limit as u64;
    let length = file.metadata().map_err(failed)?.len();
    let mut bytes = Vec::new();
    if length <= most {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    }
    let length = length.max(bytes.len() as u64);
    if length > most {
        return Err(ImportError::TooLarge { bytes: length, limit });
    }
    Ok(bytes)
}
