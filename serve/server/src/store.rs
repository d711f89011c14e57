//! Which models there are, in which versions, in which state.

use crate::{Refusal, Servable};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Versions of a model that ended, and models without any other, of which the state is still told.
/// Without a bound, history would grow with every update.
const ENDED_MAX: usize = 16;

/// All models by name and version. Readers never wait for a model that is being loaded.
#[derive(Debug, Default)]
pub struct ModelStore {
    models: RwLock<Models>,
}

type Models = BTreeMap<String, Entry>;

/// One model.
#[derive(Debug, Default)]
struct Entry {
    versions: BTreeMap<u64, Slot>,
    labels: BTreeMap<String, u64>,
    /// What [`Select::Latest`] means; the highest version that is available when there is none.
    default: Option<u64>,
}

/// Which version a request means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select {
    /// The model's default version: the highest that is available, unless another was set.
    Latest,
    /// This one and no other.
    Version(u64),
    /// The one that bears this label.
    Label(String),
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
        let entry = models.get(model).ok_or_else(|| not_found(model, &select))?;
        let version = entry.version_of(&select)?;
        let slots: Vec<&Slot> = match version {
            None => entry.versions.values().rev().collect(),
            Some(version) => entry.versions.get(&version).into_iter().collect(),
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
        Err(not_found(model, &select))
    }

    /// The status of one version or of all, newest first.
    ///
    /// # Errors
    /// When there never was such a version.
    pub fn status(&self, model: &str, select: Select) -> Result<Vec<VersionStatus>, Refusal> {
        let models = self.read();
        let entry = models.get(model);
        let wanted = match (&select, entry) {
            (Select::Latest, _) | (_, None) => select.version(),
            (_, Some(entry)) => entry.version_of(&select)?,
        };
        let versions = entry.into_iter().flat_map(|entry| &entry.versions);
        let mut status: Vec<VersionStatus> = versions
            .filter(|(version, _)| wanted.is_none_or(|wanted| wanted == **version))
            .map(|(&version, slot)| slot.status(version))
            .collect();
        status.reverse();
        if status.is_empty() {
            let (model, version) = (model.to_string(), wanted);
            return Err(Refusal::StatusNotFound { model, version });
        }
        Ok(status)
    }

    /// The names of all models, sorted.
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    /// Every version that answers.
    pub fn available(&self) -> Vec<Arc<Servable>> {
        let models = self.read();
        let slots = models.values().flat_map(|entry| entry.versions.values());
        let servables = slots.filter_map(|slot| match slot {
            Slot::Available(servable) => Some(servable.clone()),
            Slot::Loading | Slot::End { .. } => None,
        });
        servables.collect()
    }

    /// Does at least one model answer, and is none being loaded for the first time?
    pub fn is_ready(&self) -> bool {
        let models = self.read();
        let answers =
            |entry: &Entry| entry.versions.values().any(|slot| matches!(slot, Slot::Available(_)));
        let loads =
            |entry: &Entry| entry.versions.values().any(|slot| matches!(slot, Slot::Loading));
        models.values().any(answers) && !models.values().any(|v| loads(v) && !answers(v))
    }

    /// Announces a version that is being loaded. One that answers goes on answering until the new
    /// one takes its place.
    pub fn begin(&self, model: &str, version: u64) {
        let mut models = self.write();
        let versions = &mut models.entry(model.to_string()).or_default().versions;
        if !matches!(versions.get(&version), Some(Slot::Available(_))) {
            versions.insert(version, Slot::Loading);
        }
    }

    /// Notes that loading failed and why. One that answers goes on answering.
    pub fn fail(&self, model: &str, version: u64, error: &str) {
        let mut models = self.write();
        let entry = models.entry(model.to_string()).or_default();
        if !matches!(entry.versions.get(&version), Some(Slot::Available(_))) {
            entry.versions.insert(version, Slot::End { error: error.to_string() });
            entry.forget();
        }
        forget_models(&mut models, model);
    }

    /// Names versions of a model that is there; the labels of before are gone.
    pub fn set_labels(&self, model: &str, labels: BTreeMap<String, u64>) {
        if let Some(entry) = self.write().get_mut(model) {
            entry.labels = labels;
        }
    }

    /// What [`Select::Latest`] means from now on; `None` is the highest version that is available.
    ///
    /// # Errors
    /// When the version is not available.
    pub fn set_default(&self, model: &str, default: Option<u64>) -> Result<(), Refusal> {
        let mut models = self.write();
        let select = default.map_or(Select::Latest, Select::Version);
        let entry = models.get_mut(model).ok_or_else(|| not_found(model, &select))?;
        let is_available = |v: &u64| matches!(entry.versions.get(v), Some(Slot::Available(_)));
        if !default.as_ref().is_none_or(is_available) {
            return Err(not_found(model, &select));
        }
        entry.default = default;
        Ok(())
    }

    /// The version that was set as the model's default.
    pub fn default_of(&self, model: &str) -> Option<u64> {
        self.read().get(model)?.default
    }

    /// Makes a version available. One of the same name and number is replaced; requests that
    /// hold the old one finish with it.
    pub(crate) fn insert(&self, servable: Arc<Servable>) {
        let (model, version) = (servable.name().to_string(), servable.version());
        let mut models = self.write();
        let versions = &mut models.entry(model).or_default().versions;
        versions.insert(version, Slot::Available(servable));
    }

    /// Ends a version; was there one that answered? Requests that hold it finish with it.
    pub(crate) fn remove(&self, model: &str, version: u64) -> bool {
        let mut models = self.write();
        let Some(entry) = models.get_mut(model) else { return false };
        let Some(slot) = entry.versions.get_mut(&version) else { return false };
        let was_available = matches!(slot, Slot::Available(_));
        *slot = Slot::End { error: String::new() };
        if entry.default == Some(version) {
            entry.default = None;
        }
        entry.labels.retain(|_, labeled| *labeled != version);
        entry.forget();
        forget_models(&mut models, model);
        was_available
    }

    /// A panic cannot leave the map half changed, so a poisoned lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Models> {
        self.models.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Models> {
        self.models.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The version that is meant; `None` is the highest that is available.
    fn version_of(&self, select: &Select) -> Result<Option<u64>, Refusal> {
        match select {
            Select::Latest => Ok(self.default),
            Select::Version(version) => Ok(Some(*version)),
            Select::Label(label) => {
                let version = self.labels.get(label).copied();
                version.map(Some).ok_or_else(|| Refusal::UnknownLabel(label.clone()))
            }
        }
    }

    /// Is there nothing but history?
    fn is_over(&self) -> bool {
        self.versions.values().all(|slot| matches!(slot, Slot::End { .. }))
    }

    /// Drops the oldest of too many ended versions.
    fn forget(&mut self) {
        let ended = self.versions.iter().filter(|(_, slot)| matches!(slot, Slot::End { .. }));
        let ended: Vec<u64> = ended.map(|(&version, _)| version).collect();
        for version in ended.iter().rev().skip(ENDED_MAX) {
            self.versions.remove(version);
        }
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
    pub fn version(&self) -> Option<u64> {
        match self {
            Select::Latest | Select::Label(_) => None,
            Select::Version(version) => Some(*version),
        }
    }
}

/// Drops some of too many models of which nothing but history is left, the latest kept.
fn forget_models(models: &mut Models, latest: &str) {
    let is_over = |(_, entry): &(&String, &Entry)| entry.is_over();
    let ended: Vec<String> = models.iter().filter(is_over).map(|(name, _)| name.clone()).collect();
    for name in ended.iter().filter(|name| *name != latest).skip(ENDED_MAX - 1) {
        models.remove(name);
    }
}

fn not_found(model: &str, select: &Select) -> Refusal {
    Refusal::ModelNotFound { model: model.to_string(), version: select.version() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::echo;

    fn store(versions: &[u64]) -> ModelStore {
        let store = ModelStore::default();
        for &version in versions {
            store.insert(Arc::new(echo("m").with_version(version)));
        }
        store
    }

    fn found(store: &ModelStore, select: Select) -> Result<u64, String> {
        store.find("m", select).map(|servable| servable.version()).map_err(|r| r.to_string())
    }

    #[test]
    fn latest_is_the_highest_or_the_default() {
        let store = store(&[1, 3, 2]);
        assert_eq!(found(&store, Select::Latest), Ok(3));
        store.set_default("m", Some(2)).unwrap();
        assert_eq!(found(&store, Select::Latest), Ok(2));
        assert!(store.set_default("m", Some(9)).is_err());
        assert!(store.remove("m", 2), "the default goes with its version");
        assert_eq!(found(&store, Select::Latest), Ok(3));
    }

    #[test]
    fn labels_lead_to_versions() {
        let store = store(&[1, 2]);
        store.set_labels("m", BTreeMap::from([("stable".to_string(), 1)]));
        let label = |name: &str| Select::Label(name.to_string());
        assert_eq!(found(&store, label("stable")), Ok(1));
        let unknown = "Unrecognized servable version label: canary".to_string();
        assert_eq!(found(&store, label("canary")), Err(unknown));
        assert_eq!(store.status("m", label("stable")).unwrap().len(), 1);
        store.remove("m", 1);
        assert!(found(&store, label("stable")).is_err());
    }

    #[test]
    fn a_version_that_answers_does_not_stop_for_its_successor() {
        let store = store(&[1]);
        store.begin("m", 1);
        assert_eq!(found(&store, Select::Version(1)), Ok(1));
        store.fail("m", 1, "the file is damaged");
        assert_eq!(found(&store, Select::Version(1)), Ok(1));
        store.begin("m", 2);
        assert_eq!(found(&store, Select::Latest), Ok(1));
        assert!(store.is_ready(), "the model has a version that answers");
    }

    #[test]
    fn only_so_many_ended_versions_are_remembered() {
        let store = ModelStore::default();
        for version in 1..100 {
            store.insert(Arc::new(echo("m").with_version(version)));
            store.remove("m", version);
        }
        assert_eq!(store.status("m", Select::Latest).unwrap().len(), ENDED_MAX);
        for name in 'a'..='z' {
            store.insert(Arc::new(echo(&name.to_string())));
            store.remove(&name.to_string(), 1);
        }
        assert_eq!(store.names().len(), ENDED_MAX);
        for name in 'A'..='Z' {
            store.begin(&name.to_string(), 1);
            store.fail(&name.to_string(), 1, "the file is damaged");
        }
        assert_eq!(store.names().len(), ENDED_MAX);
    }
}
