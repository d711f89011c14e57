//! What there is to serve and how it is loaded, in terms that know neither folders nor formats.

use crate::{Refusal, Servable};
use repository::{Batching, Classes, Model, ModelConfig, ModelFile, Priorities, Version};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where one version is loaded from, and how. Two that are equal load the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The model's file.
    pub file: ModelFile,
    /// The names of its classes.
    pub classes: Classes,
    /// Which requests run together; measured when nobody says.
    pub batching: Option<Batching>,
    /// Which requests go before others.
    pub priorities: Priorities,
    /// Another number when the file is another one.
    pub revision: u64,
}

/// What should be served under one name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The model's name in requests.
    pub name: String,
    /// Its versions.
    pub versions: BTreeMap<u64, Source>,
    /// Older ones, of which the newest good one answers while none of `versions` does.
    pub spare: BTreeMap<u64, Source>,
    /// Names of versions.
    pub labels: BTreeMap<String, u64>,
    /// The version of requests that name none, when it is not the newest.
    pub default: Option<u64>,
}

impl Wanted {
    /// Can it be served at all, as far as that can be told before it is loaded?
    ///
    /// # Errors
    /// When there is no version, or a label names one that is not wanted.
    pub fn check(&self) -> Result<(), Refusal> {
        let Wanted { name, versions, labels, .. } = self;
        if versions.is_empty() {
            let reason = "there is no version that the policy chooses";
            return Err(Refusal::Config(format!("model {name}: {reason}")));
        }
        match labels.values().find(|version| !versions.contains_key(version)) {
            None => Ok(()),
            Some(version) => Err(Refusal::Config(format!(
                "Request to assign label to version {version} of model {name}, which is not \
                 currently available for inference"
            ))),
        }
    }
}

impl From<Model> for Wanted {
    fn from(model: Model) -> Wanted {
        let Model { name, versions, spare, labels, default_version: default, .. } = model;
        let Model { classes, batching, priorities, .. } = model;
        let source = |version: Version| {
            let Version { number, file, revision } = version;
            let (classes, batching) = (classes.clone(), batching.clone());
            let priorities = priorities.clone();
            (number, Source { file, classes, batching, priorities, revision })
        };
        let [versions, spare] =
            [versions, spare].map(|versions| versions.into_iter().map(source).collect());
        Wanted { name, versions, spare, labels, default }
    }
}

/// Why a version was not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("expected a model at {0}, found nothing")]
    NotFound(PathBuf),
    /// It takes more memory than is left for models.
    #[error("it needs {needed} bytes of memory, {room} are left for models; raise --memory")]
    Memory {
        /// What it would hold.
        needed: usize,
        /// What may be held.
        room: usize,
    },
    /// It is no model that can be served, or failed its self-test.
    #[error("{0}")]
    Model(String),
}

/// Makes a model of a file.
pub trait Loader: Send + Sync + 'static {
    /// Reads, tests and measures the model; it must hold at most `room` bytes of memory.
    ///
    /// # Errors
    /// In words for whoever put the model there.
    fn load(
        &self,
        name: &str,
        version: u64,
        source: &Source,
        room: usize,
    ) -> Result<Servable, LoadError>;
}

/// Says what there is to serve, as some folder or file has it now.
pub trait Catalog: Send + Sync + 'static {
    /// Every model that should be served.
    ///
    /// # Errors
    /// When the folder or file cannot be read or makes no sense; nothing changes then.
    fn wanted(&self) -> Result<Vec<Wanted>, String>;

    /// Forgets where to look, and looks at these folders from now on: what is in them.
    ///
    /// # Errors
    /// When they do not hold what is configured, or the catalog is always the same; nothing changes
    /// then.
    fn configure(&self, models: Vec<ModelConfig>) -> Result<Vec<Wanted>, Refusal> {
        drop(models);
        Err(Refusal::ControlIsOff)
    }
}

/// A version that was not loaded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The model.
    pub model: String,
    /// The version.
    pub version: u64,
    /// What is wrong.
    pub error: LoadError,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        let Failure { model, version, error } = failure;
        Refusal::LoadFailed { model, version, error }
    }
}
