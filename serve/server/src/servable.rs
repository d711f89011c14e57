//! One version of one model, with what turns images into its inputs.

use crate::batching::has_rows;
use crate::statistics::{Counts, Statistics};
use crate::{Answer, Engine, ImageRecipe, Refusal};
use monitor::{ModelMetrics, Stage};
use plan::Signature;
use repository::{Batching, Priorities};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tensor::{Tensor, Value};

/// One version of one model that answers requests.
pub struct Servable {
    name: String,
    version: u64,
    engine: Box<dyn Engine>,
    recipe: Option<Box<dyn ImageRecipe>>,
    labels: Vec<String>,
    batching: Batching,
    priorities: Priorities,
    memory_bytes: usize,
    statistics: Statistics,
    metrics: Arc<ModelMetrics>,
    /// About how long a small request takes, in nanoseconds, see [`Servable::is_quick`].
    small_ns: AtomicU64,
}

/// Longest run of a model that may be answered on the thread that received the request. 50 us:
/// about what receiving and answering a request takes by itself, and a worker's waking besides.
const QUICK_RUN_MAX: Duration = Duration::from_micros(50);

/// Longest time that such requests may take on average, with all they need, before their model is
/// quick no more. 200 us: other requests of the thread wait for it, and a busy machine makes four
/// times of what a request takes alone.
const QUICK_ANSWER_MAX: Duration = Duration::from_micros(200);

/// The most that one request counts in that average. 1 ms: a request that was interrupted by others
/// of the machine says nothing of its model; four in a row do.
const QUICK_OUTLIER_MAX: Duration = Duration::from_millis(1);

/// How long one request took in each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Waiting for a worker, and for others to run with.
    pub queue: Duration,
    /// Decompressing and parsing; decoding, resizing and normalizing images.
    pub decode: Duration,
    /// Running the model, with all that ran in the same batch.
    pub infer: Duration,
    /// Post-processing and writing the reply.
    pub encode: Duration,
}

impl Times {
    /// The stages in the order that a request passes them.
    pub fn stages(&self) -> [(Stage, Duration); 4] {
        [
            (Stage::Queue, self.queue),
            (Stage::Decode, self.decode),
            (Stage::Infer, self.infer),
            (Stage::Encode, self.encode),
        ]
    }
}

impl Servable {
    /// Version 1 of a model that takes tensors.
    pub fn new(name: &str, engine: impl Engine) -> Servable {
        Servable {
            name: name.to_string(),
            version: 1,
            engine: Box::new(engine),
            recipe: None,
            labels: Vec::new(),
            batching: Batching::OFF,
            priorities: Priorities::default(),
            memory_bytes: 0,
            statistics: Statistics::default(),
            metrics: Arc::new(ModelMetrics::apart(name)),
            small_ns: AtomicU64::new(u64::MAX),
        }
    }

    /// The same under another version number.
    #[must_use]
    pub fn with_version(self, version: u64) -> Servable {
        Servable { version, ..self }
    }

    /// The same, and it takes images too. The model must have one input.
    #[must_use]
    pub fn with_recipe(self, recipe: impl ImageRecipe) -> Servable {
        Servable { recipe: Some(Box::new(recipe)), ..self }
    }

    /// The same, and the classes at the positions of its output have these names, where a recipe
    /// has no others.
    #[must_use]
    pub fn with_labels(self, labels: Vec<String>) -> Servable {
        Servable { labels, ..self }
    }

    /// The same, and requests may run together. A model whose inputs and outputs do not all begin
    /// with one symbolic size runs each request alone all the same.
    #[must_use]
    pub fn with_batching(self, batching: Batching) -> Servable {
        let batching = if has_rows(self.signature()) { batching } else { Batching::OFF };
        Servable { batching, ..self }
    }

    /// The same, and some requests are more urgent than others.
    #[must_use]
    pub fn with_priorities(self, priorities: Priorities) -> Servable {
        Servable { priorities, ..self }
    }

    /// The same, known to hold this many bytes of memory at most: constants, and what a run of
    /// one request needs on each worker.
    #[must_use]
    pub fn with_memory(self, memory_bytes: usize) -> Servable {
        Servable { memory_bytes, ..self }
    }

    /// The same, known to run one small request in this time.
    #[must_use]
    pub fn with_run_time(self, time: Duration) -> Servable {
        let quick_ns = (time <= QUICK_RUN_MAX).then(|| nanoseconds(time));
        Servable { small_ns: AtomicU64::new(quick_ns.unwrap_or(u64::MAX)), ..self }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version's number.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What the model takes and gives.
    pub fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    /// Does it take images?
    pub fn takes_images(&self) -> bool {
        self.recipe.is_some()
    }

    /// Which requests run together.
    pub fn batching(&self) -> &Batching {
        &self.batching
    }

    /// Which requests go before others.
    pub fn priorities(&self) -> &Priorities {
        &self.priorities
    }

    /// The most memory that it holds, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The name of the class at this position of the output, when it has one.
    pub fn label(&self, index: usize) -> Option<&str> {
        let own = || self.labels.get(index).map(String::as_str);
        self.recipe.as_deref().and_then(|recipe| recipe.label(index)).or_else(own)
    }

    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.statistics.counts()
    }

    /// Does a small request take less time than to hand it to a worker? Never one for an image:
    /// a small file may hold a large one.
    pub(crate) fn is_quick(&self) -> bool {
        let limit = nanoseconds(QUICK_ANSWER_MAX);
        self.recipe.is_none() && self.small_ns.load(Ordering::Relaxed) <= limit
    }

    /// A small request of a quick model took so long. One whose time depends on what it is asked is
    /// not quick any more when that is long.
    pub(crate) fn note_time(&self, time: Duration) {
        let time = nanoseconds(time.min(QUICK_OUTLIER_MAX));
        let average = self.small_ns.load(Ordering::Relaxed);
        // An average over about 16; of two threads at a time, one counts.
        self.small_ns.store(average - average / 16 + time / 16, Ordering::Relaxed);
    }

    /// What is counted for its model.
    pub fn metrics(&self) -> &Arc<ModelMetrics> {
        &self.metrics
    }

    /// The same, which counts here.
    pub(crate) fn counting(self, metrics: Arc<ModelMetrics>) -> Servable {
        Servable { metrics, ..self }
    }

    pub(crate) fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The input for one image file, which has this place among several in its request.
    ///
    /// # Errors
    /// When the model takes no images, or this is none.
    pub fn prepare(&self, image: &[u8], index: Option<usize>) -> Result<Tensor, Refusal> {
        let bad_image = |reason| Refusal::BadImage { index, reason };
        self.image_recipe()?.prepare(image).map_err(bad_image)
    }

    /// The classes in one row of scores of the first output.
    pub(crate) fn classes(&self, outputs: &[Value]) -> Result<Answer, Refusal> {
        let recipe = self.image_recipe()?;
        let first = outputs.first().and_then(Value::tensor);
        let no_scores = || self.failure("the first output is no tensor of numbers".to_string());
        let output = first.ok_or_else(no_scores)?;
        let scores = output.as_slice::<f32>().map_err(|e| self.failure(e.to_string()))?;
        recipe.answer(scores).map_err(|reason| self.failure(reason))
    }

    /// Inferences in one run: rows, where the model's inputs have them.
    pub(crate) fn batch_size(&self, rows: usize) -> usize {
        if has_rows(self.signature()) { rows } else { 1 }
    }

    /// Do these inputs fit the signature?
    pub(crate) fn check(&self, inputs: &[Value]) -> Result<(), Refusal> {
        let shapes: Vec<&[usize]> = inputs.iter().map(Value::shape).collect();
        plan::bind(self.signature(), &shapes)?;
        for (port, value) in self.signature().inputs.iter().zip(inputs) {
            let (expected, found) = (port.dtype, value.dtype());
            if expected != found {
                return Err(Refusal::Type { input: port.name.clone(), expected, found });
            }
        }
        Ok(())
    }

    /// The engine's outputs; that they are as many as the signature says is checked here once,
    /// so that no protocol needs to.
    pub(crate) fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, Refusal> {
        let outputs = self.engine.run(inputs).map_err(|reason| self.failure(reason))?;
        let (expected, found) = (self.signature().outputs.len(), outputs.len());
        if expected != found {
            return Err(self.failure(format!("expected {expected} outputs, found {found}")));
        }
        Ok(outputs)
    }

    pub(crate) fn failure(&self, reason: String) -> Refusal {
        Refusal::Engine { model: self.name.clone(), reason }
    }

    fn image_recipe(&self) -> Result<&dyn ImageRecipe, Refusal> {
        let no_recipe = || Refusal::NoRecipe { model: self.name.clone() };
        self.recipe.as_deref().ok_or_else(no_recipe)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Servable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Servable({} version {})", self.name, self.version)
    }
}
