//! The metrics of Triton Inference Server, for the dashboards and scalers that read them: the same
//! names, labels and texts, from what the server counts anyway.

use crate::catalogue::Kind;
use crate::prometheus_text::{escaped, head};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// The content type of [`Exporter::export`].
pub const CONTENT_TYPE: &str = "text/plain; charset=utf-8";

/// What one version of one model has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// The model.
    pub name: String,
    /// The version.
    pub version: u64,
    /// Answered requests.
    pub success: u64,
    /// Refused for want of room or time.
    pub rejected: u64,
    /// Refused because the model failed.
    pub backend: u64,
    /// Refused for another reason.
    pub other: u64,
    /// Inferences: rows of batches.
    pub inferences: u64,
    /// Runs of the model.
    pub executions: u64,
    /// Nanoseconds of answered requests, all together.
    pub request_ns: u64,
    /// Nanoseconds of waiting.
    pub queue_ns: u64,
    /// Nanoseconds of reading inputs.
    pub input_ns: u64,
    /// Nanoseconds of running the model.
    pub infer_ns: u64,
    /// Nanoseconds of writing outputs.
    pub output_ns: u64,
    /// Requests that wait now.
    pub pending: u64,
}

/// A number of a model.
type Number = fn(&Model) -> u64;

/// One metric of each model.
struct Row {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    value: Number,
}

/// Every metric that is a number of each model, in Triton's order.
const ROWS: [Row; 9] = [
    Row {
        name: "nv_inference_request_success",
        kind: Kind::Counter,
        help: "Number of successful inference requests, all batch sizes",
        value: |model| model.success,
    },
    Row {
        name: "nv_inference_count",
        kind: Kind::Counter,
        help: "Number of inferences performed (does not include cached requests)",
        value: |model| model.inferences,
    },
    Row {
        name: "nv_inference_exec_count",
        kind: Kind::Counter,
        help: "Number of model executions performed (does not include cached requests)",
        value: |model| model.executions,
    },
    Row {
        name: "nv_inference_request_duration_us",
        kind: Kind::Counter,
        help: "Cumulative inference request duration in microseconds (includes cached requests)",
        value: |model| model.request_ns / 1000,
    },
    Row {
        name: "nv_inference_queue_duration_us",
        kind: Kind::Counter,
        help: "Cumulative inference queuing duration in microseconds (includes cached requests)",
        value: |model| model.queue_ns / 1000,
    },
    Row {
        name: "nv_inference_compute_input_duration_us",
        kind: Kind::Counter,
        help: "Cumulative compute input duration in microseconds (does not include cached \
               requests)",
        value: |model| model.input_ns / 1000,
    },
    Row {
        name: "nv_inference_compute_infer_duration_us",
        kind: Kind::Counter,
        help: "Cumulative compute inference duration in microseconds (does not include cached \
               requests)",
        value: |model| model.infer_ns / 1000,
    },
    Row {
        name: "nv_inference_compute_output_duration_us",
        kind: Kind::Counter,
        help: "Cumulative inference compute output duration in microseconds (does not include \
               cached requests)",
        value: |model| model.output_ns / 1000,
    },
    Row {
        name: "nv_inference_pending_request_count",
        kind: Kind::Gauge,
        help: "Instantaneous number of pending requests awaiting execution per-model.",
        value: |model| model.pending,
    },
];

/// Why a request failed, and how many did. Nobody is told apart who canceled: such requests are
/// not answered, so they neither succeed nor fail.
const FAILURES: [(&str, Number); 4] = [
    ("REJECTED", |model| model.rejected),
    ("CANCELED", |_| 0),
    ("BACKEND", |model| model.backend),
    ("OTHER", |model| model.other),
];

/// Writes the metrics; remembers between two times how busy the machine was.
#[derive(Debug, Default)]
pub struct Exporter {
    /// Ticks of all processors that were busy, and all ticks, when last looked at.
    ticks: Mutex<(u64, u64)>,
}

impl Exporter {
    /// The text that Prometheus reads.
    pub fn export(&self, models: &[Model]) -> String {
        let mut text = String::new();
        let [success, others @ ..] = &ROWS;
        by_model(&mut text, success, models);
        failures(&mut text, models);
        others.iter().for_each(|row| by_model(&mut text, row, models));
        self.machine(&mut text);
        text
    }

    /// The machine's own numbers; absent on systems without `/proc`.
    fn machine(&self, text: &mut String) {
        let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        if let Some((busy, all)) = ticks(&stat) {
            let mut last = self.ticks.lock().unwrap_or_else(PoisonError::into_inner);
            let (busy_since, since) = (busy.saturating_sub(last.0), all.saturating_sub(last.1));
            *last = (busy, all);
            let share = busy_since as f64 / since.max(1) as f64;
            let help = "CPU utilization rate [0.0 - 1.0]";
            gauge(text, "nv_cpu_utilization", help, share.min(1.0));
        }
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let bytes = |key| crate::process::field(&memory, key).map(|kib| kib * 1024.0);
        if let (Some(total), Some(free)) = (bytes("MemTotal:"), bytes("MemAvailable:")) {
            let help = "CPU total memory (RAM), in bytes";
            gauge(text, "nv_cpu_memory_total_bytes", help, total);
            let help = "CPU used memory (RAM), in bytes";
            gauge(text, "nv_cpu_memory_used_bytes", help, total - free);
        }
    }
}

// Writing to a `String` cannot fail.

fn by_model(text: &mut String, row: &Row, models: &[Model]) {
    head(text, row.name, row.kind.name(), row.help);
    for model in models {
        let (name, value) = (escaped(&model.name), (row.value)(model));
        let version = model.version;
        let _ = writeln!(text, "{}{{model=\"{name}\",version=\"{version}\"}} {value}", row.name);
    }
}

fn failures(text: &mut String, models: &[Model]) {
    const NAME: &str = "nv_inference_request_failure";
    head(text, NAME, Kind::Counter.name(), "Number of failed inference requests, all batch sizes");
    for model in models {
        let (name, version) = (escaped(&model.name), model.version);
        for (reason, value) in FAILURES {
            let labels = format!("model=\"{name}\",reason=\"{reason}\",version=\"{version}\"");
            let _ = writeln!(text, "{NAME}{{{labels}}} {}", value(model));
        }
    }
}

fn gauge(text: &mut String, name: &str, help: &str, value: f64) {
    head(text, name, Kind::Gauge.name(), help);
    let _ = writeln!(text, "{name} {value}");
}

/// Busy ticks and all ticks in the first line of `/proc/stat`: user, nice, system, idle, waiting
/// for devices, interrupts.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<u64> = line.split_whitespace().map_while(|tick| tick.parse().ok()).collect();
    let all: u64 = ticks.iter().sum();
    let idle: u64 = ticks.get(3..5)?.iter().sum();
    Some((all - idle, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a running Triton 2.51.0 exports, without models' numbers and what it has of devices.
    const RECORDED: &str = include_str!("../../../suites/serving/triton_metrics.txt");

    fn heads(text: &str) -> Vec<&str> {
        text.lines().filter(|line| line.starts_with('#')).collect()
    }

    #[test]
    fn names_kinds_and_texts_are_those_of_triton() {
        let text = Exporter::default().export(&[]);
        let recorded = heads(RECORDED);
        let recorded: Vec<&str> =
            recorded.into_iter().filter(|line| !line.contains("pinned_memory")).collect();
        assert_eq!(heads(&text), recorded);
    }

    #[test]
    fn every_sample_of_the_recording_is_there() {
        let model = |name: &str| Model { name: name.to_string(), version: 1, ..Model::default() };
        let models = ["ident_ort", "identity", "jpg", "mnv2"].map(model);
        let text = Exporter::default().export(&models);
        let labels = |text: &str| -> Vec<String> {
            let samples = text.lines().filter(|line| line.starts_with("nv_inference"));
            let mut labels: Vec<String> =
                samples.map(|line| line.rsplit_once(' ').unwrap().0.to_string()).collect();
            labels.sort();
            labels
        };
        assert_eq!(labels(&text), labels(RECORDED));
    }

    #[test]
    fn numbers_are_in_microseconds() {
        let model = Model {
            name: "a\"b".to_string(),
            version: 3,
            success: 2,
            infer_ns: 121_965_400,
            ..Model::default()
        };
        let text = Exporter::default().export(&[model]);
        let labels = r#"{model="a\"b",version="3"}"#;
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.contains(&&*format!("nv_inference_request_success{labels} 2")));
        let infer = format!("nv_inference_compute_infer_duration_us{labels} 121965");
        assert!(lines.contains(&&*infer), "{text}");
    }

    #[test]
    fn ticks_are_read() {
        assert_eq!(ticks("cpu  10 0 5 80 5 0 0\ncpu0 1\n"), Some((15, 100)));
        assert_eq!(ticks("cpu  1 2\n"), None);
        assert_eq!(ticks(""), None);
    }
}
