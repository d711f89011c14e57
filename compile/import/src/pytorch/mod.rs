//! PyTorch: exported programs (`.pt2`), TorchScript (`.pt`, `.jit`), and weights alone of
//! architectures that are known (`.pth`, `.safetensors`).
//!
//! The first two are zip archives. An exported program lists its operators; TorchScript holds the
//! source of a small language, which is read and walked through here, on values that are tensors of
//! the graph or known ahead, so that calls, branches and loops are gone from what is left. Pickles
//! are read as data; nothing that a file names is run. Each operator has its import function in
//! `ops/<family>.rs`, for all kinds of files.

mod call;
mod element;
mod export;
mod folder;
mod ops;
mod pickle;
mod refusal;
mod script;
mod state;
mod unpickle;
mod value;
mod walk;
mod weights;

pub use ops::operators;
pub(crate) use state::State;

use crate::archive::first_name;
use crate::error::ImportError;
use crate::{Options, Survey, formats};
use bytes::Bytes;
use folder::Folder;

const FORMAT: &str = "PyTorch";

/// The domain that operators are said to be of.
pub(crate) const DOMAIN: &str = "pytorch";

/// Names that the first file of an archive has, in its folder.
const FIRST: [&str; 16] = [
    "archive_format",
    "archive_version",
    "byteorder",
    "code",
    "constants",
    "constants.pkl",
    "data",
    "data.pkl",
    "extra",
    "models",
    "traced_inputs",
    "traced_inputs.pkl",
    "version",
    ".data",
    ".format_version",
    ".storage_alignment",
];

/// Could these be the bytes of an archive of PyTorch, whole or not?
pub fn is_format(bytes: &[u8]) -> bool {
    if state::is_safetensors(bytes) {
        return true;
    }
    let Some(name) = first_name(bytes).and_then(|name| std::str::from_utf8(name).ok()) else {
        return false;
    };
    let inside = name.split_once('/').map_or("", |(_, inside)| inside);
    let begin = inside.split('/').next().unwrap_or_default();
    FIRST.contains(&begin) || name == "version" || name.starts_with("serialized_")
}

/// What a model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    if state::is_safetensors(&bytes) {
        return state::survey(state::of_safetensors(bytes, options)?, options);
    }
    let folder = Folder::open(bytes.into(), options.memory).map_err(damaged)?;
    if folder.names().any(export::is_description) {
        return export::survey(folder, options);
    }
    if is_script(&folder) {
        return script::survey(folder, options);
    }
    if folder.has(script::DATA) {
        return state::survey(state::of_archive(folder, options)?, options);
    }
    Err(damaged("it holds neither a program nor weights"))
}

/// The tensors of a file of weights alone.
pub(crate) fn state(bytes: Bytes, options: &Options) -> Result<State, ImportError> {
    if state::is_safetensors(&bytes) {
        return state::of_safetensors(bytes, options);
    }
    if !is_format(&bytes) {
        return Err(formats::not_a_model(&bytes));
    }
    let folder = Folder::open(bytes.into(), options.memory).map_err(damaged)?;
    match folder.has(script::DATA) && !is_script(&folder) {
        true => state::of_archive(folder, options),
        false => Err(damaged("it holds a whole model, not its weights alone")),
    }
}

fn is_script(folder: &Folder) -> bool {
    folder.has(script::DATA) && folder.names().any(|name| name.starts_with(script::CODE))
}

/// A dictionary of weights without what computes with them.
fn no_graph() -> ImportError {
    ImportError::NotAModel {
        found: "this file holds only the weights of a PyTorch model, of no architecture that is \
                known"
            .to_string(),
        hint: formats::WEIGHTS.to_string(),
        first_bytes: "50 4b 03 04".to_string(),
    }
}

fn damaged(reason: impl ToString) -> ImportError {
    ImportError::Damaged { format: FORMAT, reason: reason.to_string() }
}
