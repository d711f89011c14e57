//! Which models there are, in which versions, in which state.

use crate::{Refusal, Servable};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// All models by name and version. Readers never wait for a model that is being loaded.
#[derive(Debug, Default)]
pub struct ModelStore {
    models: RwLock<Models>,
}

type Models = BTreeMap<String, BTreeMap<u64, Slot>>;

/// Which version a request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The highest version that is available.
    Latest,
    /// This one and no other.
    Version(u64),
}

/// Where a version is in its life, by TensorFlow Serving's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being read and tested.
    Loading,
    /// Answers requests.
    Available,
    /// Was unloaded, or failed to load.
    End,
}

/// One line of a model's status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionStatus {
    /// The version.
    pub version: u64,
    /// Where it is in its life.
    pub state: State,
    /// Why loading failed; empty when it did not.
    pub error: String,
}

#[derive(Debug)]
enum Slot {
    Loading,
    Available(Arc<Servable>),
    End { error: String },
}

impl State {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            State::Loading => "LOADING",
            State::Available => "AVAILABLE",
            State::End => "END",
        }
    }
}

impl ModelStore {
    /// The version that a request means.
    ///
    /// # Errors
    /// When there is no such version, or it does not answer yet.
    pub fn find(&self, model: &str, select: Select) -> Result<Arc<Servable>, Refusal> {
        let models = self.read();
        let versions = models.get(model).ok_or_else(|| not_found(model, select))?;
        let slots: Vec<&Slot> = match select {
            Select::Latest => versions.values().rev().collect(),
            Select::Version(version) => versions.get(&version).into_iter().collect(),
        };
        for slot in &slots {
            if let Slot::Available(servable) = slot {
                return Ok(servable.clone());
            }
        }
        let is_loading = slots.iter().any(|slot| matches!(slot, Slot::Loading));
        if is_loading {
            let reason = "it is being loaded".to_string();
            return Err(Refusal::ModelNotReady { model: model.to_string(), reason });
        }
        Err(not_found(model, select))
    }

    /// The status of one version or of all, newest first.
    ///
    /// # Errors
    /// When there never was such a version.
    pub fn status(&self, model: &str, select: Select) -> Result<Vec<VersionStatus>, Refusal> {
        let models = self.read();
        let versions = models.get(model).into_iter().flatten();
        let wanted = |version: u64| match select {
            Select::Latest => true,
            Select::Version(v) => v == version,
        };
        let status: Vec<VersionStatus> = versions
            .rev()
            .filter(|(version, _)| wanted(**version))
            .map(|(&version, slot)| slot.status(version))
            .collect();
        if status.is_empty() {
            let (model, version) = (model.to_string(), select.version());
            return Err(Refusal::StatusNotFound { model, version });
        }
        Ok(status)
    }

    /// The names of all models, sorted.
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// Does at least one model answer, and is none being loaded for the first time?
    pub fn is_ready(&self) -> bool {
        let models = self.read();
        let answers = |versions: &BTreeMap<u64, Slot>| {
            versions.values().any(|slot| matches!(slot, Slot::Available(_)))
        };
        let loads = |versions: &BTreeMap<u64, Slot>| {
            versions.values().any(|slot| matches!(slot, Slot::Loading))
        };
        models.values().any(answers) && !models.values().any(|v| loads(v) && !answers(v))
    }

    /// Announces a version that is being loaded.
    pub fn begin(&self, model: &str, version: u64) {
        self.put(model, version, Slot::Loading);
    }

    /// Notes that loading failed and why.
    pub fn fail(&self, model: &str, version: u64, error: &str) {
        self.put(model, version, Slot::End { error: error.to_string() });
    }

    /// Makes a version available. One of the same name and number is replaced; requests that
    /// hold the old one finish with it.
    pub(crate) fn insert(&self, servable: Arc<Servable>) {
        let (model, version) = (servable.name().to_string(), servable.version());
        self.put(&model, version, Slot::Available(servable));
    }

    /// Ends a version; was there one that answered? Requests that hold it finish with it.
    pub(crate) fn remove(&self, model: &str, version: u64) -> bool {
        let mut models = self.write();
        let slot = models.get_mut(model).and_then(|versions| versions.get_mut(&version));
        let Some(slot) = slot else { return false };
        let was_available = matches!(slot, Slot::Available(_));
        *slot = Slot::End { error: String::new() };
        was_available
    }

    fn put(&self, model: &str, version: u64, slot: Slot) {
        self.write().entry(model.to_string()).or_default().insert(version, slot);
    }

    /// A panic cannot leave the map half changed, so a poisoned lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Models> {
        self.models.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Models> {
        self.models.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn status(&self, version: u64) -> VersionStatus {
        let (state, error) = match self {
            Slot::Loading => (State::Loading, String::new()),
            Slot::Available(_) => (State::Available, String::new()),
            Slot::End { error } => (State::End, error.clone()),
        };
        VersionStatus { version, state, error }
    }
}

impl Select {
    /// The version's number, when one is named.
    pub fn version(self) -> Option<u64> {
        match self {
            Select::Latest => None,
            Select::Version(version) => Some(version),
        }
    }
}

fn not_found(model: &str, select: Select) -> Refusal {
    Refusal::ModelNotFound { model: model.to_string(), version: select.version() }
}
