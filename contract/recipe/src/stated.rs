//! What one source says of a recipe, and how what several say becomes one.

use crate::{Activation, Color, Crop, Filter, Guess, ModelInput, Normalize, Recipe};
use crate::{RecipeError, Resize, ResizeTo};
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// What a file says of how images become a model's input, and scores an answer. Whatever it is
/// silent on is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stated {
    /// The file, or the place in it, for people.
    pub origin: String,
    /// The order of the channels.
    pub color: Option<Color>,
    /// To which size the image is brought, and how.
    pub size: Option<Framing>,
    /// Mean and deviation, in levels 0 to 255.
    pub normalize: Option<Normalize>,
    /// What turns scores into probabilities, unless the model does it itself.
    pub activation: Option<Activation>,
    /// The names of the classes.
    pub labels: Option<Vec<String>>,
    /// What it says of the pixels that no recipe can say; nothing then stands in for it.
    pub inexpressible: Option<String>,
}

/// How an image is brought to the model's size.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Framing {
    /// The resize, if there is one.
    pub resize: Option<Resize>,
    /// The center crop behind it, if there is one.
    pub crop: Option<Crop>,
}

impl Framing {
    /// A resize, and a crop behind it if there is one.
    pub fn new(to: ResizeTo, filter: Filter, crop: Option<Crop>) -> Framing {
        Framing { resize: Some(Resize { to, filter, antialias: true }), crop }
    }
}

/// A part of a recipe that is known or guessed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The order of the channels.
    Color,
    /// Resize and crop.
    Size,
    /// Mean and deviation.
    Normalize,
    /// What turns scores into probabilities.
    Activation,
    /// The names of the classes.
    Labels,
}

impl Part {
    /// Every part, in the order of the data's way.
    pub const ALL: [Part; 5] =
        [Part::Color, Part::Size, Part::Normalize, Part::Activation, Part::Labels];
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Color => "color",
            Part::Size => "size",
            Part::Normalize => "normalize",
            Part::Activation => "activation",
            Part::Labels => "labels",
        })
    }
}

/// Where a part of a recipe is from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Provenance {
    /// The part.
    pub part: Part,
    /// The file that says it, or what it was concluded from.
    pub from: String,
    /// Does somebody say so? Otherwise it is what is commonest.
    pub is_known: bool,
}

impl Provenance {
    /// The parts of each source, `color, size`, with it: the sources in the order of their first
    /// parts.
    pub fn by_source<'a>(
        parts: impl IntoIterator<Item = &'a Provenance>,
    ) -> Vec<(String, &'a Provenance)> {
        let mut sources: Vec<(String, &Provenance)> = Vec::new();
        for place in parts {
            let is_it =
                |known: &Provenance| (&known.from, known.is_known) == (&place.from, place.is_known);
            match sources.iter_mut().find(|(_, known)| is_it(known)) {
                Some((names, _)) => names.push_str(&format!(", {}", place.part)),
                None => sources.push((place.part.to_string(), place)),
            }
        }
        sources
    }
}

impl Guess {
    /// Takes these parts from the sources, each from the first one that says it.
    ///
    /// Errors: a source contradicts the model's input or its number of classes; or the first that
    /// speaks of the pixels says what no recipe can.
    pub(crate) fn settle(
        &mut self,
        parts: &[Part],
        sources: &[Stated],
        input: &ModelInput,
    ) -> Result<(), RecipeError> {
        for &part in parts {
            let is_of_pixels = matches!(part, Part::Color | Part::Size | Part::Normalize);
            for source in sources {
                if let (Some(what), true) = (&source.inexpressible, is_of_pixels) {
                    let (origin, what) = (source.origin.clone(), what.clone());
                    return Err(RecipeError::Inexpressible { origin, what });
                }
                if self.take(part, source, input)? {
                    self.set(part, &source.origin, true);
                    break;
                }
            }
        }
        self.recipe.validate()
    }

    /// Takes a part from a source, if the source says it and the model leaves it open.
    fn take(
        &mut self,
        part: Part,
        source: &Stated,
        input: &ModelInput,
    ) -> Result<bool, RecipeError> {
        let recipe = &mut self.recipe;
        match part {
            Part::Color => match source.color {
                // The number of channels is the model's to say.
                Some(color) if color.channels() == recipe.color.channels() => recipe.color = color,
                Some(_) | None => return Ok(false),
            },
            Part::Size => {
                let Some(Framing { resize, crop }) = source.size.clone() else { return Ok(false) };
                (recipe.resize, recipe.crop) = (resize, crop);
                recipe.validate().map_err(|error| source.refuse(error))?;
                source.check_size(recipe, input)?;
            }
            Part::Normalize => {
                // Of an input in levels there is nothing to normalize, whatever was trained.
                let is_open = recipe.dtype == crate::SampleType::F32;
                let Some(normalize) = source.normalize.clone().filter(|_| is_open) else {
                    return Ok(false);
                };
                recipe.normalize = normalize.shortened();
                recipe.validate().map_err(|error| source.refuse(error))?;
            }
            Part::Activation => match source.activation {
                Some(activation) if !input.gives_probabilities => {
                    recipe.post.activation = activation;
                }
                Some(_) | None => return Ok(false),
            },
            Part::Labels => {
                let Some(names) = source.labels.clone() else { return Ok(false) };
                if let Some(classes) = input.classes.filter(|&classes| classes != names.len()) {
                    let labels = names.len();
                    return Err(source.refuse(RecipeError::LabelCount { classes, labels }));
                }
                recipe.post.labels = names;
            }
        }
        Ok(true)
    }

    fn set(&mut self, part: Part, from: &str, is_known: bool) {
        if let Some(place) = self.parts.iter_mut().find(|place| place.part == part) {
            place.from = from.to_string();
            place.is_known = is_known;
        }
    }
}

impl Stated {
    /// The sizes that the model fixes are those that the image is brought to.
    fn check_size(&self, recipe: &Recipe, input: &ModelInput) -> Result<(), RecipeError> {
        let Some((height, width)) = recipe.output_size() else { return Ok(()) };
        let fixed = input.size();
        let fits = |fixed: Option<usize>, made| fixed.is_none_or(|fixed| fixed == made);
        if fits(fixed.0, height) && fits(fixed.1, width) {
            return Ok(());
        }
        let side = |size: Option<usize>| size.map_or_else(|| "?".to_string(), |n| n.to_string());
        let reason = format!(
            "expected images of {}x{}, which the model takes, found {height}x{width}; put the \
             file of this model there, or store a recipe of its own beside it",
            side(fixed.0),
            side(fixed.1)
        );
        Err(RecipeError::File { path: PathBuf::from(&self.origin), reason })
    }

    fn refuse(&self, error: RecipeError) -> RecipeError {
        RecipeError::File { path: PathBuf::from(&self.origin), reason: error.to_string() }
    }
}
