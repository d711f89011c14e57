//! TorchServe's model store: archives, and `config.properties`.

mod properties;

use crate::archive::{Archive, Limits, MANIFEST, manifest::Settings};
use crate::candidate::{Candidate, Found, Lying};
use crate::{Classes, Error, Policy, listing};
use std::path::Path;

pub use properties::Properties;

/// Which archives of the store are loaded at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Load {
    All,
    /// Each with a name, when it is not the manifest's.
    Named(Vec<(Option<String>, String)>),
}

/// Is it a model archive, packed or unpacked?
pub(crate) fn is_archive(path: &Path) -> bool {
    let is_mar = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("mar"));
    (is_mar && path.is_file()) || is_unpacked(path)
}

/// Is it the folder of an archive that was unpacked?
pub(crate) fn is_unpacked(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

/// Adds what an archive holds; one that cannot be served is refused once it has settled.
pub(crate) fn add_archive(path: &Path, name: Option<&str>, suffixes: &[String], found: &mut Found) {
    add(path, name, suffixes, |_, _| Settings::default(), found);
}

fn add(
    path: &Path,
    name: Option<&str>,
    suffixes: &[String],
    settings: impl Fn(&str, &str) -> Settings,
    found: &mut Found,
) {
    let extent = path.to_path_buf();
    let archive = match Archive::open(path, suffixes, Limits::default()) {
        Ok(archive) => archive,
        Err(error) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let mut candidate = Candidate::new(name.unwrap_or(&stem));
            candidate.versions.push(Lying { number: 1, extent, file: Err(error.reason) });
            found.candidates.push(candidate);
            return;
        }
    };
    let name = name.unwrap_or(&archive.model);
    let settings = settings(name, &archive.version);
    let at = found.candidates.iter().position(|candidate| candidate.model.name == name);
    let at = at.unwrap_or_else(|| {
        found.candidates.push(Candidate::new(name));
        found.candidates.len() - 1
    });
    let candidate = &mut found.candidates[at];
    let lying = Lying { number: archive.number, extent, file: Ok(archive.file()) };
    candidate.versions.push(lying);
    let model = &mut candidate.model;
    model.policy = Policy::All;
    if settings.default_version {
        model.default_version = Some(archive.number);
    }
    // What lies in the archive is nearer to the model than what the server says.
    model.batching = archive.batching.or(settings.batching()).or(model.batching.take());
    model.instance_count = archive.workers.or(settings.workers()).or(model.instance_count);
    if let Some(names) = archive.class_names {
        model.classes = Classes::Names(names);
    }
}

impl Properties {
    /// The archives of the store that are to be loaded.
    pub(crate) fn read_models(&self, suffixes: &[String]) -> Result<Found, Error> {
        let mut found = Found::default();
        for (line, setting) in &self.ignored {
            found.ignore(&self.path, *line, setting);
        }
        let Some(store) = &self.model_store else { return Ok(found) };
        let settings = |name: &str, version: &str| self.settings(name, version);
        match &self.load {
            Load::All => {
                for entry in listing::entries(store)? {
                    if is_archive(&entry.path) {
                        add(&entry.path, None, suffixes, settings, &mut found);
                    }
                }
            }
            Load::Named(archives) => {
                for (name, file) in archives {
                    let path = store.join(file);
                    if is_archive(&path) {
                        add(&path, name.as_deref(), suffixes, settings, &mut found);
                    } else {
                        let name = name.as_deref().unwrap_or(file);
                        found.refuse(name, &path, "expected a model archive, found none");
                    }
                }
            }
        }
        Ok(found)
    }
}
