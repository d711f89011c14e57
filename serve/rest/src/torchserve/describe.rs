//! Models in lists and descriptions.

use super::reply::document;
use super::route::Parameters;
use super::state::{Entry, State};
use crate::json::Pretty;
use crate::response::Reply;
use humantime::format_rfc3339_millis;
use repository::version_text;
use server::{Servable, Service};
use std::sync::Arc;

/// Most models of one page.
const PAGE_MAX: i64 = 100;

/// The number that the first worker has in descriptions.
const FIRST_WORKER: u64 = 9000;

/// Seconds that a request may take when the service sets no bound.
const RESPONSE_TIMEOUT: u64 = 120;

/// The models by name, one page of them.
pub(super) fn list(service: &Service, state: &State, parameters: &Parameters) -> Reply {
    let limit = parameters.number("limit").unwrap_or(PAGE_MAX);
    let limit = if (0..=PAGE_MAX).contains(&limit) { limit } else { PAGE_MAX };
    let first = parameters.number("next_page_token").unwrap_or(0).max(0);
    let mut models = service.store().available();
    models.dedup_by(|a, b| a.name() == b.name());
    let count = i64::try_from(models.len()).unwrap_or(i64::MAX);
    let last = first.saturating_add(limit);
    document(200, |json| {
        json.object();
        // As TorchServe has it, a full page points to the next one even when that is empty.
        if last <= count {
            json.field("nextPageToken", &last.to_string());
        }
        json.string("models");
        json.array();
        let index = |at: i64| usize::try_from(at.min(count)).unwrap_or(models.len());
        for model in models.iter().take(index(last)).skip(index(first)) {
            json.object();
            json.field("modelName", model.name());
            json.field("modelUrl", url(state, &state.entry(service, model), model));
            json.end_object();
        }
        json.end_array();
        json.end_object();
    })
}

/// The versions in full.
pub(super) fn describe(service: &Service, state: &State, models: &[Arc<Servable>]) -> Reply {
    document(200, |json| {
        json.array();
        for model in models {
            version(json, service, state, model);
        }
        json.end_array();
    })
}

/// What a version was registered from, or was read from at the start.
fn url<'a>(state: &'a State, entry: &'a Entry, model: &'a Servable) -> &'a str {
    let at_start = state.store.files.get(model.name()).map_or(model.name(), String::as_str);
    entry.url.as_deref().unwrap_or(at_start)
}

fn version(json: &mut Pretty, service: &Service, state: &State, model: &Servable) {
    let entry = state.entry(service, model);
    let limits = service.limits();
    let timeout = limits.request_timeout.map_or(RESPONSE_TIMEOUT, |timeout| timeout.as_secs());
    let delay = model.batching().max_delay.as_millis();
    json.object();
    json.field("modelName", model.name());
    json.field("modelVersion", &version_text(model.version()));
    json.field("modelUrl", url(state, &entry, model));
    // What ran the model in TorchServe; clients that read it expect this word.
    json.field("runtime", "python");
    raw(json, "minWorkers", entry.workers.min);
    raw(json, "maxWorkers", entry.workers.max);
    raw(json, "batchSize", model.batching().max_rows as u64);
    raw(json, "maxBatchDelay", u64::try_from(delay).unwrap_or(u64::MAX));
    raw(json, "responseTimeout", timeout);
    raw(json, "startupTimeout", timeout);
    raw(json, "maxRetryTimeoutInSec", 0);
    raw(json, "clientTimeoutInMills", 0);
    json.field("parallelType", "");
    raw(json, "parallelLevel", 0);
    json.field("deviceType", "cpu");
    for key in ["continuousBatching", "useJobTicket", "useVenv", "stateful"] {
        flag(json, key, false);
    }
    let sequences =
        ["sequenceMaxIdleMSec", "sequenceTimeoutMSec", "maxNumSequence", "maxSequenceJobQueueSize"];
    for key in sequences {
        raw(json, key, 0);
    }
    flag(json, "loadedAtStartup", entry.url.is_none());
    workers(json, state, entry.workers.min, model);
    json.string("jobQueueStatus");
    json.object();
    raw(json, "remainingCapacity", limits.queue_length as u64);
    raw(json, "pendingRequests", 0);
    json.end_object();
    json.end_object();
}

fn workers(json: &mut Pretty, state: &State, count: u64, model: &Servable) {
    json.string("workers");
    json.array();
    for worker in 0..count {
        json.object();
        json.field("id", &(FIRST_WORKER + worker).to_string());
        json.field("startTime", &format_rfc3339_millis(state.since).to_string());
        json.field("status", "READY");
        raw(json, "memoryUsage", model.memory_bytes() as u64);
        raw(json, "pid", u64::from(std::process::id()));
        flag(json, "gpu", false);
        json.field("gpuUsage", "N/A");
        json.end_object();
    }
    json.end_array();
}

fn raw(json: &mut Pretty, key: &str, value: u64) {
    json.string(key);
    json.raw(&value.to_string());
}

fn flag(json: &mut Pretty, key: &str, value: bool) {
    json.string(key);
    json.raw(if value { "true" } else { "false" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn times_are_written_as_torchserve_writes_them() {
        let time = UNIX_EPOCH + Duration::from_millis(1_795_471_567_319);
        assert_eq!(format_rfc3339_millis(time).to_string(), "2026-11-23T22:06:07.319Z");
    }
}
