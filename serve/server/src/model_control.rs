//! Models that come and go while the server runs: the steps from what is to what should be.
//!
//! New versions are loaded and tested before old ones end, so that no request meets a gap. What
//! fails to load is refused with its reason, and the version before it stays. One change is made
//! at a time.

use crate::{Catalog, Failure, LoadError, Loader, Refusal, Select, Service, Source, Wanted};
use repository::{ModelConfig, ModelFile};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Who decides which of the catalog's models are served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Control {
    /// The catalog, as it was at the start.
    #[default]
    Fixed,
    /// The catalog, as it is now.
    Poll,
    /// Requests, one by one.
    Explicit,
}

/// What was tried, by name and version.
type Known = BTreeMap<String, BTreeMap<u64, Tried>>;

/// A version that was loaded, or failed: it is not tried again until its source changes.
#[derive(Debug)]
struct Tried {
    source: Source,
    /// Bytes that were left when it needed more; with more, it is tried again.
    lacked: Option<usize>,
}

/// The models that are or should be served. Its methods block while models load: call them on a
/// thread that may.
pub struct Repository {
    loader: Box<dyn Loader>,
    catalog: Box<dyn Catalog>,
    control: Control,
    room: usize,
    /// Held during a change, so that there is one at a time.
    state: Mutex<Served>,
}

/// What a repository remembers.
#[derive(Debug, Default)]
struct Served {
    known: Known,
    /// Models that a request has configured: their folders are looked at, whoever decides.
    followed: BTreeSet<String>,
}

impl Repository {
    /// A repository of nothing yet. All its models together may hold `room` bytes.
    pub fn new(
        loader: impl Loader,
        catalog: impl Catalog,
        control: Control,
        room: usize,
    ) -> Repository {
        let (loader, catalog) = (Box::new(loader), Box::new(catalog));
        Repository { loader, catalog, control, room, state: Mutex::default() }
    }

    /// Who decides what is served.
    pub fn control(&self) -> Control {
        self.control
    }

    /// What there is to serve.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn catalog(&self) -> Result<Vec<Wanted>, Refusal> {
        self.catalog.wanted().map_err(Refusal::Catalog)
    }

    /// The file of each model's newest version that was tried, by the model's name.
    pub fn files(&self) -> BTreeMap<String, ModelFile> {
        let served = self.lock();
        let newest = |(name, versions): (&String, &BTreeMap<u64, Tried>)| {
            let (_, tried) = versions.last_key_value()?;
            Some((name.clone(), tried.source.file.clone()))
        };
        served.known.iter().filter_map(newest).collect()
    }

    /// Serves what the catalog has now: loads what is new or has changed, then ends what is not
    /// wanted any more.
    ///
    /// # Errors
    /// When the catalog cannot be read; nothing changes then.
    pub fn refresh(&self, service: &Service) -> Result<Vec<Failure>, Refusal> {
        let mut served = self.lock();
        let wanted = self.catalog()?;
        Ok(self.apply(service, &mut served.known, &wanted))
    }

    /// Serves what is configured here instead of what the catalog had, and follows its folders
    /// from now on.
    ///
    /// # Errors
    /// When the folders do not hold what is configured; nothing changes then. When a version cannot
    /// be loaded; everything else is as configured then.
    pub fn configure(&self, service: &Service, models: Vec<ModelConfig>) -> Result<(), Refusal> {
        let mut served = self.lock();
        let wanted = self.catalog.configure(models)?;
        // A version that has failed before is tried anew, so that the reason is told.
        for model in &wanted {
            if let Some(versions) = served.known.get_mut(&model.name) {
                versions.retain(|&version, _| {
                    service.store().find(&model.name, Select::Version(version)).is_ok()
                });
            }
        }
        let failures = self.apply(service, &mut served.known, &wanted);
        served.followed = wanted.iter().map(|model| model.name.clone()).collect();
        drop(served);
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Does what is to be done again and again: serves what the catalog has, or what it has of the
    /// models that were configured by request.
    fn look(&self, service: &Service) -> Result<Vec<Failure>, Refusal> {
        if self.control == Control::Poll {
            return self.refresh(service);
        }
        let mut served = self.lock();
        if served.followed.is_empty() {
            return Ok(Vec::new());
        }
        let Served { known, followed } = &mut *served;
        let mut wanted = self.catalog()?;
        wanted.retain(|model| followed.contains(&model.name));
        Ok(wanted.iter().flat_map(|model| self.bring(service, known, model, false)).collect())
    }

    fn apply(&self, service: &Service, known: &mut Known, wanted: &[Wanted]) -> Vec<Failure> {
        let mut failures = Vec::new();
        for model in wanted {
            failures.extend(self.bring(service, known, model, false));
        }
        let is_wanted = |name: &str| wanted.iter().any(|model| model.name == name);
        let gone: Vec<String> = known.keys().filter(|name| !is_wanted(name)).cloned().collect();
        for name in gone {
            end_model(service, known, &name);
        }
        failures
    }

    /// Loads the catalog's versions of one model, those that are there already from anew.
    ///
    /// # Errors
    /// When the catalog has no such model, or one of its versions cannot be loaded.
    pub fn load(&self, service: &Service, name: &str) -> Result<(), Refusal> {
        let unknown = || Refusal::ModelNotFound { model: name.to_string(), version: None };
        let mut served = self.lock();
        let catalog = self.catalog()?;
        let model = catalog.iter().find(|model| model.name == name).ok_or_else(unknown)?;
        let failures = self.bring(service, &mut served.known, model, true);
        failures.into_iter().next().map_or(Ok(()), |failure| Err(failure.into()))
    }

    /// Loads one version from a source of its own, in place of one that is there.
    ///
    /// # Errors
    /// When it cannot be loaded; what was there stays.
    pub fn register(
        &self,
        service: &Service,
        name: &str,
        version: u64,
        source: Source,
    ) -> Result<(), Refusal> {
        let mut served = self.lock();
        self.load_version(service, name, version, &source)?;
        let tried = Tried { source, lacked: None };
        served.known.entry(name.to_string()).or_default().insert(version, tried);
        Ok(())
    }

    /// Ends one version, or all of the model; requests that hold it are answered. Its folder is
    /// looked at no more.
    ///
    /// # Errors
    /// When there is no such version.
    pub fn unload(
        &self,
        service: &Service,
        name: &str,
        version: Option<u64>,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::ModelNotFound { model: name.to_string(), version };
        let mut served = self.lock();
        let Served { known, followed } = &mut *served;
        followed.remove(name);
        let Some(version) = version else {
            let has_ended = end_model(service, known, name);
            return if has_ended { Ok(()) } else { Err(unknown()) };
        };
        if let Some(versions) = known.get_mut(name) {
            versions.remove(&version);
            if versions.is_empty() {
                known.remove(name);
            }
        }
        if service.remove(name, version) { Ok(()) } else { Err(unknown()) }
    }

    /// Loads what is new or changed of one model, or all of it anew, then ends its versions that
    /// are not wanted.
    fn bring(
        &self,
        service: &Service,
        known: &mut Known,
        model: &Wanted,
        is_anew: bool,
    ) -> Vec<Failure> {
        let name = &model.name;
        let known = known.entry(name.clone()).or_default();
        let mut failures = Vec::new();
        let mut bring = |version: u64, source: &Source| {
            let room = self.room(service);
            let is_over = |tried: &Tried| {
                tried.source == *source && tried.lacked.is_none_or(|lacked| room <= lacked)
            };
            if !is_anew && known.get(&version).is_some_and(is_over) {
                return;
            }
            let failure = self.load_version(service, name, version, source).err();
            let is_for_later =
                failure.as_ref().is_some_and(|f| matches!(f.error, LoadError::Memory { .. }));
            let lacked = is_for_later.then_some(room);
            known.insert(version, Tried { source: source.clone(), lacked });
            failures.extend(failure);
        };
        for (&version, source) in &model.versions {
            bring(version, source);
        }
        let answers = |version: &u64| {
            let select = Select::Version(*version);
            service.store().find(name, select).is_ok()
        };
        let any_answers = || service.store().find(name, Select::Latest).is_ok();
        for (&version, source) in model.spare.iter().rev() {
            if any_answers() {
                break;
            }
            bring(version, source);
        }
        // A successor that failed does not end the version before it.
        if model.versions.is_empty() || model.versions.keys().any(answers) {
            let is_wanted = |version: &u64| model.versions.contains_key(version);
            let gone: Vec<u64> = known.keys().copied().filter(|v| !is_wanted(v)).collect();
            for version in gone {
                known.remove(&version);
                service.remove(name, version);
            }
        }
        service.store().set_labels(name, model.labels.clone());
        if model.default != service.store().default_of(name) {
            // It fails when that version was not loaded, which is among the failures.
            let _ = service.store().set_default(name, model.default);
        }
        failures
    }

    /// Bytes that are left for models.
    fn room(&self, service: &Service) -> usize {
        let held: usize = service.store().available().iter().map(|s| s.memory_bytes()).sum();
        self.room.saturating_sub(held)
    }

    /// Loads, tests and puts in place one version.
    fn load_version(
        &self,
        service: &Service,
        name: &str,
        version: u64,
        source: &Source,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        service.store().begin(name, version);
        let room = self.room(service);
        let load = || self.loader.load(name, version, source, room);
        let loaded = catch_unwind(AssertUnwindSafe(load)).unwrap_or_else(|_| {
            Err(LoadError::Model("loading panicked; this is a defect of the importer".to_string()))
        });
        match loaded {
            Ok(servable) => {
                service.add(servable, start.elapsed());
                Ok(())
            }
            Err(error) => {
                service.store().fail(name, version, &error.to_string());
                Err(Failure { model: name.to_string(), version, error })
            }
        }
    }

    /// The maps are changed only by code that does not panic, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Served> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends all versions of a model; was there one?
fn end_model(service: &Service, known: &mut Known, name: &str) -> bool {
    known.remove(name);
    let status = service.store().status(name, Select::Latest).unwrap_or_default();
    let ended = status.iter().map(|line| service.remove(name, line.version));
    ended.fold(false, |any, has_ended| any | has_ended)
}

/// Looks at the catalog again and again until the service drains, and tells what failed.
/// Blocks: give it a thread of its own.
pub fn watch(
    repository: &Arc<Repository>,
    service: &Service,
    interval: Duration,
    mut report: impl FnMut(Result<Vec<Failure>, Refusal>),
) {
    /// How soon the end of the service is noticed.
    const LOOK: Duration = Duration::from_millis(100);
    let mut next = Instant::now() + interval;
    while !service.is_draining() {
        std::thread::sleep(LOOK.min(interval));
        if Instant::now() >= next {
            // A panic of whoever reads folders must not end the watch.
            let look = AssertUnwindSafe(|| repository.look(service));
            report(catch_unwind(look).unwrap_or(Err(Refusal::Panicked)));
            next = Instant::now() + interval;
        }
    }
}
