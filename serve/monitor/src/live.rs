//! Which models and versions have series, and which of those are about to vanish.

use crate::{Families, ModelMetrics, VersionLabels};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Most versions that ended and are still exported when nobody asks for an export. 64: more would
/// make each export longer than the models that answer do.
const ENDED_MAX: usize = 64;

/// Models with their versions.
#[derive(Debug, Default)]
pub(crate) struct Live {
    models: BTreeMap<String, Model>,
    /// Versions that ended since the last export, oldest first.
    ended: VecDeque<VersionLabels>,
}

#[derive(Debug)]
struct Model {
    metrics: Arc<ModelMetrics>,
    /// Those that answer. When there is none, the model is forgotten with its last version.
    versions: BTreeSet<u64>,
}

impl Live {
    /// A version answers from now on.
    pub(crate) fn begin(
        &mut self,
        version: &VersionLabels,
        families: &Families,
    ) -> Arc<ModelMetrics> {
        let VersionLabels { model: name, version } = version;
        let model = self.models.entry(name.clone()).or_insert_with(|| Model {
            metrics: Arc::new(ModelMetrics::new(name, families.clone())),
            versions: BTreeSet::new(),
        });
        model.versions.insert(*version);
        model.metrics.clone()
    }

    /// A version answers no more.
    pub(crate) fn end(&mut self, version: VersionLabels, families: &Families) {
        if let Some(model) = self.models.get_mut(&version.model) {
            model.versions.remove(&version.version);
        }
        self.ended.push_back(version);
        while self.ended.len() > ENDED_MAX {
            let oldest = [self.ended[0].clone()];
            self.forget(&oldest, families);
        }
    }

    /// The counts of a model that has series.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<ModelMetrics>> {
        self.models.get(name).map(|model| model.metrics.clone())
    }

    /// How many requests were answered by models that have series.
    pub(crate) fn requests(&self) -> u64 {
        self.models.values().map(|model| model.metrics.requests()).sum()
    }

    /// The versions that ended and still have series.
    pub(crate) fn ended(&self) -> Vec<VersionLabels> {
        self.ended.iter().cloned().collect()
    }

    /// Removes the series of these versions, unless they came back meanwhile, and of models that
    /// have no others.
    pub(crate) fn forget(&mut self, ended: &[VersionLabels], families: &Families) {
        for version in ended {
            let Some(at) = self.ended.iter().position(|known| known == version) else { continue };
            self.ended.remove(at);
            let Some(model) = self.models.get(&version.model) else { continue };
            if model.versions.contains(&version.version) || self.ended.contains(version) {
                continue;
            }
            families.model_loaded.remove(version);
            families.model_load.remove(version);
            let is_last = !self.ended.iter().any(|other| other.model == version.model);
            if model.versions.is_empty() && is_last {
                model.metrics.remove();
                self.models.remove(&version.model);
            }
        }
    }
}
