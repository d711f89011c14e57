//! From a path to a model that runs: the one place where commands load models.
//!
//! What the file is, its first bytes tell: a built library or package is mapped, everything else
//! goes through import, passes and lowering.

use crate::console::Console;
use crate::error::Error;
use clap::Args;
use import::ModelMetadata;
use ir::{Graph, Op};
use plan::Precision;
use recipe::{ModelInput, Recipe, labels, presets};
use runtime::{Constants, Model};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tensor::scalar::Unary;

/// Largest recipe or labels file, in bytes: a million names of some tens of bytes.
const TEXT_BYTES_MAX: u64 = 32 << 20;

/// Which model, and how it takes images.
#[derive(Debug, Clone, Args)]
pub(crate) struct ModelArgs {
    /// Model file: .onnx, or a library or package that `schooner build` made
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,

    #[command(flatten)]
    pub(crate) options: ModelOptions,
}

/// How models are loaded.
#[derive(Debug, Clone, Args)]
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

    /// What convolutions, matrix products and attention multiply: f32, or bf16, which is faster and
    /// less exact [default: f32, or what a library was built with]
    #[arg(long, value_name = "f32|bf16", env = "SCHOONER_PRECISION")]
    pub(crate) precision: Option<Precision>,
}

/// A model that was loaded, and what is known of it.
pub(crate) struct Loaded {
    /// Ready to run, with its recipe.
    pub(crate) model: Model,
    /// Where the recipe is from, or why there is none.
    pub(crate) recipe_why: String,
    /// What only an imported model has.
    pub(crate) source: Option<Source>,
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

/// Loads a model of any kind.
pub(crate) fn load(
    console: &Console,
    path: &Path,
    options: &ModelOptions,
) -> Result<Loaded, Error> {
    let mut loaded = if is_built(path)? { open(path, options)? } else { compile(path, options)? };
    let pool = Arc::new(runtime::Pool::new(console.threads()));
    loaded.model = loaded.model.with_pool(pool);
    for (stage, time) in &loaded.times {
        console.detail(format_args!("{stage}: {:.1} ms", time.as_secs_f64() * 1e3));
    }
    Ok(loaded)
}

/// Is it a built library or package, by its first bytes?
pub(crate) fn is_built(path: &Path) -> Result<bool, Error> {
    let mut first = Vec::new();
    let failed = |e| Error::of_file(path, e);
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

/// The graph of a model file as it was imported.
pub(crate) fn import(path: &Path, options: &ModelOptions) -> Result<Compiled, Error> {
    is_built(path)?;
    let sizes = options.sizes.iter().cloned().collect();
    let import_options = import::Options { sizes, folder: None };
    let start = Instant::now();
    let imported = import::import_file(path, &import_options).map_err(|error| match error {
        import::ImportError::Io { path, error } => Error::of_file(&path, error),
        error => Error::Import { path: path.to_path_buf(), error: Box::new(error) },
    })?;
    let mut graph = imported.graph;
    // Exporters name graphs `main_graph`; users know a model by its file.
    graph.name = name_of(path);
    let times = vec![("import", start.elapsed())];
    Ok(Compiled { graph, metadata: imported.metadata, times })
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

/// The name that a model is known by: the stem of its file.
pub(crate) fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn compile(path: &Path, options: &ModelOptions) -> Result<Loaded, Error> {
    let Compiled { graph, metadata, mut times } = optimize(import(path, options)?)?;
    let start = Instant::now();
    let precision = options.precision.unwrap_or_default();
    let lower_options = lower::Options { precision, ..Default::default() };
    let lowered = lower::lower_with(&graph, &lower_options)?;
    times.push(("lower", start.elapsed()));
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants))
        .map_err(|e| Error::Defect { stage: "lower", reason: e.to_string() })?;
    let (recipe, recipe_why) = choose_recipe(path, options, &model, Some(&graph))?;
    let model = model.with_recipe(recipe);
    Ok(Loaded { model, recipe_why, source: Some(Source { graph, metadata }), times })
}

fn open(path: &Path, options: &ModelOptions) -> Result<Loaded, Error> {
    let start = Instant::now();
    let refused = |reason| Error::Library { path: path.to_path_buf(), reason };
    let model = Model::open(path).map_err(|e| refused(e.to_string()))?;
    let times = vec![("open", start.elapsed())];
    if !options.sizes.is_empty() {
        let reason = "--size needs the model file; sizes are fixed when a library is built";
        return Err(Error::Usage(reason.to_string()));
    }
    let built_in = model.plan().precision();
    if let Some(asked) = options.precision.filter(|&asked| asked != built_in) {
        let reason = format!("--precision {asked}: the library was built with {built_in}");
        return Err(Error::Usage(format!("{reason}; build it again from the model file")));
    }
    let (recipe, recipe_why) = match (&options.recipe, &options.labels, model.recipe()) {
        (None, None, Some(recipe)) => (Some(recipe.clone()), "the library's own".to_string()),
        (None, None, None) => (None, "the library was built without one".to_string()),
        (Some(_), _, _) | (_, Some(_), _) => choose_recipe(path, options, &model, None)?,
    };
    let model = model.with_recipe(recipe);
    Ok(Loaded { model, recipe_why, source: None, times })
}

/// The recipe by the flags, or the one beside the model, or a guess. A model that takes no image
/// has none unless one is asked for.
fn choose_recipe(
    path: &Path,
    options: &ModelOptions,
    model: &Model,
    graph: Option<&Graph>,
) -> Result<(Option<Recipe>, String), Error> {
    let input = model_input(model, graph);
    let (mut recipe, mut why) = match (&options.recipe, &input, model.recipe()) {
        (Some(asked), input, _) => recipe_asked_for(asked, input.as_ref())?,
        (None, _, Some(recipe)) => (recipe.clone(), "the library's own".to_string()),
        (None, None, None) => return Ok((None, "the model takes several inputs".to_string())),
        (None, Some(input), None) => match Recipe::for_model(path, input) {
            Ok(guess) => (guess.recipe, guess.why),
            Err(recipe::RecipeError::NotAnImageInput { found }) => {
                return Ok((None, format!("the input is no image: {found}")));
            }
            Err(error) => return Err(error.into()),
        },
    };
    if let Some(file) = &options.labels {
        let classes = input.as_ref().and_then(|input| input.classes);
        recipe.post.labels = labels::parse(&read_text(file)?, classes)?;
        why = format!("{why}; labels from {}", file.display());
    }
    check_fit(&recipe, model)?;
    Ok((Some(recipe), why))
}

/// A preset's name, or a file.
fn recipe_asked_for(asked: &str, input: Option<&ModelInput>) -> Result<(Recipe, String), Error> {
    let path = Path::new(asked);
    if asked.ends_with(".toml") || asked.ends_with(".json") {
        let text = read_text(path)?;
        let read = if asked.ends_with(".json") { Recipe::from_json } else { Recipe::from_toml };
        let recipe = read(&text).map_err(|e| Error::Usage(format!("--recipe {asked}: {e}")))?;
        return Ok((recipe, format!("recipe file {asked}")));
    }
    let preset = presets::find(asked).map_err(|error| {
        Error::Usage(format!("--recipe: {error}; or give a file in .toml or .json"))
    })?;
    let input = input.ok_or_else(|| {
        Error::Usage(format!("--recipe {asked}: the model takes several inputs, not one image"))
    })?;
    // The guess finds layout, size, element type and labels; the preset says the rest.
    let guess = Recipe::guess("", input)?;
    let (height, width) = guess.recipe.output_size().unwrap_or((preset.side, preset.side));
    let is_open = input.dims.iter().skip(1).filter(|d| d.is_none()).count() >= 2;
    let (height, width) = if is_open { (preset.side, preset.side) } else { (height, width) };
    let channels = guess.recipe.color.channels();
    let preset_recipe = Recipe::from_preset(preset.name, height, width, channels)?;
    let recipe = Recipe {
        layout: guess.recipe.layout,
        dtype: guess.recipe.dtype,
        post: guess.recipe.post,
        ..preset_recipe
    };
    recipe.validate()?;
    Ok((recipe, format!("preset `{}`, as asked for", preset.name)))
}

/// What a guess needs to know; nothing when the model takes several inputs.
fn model_input(model: &Model, graph: Option<&Graph>) -> Option<ModelInput> {
    let signature = model.signature();
    let [input] = signature.inputs.as_slice() else { return None };
    let scores = signature.outputs.first()?;
    Some(ModelInput {
        dims: input.shape.iter().map(|d| d.known_size()).collect(),
        dtype: input.dtype,
        classes: scores.shape.last().and_then(|d| d.known_size()),
        gives_probabilities: graph.is_some_and(gives_probabilities),
    })
}

/// Does the first output come out of a softmax or sigmoid, whatever shape it was given since?
fn gives_probabilities(graph: &Graph) -> bool {
    let Some(output) = graph.outputs.first() else { return false };
    let mut value = output.value;
    while let Some(node) = graph.nodes.iter().find(|node| node.outputs().any(|id| id == value)) {
        match (&node.op, node.inputs.first()) {
            (Op::Reshape { .. } | Op::Transpose { .. }, Some(&input)) => value = input,
            (op, _) => {
                return matches!(op, Op::Softmax { .. } | Op::Unary(Unary::Sigmoid));
            }
        }
    }
    false
}

/// Refuses a recipe whose tensor the model does not take, before any image is seen.
fn check_fit(recipe: &Recipe, model: &Model) -> Result<(), Error> {
    let [input] = model.signature().inputs.as_slice() else {
        let found = model.signature().inputs.len();
        return Err(Error::Usage(format!("a recipe makes one input, the model takes {found}")));
    };
    let Some(made) = recipe.output_shape() else { return Ok(()) };
    let fits = input.shape.len() == made.len()
        && input.shape.iter().zip(made).skip(1).all(|(d, n)| d.known_size().is_none_or(|k| k == n));
    if fits {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the recipe makes an input of shape {made:?}, the model's `{}` takes {:?}; give another \
         --recipe",
        input.name, input.shape
    )))
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
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let is_model = |p: &PathBuf| p.extension().is_some_and(|e| e == "onnx" || e == "so");
    let models: Vec<String> = entries
        .map(|e| e.path())
        .filter(is_model)
        .take(3)
        .map(|p| p.display().to_string())
        .collect();
    let hint = match models.as_slice() {
        [] => "; there is no model in it".to_string(),
        _ => format!("; in it are {}", models.join(", ")),
    };
    Error::Folder { path: path.to_path_buf(), hint }
}

fn name_and_size(text: &str) -> Result<(String, i64), String> {
    let (name, size) = text.split_once('=').ok_or("expected NAME=N, e.g. batch=1")?;
    let size = size.parse().map_err(|_| format!("expected a number after `=`, found `{size}`"))?;
    Ok((name.to_string(), size))
}
