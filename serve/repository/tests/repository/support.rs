//! Folders made for a test, and archives made in memory.

use repository::{Desired, Error, Model, QUIET, Repository, Source};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;
use testkit::Random;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// What the tests' models end as.
pub(crate) const SUFFIXES: [&str; 3] = [".onnx", ".schooner", ".so"];

/// A folder with files, each a path and its content.
pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        write(folder.path(), path, content.as_bytes());
    }
    folder
}

pub(crate) fn write(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// What is desired when nothing changes any more.
pub(crate) fn settled(source: Source) -> Result<Desired, Error> {
    let mut repository = Repository::new(source, &SUFFIXES);
    repository.poll()?;
    sleep(QUIET + Duration::from_millis(50));
    let desired = repository.poll()?;
    assert!(desired.unsettled.is_empty(), "{:?}", desired.unsettled);
    Ok(desired)
}

/// The same for a path.
pub(crate) fn settled_path(path: &Path, name: Option<&str>) -> Result<Desired, Error> {
    let (path, name) = (path.to_path_buf(), name.map(str::to_string));
    settled(Source::Path { path, name })
}

/// `name: number file, …` of each model, its files below `root`.
pub(crate) fn summary(desired: &Desired, root: &Path) -> Vec<String> {
    let line = |model: &Model| {
        let versions: Vec<String> = model
            .versions
            .iter()
            .map(|version| {
                let path: PathBuf = version.file.path().strip_prefix(root).unwrap().into();
                format!("{} {}", version.number, path.display())
            })
            .collect();
        format!("{}: {}", model.name, versions.join(", "))
    };
    desired.models.iter().map(line).collect()
}

/// `model: reason` of each that is refused.
pub(crate) fn refusals(desired: &Desired) -> Vec<String> {
    desired.refused.iter().map(|r| format!("{}: {}", r.model, r.reason)).collect()
}

/// A zip archive of these files.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A manifest as the archiver of TorchServe writes it.
pub(crate) fn manifest(name: &str, version: &str, file: &str) -> String {
    format!(
        r#"{{"createdOn": "23/11/2026 21:13:25", "runtime": "python", "archiverVersion": "0.12.0",
            "model": {{"modelName": "{name}", "modelVersion": "{version}", "handler": "handler.py",
                       "serializedFile": "{file}"}}}}"#
    )
}

/// `bytes` with a few changes: a bit, a byte, a piece cut, doubled or moved.
pub(crate) fn changed(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let (at, other) = (random.below(out.len()), random.below(out.len()));
        let piece = at.min(other)..at.max(other);
        match random.below(6) {
            0 if !out.is_empty() => out[at] ^= 1 << random.below(8),
            1 if !out.is_empty() => out[at] = b"{}<>[]:,\"'\\#-0\n\xff"[random.below(16)],
            2 => out.truncate(at),
            3 => drop(out.drain(piece)),
            4 => out.extend_from_within(piece),
            _ => {
                let piece = out[piece].to_vec();
                let at = random.below(out.len() + 1);
                out.splice(at..at, piece);
            }
        }
        out.truncate(1 << 16);
    }
    out
}
