//! The manifest, and the settings that may lie beside it.

use crate::Batching;
use serde::Deserialize;
use std::time::Duration;

/// Milliseconds that the first request of a batch waits when nothing is said, as TorchServe has
/// it.
const MAX_BATCH_DELAY_MS: u64 = 100;

/// `MANIFEST.json`, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    pub(super) model: Model,
}

#[derive(Debug, Deserialize)]
pub(super) struct Model {
    #[serde(rename = "modelName")]
    pub(super) name: String,
    #[serde(rename = "modelVersion", default)]
    pub(super) version: Option<String>,
    #[serde(rename = "serializedFile", default)]
    pub(super) serialized_file: Option<String>,
    #[serde(default)]
    pub(super) handler: Option<String>,
    #[serde(rename = "configFile", default)]
    pub(super) config_file: Option<String>,
}

impl Manifest {
    pub(super) fn parse(text: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest =
            serde_json::from_slice(text).map_err(|e| format!("{}: {e}", super::MANIFEST))?;
        match manifest.model.name.is_empty() {
            true => Err("modelName: expected a name, found none".to_string()),
            false => Ok(manifest),
        }
    }
}

/// Settings of a model, in an archive's `model-config.yaml` or in `config.properties`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Settings {
    pub(crate) default_version: bool,
    pub(crate) min_workers: Option<u64>,
    pub(crate) batch_size: Option<u64>,
    pub(crate) max_batch_delay: Option<u64>,
}

impl Settings {
    /// Numbers at the top level of a YAML file, which is where TorchServe has its own; what is
    /// indented belongs to the handler.
    pub(super) fn of_yaml(text: &[u8]) -> Settings {
        let mut settings = Settings::default();
        for line in String::from_utf8_lossy(text).lines() {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim().parse().ok();
            match key {
                "minWorkers" => settings.min_workers = value,
                "batchSize" => settings.batch_size = value,
                "maxBatchDelay" => settings.max_batch_delay = value,
                _ => {}
            }
        }
        settings
    }

    /// How requests are joined: not at all when batches have one row.
    pub(crate) fn batching(&self) -> Option<Batching> {
        let size = self.batch_size.filter(|&size| size > 1)?;
        let delay = self.max_batch_delay.unwrap_or(MAX_BATCH_DELAY_MS);
        Some(crate::batching::of(size, &[], Duration::from_millis(delay)))
    }

    pub(crate) fn workers(&self) -> Option<usize> {
        self.min_workers.map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_stand_at_the_top_level() {
        let text = b"minWorkers: 2 # two\nbatchSize: 8\nhandler:\n  batchSize: 9\nmaxBatchDelay: x";
        let settings = Settings::of_yaml(text);
        assert_eq!(settings.workers(), Some(2));
        let max_delay = Duration::from_millis(100);
        let batching = Batching { max_rows: 8, preferred: Vec::new(), max_delay };
        assert_eq!(settings.batching(), Some(batching));
        assert_eq!(Settings::of_yaml(b"batchSize: 1").batching(), None);
    }
}
