//! What was worked out, on disk, so that a run that was killed goes on where it stopped.

use crate::CompressError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder with a file for each thing that was worked out. Files are written beside their names
/// and then renamed: after a kill there is the whole of one, or nothing.
#[derive(Debug, Default)]
pub struct Store {
    folder: Option<PathBuf>,
}

impl Store {
    /// The store in `folder` for what is worked out from the same things, which `key` stands for.
    /// What lies there for other keys is removed.
    pub fn open(folder: &Path, key: &str) -> io::Result<Store> {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_name() != key && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let own = folder.join(key);
        fs::create_dir_all(&own)?;
        Ok(Store { folder: Some(own) })
    }

    /// What was worked out under this name before, or what `work` makes now. What cannot be read is
    /// worked out again.
    pub fn remember<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        work: impl FnOnce() -> Result<T, CompressError>,
    ) -> Result<T, CompressError> {
        let Some(folder) = &self.folder else { return work() };
        let file = folder.join(name);
        let known = fs::read(&file).ok().and_then(|bytes| postcard::from_bytes(&bytes).ok());
        if let Some(known) = known {
            return Ok(known);
        }
        let made = work()?;
        let failed = |error: &dyn std::fmt::Display| {
            CompressError::Unfit(format!("{}: {error}", file.display()))
        };
        let bytes = postcard::to_allocvec(&made).map_err(|e| failed(&e))?;
        let beside = folder.join(format!("{name}.part"));
        fs::write(&beside, bytes).map_err(|e| failed(&e))?;
        fs::rename(&beside, &file).map_err(|e| failed(&e))?;
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_worked_out_is_not_worked_out_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "a").unwrap();
        let fails = || Err(CompressError::Unfit("worked out again".to_string()));
        assert_eq!(store.remember("x", || Ok(vec![1.5f32])).unwrap(), [1.5]);
        assert_eq!(store.remember::<Vec<f32>>("x", fails).unwrap(), [1.5]);
        // Half a file is none.
        fs::write(folder.path().join("a/x"), [200]).unwrap();
        assert_eq!(store.remember("x", || Ok(vec![2.5f32])).unwrap(), [2.5]);
        Store::open(folder.path(), "b").unwrap();
        assert!(!folder.path().join("a").exists());
    }
}
