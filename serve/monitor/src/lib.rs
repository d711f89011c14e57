//! What a running Schooner tells about itself: one catalogue of metrics, typed handles to write
//! them, and the text that Prometheus reads.
//!
//! The registry is a value, not a global, so that two servers in one process (and every test)
//! count for themselves; this is why `prometheus-client` was chosen over the `metrics` facade.
//!
//! ```
//! let metrics = monitor::Metrics::new();
//! metrics.request("cat_dog", "rest", 200);
//! assert!(metrics.export().contains(
//!     r#"schooner_requests_total{model="cat_dog",protocol="rest",status="200"} 1"#
//! ));
//! ```
#![forbid(unsafe_code)]

pub mod catalogue;
mod log;
mod process;
pub mod prometheus_text;
mod record;
mod traces;
pub mod triton;

pub use log::{LogFormat, LogGuard, LogLevel, start_log};
pub use record::Record;
pub use traces::{Traces, TracesError};

use catalogue::{Row, row};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The content type of [`Metrics::export`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const REQUESTS: &Row = row("schooner_requests_total");
const REFUSALS: &Row = row("schooner_refusals_total");
const DURATION: &Row = row("schooner_request_duration_seconds");
const REQUEST_BYTES: &Row = row("schooner_request_bytes");
const RESPONSE_BYTES: &Row = row("schooner_response_bytes");
const IN_FLIGHT: &Row = row("schooner_requests_in_flight");
const QUEUE_DEPTH: &Row = row("schooner_queue_depth");
const JOB_PANICS: &Row = row("schooner_job_panics_total");
const MODEL_LOADED: &Row = row("schooner_model_loaded");
const MODEL_LOAD_SECONDS: &Row = row("schooner_model_load_seconds");
const BUILD_INFO: &Row = row("schooner_build_info");

/// Where a request spends its time. Each request passes them in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Receiving the body from the network.
    Read,
    /// Waiting for a worker.
    Queue,
    /// Decompressing, parsing, decoding images, resizing.
    Decode,
    /// Running the model.
    Infer,
    /// Post-processing, writing the reply, compressing.
    Encode,
    /// From the request's head to the made response.
    Total,
}

impl Stage {
    /// Every stage, in the order a request passes them.
    pub const ALL: [Stage; 6] =
        [Stage::Read, Stage::Queue, Stage::Decode, Stage::Infer, Stage::Encode, Stage::Total];

    /// The value of the label `stage`.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Read => "read",
            Stage::Queue => "queue",
            Stage::Decode => "decode",
            Stage::Infer => "infer",
            Stage::Encode => "encode",
            Stage::Total => "total",
        }
    }
}

/// The metrics of one server. Every method is cheap enough for each request.
///
/// A `model` given here must be the name of a loaded model, or [`NO_MODEL`]: names that clients
/// make up would let them grow the registry without bound.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    durations: Family<StageLabels, Histogram, fn() -> Histogram>,
    request_bytes: Family<ModelLabels, Histogram, fn() -> Histogram>,
    response_bytes: Family<ModelLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    queue_depth: Family<ModelLabels, Gauge>,
    job_panics: Family<ModelLabels, Counter>,
    model_loaded: Family<VersionLabels, Gauge>,
    model_load: Family<VersionLabels, Gauge<f64, AtomicU64>>,
    traces: Option<Traces>,
}

/// The label `model` of requests that named no loaded model.
pub const NO_MODEL: &str = "";

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let r = &mut registry;
        let build: Family<BuildLabels, Gauge> = register(r, BUILD_INFO, Family::default());
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION").into() }).set(1);
        let by_seconds = Family::new_with_constructor(seconds_histogram as fn() -> Histogram);
        let sizes = || Family::new_with_constructor(bytes_histogram as fn() -> Histogram);
        r.register_collector(Box::new(process::Process::started_now()));
        Metrics {
            requests: register(r, REQUESTS, Family::default()),
            refusals: register(r, REFUSALS, Family::default()),
            durations: register(r, DURATION, by_seconds),
            request_bytes: register(r, REQUEST_BYTES, sizes()),
            response_bytes: register(r, RESPONSE_BYTES, sizes()),
            in_flight: register(r, IN_FLIGHT, Gauge::default()),
            queue_depth: register(r, QUEUE_DEPTH, Family::default()),
            job_panics: register(r, JOB_PANICS, Family::default()),
            model_loaded: register(r, MODEL_LOADED, Family::default()),
            model_load: register(r, MODEL_LOAD_SECONDS, Family::default()),
            traces: None,
            registry,
        }
    }

    /// The same, and requests are traced too.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Metrics {
        Metrics { traces, ..self }
    }

    /// A request was answered: it is counted, and logs and traces tell it.
    pub fn answered(&self, record: &Record<'_>) {
        if let Some(reason) = record.refusal {
            self.refusal(record.model, reason);
        }
        self.request(record.model, record.protocol, record.status);
        self.response_bytes(record.model, record.response_bytes);
        self.stage(record.model, Stage::Total, record.total);
        log::request(record);
        if let Some(traces) = &self.traces {
            traces.record(record);
        }
    }

    /// Sends what traces were not sent yet. Blocks.
    pub fn flush(&self) {
        self.traces.iter().for_each(Traces::shutdown);
    }

    /// Everything as OpenMetrics text, see [`CONTENT_TYPE`].
    pub fn export(&self) -> String {
        let mut text = String::new();
        // Writing to a `String` cannot fail, and no collector of ours returns an error.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// A request was answered with this HTTP status (or what the protocol maps to it).
    pub fn request(&self, model: &str, protocol: &'static str, status: u16) {
        let labels = RequestLabels { model: model.into(), protocol, status };
        self.requests.get_or_create(&labels).inc();
    }

    /// A request was refused for this reason.
    pub fn refusal(&self, model: &str, reason: &'static str) {
        self.refusals.get_or_create(&RefusalLabels { model: model.into(), reason }).inc();
    }

    /// A request spent `time` in `stage`.
    pub fn stage(&self, model: &str, stage: Stage, time: Duration) {
        let labels = StageLabels { model: model.into(), stage: stage.name() };
        self.durations.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// A request's body had this many bytes on the wire.
    pub fn request_bytes(&self, model: &str, bytes: usize) {
        self.request_bytes.get_or_create(&model_labels(model)).observe(bytes as f64);
    }

    /// A response's body had this many bytes on the wire.
    pub fn response_bytes(&self, model: &str, bytes: usize) {
        self.response_bytes.get_or_create(&model_labels(model)).observe(bytes as f64);
    }

    /// Counts one request in flight until the guard is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// One job more of the model waits for a worker.
    pub fn queued(&self, model: &str) {
        self.queue_depth.get_or_create(&model_labels(model)).inc();
    }

    /// One job less of the model waits for a worker.
    pub fn dequeued(&self, model: &str) {
        self.queue_depth.get_or_create(&model_labels(model)).dec();
    }

    /// How many jobs of the model wait for a worker.
    pub fn queue_depth(&self, model: &str) -> i64 {
        self.queue_depth.get_or_create(&model_labels(model)).get()
    }

    /// A job of this model panicked.
    pub fn job_panic(&self, model: &str) {
        self.job_panics.get_or_create(&model_labels(model)).inc();
    }

    /// This version answers from now on; loading it took `time`.
    pub fn model_loaded(&self, model: &str, version: u64, time: Duration) {
        let labels = VersionLabels { model: model.into(), version };
        self.model_load.get_or_create(&labels).set(time.as_secs_f64());
        self.model_loaded.get_or_create(&labels).set(1);
    }

    /// This version answers no more.
    pub fn model_unloaded(&self, model: &str, version: u64) {
        let labels = VersionLabels { model: model.into(), version };
        self.model_loaded.get_or_create(&labels).set(0);
    }
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics::new()
    }
}

/// One request in flight; dropping it ends the count.
#[derive(Debug)]
pub struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    model: String,
    protocol: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    model: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    model: String,
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    model: String,
    version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: String,
}

fn model_labels(model: &str) -> ModelLabels {
    ModelLabels { model: model.into() }
}

/// Puts the metric into the registry under its row and hands back the same metric.
fn register<M: Metric + Clone>(registry: &mut Registry, row: &Row, metric: M) -> M {
    // The format adds this suffix to counters by itself.
    let name = row.name.strip_suffix("_total").unwrap_or(row.name);
    registry.register(name, row.help, metric.clone());
    metric
}

/// 19 buckets from 0.1 ms (a small tabular model) to 26 s (past every sensible deadline), each
/// twice the one before, so that a quantile is never wrong by more than a factor of two.
fn seconds_histogram() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 2.0, 19))
}

/// 11 buckets from 64 B (one small JSON row) to 64 MiB (twice the largest default body).
fn bytes_histogram() -> Histogram {
    Histogram::new(exponential_buckets(64.0, 4.0, 11))
}
