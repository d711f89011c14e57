//! Files that appear whole or not at all.

use crate::EmitError;
use package::WriteError;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// What a file is for, which decides who may do what with it, within the user's mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Loaded as code.
    Library,
    /// Read only.
    Data,
}

/// Room for the short writes between the long ones. The long ones, the weights, pass it by.
const BUFFER_BYTES: usize = 128 << 10;

/// Puts what `write` writes in the place of `path`.
pub(crate) fn replace<T>(
    path: &Path,
    kind: Kind,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<T, WriteError>,
) -> Result<T, EmitError> {
    let fail = |reason| EmitError::Write { path: path.to_path_buf(), reason };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let file = temporary(kind).tempfile_in(folder).map_err(fail)?;
    let mut to = BufWriter::with_capacity(BUFFER_BYTES, file.as_file());
    let result = write(&mut to).map_err(|error| match error {
        WriteError::Io(reason) => fail(reason),
        WriteError::Slot { .. } => EmitError::Template(error),
    })?;
    to.flush().map_err(fail)?;
    drop(to);
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    sync_folder(folder).map_err(fail)?;
    Ok(result)
}

#[cfg(unix)]
fn temporary(kind: Kind) -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mode = match kind {
        Kind::Library => 0o777,
        Kind::Data => 0o666,
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".schooner-").permissions(std::fs::Permissions::from_mode(mode));
    builder
}

#[cfg(not(unix))]
fn temporary(_: Kind) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".schooner-");
    builder
}

/// Makes the new name itself last, where folders can be synchronized.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
