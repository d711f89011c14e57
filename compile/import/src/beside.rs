//! Files beside a model, which have to lie in its folder or below.

use std::fs::File;
use std::path::{Component, Path};

/// The file of this name; what is wrong with it otherwise, said of what lies there.
pub(crate) fn open(folder: Option<&Path>, location: &str) -> Result<File, String> {
    let folder =
        folder.ok_or_else(|| format!("in the file `{location}`; import the model by its path"))?;
    let outside = || format!("in `{location}`, outside the model's folder");
    let relative = Path::new(location);
    if !relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let failed = |error: std::io::Error| format!("in `{location}`: {error}");
    let path = folder.join(relative).canonicalize().map_err(failed)?;
    if !path.starts_with(folder.canonicalize().map_err(failed)?) {
        return Err(outside());
    }
    // Before it is opened: that of a pipe would wait for somebody who writes.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(format!("in `{location}`, which is no file"));
    }
    File::open(&path).map_err(failed)
}
