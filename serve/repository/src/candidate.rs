//! Models before the policy: all versions that lie there, settled or not.

use crate::listing::{self, Entry};
use crate::settled::Complete;
use crate::{Classes, Error, Ignored, Model, ModelFile, Policy, Priorities, Refused, Version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a reader found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) ignored: Vec<Ignored>,
}

/// A model with all versions that lie there.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// Its versions are filled in last.
    pub(crate) model: Model,
    pub(crate) versions: Vec<Lying>,
}

/// A version that lies there.
#[derive(Debug)]
pub(crate) struct Lying {
    pub(crate) number: u64,
    /// The file or folder that must have settled.
    pub(crate) extent: PathBuf,
    /// Where its model is, or why there is none.
    pub(crate) file: Result<ModelFile, String>,
}

impl Candidate {
    /// A model of which nothing but its name is known.
    pub(crate) fn new(name: &str) -> Candidate {
        let model = Model {
            name: name.to_string(),
            versions: Vec::new(),
            spare: Vec::new(),
            policy: Policy::Latest(1),
            default_version: None,
            labels: BTreeMap::new(),
            batching: None,
            priorities: Priorities::default(),
            classes: Classes::Unknown,
            instance_count: None,
            warmups: Vec::new(),
        };
        Candidate { model, versions: Vec::new() }
    }

    /// Version 1, which is one file.
    pub(crate) fn of_file(name: &str, path: &Path) -> Candidate {
        let mut candidate = Candidate::new(name);
        let file = Ok(ModelFile::Plain(path.to_path_buf()));
        candidate.versions.push(Lying { number: 1, extent: path.to_path_buf(), file });
        candidate
    }

    /// The model with the versions that its policy chooses of those that were complete once, as
    /// `complete` knows them. A newer version that still changes thus takes nothing away; one that
    /// holds no model is refused.
    pub(crate) fn finish(
        mut self,
        complete: impl Fn(&Path) -> Option<Complete>,
        refused: &mut Vec<Refused>,
    ) -> Model {
        self.versions.sort_by_key(|lying| lying.number);
        let mut good = BTreeMap::new();
        for lying in self.versions {
            let Some(Complete { revision, file }) = complete(&lying.extent) else { continue };
            let number = lying.number;
            match file {
                Ok(file) => {
                    good.entry(number).or_insert(Version { number, file, revision });
                }
                Err(reason) => refused.push(Refused {
                    model: self.model.name.clone(),
                    version: Some(number),
                    path: lying.extent,
                    reason,
                }),
            }
        }
        let numbers: Vec<u64> = good.keys().copied().collect();
        let chosen = self.model.policy.choose(&numbers);
        let (versions, others) =
            good.into_values().partition(|version| chosen.contains(&version.number));
        self.model.versions = versions;
        // Who asks for certain versions would rather have none than others.
        if let Policy::Latest(_) = self.model.policy {
            self.model.spare = others;
        }
        self.model
    }
}

impl Found {
    pub(crate) fn refuse(&mut self, model: &str, path: &Path, reason: impl Into<String>) {
        let (model, path) = (model.to_string(), path.to_path_buf());
        self.refused.push(Refused { model, version: None, path, reason: reason.into() });
    }

    pub(crate) fn ignore(&mut self, path: &Path, line: usize, setting: &str) {
        let path = path.to_path_buf();
        self.ignored.push(Ignored { path, line, setting: setting.to_string() });
    }
}

/// The versions that are numbered folders of `base`. In each, `choose` finds the model.
pub(crate) fn numbered(
    base: &Path,
    is_version: impl Fn(&str) -> bool,
    choose: impl Fn(&Path, &[Entry]) -> Result<PathBuf, String>,
) -> Result<Vec<Lying>, Error> {
    let mut versions = Vec::new();
    for entry in listing::entries(base)? {
        let number = listing::version_number(&entry.name).filter(|_| is_version(&entry.name));
        let (Some(number), true) = (number, entry.is_folder) else { continue };
        let file = listing::entries(&entry.path).map_err(|e| e.to_string());
        let file = file.and_then(|inner| choose(&entry.path, &inner)).map(ModelFile::Plain);
        versions.push(Lying { number, extent: entry.path, file });
    }
    Ok(versions)
}
