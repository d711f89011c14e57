//! From a file to a model that answers: load, self-test, measure.

use crate::console::Console;
use crate::error::Error;
use crate::memory::Memory;
use crate::model::{self, Loaded, ModelOptions};
use crate::serve::sources::suffixes;
use crate::{compare, golden, inputs, show};
use clap::Args;
use recipe::Recipe;
use repository::{Archive, Batching, Classes, Limits, ModelFile};
use runtime::{Model, RunError};
use serde::Serialize;
use server::{LoadError, Servable, Source, measure_batching, measure_run};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tensor::{DType, Tensor, Value};
use tracing::info;

/// Which requests run together.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Batching")]
pub(crate) struct BatchingOptions {
    /// Most rows of several requests that run together; 1 runs each alone [default: what the
    /// model's configuration says, or else as many as make this model faster, measured as it
    /// loads]
    #[arg(long, value_name = "ROWS", env = "SCHOONER_MAX_BATCH")]
    max_batch: Option<std::num::NonZeroUsize>,

    /// How long a request may wait for others although a worker is idle, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0, env = "SCHOONER_BATCH_DELAY")]
    batch_delay: u32,
}

/// A model that answers, as it is told to whoever started the server.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ready {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    pub(crate) recipe: String,
    pub(crate) takes_images: bool,
    pub(crate) max_batch: usize,
    pub(crate) memory_bytes: usize,
    pub(crate) load_ms: f64,
    pub(crate) self_test: &'static str,
    pub(crate) self_test_ms: f64,
    /// An input that fits on a line, for the printed command.
    #[serde(skip)]
    pub(crate) instance: Option<String>,
}

/// Loads models as the command line says.
pub(crate) struct Loader {
    console: Console,
    options: ModelOptions,
    batching: BatchingOptions,
    workers: usize,
    /// Read libraries rather than map them?
    reads_libraries: bool,
    journal: Journal,
}

/// What came of the models that were loaded at the start; closed afterwards.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Option<Entries>>>);

type Entries = Vec<Result<Ready, Error>>;

impl Journal {
    /// Begins to note.
    pub(crate) fn open() -> Journal {
        Journal(Arc::new(Mutex::new(Some(Vec::new()))))
    }

    /// Everything that was noted, in order; nothing is noted any more.
    pub(crate) fn close(&self) -> Entries {
        self.lock().take().unwrap_or_default()
    }

    /// Notes an entry, or gives it back.
    fn note(&self, entry: Result<Ready, Error>) -> Option<Result<Ready, Error>> {
        match &mut *self.lock() {
            None => Some(entry),
            Some(entries) => {
                entries.push(entry);
                None
            }
        }
    }

    /// No code that can panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, Option<Entries>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl server::Loader for Loader {
    fn load(
        &self,
        name: &str,
        version: u64,
        source: &Source,
        room: usize,
    ) -> Result<Servable, LoadError> {
        let (loaded, entry) = match self.load_file(name, version, source, room) {
            Ok((servable, ready)) => (Ok(servable), Ok(ready)),
            Err(error) => (Err(load_error(&error, room)), Err(error)),
        };
        // Importing takes several times what stays.
        runtime::give_back_freed_memory();
        // At the start the whole of it is told at once; failures are told by whoever asked.
        if let Some(Ok(ready)) = self.journal.note(entry) {
            info!("loaded {ready}");
        }
        loaded
    }
}

impl Loader {
    pub(crate) fn new(
        console: &Console,
        options: &ModelOptions,
        batching: &BatchingOptions,
        workers: usize,
        journal: Journal,
    ) -> Loader {
        let (console, options, batching) = (console.clone(), options.clone(), batching.clone());
        Loader { console, options, batching, workers, reads_libraries: false, journal }
    }

    /// The same for files that may be written to while the server runs: pages that are mapped
    /// would change with them, or be gone.
    pub(crate) fn reading(self) -> Loader {
        Loader { reads_libraries: true, ..self }
    }

    fn load_file(
        &self,
        name: &str,
        version: u64,
        source: &Source,
        room: usize,
    ) -> Result<(Servable, Ready), Error> {
        let start = Instant::now();
        let loaded = self.read(source, room)?;
        check_ports(&loaded.model)?;
        let load_ms = milliseconds(start.elapsed());
        let start = Instant::now();
        let self_test = self_test(&loaded)?;
        let self_test_ms = milliseconds(start.elapsed());
        let Loaded { model, recipe_why, labels, .. } = loaded;
        let recipe = model.recipe().cloned();
        let engine = Engine { model: model.clone(), _freed: Freed };
        let servable = Servable::new(name, engine).with_version(version).with_labels(labels);
        let servable = servable.with_priorities(source.priorities.clone());
        let servable = match recipe {
            Some(recipe) => servable.with_recipe(Prepared(recipe)),
            None => servable,
        };
        let servable = self.measured(servable, &inputs::made_up(&model, &[])?, source);
        let max_batch = servable.batching().max_rows;
        let needed = memory_bytes(&model, max_batch, self.workers)?;
        if needed > room {
            return Err(RunError::Memory { needed, limit: room }.into());
        }
        let ready = Ready {
            name: name.to_string(),
            version,
            inputs: model.signature().inputs.iter().map(show::port).collect(),
            outputs: model.signature().outputs.iter().map(show::port).collect(),
            recipe: recipe_why,
            takes_images: servable.takes_images(),
            max_batch,
            memory_bytes: needed,
            load_ms,
            self_test,
            self_test_ms,
            instance: instance(&model),
        };
        Ok((servable.with_memory(needed), ready))
    }

    /// The model in its file, with its class names.
    fn read(&self, source: &Source, room: usize) -> Result<Loaded, Error> {
        let mut options = self.options.clone();
        options.memory = Some(Memory { bytes: room });
        options.reads_libraries = self.reads_libraries;
        if let (None, Classes::File(file)) = (&options.labels, &source.classes) {
            options.labels = Some(file.clone());
        }
        // What is mapped stays when its folder goes.
        let unpacked;
        let path = match &source.file {
            ModelFile::Plain(path) => path.clone(),
            ModelFile::Archived { archive, .. } => {
                let refused = |reason| Error::Library { path: archive.clone(), reason };
                unpacked = tempfile::tempdir().map_err(|e| Error::of_file(archive, e))?;
                let suffixes: Vec<String> = suffixes().into_iter().map(str::to_string).collect();
                let opened = Archive::open(archive, &suffixes, Limits::default());
                let unpack = |archive: Archive| archive.unpack(unpacked.path());
                opened.and_then(unpack).map_err(|error| refused(error.to_string()))?
            }
        };
        let loaded = model::load(&self.console, &path, &options)?;
        let (Classes::Names(names), None) = (&source.classes, &options.labels) else {
            return Ok(loaded);
        };
        let recipe = loaded.model.recipe().cloned().map(|mut recipe| {
            recipe.post.labels.clone_from(names);
            recipe
        });
        Ok(Loaded { model: loaded.model.with_recipe(recipe), ..loaded })
    }

    /// The model, of which it is known how long it takes and which requests run together. One
    /// that does not bear the made-up input, `example`, has passed its self-test all the same: it
    /// is taken for slow, and nothing runs together unless that was asked for.
    fn measured(&self, servable: Servable, example: &[Value], source: &Source) -> Servable {
        let run = measure_run(&servable, example).unwrap_or(Duration::MAX);
        let batching = self.batching(&servable, example, run, source);
        servable.with_batching(batching).with_run_time(run)
    }

    /// What the flags say, or the model's configuration, or else a measurement.
    fn batching(
        &self,
        servable: &Servable,
        example: &[Value],
        run: Duration,
        source: &Source,
    ) -> Batching {
        let max_delay = Duration::from_millis(self.batching.batch_delay.into());
        if let Some(rows) = self.batching.max_batch {
            return Batching { max_rows: rows.get(), max_delay, ..Batching::OFF };
        }
        if let Some(batching) = &source.batching {
            let max_delay = max_delay.max(batching.max_delay);
            return Batching { max_delay, ..batching.clone() };
        }
        if example.first().is_none_or(|input| input.shape().first() != Some(&1)) {
            return Batching::OFF;
        }
        let measured = measure_batching(servable, example, run).unwrap_or(Batching::OFF);
        Batching { max_delay, ..measured }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The same in the words of the server.
fn load_error(error: &Error, room: usize) -> LoadError {
    match error {
        Error::NotFound { path, .. } => LoadError::NotFound(path.clone()),
        Error::Run(RunError::Memory { needed, .. }) => LoadError::Memory { needed: *needed, room },
        Error::Import { error: import, .. } => match import.bytes_over_budget() {
            Some(needed) => {
                LoadError::Memory { needed: usize::try_from(needed).unwrap_or(usize::MAX), room }
            }
            None => LoadError::Model(error.to_string()),
        },
        error => LoadError::Model(error.to_string()),
    }
}

/// The most memory that the model holds: its constants, and on each worker what a run of the
/// largest batch needs.
fn memory_bytes(model: &Model, rows: usize, workers: usize) -> Result<usize, Error> {
    let mut sizes = model.plan().defaults.clone();
    let first = model.signature().inputs.first().and_then(|port| port.shape.first());
    if let (Some(symbol), true) = (first.and_then(|dim| dim.as_symbol()), rows > 1) {
        sizes.insert(symbol.to_string(), i64::try_from(rows).unwrap_or(i64::MAX));
    }
    let run = model.arena_bytes(&sizes)?;
    Ok(model.constants().as_slice().len().saturating_add(run.saturating_mul(workers)))
}

/// Every input and output must be a tensor: no protocol carries anything else.
fn check_ports(model: &Model) -> Result<(), Error> {
    let mut ports = model.signature().inputs.iter().chain(&model.signature().outputs);
    match ports.find(|port| port.dtype == DType::Object) {
        None => Ok(()),
        Some(port) => {
            Err(RunError::NotNumbers { port: port.name.clone(), found: port.dtype }.into())
        }
    }
}

/// What the model answers must be what it answered when it was built, or at least numbers; the
/// first request then need not bind the plan either.
fn self_test(loaded: &Loaded) -> Result<&'static str, Error> {
    let model = &loaded.model;
    if let Some(expected) = &loaded.golden {
        golden::check(model, expected)?;
        return Ok("golden outputs");
    }
    let inputs = model.default_inputs()?;
    let outputs = match model.run_values(&inputs) {
        Ok(outputs) => outputs,
        Err(error) if inputs::is_unknown_text(&inputs, &error) => {
            return Ok("no text that it knows");
        }
        Err(error) => return Err(error.into()),
    };
    let ports = model.signature().outputs.iter();
    match ports.zip(&outputs).find(|(_, output)| !compare::is_finite(output)) {
        None => Ok("finite on zeros"),
        Some((port, _)) => Err(Error::Failure(format!(
            "self-test of `{}`: output `{}` is not finite on an input of zeros; see `schooner \
             check`",
            model.name(),
            port.name
        ))),
    }
}

/// The model as the server knows it.
struct Engine {
    model: Model,
    /// Dropped last.
    _freed: Freed,
}

/// Gives back to the system what was freed before.
struct Freed;

impl Drop for Freed {
    fn drop(&mut self) {
        runtime::give_back_freed_memory();
    }
}

impl server::Engine for Engine {
    fn signature(&self) -> &plan::Signature {
        self.model.signature()
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        self.model.run_values(inputs).map_err(|error| error.to_string())
    }
}

/// The recipe as the server knows it.
struct Prepared(Recipe);

impl server::ImageRecipe for Prepared {
    fn prepare(&self, image: &[u8]) -> Result<Tensor, String> {
        self.0.prepare(image).map_err(|error| error.to_string())
    }

    fn answer(&self, scores: &[f32]) -> Result<server::Answer, String> {
        let answer = self.0.answer(scores).map_err(|error| error.to_string())?;
        let class = |c: recipe::ClassScore| server::ClassScore {
            index: c.index,
            label: c.label,
            probability: c.probability,
        };
        Ok(server::Answer { classes: answer.classes.into_iter().map(class).collect() })
    }

    fn label(&self, index: usize) -> Option<&str> {
        self.0.post.labels.get(index).map(String::as_str)
    }
}

/// Elements of an input that is printed as a command.
const INSTANCE_MAX: usize = 16;

/// One row of zeros for a model with one small input.
fn instance(model: &Model) -> Option<String> {
    let [input] = model.signature().inputs.as_slice() else { return None };
    let [_, rest @ ..] = input.shape.as_slice() else { return None };
    let sizes: Vec<usize> = rest.iter().map(|d| d.known_size()).collect::<Option<_>>()?;
    if sizes.iter().product::<usize>() > INSTANCE_MAX {
        return None;
    }
    let row = |text: String, &size: &usize| format!("[{}]", vec![text; size].join(", "));
    let element = if input.dtype == DType::String { "\"0\"" } else { "0" };
    Some(sizes.iter().rev().fold(element.to_string(), row))
}

impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ready { name, version, load_ms, self_test, self_test_ms, max_batch, .. } = self;
        write!(f, "{name} version {version} in {load_ms:.0} ms, ")?;
        write!(f, "self-test ({self_test}) passed in {self_test_ms:.1} ms, ")?;
        match max_batch {
            1 => write!(f, "each request runs alone"),
            rows => write!(f, "up to {rows} rows run together"),
        }
    }
}
