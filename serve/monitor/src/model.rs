//! The metrics of one model. Handles to its series are found once, so that a request only counts.

use crate::histogram::Histogram;
use crate::{Families, ModelLabels, RefusalLabels, RequestLabels, Stage, StageLabels};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// What is counted for the requests of one model, whatever its version. Every method is cheap
/// enough for each request.
#[derive(Debug)]
pub struct ModelMetrics {
    name: String,
    families: Families,
    /// Series that are made now are not exported any more.
    is_removed: AtomicBool,
    requests: Series<(&'static str, u16)>,
    refusals: Series<&'static str>,
    stages: [OnceLock<Histogram>; Stage::ALL.len()],
    request_bytes: OnceLock<Histogram>,
    response_bytes: OnceLock<Histogram>,
    queue_depth: OnceLock<Gauge>,
    job_panics: OnceLock<Counter>,
}

/// Counters by the labels that they have beside the model: a handful, which are found faster one
/// by one than by a hash.
type Series<L> = RwLock<Vec<(L, Counter)>>;

impl ModelMetrics {
    pub(crate) fn new(name: &str, families: Families) -> ModelMetrics {
        ModelMetrics {
            name: name.to_string(),
            families,
            is_removed: AtomicBool::new(false),
            requests: RwLock::default(),
            refusals: RwLock::default(),
            stages: std::array::from_fn(|_| OnceLock::new()),
            request_bytes: OnceLock::new(),
            response_bytes: OnceLock::new(),
            queue_depth: OnceLock::new(),
            job_panics: OnceLock::new(),
        }
    }

    /// Counts that nobody exports, of a model that is no server's.
    pub fn apart(name: &str) -> ModelMetrics {
        ModelMetrics::new(name, Families::new())
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A request was answered with this HTTP status (or what the protocol maps to it).
    pub fn request(&self, protocol: &'static str, status: u16) {
        count(&self.requests, (protocol, status), || {
            let labels = RequestLabels { model: self.name.clone(), protocol, status };
            self.families().requests.get_or_create_owned(&labels)
        });
    }

    /// How many requests were answered.
    pub(crate) fn requests(&self) -> u64 {
        read(&self.requests).iter().map(|(_, counter)| counter.get()).sum()
    }

    /// A request was refused for this reason.
    pub fn refusal(&self, reason: &'static str) {
        count(&self.refusals, reason, || {
            let labels = RefusalLabels { model: self.name.clone(), reason };
            self.families().refusals.get_or_create_owned(&labels)
        });
    }

    /// A request spent `time` in `stage`.
    pub fn stage(&self, stage: Stage, time: Duration) {
        let histogram = self.stages[stage as usize].get_or_init(|| {
            let labels = StageLabels { model: self.name.clone(), stage: stage.name() };
            self.families().durations.get_or_create_owned(&labels)
        });
        histogram.observe(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// A request's body had this many bytes on the wire.
    pub fn request_bytes(&self, bytes: usize) {
        let make = || self.families().request_bytes.get_or_create_owned(&self.labels());
        self.request_bytes.get_or_init(make).observe(bytes as u64);
    }

    /// A response's body had this many bytes on the wire.
    pub fn response_bytes(&self, bytes: usize) {
        let make = || self.families().response_bytes.get_or_create_owned(&self.labels());
        self.response_bytes.get_or_init(make).observe(bytes as u64);
    }

    /// One job more of the model waits for a worker.
    pub fn queued(&self) {
        self.gauge().inc();
    }

    /// One job less of the model waits for a worker.
    pub fn dequeued(&self) {
        self.gauge().dec();
    }

    /// How many jobs of the model wait for a worker.
    pub fn queue_depth(&self) -> i64 {
        self.gauge().get()
    }

    /// A job of this model panicked.
    pub fn job_panic(&self) {
        let make = || self.families().job_panics.get_or_create_owned(&self.labels());
        self.job_panics.get_or_init(make).inc();
    }

    /// Takes all series out of the export. Requests of the model that are still answered count for
    /// nobody.
    pub(crate) fn remove(&self) {
        self.is_removed.store(true, Ordering::Relaxed);
        let Families { requests, refusals, durations, .. } = &self.families;
        let model = || self.name.clone();
        for ((protocol, status), _) in read(&self.requests).iter() {
            requests.remove(&RequestLabels { model: model(), protocol, status: *status });
        }
        for (reason, _) in read(&self.refusals).iter() {
            refusals.remove(&RefusalLabels { model: model(), reason });
        }
        for stage in Stage::ALL {
            durations.remove(&StageLabels { model: model(), stage: stage.name() });
        }
        let Families { request_bytes, response_bytes, queue_depth, job_panics, .. } =
            &self.families;
        request_bytes.remove(&self.labels());
        response_bytes.remove(&self.labels());
        queue_depth.remove(&self.labels());
        job_panics.remove(&self.labels());
    }

    fn gauge(&self) -> &Gauge {
        let make = || self.families().queue_depth.get_or_create_owned(&self.labels());
        self.queue_depth.get_or_init(make)
    }

    /// Where new series belong.
    fn families(&self) -> Families {
        match self.is_removed.load(Ordering::Relaxed) {
            true => Families::new(),
            false => self.families.clone(),
        }
    }

    fn labels(&self) -> ModelLabels {
        ModelLabels { model: self.name.clone() }
    }
}

/// Counts one more in the series with this label, which is made when it is the first.
fn count<L: PartialEq + Copy>(series: &Series<L>, label: L, make: impl FnOnce() -> Counter) {
    let find = |series: &[(L, Counter)]| {
        series.iter().find(|(known, _)| *known == label).map(|(_, counter)| counter.inc()).is_some()
    };
    if find(&read(series)) {
        return;
    }
    let mut series = series.write().unwrap_or_else(PoisonError::into_inner);
    if !find(&series) {
        let counter = make();
        counter.inc();
        series.push((label, counter));
    }
}

fn read<L>(series: &Series<L>) -> std::sync::RwLockReadGuard<'_, Vec<(L, Counter)>> {
    series.read().unwrap_or_else(PoisonError::into_inner)
}
