//! Why nothing can be said about what is desired.

use crate::text_proto::TextError;
use std::path::{Path, PathBuf};

/// A configuration that cannot be read. What was served before should go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {reason}", path.display(), line.map_or(String::new(), |line| format!(":{line}")))]
pub struct Error {
    /// The file or folder.
    pub path: PathBuf,
    /// Where in it, counted from 1.
    pub line: Option<usize>,
    /// What was expected, what was found, what to do.
    pub reason: String,
}

impl Error {
    pub(crate) fn new(path: &Path, reason: impl Into<String>) -> Error {
        Error { path: path.to_path_buf(), line: None, reason: reason.into() }
    }

    pub(crate) fn on_line(path: &Path, line: usize, reason: impl Into<String>) -> Error {
        Error { line: Some(line), ..Error::new(path, reason) }
    }

    pub(crate) fn of_text(path: &Path) -> impl Fn(TextError) -> Error {
        move |error| Error::on_line(path, error.line, error.reason)
    }

    pub(crate) fn of_file(path: &Path, error: &std::io::Error) -> Error {
        Error::new(path, format!("cannot be read: {error}"))
    }
}
