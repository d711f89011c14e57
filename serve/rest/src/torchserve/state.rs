//! What TorchServe knows of models beside what the service knows: how many workers they have, and
//! what they were registered from.

use super::ModelStore;
use server::{Servable, Service};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Shared by the three ports.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: ModelStore,
    /// When the ports opened.
    pub(super) since: SystemTime,
    /// The machine's name, as the kernel says it.
    pub(super) hostname: String,
    /// Versions that were registered or scaled by request.
    entries: Mutex<BTreeMap<(String, u64), Entry>>,
    /// Replies of the statuses 2XX, 4XX and 5XX.
    replies: [AtomicU64; 3],
}

/// What is known of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// What it was registered from; `None` when it was there at the start.
    pub(super) url: Option<String>,
    pub(super) workers: Workers,
}

/// How many requests of a model may run at one time. The service's workers are everybody's: these
/// numbers are told again, and none at all takes a model off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Workers {
    pub(super) min: u64,
    pub(super) max: u64,
}

/// Most workers that can be told of: their list is part of a description.
pub(super) const WORKERS_MAX: u64 = 1024;

impl State {
    pub(super) fn new(store: ModelStore) -> State {
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        State {
            store,
            since: SystemTime::now(),
            hostname: hostname.trim().to_string(),
            entries: Mutex::default(),
            replies: Default::default(),
        }
    }

    /// A reply of this status was made.
    pub(super) fn count(&self, status: u16) {
        let index = match status {
            200..300 => 0,
            400..500 => 1,
            500.. => 2,
            _ => return,
        };
        self.replies[index].fetch_add(1, Ordering::Relaxed);
    }

    /// Replies so far, by the first digit of their statuses.
    pub(super) fn replies(&self) -> [(&'static str, u64); 3] {
        let count = |index: usize| self.replies[index].load(Ordering::Relaxed);
        [("2XX", count(0)), ("4XX", count(1)), ("5XX", count(2))]
    }

    /// What is known of a version; one that nobody registered or scaled has every worker of the
    /// service.
    pub(super) fn entry(&self, service: &Service, model: &Servable) -> Entry {
        let key = (model.name().to_string(), model.version());
        let all = service.limits().workers.get() as u64;
        let workers = Workers { min: all, max: all };
        let unknown = || Entry { url: None, workers };
        self.lock().get(&key).cloned().unwrap_or_else(unknown)
    }

    /// Notes something about a version. What is known of versions that are gone is forgotten, so
    /// that it does not grow without bound.
    pub(super) fn note(&self, service: &Service, model: &str, version: u64, entry: Entry) {
        let mut entries = self.lock();
        entries.insert((model.to_string(), version), entry);
        let alive = service.store().available();
        let is_alive = |(name, version): &(String, u64)| {
            alive.iter().any(|model| model.name() == name && model.version() == *version)
        };
        entries.retain(|key, _| is_alive(key));
    }

    /// Forgets a version.
    pub(super) fn forget(&self, model: &str, version: u64) {
        self.lock().remove(&(model.to_string(), version));
    }

    /// Changes leave the map whole, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u64), Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
