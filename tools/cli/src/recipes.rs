//! Which recipe a model gets, and why that one.

use crate::error::Error;
use crate::model::{ModelOptions, read_text};
use import::ModelMetadata;
use ir::{Graph, Op};
use plan::Signature;
use recipe::{ModelInput, Recipe, labels, presets};
use std::path::Path;
use tensor::scalar::Unary;

/// A recipe, or none, and why.
pub(crate) struct Chosen {
    /// The recipe.
    pub(crate) recipe: Option<Recipe>,
    /// Where it is from, or why there is none.
    pub(crate) why: String,
    /// Is it one that somebody wrote, or that the model's name tells? Otherwise it is a guess.
    pub(crate) is_known: bool,
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
    let none = |why: &str| Ok(Chosen { recipe: None, why: why.to_string(), is_known: true });
    let input = model_input(signature, source);
    let mut is_known = true;
    let (mut recipe, mut why) = match (&options.recipe, &input, own) {
        (Some(asked), input, _) => asked_for(asked, input.as_ref())?,
        (None, _, Some(recipe)) => (recipe.clone(), "the library's own".to_string()),
        (None, None, None) => return none("the model takes several inputs"),
        (None, Some(input), None) => match Recipe::for_model(path, input) {
            Ok(guess) => {
                is_known = guess.is_known;
                (guess.recipe, guess.why)
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
    Ok(Chosen { recipe: Some(recipe), why, is_known })
}

/// A preset's name, or a file.
fn asked_for(asked: &str, input: Option<&ModelInput>) -> Result<(Recipe, String), Error> {
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
        scales_pixels: source.is_some_and(|(_, metadata)| metadata.scales_pixels),
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
fn check_fit(recipe: &Recipe, signature: &Signature) -> Result<(), Error> {
    let [input] = signature.inputs.as_slice() else {
        let found = signature.inputs.len();
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
