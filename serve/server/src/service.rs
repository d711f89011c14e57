//! The front door for every protocol.

use crate::budget::Budget;
use crate::job::{Job, Waiting};
use crate::queue::Queue;
use crate::{
    Charge, Control, Exchange, Limits, ModelStore, Refusal, Regions, Repository, Servable,
    Settings, Times, worker,
};
use monitor::Metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Models, queue and workers. Cheap to clone; all clones are the same service. When the last
/// one is dropped, the workers finish what is queued and end.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
    /// May who asks here change what is served, and settings?
    is_managed: bool,
}

struct Inner {
    store: ModelStore,
    limits: Limits,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    queue: Arc<Queue<Box<dyn Job>>>,
    is_draining: AtomicBool,
    repository: OnceLock<Arc<Repository>>,
    regions: Arc<Regions>,
    settings: Settings,
}

impl Service {
    /// A service without models, with its workers running.
    ///
    /// # Errors
    /// When the system grants no threads.
    pub fn new(limits: Limits, metrics: Metrics) -> std::io::Result<Service> {
        let metrics = Arc::new(metrics);
        let queue = Arc::new(Queue::new(limits.queue_length));
        for index in 0..limits.workers.get() {
            let queue = queue.clone();
            let thread = std::thread::Builder::new().name(format!("worker-{index}"));
            thread.spawn(move || worker::work(&queue))?;
        }
        for index in 0..limits.readers {
            let queue = queue.clone();
            let thread = std::thread::Builder::new().name(format!("reader-{index}"));
            thread.spawn(move || worker::read(&queue))?;
        }
        let inner = Inner {
            store: ModelStore::default(),
            budget: Budget::new(limits.max_buffered_bytes),
            regions: Arc::new(Regions::new(limits.shares_memory)),
            settings: Settings::default(),
            limits,
            metrics,
            queue,
            is_draining: AtomicBool::new(false),
            repository: OnceLock::new(),
        };
        Ok(Service { inner: Arc::new(inner), is_managed: true })
    }

    /// Makes a model available, in place of one with the same name and version; loading it took
    /// `time`.
    pub fn add(&self, servable: Servable, time: Duration) {
        let metrics = self.metrics().model_loaded(servable.name(), servable.version(), time);
        self.store().insert(Arc::new(servable.counting(metrics)));
    }

    /// Ends a version; was there one? Requests that already found it are still answered.
    pub fn remove(&self, model: &str, version: u64) -> bool {
        let was_available = self.store().remove(model, version);
        if was_available {
            self.metrics().model_unloaded(model, version);
        }
        was_available
    }

    /// Where models come from while the server runs. May be said once; later words have no effect.
    pub fn set_repository(&self, repository: Arc<Repository>) {
        // It fails when one was set, which then stays.
        let _ = self.inner.repository.set(repository);
    }

    /// Where models come from, when that was said.
    pub fn repository(&self) -> Option<&Arc<Repository>> {
        self.inner.repository.get()
    }

    /// The same service for a listener that anybody may reach: models are asked there, and
    /// nothing is changed.
    #[must_use]
    pub fn for_anybody(&self) -> Service {
        Service { is_managed: false, ..self.clone() }
    }

    /// Refuses changes by clients that may be anybody.
    ///
    /// # Errors
    /// When this is [`Service::for_anybody`].
    pub fn check_managed(&self) -> Result<(), Refusal> {
        if self.is_managed { Ok(()) } else { Err(Refusal::NotManaged) }
    }

    /// Changes which models are served, on a thread that may block. Needs the tokio runtime.
    ///
    /// # Errors
    /// When clients may be anybody, the server was not told to let requests decide, or the change
    /// fails.
    pub async fn manage<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Repository, &Service) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.check_managed()?;
        let explicit = |r: &&Arc<Repository>| r.control() == Control::Explicit;
        let repository = self.repository().filter(explicit).ok_or(Refusal::ControlIsOff)?.clone();
        let service = self.clone();
        let changed = tokio::task::spawn_blocking(move || change(&repository, &service));
        changed.await.unwrap_or(Err(Refusal::Panicked))
    }

    /// Which models there are.
    pub fn store(&self) -> &ModelStore {
        &self.inner.store
    }

    /// What the service is willing to hold.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// What the service counts.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    /// The shared memory that clients have registered.
    pub fn regions(&self) -> &Arc<Regions> {
        &self.inner.regions
    }

    /// What clients may set while the server runs.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// A charge for a body that is about to be received. Keep it as long as the bytes.
    pub fn open_charge(&self) -> Charge {
        self.inner.budget.open()
    }

    /// Should new requests be sent here?
    pub fn is_ready(&self) -> bool {
        !self.is_draining() && self.store().is_ready()
    }

    /// Is the server about to end?
    pub fn is_draining(&self) -> bool {
        self.inner.is_draining.load(Ordering::Relaxed)
    }

    /// Announces the end: [`Service::is_ready`] turns false, requests are still answered.
    pub fn begin_drain(&self) {
        self.inner.is_draining.store(true, Ordering::Relaxed);
    }

    /// Answers one request on a worker thread, and tells how long each stage took. Needs the tokio
    /// clock. When the future is dropped before a worker begins, or nobody can have the answer in
    /// time any more, the job is skipped. The client may want it sooner than the server's limit.
    ///
    /// # Errors
    /// When the queue is full, the time is over, or decoding, running or encoding
    /// fails.
    pub async fn answer<E: Exchange>(
        &self,
        model: Arc<Servable>,
        exchange: E,
        timeout: Option<Duration>,
    ) -> Result<(E::Reply, Times), Refusal> {
        let start = Instant::now();
        let (answered, end) = if exchange.is_small() && model.is_quick() {
            // To hand it to a worker, and the reply back, would take longer.
            let (answered, end) = here(&model, exchange, start);
            model.note_time(end - start);
            (answered, end)
        } else {
            let answered = self.wait(&model, exchange, timeout, start).await;
            (answered, Instant::now())
        };
        let time = end - start;
        match &answered {
            Ok((_, times)) => model.statistics().answered(time, times, end),
            Err(refusal) => model.statistics().failed(refusal, time),
        }
        answered
    }

    async fn wait<E: Exchange>(
        &self,
        model: &Arc<Servable>,
        exchange: E,
        timeout: Option<Duration>,
        start: Instant,
    ) -> Result<(E::Reply, Times), Refusal> {
        let timeout = timeout.into_iter().chain(self.limits().request_timeout).min();
        let deadline = timeout.and_then(|timeout| start.checked_add(timeout));
        let (job, answered) = Waiting::new(exchange, start, deadline);
        self.enqueue(model, Box::new(job))?;
        let late = |timeout: Duration| {
            Err(Refusal::DeadlineExceeded { milliseconds: timeout.as_millis() })
        };
        let answered = async {
            match answered.await {
                Ok((reply, times)) => reply.map(|reply| (reply, times)),
                // A job that ends without a reply was late or has panicked.
                Err(_) => match timeout {
                    Some(timeout) if deadline.is_some_and(|d| d <= Instant::now()) => late(timeout),
                    _ => Err(Refusal::Panicked),
                },
            }
        };
        match timeout {
            None => answered.await,
            Some(timeout) => {
                tokio::time::timeout(timeout, answered).await.unwrap_or_else(|_| late(timeout))
            }
        }
    }

    /// The gauge rises before a worker can lower it.
    fn enqueue(&self, model: &Arc<Servable>, job: Box<dyn Job>) -> Result<(), Refusal> {
        model.metrics().queued();
        let pushed = self.inner.queue.push(model, job);
        if pushed.is_err() {
            model.metrics().dequeued();
        }
        pushed
    }
}

/// The answer to a request that came just now, made on this thread, and when that was done.
fn here<E: Exchange>(
    model: &Servable,
    exchange: E,
    now: Instant,
) -> (Result<(E::Reply, Times), Refusal>, Instant) {
    let (job, mut answered) = Waiting::new(exchange, now, None);
    let end = worker::answer(model, Box::new(job), now);
    let answered = match answered.try_recv() {
        Ok((reply, times)) => reply.map(|reply| (reply, times)),
        // Only a panic leaves no answer.
        Err(_) => Err(Refusal::Panicked),
    };
    (answered, end)
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}
