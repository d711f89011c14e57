//! Every metric that Schooner exports, one row each. To add a metric: a row here and a handle in
//! [`crate::Metrics`]; a test fails when the two disagree.

/// What a metric measures and how to read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The exported name; it ends with the unit, and with `_total` when it only grows.
    pub name: &'static str,
    /// How the number behaves.
    pub kind: Kind,
    /// The label names, in the order of export.
    pub labels: &'static [&'static str],
    /// What the number is; exported as `# HELP`.
    pub help: &'static str,
    /// The question that somebody on call answers with it.
    pub why: &'static str,
}

/// How a metric's number behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; look at its rate.
    Counter,
    /// Goes up and down; look at its value.
    Gauge,
    /// Counts of observations in buckets; look at its quantiles.
    Histogram,
}

impl Kind {
    /// The name of the kind in the exposition format.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// The catalogue. Names of the process follow the Prometheus client guidelines, so that
/// ready-made dashboards find them; all others begin with `schooner_`.
pub const CATALOGUE: &[Row] = &[
    Row {
        name: "schooner_requests_total",
        kind: Kind::Counter,
        labels: &["model", "protocol", "status"],
        help: "Requests answered, by model, protocol and HTTP status",
        why: "What is the load, and which share of it fails?",
    },
    Row {
        name: "schooner_refusals_total",
        kind: Kind::Counter,
        labels: &["model", "reason"],
        help: "Requests refused, by model and reason",
        why: "Why do requests fail: bad input, a full queue, or our own fault?",
    },
    Row {
        name: "schooner_request_duration_seconds",
        kind: Kind::Histogram,
        labels: &["model", "stage"],
        help: "Seconds that requests spent in each stage: read, queue, decode, infer, encode or \
               total",
        why: "Is the tail latency ours, and in which stage does it arise?",
    },
    Row {
        name: "schooner_request_bytes",
        kind: Kind::Histogram,
        labels: &["model"],
        help: "Bytes of request bodies as received, before decompression",
        why: "Did clients begin to send larger inputs?",
    },
    Row {
        name: "schooner_response_bytes",
        kind: Kind::Histogram,
        labels: &["model"],
        help: "Bytes of response bodies as sent, after compression",
        why: "Is the network the bottleneck?",
    },
    Row {
        name: "schooner_requests_in_flight",
        kind: Kind::Gauge,
        labels: &[],
        help: "Requests whose head was read and whose response is not made yet",
        why: "Is the server stuck, and may it be stopped now?",
    },
    Row {
        name: "schooner_queue_depth",
        kind: Kind::Gauge,
        labels: &["model"],
        help: "Jobs that wait for a worker, by model",
        why: "Is there more load than the CPUs can carry?",
    },
    Row {
        name: "schooner_job_panics_total",
        kind: Kind::Counter,
        labels: &["model"],
        help: "Jobs that panicked and were answered with status 500",
        why: "Is there a defect to report? Any value above zero is one.",
    },
    Row {
        name: "schooner_model_loaded",
        kind: Kind::Gauge,
        labels: &["model", "version"],
        help: "1 while this version of the model answers requests",
        why: "Which version answers?",
    },
    Row {
        name: "schooner_model_load_seconds",
        kind: Kind::Gauge,
        labels: &["model", "version"],
        help: "Seconds from opening the model to its first readiness",
        why: "How long is a restart?",
    },
    Row {
        name: "schooner_build_info",
        kind: Kind::Gauge,
        labels: &["version"],
        help: "Always 1; the label is the version of this program",
        why: "Which build runs on this machine?",
    },
    Row {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        labels: &[],
        help: "Resident memory in bytes",
        why: "Does memory grow without bound?",
    },
    Row {
        name: "process_threads",
        kind: Kind::Gauge,
        labels: &[],
        help: "Threads of the process",
        why: "Are there more threads than the CPUs can carry?",
    },
    Row {
        name: "process_open_fds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Open file descriptors",
        why: "Do connections leak?",
    },
    Row {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        labels: &[],
        help: "Start of the process in seconds since the Unix epoch",
        why: "Did it restart?",
    },
];

/// The row with this name. It is meant for constants, where a name that is not in the catalogue
/// fails to compile.
///
/// # Panics
/// When there is no such row.
pub const fn row(name: &str) -> &'static Row {
    let mut i = 0;
    while i < CATALOGUE.len() {
        if equal(CATALOGUE[i].name.as_bytes(), name.as_bytes()) {
            return &CATALOGUE[i];
        }
        i += 1;
    }
    panic!("no metric of this name in the catalogue")
}

/// `a == b`, which the language does not offer in constants.
const fn equal(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    a.len() == b.len() && i == a.len()
}
