//! A path without a configuration: what it is, its content tells.

use crate::candidate::{Candidate, Found};
use crate::listing::{self, Entry};
use crate::{Error, model_config, torchserve, triton};
use std::fs;
use std::path::Path;

/// The file in the folder of a SavedModel.
const SAVED_MODEL: &str = "saved_model.pb";

/// Reads a model file, an archive or a folder of either.
pub(crate) fn read(path: &Path, name: Option<&str>, suffixes: &[String]) -> Result<Found, Error> {
    let metadata = fs::metadata(path).map_err(|e| Error::of_file(path, &e))?;
    let mut found = Found::default();
    if metadata.is_file() || torchserve::is_unpacked(path) {
        model(path, name, suffixes, &mut found);
        return Ok(found);
    }
    let entries = listing::entries(path)?;
    let is_model = |entry: &Entry| is_file_of_model(&entry.path, suffixes);
    let models: Vec<&Entry> = entries.iter().filter(|entry| is_model(entry)).collect();
    if let (Some(version), [model, ..]) = (version(&entries), models.as_slice()) {
        // Either could be what is meant, and the other one would end what is served.
        let (version, model) = (&version.name, &model.name);
        let reason = "expected model files or folders of versions, found both";
        return Err(Error::new(path, format!("{reason}: {model} and {version}; move one away")));
    }
    if let [only] = models.as_slice() {
        // KServe puts one model into a folder and calls it as it likes; a SavedModel is its folder.
        let own = (only.name == SAVED_MODEL).then(|| name_of(path));
        let name = name.or(own.as_deref());
        model(&only.path, name, suffixes, &mut found);
    } else if !models.is_empty() {
        if let Some(name) = name {
            let reason = format!("expected one model to be called {name}, found several");
            return Err(Error::new(path, reason));
        }
        for entry in models {
            model(&entry.path, None, suffixes, &mut found);
        }
    } else if version(&entries).is_some() {
        let mut candidate = Candidate::new(&name.map_or_else(|| name_of(path), str::to_string));
        candidate.versions = model_config::versions(path, suffixes)?;
        found.candidates.push(candidate);
    } else {
        found = triton::read(path, suffixes)?;
    }
    if found.candidates.is_empty() && found.refused.is_empty() {
        let suffixes = suffixes.join(" ");
        let reason = format!("expected models ({suffixes} .mar), or folders of versions");
        return Err(Error::new(path, format!("{reason}; found none")));
    }
    Ok(found)
}

/// The name that a file or folder gives to its model: a built library has its platform's `lib`
/// before it.
fn name_of(path: &Path) -> String {
    let is_library = path.extension().is_some_and(|e| e == "so" || e == "dylib");
    let name = match path.is_dir() {
        true => path.file_name(),
        false => path.file_stem(),
    };
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    match name.strip_prefix("lib") {
        Some(rest) if is_library && !rest.is_empty() => rest.to_string(),
        _ => name,
    }
}

fn model(path: &Path, name: Option<&str>, suffixes: &[String], found: &mut Found) {
    if torchserve::is_archive(path) {
        torchserve::add_archive(path, name, suffixes, found);
    } else {
        let name = name.map_or_else(|| name_of(path), str::to_string);
        found.candidates.push(Candidate::of_file(&name, path));
    }
}

fn is_file_of_model(path: &Path, suffixes: &[String]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    torchserve::is_archive(path) || (path.is_file() && listing::is_model(&name, suffixes))
}

/// A folder of a version among those of one model; other folders beside it are nobody's. Models
/// of a repository may be called by numbers too.
fn version(entries: &[Entry]) -> Option<&Entry> {
    let mut folders = entries.iter().filter(|entry| entry.is_folder);
    let found = folders.clone().find(|e| listing::version_number(&e.name).is_some())?;
    (!folders.any(|entry| triton::is_model(&entry.path))).then_some(found)
}
