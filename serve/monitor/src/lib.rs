//! What a running Schooner tells about itself: one catalogue of metrics, typed handles to write
//! them, and the text that Prometheus reads.
//!
//! The registry is a value, not a global, so that two servers in one process (and every test)
//! count for themselves; this is why `prometheus-client` was chosen over the `metrics` facade.
//!
//! ```
//! let metrics = monitor::Metrics::new();
//! let model = metrics.model_loaded("cat_dog", 1, std::time::Duration::from_millis(30));
//! model.request("rest", 200);
//! assert!(metrics.export().contains(
//!     r#"schooner_requests_total{model="cat_dog",protocol="rest",status="200"} 1"#
//! ));
//! ```
#![forbid(unsafe_code)]

pub mod catalogue;
mod histogram;
mod live;
mod log;
mod model;
mod process;
pub mod prometheus_text;
mod record;
mod traces;
pub mod triton;

pub use log::{LogFormat, LogGuard, LogLevel, start_log};
pub use model::ModelMetrics;
pub use record::{Operation, Record};
pub use traces::{Traces, TracesError};

use catalogue::{Row, row};
use histogram::{Histogram, Unit};
use live::Live;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// The metrics of one server.
///
/// Series of a model are there from its first version that loads on. When the last one has ended,
/// they are exported once more, to whoever asks first, and then vanish: who loads and ends
/// models for months must not find them all in each scrape. Requests that name no model that is or
/// was just there count for [`NO_MODEL`], because names that clients make up would let them grow
/// the registry without bound.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    families: Families,
    in_flight: Gauge,
    no_model: Arc<ModelMetrics>,
    live: Mutex<Live>,
    traces: Option<Traces>,
}

/// The label `model` of requests that named no loaded model.
pub const NO_MODEL: &str = "";

/// What has labels. Cheap to clone: all clones are the same series.
#[derive(Debug, Clone)]
struct Families {
    requests: Family<RequestLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    durations: Family<StageLabels, Histogram, fn() -> Histogram>,
    request_bytes: Family<ModelLabels, Histogram, fn() -> Histogram>,
    response_bytes: Family<ModelLabels, Histogram, fn() -> Histogram>,
    queue_depth: Family<ModelLabels, Gauge>,
    job_panics: Family<ModelLabels, Counter>,
    model_loaded: Family<VersionLabels, Gauge>,
    model_load: Family<VersionLabels, Gauge<f64, AtomicU64>>,
}

impl Families {
    fn new() -> Families {
        let bytes: fn() -> Histogram = || Histogram::new(Unit::Bytes);
        Families {
            requests: Family::default(),
            refusals: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(Unit::Seconds)),
            request_bytes: Family::new_with_constructor(bytes),
            response_bytes: Family::new_with_constructor(bytes),
            queue_depth: Family::default(),
            job_panics: Family::default(),
            model_loaded: Family::default(),
            model_load: Family::default(),
        }
    }

    fn register(&self, registry: &mut Registry) {
        register(registry, REQUESTS, &self.requests);
        register(registry, REFUSALS, &self.refusals);
        register(registry, DURATION, &self.durations);
        register(registry, REQUEST_BYTES, &self.request_bytes);
        register(registry, RESPONSE_BYTES, &self.response_bytes);
        register(registry, QUEUE_DEPTH, &self.queue_depth);
        register(registry, JOB_PANICS, &self.job_panics);
        register(registry, MODEL_LOADED, &self.model_loaded);
        register(registry, MODEL_LOAD_SECONDS, &self.model_load);
    }
}

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Metrics {
        let mut registry = Registry::default();
        let build: Family<BuildLabels, Gauge> = Family::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION").into() }).set(1);
        register(&mut registry, BUILD_INFO, &build);
        registry.register_collector(Box::new(process::Process::started_now()));
        let (in_flight, families) = (Gauge::default(), Families::new());
        register(&mut registry, IN_FLIGHT, &in_flight);
        families.register(&mut registry);
        let no_model = Arc::new(ModelMetrics::new(NO_MODEL, families.clone()));
        let live = Mutex::default();
        Metrics { registry, families, in_flight, no_model, live, traces: None }
    }

    /// The same, and requests are traced too.
    #[must_use]
    pub fn with_traces(self, traces: Option<Traces>) -> Metrics {
        Metrics { traces, ..self }
    }

    /// A request was answered: it is counted, and logs and traces tell it.
    pub fn answered(&self, record: &Record<'_>) {
        let Record { model, refusal, protocol, status, .. } = record;
        if let Some(reason) = refusal {
            model.refusal(reason);
        }
        model.request(protocol, *status);
        model.response_bytes(record.response_bytes);
        model.stage(Stage::Total, record.total);
        log::request(record);
        if let Some(traces) = &self.traces {
            traces.record(record);
        }
    }

    /// Sends what traces were not sent yet. Blocks.
    pub fn flush(&self) {
        self.traces.iter().for_each(Traces::shutdown);
    }

    /// Everything as OpenMetrics text, see [`CONTENT_TYPE`]. Of what ended before it is told here
    /// for the last time.
    pub fn export(&self) -> String {
        let ended = self.live().ended();
        let mut text = String::new();
        // Writing to a `String` cannot fail, and no collector of ours returns an error.
        let _ = encode(&mut text, &self.registry);
        self.live().forget(&ended, &self.families);
        text
    }

    /// How much was done so far: a number that is another one when a request was answered, or is
    /// being answered.
    pub fn activity(&self) -> u64 {
        let under_way = u64::try_from(self.in_flight.get()).unwrap_or(0);
        // Twice, so that a request that was answered is not what it was under way.
        2 * (self.live().requests() + self.no_model.requests()) + under_way
    }

    /// Counts one request in flight until the guard is dropped.
    pub fn in_flight(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// This version answers from now on; loading it took `time`. What its model counts.
    pub fn model_loaded(&self, model: &str, version: u64, time: Duration) -> Arc<ModelMetrics> {
        let labels = VersionLabels { model: model.into(), version };
        let metrics = self.live().begin(&labels, &self.families);
        self.families.model_load.get_or_create(&labels).set(time.as_secs_f64());
        self.families.model_loaded.get_or_create(&labels).set(1);
        metrics
    }

    /// This version answers no more.
    pub fn model_unloaded(&self, model: &str, version: u64) {
        let labels = VersionLabels { model: model.into(), version };
        self.families.model_loaded.get_or_create(&labels).set(0);
        self.live().end(labels, &self.families);
    }

    /// What is counted for a model of this name, or for [`NO_MODEL`] when there is none.
    pub fn model(&self, name: &str) -> Arc<ModelMetrics> {
        self.live().find(name).unwrap_or_else(|| self.no_model.clone())
    }

    /// What is counted for requests that name no model.
    pub fn no_model(&self) -> &Arc<ModelMetrics> {
        &self.no_model
    }

    /// No code that can panic runs under the lock, so a poisoned one is still good.
    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Puts the metric into the registry under its row.
fn register<M: Metric + Clone>(registry: &mut Registry, row: &Row, metric: &M) {
    // The format adds this suffix to counters by itself.
    let name = row.name.strip_suffix("_total").unwrap_or(row.name);
    registry.register(name, row.help, metric.clone());
}
