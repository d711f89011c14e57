//! Why a command did not do what was asked, with the exit code that says so.

use crate::exit::Exit;
use crate::tensors::TensorFileError;
use std::path::{Path, PathBuf};

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The flags contradict each other or the model.
    #[error("{0}")]
    Usage(String),
    /// The instruction set that was asked for cannot be used.
    #[error(transparent)]
    Isa(#[from] runtime::IsaError),
    /// A file is not there.
    #[error("{path}: there is no such file{near}", path = path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
        /// `; did you mean …?`, or nothing.
        near: String,
    },
    /// A folder stands where a file was expected.
    #[error("{path}: expected a file, found a folder{hint}", path = path.display())]
    Folder {
        /// What was given.
        path: PathBuf,
        /// The models in it, or nothing.
        hint: String,
    },
    /// The system refused.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A file of tensors that cannot be read or written.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// The model file is refused.
    #[error("{path}: {error}", path = path.display())]
    Import {
        /// The model.
        path: PathBuf,
        /// Why.
        error: Box<import::ImportError>,
    },
    /// The engine has no kernel for a node.
    #[error(transparent)]
    Lower(#[from] lower::LowerError),
    /// A stage of the compiler or engine that contradicts another one: a defect of Schooner.
    #[error("{stage}: {reason}; this is a defect of schooner, please report it with the model")]
    Defect {
        /// The stage.
        stage: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A built library that is refused.
    #[error("{path}: {reason}", path = path.display())]
    Library {
        /// The library.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The recipe does not fit, or an image cannot be prepared.
    #[error(transparent)]
    Recipe(#[from] recipe::RecipeError),
    /// The model gave no answer.
    #[error(transparent)]
    Run(#[from] runtime::RunError),
    /// The reference interpreter gave no answer.
    #[error("reference: {0}")]
    Reference(#[from] reference::ReferenceError),
    /// A library cannot be written.
    #[error(transparent)]
    Emit(#[from] emit::EmitError),
    /// The model cannot be written as ONNX.
    #[error("{path}: {error}", path = path.display())]
    Export {
        /// The model.
        path: PathBuf,
        /// Why.
        error: ::export::ExportError,
    },
    /// A step of compression stopped.
    #[error(transparent)]
    Compress(#[from] compress::CompressError),
    /// An address cannot be had or reached.
    #[error("{0}")]
    Unreachable(String),
    /// Something that is none of the above.
    #[error("{0}")]
    Failure(String),
}

impl Error {
    /// The exit code that stands for this kind of error.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::Usage(_) | Error::Isa(_) => Exit::Usage,
            Error::NotFound { .. } => Exit::NotFound,
            Error::Import { error, .. } if error.is_over_budget() => Exit::OverBudget,
            Error::Import { .. }
            | Error::Lower(_)
            | Error::Library { .. }
            | Error::Export { .. } => Exit::Refused,
            Error::Compress(compress::CompressError::Lower(_)) => Exit::Refused,
            Error::Unreachable(_) => Exit::Unreachable,
            Error::Run(runtime::RunError::Memory { .. }) => Exit::OverBudget,
            Error::Folder { .. }
            | Error::Io { .. }
            | Error::Tensors(_)
            | Error::Defect { .. }
            | Error::Recipe(_)
            | Error::Run(_)
            | Error::Reference(_)
            | Error::Emit(_)
            | Error::Compress(_)
            | Error::Failure(_) => Exit::Failure,
        }
    }

    /// What went wrong with a file, a missing one told apart, with near names in its folder.
    pub(crate) fn of_file(path: &Path, error: std::io::Error) -> Error {
        let path = path.to_path_buf();
        if error.kind() == std::io::ErrorKind::NotFound {
            let near = near_names(&path);
            return Error::NotFound { path, near };
        }
        Error::Io { path, error }
    }
}

/// Names in the same folder that resemble the one asked for, as the end of a sentence.
fn near_names(path: &Path) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return format!("; nor is there a folder {}", folder.display());
    };
    let wanted = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    // Folders of data sets hold millions of files; the first thousand are enough for a hint.
    let names = entries.take(1000).flatten().map(|e| e.file_name().to_string_lossy().into_owned());
    let mut near: Vec<(usize, String)> = names
        .map(|name| (distance(&wanted, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance * 2 <= wanted.len().max(name.len()))
        .collect();
    near.sort();
    near.truncate(3);
    if near.is_empty() {
        return String::new();
    }
    let names: Vec<String> = near.into_iter().map(|(_, name)| format!("`{name}`")).collect();
    format!("; did you mean {}?", names.join(" or "))
}

/// Levenshtein distance in bytes; one row of the table is kept.
fn distance(a: &str, b: &str) -> usize {
    let b = b.as_bytes();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("fashin.onnx", "fashion.onnx", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
