//! Files of tensors: NumPy's `.npy` and `.npz`, ONNX's `TensorProto` in `.pb`, Parquet's tables.

mod npy;
mod npz;
mod table;

use std::path::{Path, PathBuf};
use tensor::Value;

/// What the names of tables end in.
pub(crate) const TABLE: &str = "parquet";

/// Why a file of tensors is not read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
pub(crate) struct TensorFileError {
    /// The file.
    pub(crate) path: PathBuf,
    /// What was expected, what was found, and what to do.
    pub(crate) reason: String,
}

/// The tensors in a file, with their names where the file has some.
pub(crate) fn read(path: &Path) -> Result<Vec<(Option<String>, Value)>, crate::error::Error> {
    let bytes = std::fs::read(path).map_err(|e| crate::error::Error::of_file(path, e))?;
    let tensors = match suffix(path).as_str() {
        "npy" => npy::decode(&bytes).map(|t| vec![(None, t)]),
        "npz" => npz::decode(&bytes),
        "pb" => import::onnx::import_tensor(bytes.into())
            .map(|(name, t)| vec![(Some(name).filter(|n| !n.is_empty()), t)])
            .map_err(|e| e.to_string()),
        TABLE => table::decode(bytes),
        other => Err(format!("expected a file in .npy, .npz, .parquet or .pb, found `.{other}`")),
    };
    tensors.map_err(|reason| TensorFileError { path: path.to_path_buf(), reason }.into())
}

/// The only tensor in a file.
pub(crate) fn read_one(path: &Path) -> Result<Value, crate::error::Error> {
    let mut tensors = read(path)?;
    let found = tensors.len();
    match tensors.pop() {
        Some((_, tensor)) if found == 1 => Ok(tensor),
        Some(_) | None => {
            let reason = format!("expected one tensor, found {found}; give a .npy of one of them");
            Err(TensorFileError { path: path.to_path_buf(), reason }.into())
        }
    }
}

/// Writes tensors: one into `.npy`, any number into `.npz`.
pub(crate) fn write(path: &Path, tensors: &[(&str, &Value)]) -> Result<(), TensorFileError> {
    let failed = |reason: String| TensorFileError { path: path.to_path_buf(), reason };
    let bytes = match (suffix(path).as_str(), tensors) {
        ("npy", [(_, value)]) => npy::encode(value),
        ("npy", _) => Err(format!(
            "a .npy file holds one tensor, found {}; write .npz, or name one: --output NAME=FILE",
            tensors.len()
        )),
        ("npz", _) => npz::encode(tensors),
        (other, _) => Err(format!("expected a name in .npy or .npz, found `.{other}`")),
    };
    std::fs::write(path, bytes.map_err(failed)?).map_err(|e| failed(e.to_string()))
}

pub(crate) fn suffix(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_lowercase()
}
