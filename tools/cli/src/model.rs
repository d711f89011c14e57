//! From a path to a model that runs: the one place where commands load models.
//!
//! What the file is, its first bytes tell: a built library or package is mapped, everything else
//! goes through import, passes and lowering.

use crate::console::Console;
use crate::error::Error;
use crate::memory::Memory;
use crate::recipes::{self, Chosen};
use crate::sizes;
use clap::Args;
use import::tensorflow::SAVED_MODEL;
use import::{ModelMetadata, Survey};
use ir::Graph;
use package::Golden;
use plan::Precision;
use recipe::Provenance;
use runtime::{Constants, Model, RunError};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Largest recipe or labels file, in bytes: a million names of some tens of bytes.
const TEXT_BYTES_MAX: u64 = 32 << 20;

/// Which model, and how it takes images.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
    /// Model file (.onnx, .keras, .h5, .pb, .tflite, .pt2, .pt, model.json, .ubj and others), the
    /// folder of a SavedModel, or a library or package that `schooner build` made
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) options: ModelOptions,
}

/// How models are loaded.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ModelOptions {
    /// Preset or file (.toml, .json) that says how images become inputs [default: the recipe
    /// inside a library, the file beside the model, or a guess from the model's name and input]
    #[arg(long, value_name = "PRESET|FILE", env = "SCHOONER_RECIPE")]
    pub(crate) recipe: Option<String>,

    /// File with the names of the classes, one a line or a JSON list
    #[arg(long, value_name = "FILE", env = "SCHOONER_LABELS")]
    pub(crate) labels: Option<PathBuf>,

    /// Fix a symbolic size of the inputs; may be given again
    #[arg(long = "size", value_name = "NAME=N", env = "SCHOONER_SIZE", value_delimiter = ',',
          value_parser = name_and_size)]
    pub(crate) sizes: Vec<(String, i64)>,

    #[command(flatten)]
    pub(crate) part: Part,

    /// What convolutions, matrix products and attention multiply: f32, or bf16, which is faster and
    /// less exact [default: f32, or what a library was built with]
    #[arg(long, value_name = "f32|bf16", env = "SCHOONER_PRECISION")]
    pub(crate) precision: Option<Precision>,

    /// Memory that the model's constants and one run of it may take together, e.g. 512MB or 2GiB
    /// [default: half of the memory that this process may use]
    #[arg(long, value_name = "SIZE", env = "SCHOONER_MEMORY", value_parser = Memory::parse)]
    pub(crate) memory: Option<Memory>,

    /// Read libraries rather than map them, because somebody may write into their files?
    #[arg(skip)]
    pub(crate) reads_libraries: bool,
}

/// Which part of a file is the model, and with which weights.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Part {
    /// Output to keep, where the format lets one choose: one of the signature's, or a node of a
    /// TensorFlow graph; may be given again [default: those that the model has]
    #[arg(
        long = "model-output",
        value_name = "NAME",
        env = "SCHOONER_MODEL_OUTPUT",
        value_delimiter = ','
    )]
    kept: Vec<String>,

    /// Signature by which a SavedModel is called [default: serving_default, or its first one]
    #[arg(long, value_name = "NAME", env = "SCHOONER_SIGNATURE")]
    signature: Option<String>,

    /// Weights alone (.pth, .safetensors): the state dict of a PyTorch module, whose tensors stand
    /// in the place of those that its export has under the same names [default: the model's own]
    #[arg(long, value_name = "FILE", env = "SCHOONER_WEIGHTS")]
    weights: Option<PathBuf>,
}

impl ModelOptions {
    /// Bytes that the model's constants and one run of it may take together.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory.unwrap_or_else(Memory::share_of_this_machine).bytes
    }
}

/// A model that was loaded, and what is known of it.
pub(crate) struct Loaded {
    /// Ready to run, with its recipe.
    pub(crate) model: Model,
    /// Where the recipe is from, or why there is none.
    pub(crate) recipe_why: String,
    /// Is the recipe more than a guess?
    pub(crate) recipe_is_known: bool,
    /// Where each of its parts is from.
    pub(crate) recipe_parts: Vec<Provenance>,
    /// Names of the classes, where the model itself has some.
    pub(crate) labels: Vec<String>,
    /// What only an imported model has.
    pub(crate) source: Option<Source>,
    /// What a library answered when it was built.
    pub(crate) golden: Option<Golden>,
    /// How long each stage took.
    pub(crate) times: Vec<(&'static str, Duration)>,
}

/// What an imported model has beside its plan.
pub(crate) struct Source {
    /// The graph that was lowered.
    pub(crate) graph: Graph,
    /// What the file says about itself.
    pub(crate) metadata: ModelMetadata,
}

/// A graph in the stages before the plan.
pub(crate) struct Compiled {
    pub(crate) graph: Graph,
    pub(crate) metadata: ModelMetadata,
    pub(crate) times: Vec<(&'static str, Duration)>,
}

/// What stands beside a model that `schooner compress` has written.
pub(crate) const CERTIFICATE: &str = "certificate.json";

/// Loads a model of any kind, or the one in a folder that `schooner compress` has written.
pub(crate) fn load(
    console: &Console,
    path: &Path,
    options: &ModelOptions,
) -> Result<Loaded, Error> {
    let path = &in_folder(path);
    let loaded = if is_built(path)? {
        open(path, options)?
    } else {
        compile(path, options, import(path, options)?)?
    };
    Ok(loaded.on(console, options))
}

/// The model in a folder that `schooner compress` has written; any other path as it is.
pub(crate) fn in_folder(path: &Path) -> PathBuf {
    let inside = path.join(CERTIFICATE).is_file().then(|| models_in(path));
    match inside.as_deref() {
        Some([only]) => only.clone(),
        Some(_) | None => path.to_path_buf(),
    }
}

/// The file that a model lies in, or that says where the rest of it is.
pub(crate) fn main_file(path: &Path) -> PathBuf {
    let graph = path.join(SAVED_MODEL);
    if graph.is_file() { graph } else { in_folder(path) }
}

impl Loaded {
    fn of(model: Model, chosen: Chosen) -> Loaded {
        Loaded {
            model: model.with_recipe(chosen.recipe),
            recipe_why: chosen.why,
            recipe_is_known: chosen.is_known,
            recipe_parts: chosen.parts,
            labels: Vec::new(),
            source: None,
            golden: None,
            times: Vec::new(),
        }
    }

    /// The same model on as many threads and in as much memory as was asked for.
    pub(crate) fn on(self, console: &Console, options: &ModelOptions) -> Loaded {
        for (stage, time) in &self.times {
            console.detail(format_args!("{stage}: {:.1} ms", time.as_secs_f64() * 1e3));
        }
        let constants = self.model.constants().as_slice().len();
        let left = options.memory_bytes().saturating_sub(constants);
        Loaded { model: self.model.with_pool(console.pool()).with_arena_bytes_max(left), ..self }
    }
}

/// Is it a built library or package, by its first bytes?
pub(crate) fn is_built(path: &Path) -> Result<bool, Error> {
    let mut first = Vec::new();
    let failed = |e| Error::of_file(path, e);
    if path.join(SAVED_MODEL).is_file() {
        return Ok(false);
    }
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(folder(path));
    }
    file.take(8).read_to_end(&mut first).map_err(failed)?;
    let magics: [&[u8]; 6] = [
        &package::MAGIC,
        b"\x7fELF",
        b"MZ",
        b"\xcf\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
        b"!<arch>\n",
    ];
    Ok(magics.iter().any(|magic| first.starts_with(magic)))
}

/// What a model file is, as far as it can be imported, and how long that took.
pub(crate) fn survey(path: &Path, options: &ModelOptions) -> Result<(Survey, Duration), Error> {
    is_built(path)?;
    let sizes = options.sizes.iter().cloned().collect();
    let import_options = import::Options {
        sizes,
        folder: None,
        name: None,
        memory: options.memory_bytes(),
        outputs: options.part.kept.clone(),
        signature: options.part.signature.clone(),
        weights: options.part.weights.clone(),
    };
    let start = Instant::now();
    let survey = import::survey_file(path, &import_options).map_err(|e| refused(path, e))?;
    Ok((survey, start.elapsed()))
}

/// The graph of a model file as it was imported.
pub(crate) fn import(path: &Path, options: &ModelOptions) -> Result<Compiled, Error> {
    let (survey, time) = survey(path, options)?;
    compiled(path, survey, time)
}

/// The graph that a survey found, when it is the whole model.
pub(crate) fn compiled(path: &Path, survey: Survey, time: Duration) -> Result<Compiled, Error> {
    let imported = survey.imported().map_err(|e| refused(path, e))?;
    let mut graph = imported.graph;
    // Exporters name graphs `main_graph`; users know a model by its file.
    graph.name = name_of(path);
    Ok(Compiled { graph, metadata: imported.metadata, times: vec![("import", time)] })
}

fn refused(path: &Path, error: import::ImportError) -> Error {
    match error {
        import::ImportError::Io { path, error } => Error::of_file(&path, error),
        error => Error::Import { path: path.to_path_buf(), error: Box::new(error) },
    }
}

/// Runs the passes.
pub(crate) fn optimize(mut compiled: Compiled) -> Result<Compiled, Error> {
    let start = Instant::now();
    let (graph, _) = passes::optimize(compiled.graph)
        .map_err(|e| Error::Defect { stage: "passes", reason: e.to_string() })?;
    compiled.graph = graph;
    compiled.times.push(("passes", start.elapsed()));
    Ok(compiled)
}

/// The name that a model is known by: the stem of its file, or the folder of a SavedModel.
pub(crate) fn name_of(path: &Path) -> String {
    let path = match path.file_name() {
        Some(name) if name == SAVED_MODEL => path.parent().unwrap_or(path),
        _ => path,
    };
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs the passes and makes the plan.
pub(crate) fn compile(
    path: &Path,
    options: &ModelOptions,
    imported: Compiled,
) -> Result<Loaded, Error> {
    let Compiled { graph, metadata, mut times } = optimize(imported)?;
    let start = Instant::now();
    let precision = options.precision.unwrap_or_default();
    let lower_options = lower::Options { precision, ..Default::default() };
    let lower::Lowered { mut plan, constants } = lower::lower_with(&graph, &lower_options)?;
    times.push(("lower", start.elapsed()));
    let constants = Constants::owned(constants);
    sizes::settle(&mut plan, &constants);
    let model = Model::new(plan, constants)
        .map_err(|e| Error::Defect { stage: "lower", reason: e.to_string() })?;
    let chosen =
        recipes::choose(path, options, model.signature(), None, Some((&graph, &metadata)))?;
    let labels = metadata.labels.clone();
    let source = Some(Source { graph, metadata });
    Ok(Loaded { labels, source, times, ..Loaded::of(model, chosen) })
}

fn open(path: &Path, options: &ModelOptions) -> Result<Loaded, Error> {
    let start = Instant::now();
    let refused = |reason| Error::Library { path: path.to_path_buf(), reason };
    let opened = match options.reads_libraries {
        true => {
            let length = std::fs::metadata(path).map_err(|e| Error::of_file(path, e))?.len();
            let (needed, limit) = (usize::try_from(length), options.memory_bytes());
            let needed = needed.unwrap_or(usize::MAX);
            if needed > limit {
                return Err(RunError::Memory { needed, limit }.into());
            }
            runtime::read(path)
        }
        false => runtime::open(path, None, runtime::Check::Everything),
    };
    let opened = opened.map_err(|e| refused(e.to_string()))?;
    let runtime::Opened { model, manifest, golden, .. } = opened;
    let labels = manifest.labels;
    let times = vec![("open", start.elapsed())];
    if !options.sizes.is_empty() {
        let reason = "--size needs the model file; sizes are fixed when a library is built";
        return Err(Error::Usage(reason.to_string()));
    }
    if let Some(weights) = &options.part.weights {
        let reason = format!("--weights {}: a library has its own", weights.display());
        return Err(Error::Usage(format!("{reason}; build it again from the model file")));
    }
    let built_in = model.plan().precision();
    if let Some(asked) = options.precision.filter(|&asked| asked != built_in) {
        let reason = format!("--precision {asked}: the library was built with {built_in}");
        return Err(Error::Usage(format!("{reason}; build it again from the model file")));
    }
    let chosen = match (&options.recipe, &options.labels, model.recipe()) {
        (None, None, None) => Chosen::none("the library was built without one"),
        (None, None, own @ Some(_)) | (Some(_), _, own) | (_, Some(_), own) => {
            recipes::choose(path, options, model.signature(), own, None)?
        }
    };
    Ok(Loaded { labels, golden, times, ..Loaded::of(model, chosen) })
}

/// A text file that somebody wrote, read up to a bound.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let failed = |e| Error::of_file(path, e);
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(TEXT_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn folder(path: &Path) -> Error {
    let models: Vec<String> =
        models_in(path).iter().take(3).map(|path| path.display().to_string()).collect();
    let hint = match models.as_slice() {
        [] => "; there is no model in it".to_string(),
        _ => format!("; in it are {}", models.join(", ")),
    };
    Error::Folder { path: path.to_path_buf(), hint }
}

/// The files in a folder that are called as models are, and as nothing else.
fn models_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_model = |path: &PathBuf| {
        let name = path.to_string_lossy();
        let mut suffixes = import::formats::own_suffixes().chain([".so", ".schooner"]);
        suffixes.any(|suffix| name.ends_with(suffix))
    };
    entries.map(|entry| entry.path()).filter(is_model).collect()
}

/// A size by its name, as it is typed.
pub(crate) fn name_and_size(text: &str) -> Result<(String, i64), String> {
    let (name, size) = text.split_once('=').ok_or("expected NAME=N, e.g. batch=1")?;
    let size = size.parse().map_err(|_| format!("expected a number after `=`, found `{size}`"))?;
    Ok((name.to_string(), size))
}
