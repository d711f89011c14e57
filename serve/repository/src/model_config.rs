//! One model as TensorFlow Serving's configuration has it, whether a file says it or a request.

use crate::candidate::{self, Candidate, Found};
use crate::{Policy, listing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The one platform whose versions are served: numbered folders.
const PLATFORM: &str = "tensorflow";

/// One `config` of a `model_config_list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelConfig {
    /// What requests call it.
    pub name: String,
    /// The folder of its versions.
    pub base_path: String,
    /// `tensorflow`, or empty.
    pub platform: String,
    /// Which of the versions that lie there are served.
    pub policy: Policy,
    /// Names of versions.
    pub labels: BTreeMap<String, u64>,
}

impl ModelConfig {
    /// Looks at what lies there. A relative path begins at `root`.
    pub(crate) fn find(&self, root: &Path, suffixes: &[String], found: &mut Found) {
        let mut candidate = Candidate::new(&self.name);
        candidate.model.policy = self.policy.clone();
        candidate.model.labels.clone_from(&self.labels);
        match local(&self.base_path) {
            Err(reason) => found.refuse(&self.name, Path::new(&self.base_path), reason),
            Ok(base) => {
                let base = root.join(base);
                match self.check_platform() {
                    Err(reason) => found.refuse(&self.name, &base, reason),
                    Ok(()) => match versions(&base, suffixes) {
                        Ok(versions) => candidate.versions = versions,
                        // A folder that comes later brings its model along.
                        Err(error) => found.refuse(&self.name, &base, error.reason),
                    },
                }
            }
        }
        found.candidates.push(candidate);
    }

    fn check_platform(&self) -> Result<(), String> {
        let platform = &self.platform;
        match platform.is_empty() || platform == PLATFORM {
            true => Ok(()),
            false => Err(format!("expected model_platform \"{PLATFORM}\", found \"{platform}\"")),
        }
    }
}

/// What can be told of a list without a look at the folders. Paths must be absolute: there is no
/// file at which they could begin.
pub(crate) fn check(models: &[ModelConfig]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for model in models {
        let ModelConfig { name, base_path, policy, .. } = model;
        if name.is_empty() {
            return Err(format!("expected a name for the model in {base_path}, found none"));
        }
        if !names.insert(name) {
            return Err(format!("Illegal to list model {name} multiple times in config list"));
        }
        let folder = local(base_path).map_err(|reason| format!("model {name}: {reason}"))?;
        if !folder.is_absolute() {
            return Err(format!(
                "Expected model {name} to have an absolute path or URI; got \
                 base_path()={base_path}"
            ));
        }
        model.check_platform().map_err(|reason| format!("model {name}: {reason}"))?;
        if *policy == Policy::Specific(Vec::new()) {
            return Err(format!("model {name}: specific: expected at least one of versions"));
        }
    }
    Ok(())
}

/// The versions below a base path.
pub(crate) fn versions(
    base: &Path,
    suffixes: &[String],
) -> Result<Vec<candidate::Lying>, crate::Error> {
    candidate::numbered(
        base,
        |_| true,
        |folder, entries| listing::model_file(folder, entries, suffixes),
    )
}

/// A path of this machine.
fn local(base: &str) -> Result<PathBuf, String> {
    let local = base.strip_prefix("file://").unwrap_or(base);
    match local.split_once("://") {
        None => Ok(PathBuf::from(local)),
        Some((scheme, _)) => {
            Err(format!("expected a folder of this machine, found {scheme}://; copy it here"))
        }
    }
}
