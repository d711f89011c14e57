//! The files of an archive: in a zip file, or in a folder.

use super::{Limits, MANIFEST};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use zip::ZipArchive;

/// Bytes that any archive may unpack to, however short it is: a manifest of zeros.
const SMALL: u64 = 1 << 20;

/// The files of an archive.
pub(super) struct Members {
    store: Store,
    /// Bytes that may still be unpacked.
    left: u64,
}

enum Store {
    Zip(Box<ZipArchive<BufReader<File>>>),
    Folder(PathBuf),
}

impl Members {
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Members, String> {
        if path.is_dir() {
            let store = Store::Folder(path.to_path_buf());
            return Ok(Members { store, left: limits.unpacked_bytes_max });
        }
        let failed = |e: io::Error| format!("cannot be read: {e}");
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|e| format!("expected a model archive, which is a zip file: {e}"))?;
        let (limit, count) = (limits.members_max, archive.len());
        if count > limit {
            return Err(format!("expected at most {limit} files, found {count}"));
        }
        let by_ratio = length.saturating_mul(limits.ratio_max).max(SMALL);
        let left = limits.unpacked_bytes_max.min(by_ratio);
        Ok(Members { store: Store::Zip(Box::new(archive)), left })
    }

    /// The names of all files; of a folder those that lie in it directly, and the manifest.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.store {
            Store::Zip(archive) => {
                let names = archive.file_names().filter_map(Result::ok);
                names.map(std::borrow::Cow::into_owned).collect()
            }
            Store::Folder(folder) => {
                let entries = crate::listing::entries(folder).unwrap_or_default();
                let files = entries.into_iter().filter(|entry| !entry.is_folder);
                files.map(|entry| entry.name).chain([MANIFEST.to_string()]).collect()
            }
        }
    }

    /// The bytes of a file, at most `limit`; `None` when there is none of this name.
    pub(super) fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
        let limit = limit.min(self.left);
        let mut bytes = Vec::new();
        let read = |reader: &mut dyn Read, bytes: &mut Vec<u8>| {
            let failed = |e: io::Error| format!("{name}: cannot be read: {e}");
            reader.take(limit.saturating_add(1)).read_to_end(bytes).map_err(failed)
        };
        match &mut self.store {
            Store::Zip(archive) => {
                if archive.index_for_name(name).is_none() {
                    return Ok(None);
                }
                let member = archive.by_name(name).map_err(|e| format!("{name}: {e}"));
                read(&mut member?, &mut bytes)?;
            }
            Store::Folder(folder) => {
                let path = folder.join(relative(name)?);
                if !path.is_file() {
                    return Ok(None);
                }
                let file = File::open(path).map_err(|e| format!("{name}: {e}"));
                read(&mut file?, &mut bytes)?;
            }
        }
        match bytes.len() as u64 > limit {
            true => Err(format!("{name}: expected at most {limit} bytes, found more")),
            false => Ok(Some(bytes)),
        }
    }

    /// Writes a file of a zip archive to its place below `into`. What comes out is counted, not
    /// what the archive says about it.
    pub(super) fn unpack(&mut self, name: &str, into: &Path) -> Result<(), String> {
        let Store::Zip(archive) = &mut self.store else { return Ok(()) };
        let failed = |e: io::Error| format!("{name}: cannot be unpacked: {e}");
        let target = into.join(relative(name)?);
        let member = archive.by_name(name).map_err(|e| format!("{name}: {e}"))?;
        if member.is_symlink() {
            return Err(format!("{name}: expected a file, found a link"));
        }
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&target).map_err(failed)?;
        let limit = self.left;
        let count = io::copy(&mut member.take(limit.saturating_add(1)), &mut file);
        let count = count.map_err(failed)?;
        self.left = limit.checked_sub(count).ok_or_else(|| {
            format!("{name}: the archive unpacks to more than {limit} bytes, so it is no model")
        })?;
        Ok(())
    }
}

/// A path that stays below where it begins.
fn relative(name: &str) -> Result<&Path, String> {
    let path = Path::new(name);
    let is_inside = path.components().all(|part| matches!(part, Component::Normal(_)))
        && path.components().next().is_some()
        && !name.contains(['\\', '\0']);
    match is_inside {
        true => Ok(path),
        false => Err(format!("{name:?}: expected a name inside of the archive")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out() {
        for name in ["", "/etc/passwd", "../x", "a/../../x", "a\\..\\x", "./x", "a\0"] {
            assert!(relative(name).is_err(), "{name:?}");
        }
        for name in ["model.onnx", "MAR-INF/MANIFEST.json", "a/b..c"] {
            assert!(relative(name).is_ok(), "{name:?}");
        }
    }
}
