//! Which recipe a model gets, and why that one.

use crate::console::quoted;
use crate::error::Error;
use crate::model::{ModelOptions, read_text};
use import::ModelMetadata;
use ir::{Graph, Op};
use plan::{Port, Signature};
use recipe::{
    Color, Crop, Filter, Framing, ModelInput, Normalize, Provenance, Recipe, ResizeTo, Stated,
    labels, presets,
};
use std::path::Path;
use tensor::scalar::Unary;

/// A recipe, or none, and why.
pub(crate) struct Chosen {
    /// The recipe.
    pub(crate) recipe: Option<Recipe>,
    /// Where it is from, or why there is none.
    pub(crate) why: String,
    /// Is it one that a file or the model's name tells? Otherwise it is a guess.
    pub(crate) is_known: bool,
    /// Where each part is from; nothing where all of it is from one place.
    pub(crate) parts: Vec<Provenance>,
}

impl Chosen {
    /// No recipe, for a reason that nobody needs to settle.
    pub(crate) fn none(why: &str) -> Chosen {
        Chosen { recipe: None, why: why.to_string(), is_known: true, parts: Vec::new() }
    }
}

/// The recipe by the flags, or the one beside the model, or a guess. A model that takes no image
/// has none unless one is asked for.
pub(crate) fn choose(
    path: &Path,
    options: &ModelOptions,
    signature: &Signature,
    own: Option<&Recipe>,
    source: Option<(&Graph, &ModelMetadata)>,
) -> Result<Chosen, Error> {
    let none = |why: &str| Ok(Chosen::none(why));
    let input = model_input(signature, source);
    let (mut is_known, mut parts) = (true, Vec::new());
    let (mut recipe, mut why) = match (&options.recipe, &input, own) {
        (Some(asked), input, _) => asked_for(path, asked, input.as_ref())?,
        (None, _, Some(recipe)) => (recipe.clone(), "the library's own".to_string()),
        (None, None, None) => return none("the model takes several inputs"),
        (None, Some(input), None) => match Recipe::for_model(path, input) {
            Ok(guess) => {
                (is_known, parts) = (guess.is_known, guess.parts);
                let settle = format!("; a guess: settle it with {}", command(path));
                let settle = if is_known { "" } else { &settle };
                (guess.recipe, guess.why + settle)
            }
            Err(error @ recipe::RecipeError::Inexpressible { .. }) => {
                // Any other recipe would be wrong; tensors are answered all the same.
                let why = error.to_string();
                return Ok(Chosen { recipe: None, why, is_known: false, parts });
            }
            Err(recipe::RecipeError::NotAnImageInput { found }) => {
                return none(&format!("the input is no image: {found}"));
            }
            Err(error) => return Err(error.into()),
        },
    };
    if let Some(file) = &options.labels {
        let classes = input.as_ref().and_then(|input| input.classes);
        recipe.post.labels = labels::parse(&read_text(file)?, classes)?;
        why = format!("{why}; labels from {}", file.display());
    }
    check_fit(&recipe, signature)?;
    Ok(Chosen { recipe: Some(recipe), why, is_known, parts })
}

/// The command that shows a model's recipe and settles it.
pub(crate) fn command(path: &Path) -> String {
    format!("schooner recipe {}", quoted(path.display()))
}

/// Names of classes that are shown; a thousand of them would hide the rest.
const NAMES_SHOWN: usize = 10;

/// A recipe as people read it: TOML, without its names where there are many.
pub(crate) fn shown(recipe: &Recipe) -> Result<String, recipe::RecipeError> {
    let mut recipe = recipe.clone();
    let names = std::mem::take(&mut recipe.post.labels);
    let left_out = match names.as_slice() {
        [first, .., last] if names.len() > NAMES_SHOWN => {
            let count = names.len();
            format!("# {count} labels, {first:?} to {last:?}, are not shown; --write has them\n")
        }
        _ => {
            recipe.post.labels = names;
            String::new()
        }
    };
    Ok(format!("{left_out}\n{}", recipe.to_toml()?))
}

/// A preset's name, or a file.
fn asked_for(
    path: &Path,
    asked: &str,
    input: Option<&ModelInput>,
) -> Result<(Recipe, String), Error> {
    if asked.ends_with(".toml") || asked.ends_with(".json") {
        let text = read_text(Path::new(asked))?;
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
    // The guess finds layout, size and element type; the preset says the rest.
    let mut guess = Recipe::guess("", &ModelInput { says: Stated::default(), ..input.clone() })?;
    // What the files say of the pixels is put aside, right or wrong; their names are not.
    if let Ok(found) = Recipe::for_model(path, input) {
        guess.recipe.post = found.recipe.post;
    }
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
fn model_input(
    signature: &Signature,
    source: Option<(&Graph, &ModelMetadata)>,
) -> Option<ModelInput> {
    let [input] = signature.inputs.as_slice() else { return None };
    let scores = signature.outputs.first()?;
    Some(ModelInput {
        dims: input.shape.iter().map(|d| d.known_size()).collect(),
        dtype: input.dtype,
        classes: scores.shape.last().and_then(|d| d.known_size()),
        gives_probabilities: source.is_some_and(|(graph, _)| gives_probabilities(graph)),
        says: source.map_or_else(Stated::default, |(_, metadata)| says(metadata, signature)),
    })
}

/// What the model file says of its images and classes.
fn says(metadata: &ModelMetadata, signature: &Signature) -> Stated {
    let pixels = metadata.pixels.clone().unwrap_or_default();
    let is_empty = pixels.origin.is_empty();
    let origin = if is_empty { "the model file" } else { pixels.origin };
    let scores = signature.outputs.first().and_then(|port| port.shape.last()?.known_size());
    // Files of models that do not classify name classes too.
    let is_each_named = !metadata.labels.is_empty() && scores == Some(metadata.labels.len());
    let mut sides = signature.inputs.iter().flat_map(|port| port.shape.iter().skip(1));
    let is_open = sides.any(|dim| dim.known_size().is_none());
    let size = match pixels.framing {
        Some(import::Framing::AsItIs) if is_open => Some(Framing::default()),
        Some(import::Framing::AsItIs) | None => None,
        Some(import::Framing::Cropped(side)) => {
            let crop = Crop::new(side, side);
            Some(Framing::new(ResizeTo::Shortest(side), Filter::Bilinear, Some(crop)))
        }
        Some(import::Framing::Stretched(height, width)) => {
            Some(Framing::new(ResizeTo::Exact { height, width }, Filter::Bilinear, None))
        }
    };
    Stated {
        origin: origin.to_string(),
        color: pixels.channels.map(|channels| match channels {
            import::Channels::Rgb => Color::Rgb,
            import::Channels::Bgr => Color::Bgr,
            import::Channels::Gray => Color::Gray,
        }),
        size,
        normalize: pixels.scale.map(|scale| Normalize { mean: scale.mean, std: scale.std }),
        labels: is_each_named.then(|| metadata.labels.clone()),
        ..Stated::default()
    }
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

/// Does an input take what a recipe makes, in batches of any size?
pub(crate) fn takes(input: &Port, made: [usize; 4]) -> bool {
    let mut sizes = input.shape.iter().zip(made).skip(1);
    input.shape.len() == made.len() && sizes.all(|(d, n)| d.known_size().is_none_or(|k| k == n))
}

/// Refuses a recipe whose tensor the model does not take, before any image is seen.
fn check_fit(recipe: &Recipe, signature: &Signature) -> Result<(), Error> {
    let [input] = signature.inputs.as_slice() else {
        let found = signature.inputs.len();
        return Err(Error::Usage(format!("a recipe makes one input, the model takes {found}")));
    };
    let Some(made) = recipe.output_shape() else { return Ok(()) };
    if takes(input, made) {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "the recipe makes an input of shape {made:?}, the model's `{}` takes {:?}; give another \
         --recipe",
        input.name, input.shape
    )))
}
