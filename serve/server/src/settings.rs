//! What clients may set while the server runs, in the terms of Triton's trace and logging
//! extensions. The settings are kept and told; files are never written on a client's word.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which requests are traced, and how much of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceSetting {
    /// Are times kept?
    pub timestamps: bool,
    /// Are tensors kept?
    pub tensors: bool,
    /// One of how many requests.
    pub rate: u32,
    /// How many traces are left; -1 for no end.
    pub count: i32,
    /// Traces between two writings.
    pub log_frequency: u32,
}

/// A change of some of the settings. `Some(None)` takes a model's own setting back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceUpdate {
    /// Times and tensors.
    pub level: Option<Option<(bool, bool)>>,
    /// See [`TraceSetting::rate`].
    pub rate: Option<Option<u32>>,
    /// See [`TraceSetting::count`].
    pub count: Option<Option<i32>>,
    /// See [`TraceSetting::log_frequency`].
    pub log_frequency: Option<Option<u32>>,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSetting {
    /// Information.
    pub info: bool,
    /// Warnings.
    pub warning: bool,
    /// Errors.
    pub error: bool,
    /// Higher for more.
    pub verbose_level: u32,
    /// Are times written as ISO 8601 has them?
    pub is_iso8601: bool,
}

/// All settings.
#[derive(Debug, Default)]
pub struct Settings {
    traces: Mutex<Traces>,
    log: Mutex<LogSetting>,
}

#[derive(Debug, Default)]
struct Traces {
    global: TraceSetting,
    /// What single models have of their own.
    models: BTreeMap<String, TraceUpdate>,
}

impl Default for TraceSetting {
    fn default() -> TraceSetting {
        TraceSetting { timestamps: false, tensors: false, rate: 1000, count: -1, log_frequency: 0 }
    }
}

impl Default for LogSetting {
    fn default() -> LogSetting {
        LogSetting { info: true, warning: true, error: true, verbose_level: 0, is_iso8601: false }
    }
}

impl Settings {
    /// How requests are traced, or those of one model.
    pub fn trace(&self, model: Option<&str>) -> TraceSetting {
        lock(&self.traces).of(model)
    }

    /// Changes how requests are traced, or those of one model. The model's name must be that of a
    /// loaded one: clients must not make up names to be kept.
    pub fn update_trace(&self, model: Option<&str>, update: TraceUpdate) -> TraceSetting {
        let mut traces = lock(&self.traces);
        match model {
            Some(model) => {
                let own = traces.models.entry(model.to_string()).or_default();
                *own = TraceUpdate {
                    level: update.level.or(own.level),
                    rate: update.rate.or(own.rate),
                    count: update.count.or(own.count),
                    log_frequency: update.log_frequency.or(own.log_frequency),
                };
            }
            None => traces.global = traces.global.with(update, TraceSetting::default()),
        }
        traces.of(model)
    }

    /// What is logged.
    pub fn log(&self) -> LogSetting {
        *lock(&self.log)
    }

    /// Changes what is logged.
    pub fn update_log(&self, change: impl FnOnce(&mut LogSetting)) -> LogSetting {
        let mut log = lock(&self.log);
        change(&mut log);
        *log
    }
}

impl Traces {
    fn of(&self, model: Option<&str>) -> TraceSetting {
        match model.and_then(|model| self.models.get(model)) {
            Some(own) => self.global.with(*own, self.global),
            None => self.global,
        }
    }
}

impl TraceSetting {
    /// The same after a change; what is taken back comes from `origin`.
    fn with(self, update: TraceUpdate, origin: TraceSetting) -> TraceSetting {
        let level = (self.timestamps, self.tensors);
        let (timestamps, tensors) =
            update.level.map_or(level, |new| new.unwrap_or((origin.timestamps, origin.tensors)));
        TraceSetting {
            timestamps,
            tensors,
            rate: update.rate.map_or(self.rate, |new| new.unwrap_or(origin.rate)),
            count: update.count.map_or(self.count, |new| new.unwrap_or(origin.count)),
            log_frequency: update
                .log_frequency
                .map_or(self.log_frequency, |new| new.unwrap_or(origin.log_frequency)),
        }
    }
}

/// Settings are replaced as a whole, so a poisoned lock is still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_server_s_settings_until_it_has_its_own() {
        let settings = Settings::default();
        let rate = |rate| TraceUpdate { rate: Some(rate), ..TraceUpdate::default() };
        assert_eq!(settings.update_trace(None, rate(Some(5))).rate, 5);
        assert_eq!(settings.trace(Some("m")).rate, 5);
        assert_eq!(settings.update_trace(Some("m"), rate(Some(7))).rate, 7);
        assert_eq!(settings.trace(None).rate, 5);
        let level = TraceUpdate { level: Some(Some((true, false))), ..TraceUpdate::default() };
        settings.update_trace(None, level);
        let own = settings.trace(Some("m"));
        assert_eq!((own.timestamps, own.rate), (true, 7));
        assert_eq!(settings.update_trace(Some("m"), rate(None)).rate, 5);
        assert_eq!(settings.update_trace(None, rate(None)).rate, 1000);
    }

    #[test]
    fn the_log_is_set_piece_by_piece() {
        let settings = Settings::default();
        settings.update_log(|log| log.verbose_level = 2);
        let found = settings.update_log(|log| log.info = false);
        assert_eq!(found, LogSetting { info: false, verbose_level: 2, ..LogSetting::default() });
        assert_eq!(settings.log(), found);
    }
}
