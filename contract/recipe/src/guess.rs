//! A recipe for a model that brings none.

use crate::labels::imagenet1k;
use crate::presets::{self, Preset};
use crate::{Activation, Layout, Part, Provenance, Recipe, RecipeError, SampleType, Stated};
use tensor::DType;

/// What is known of a model that is to answer images.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelInput {
    /// Dimensions of the image input, outermost first, `None` where any size goes.
    pub dims: Vec<Option<usize>>,
    /// Type of the image input.
    pub dtype: DType,
    /// The number of scores, if known.
    pub classes: Option<usize>,
    /// Does the graph end in a softmax or sigmoid already?
    pub gives_probabilities: bool,
    /// What the model file itself says.
    pub says: Stated,
}

impl ModelInput {
    /// Height and width, as far as the model fixes them.
    pub fn size(&self) -> (Option<usize>, Option<usize>) {
        read_dims(self).map_or((None, None), |(_, _, height, width)| (height, width))
    }

    /// Is it an image? Gives the type of its elements.
    pub(crate) fn check(&self) -> Result<SampleType, RecipeError> {
        read_dims(self)?;
        match self.dtype {
            DType::F32 => Ok(SampleType::F32),
            DType::U8 => Ok(SampleType::U8),
            _ => Err(not_an_image(self)),
        }
    }
}

/// A recipe that was concluded, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Guess {
    /// The recipe.
    pub recipe: Recipe,
    /// Why this one, as a sentence for the user.
    pub why: String,
    /// Does a file, or the name of a known family, say how pixels are normalized? If not, it is
    /// the commonest way and should be checked against the training code.
    pub is_known: bool,
    /// Where each part is from, in the order of [`Part::ALL`].
    pub parts: Vec<Provenance>,
}

/// What a model of an unknown family is given: exports of PyTorch's classifiers are the
/// commonest NCHW files, and Keras models mostly rescale by 1/255.
fn commonest(layout: Layout, channels: usize) -> &'static str {
    match (layout, channels) {
        (Layout::Nchw, 3) => "imagenet",
        (Layout::Nchw | Layout::Nhwc, _) => "unit",
    }
}

impl Recipe {
    /// Concludes a recipe from the model's file stem and its image input.
    ///
    /// Open sizes become the family's; a `u8` input gets the levels as they are; 1000 classes (or
    /// 1001 with a background first) get the ImageNet names. What the model file says comes first.
    ///
    /// Errors: the input is not four-dimensional with 1 or 3 channels, or not `f32` or `u8`; or
    /// the file says what no recipe can say, or contradicts itself.
    pub fn guess(stem: &str, input: &ModelInput) -> Result<Guess, RecipeError> {
        Recipe::concluded(stem, input, std::slice::from_ref(&input.says))
    }

    /// As [`Recipe::guess`], but for what these sources say, the most trusted first.
    pub(crate) fn concluded(
        stem: &str,
        input: &ModelInput,
        sources: &[Stated],
    ) -> Result<Guess, RecipeError> {
        let (layout, channels, height, width) = read_dims(input)?;
        let dtype = input.check()?;
        let implied = presets::implied_by(stem, layout);
        let (preset, reason) = match (dtype, implied) {
            (SampleType::U8, _) => (presets::find("raw")?, "its input takes u8 levels".to_string()),
            (SampleType::F32, Some(preset)) => (preset, format!("its name is `{stem}`")),
            (SampleType::F32, None) => {
                let reason = "its name is of no known family: check mean and std against the \
                              training code";
                (presets::find(commonest(layout, channels))?, reason.to_string())
            }
        };
        let mut recipe = Recipe::from_preset(
            preset.name,
            height.or(width).unwrap_or(preset.side),
            width.or(height).unwrap_or(preset.side),
            channels,
        )?;
        recipe.layout = layout;
        recipe.dtype = dtype;
        if input.gives_probabilities {
            recipe.post.activation = Activation::None;
        }
        recipe.post.labels = known_labels(input.classes).unwrap_or_default();
        let has_family = dtype == SampleType::F32 && implied.is_some();
        let parts = provenance(&explain(preset, &recipe, &reason), has_family, &recipe, input);
        let mut guess = Guess { recipe, why: String::new(), is_known: false, parts };
        guess.settle(&Part::ALL, sources, input)?;
        let is_normalized = |place: &Provenance| place.part == Part::Normalize && place.is_known;
        guess.is_known = guess.parts.iter().any(is_normalized);
        guess.why = sentence(&guess.parts);
        Ok(guess)
    }
}

/// Where the parts of a recipe are from that was concluded from a preset alone.
fn provenance(
    preset: &str,
    has_family: bool,
    recipe: &Recipe,
    input: &ModelInput,
) -> Vec<Provenance> {
    let place = |part| {
        let (from, is_known) = match part {
            Part::Normalize if recipe.dtype == SampleType::U8 => (preset, true),
            Part::Color | Part::Size | Part::Normalize => (preset, has_family),
            Part::Activation if input.gives_probabilities => ("the model's last layer", true),
            Part::Activation => ("one class of many, as most models", false),
            Part::Labels if recipe.post.labels.is_empty() => (NO_NAMES, true),
            Part::Labels => ("ImageNet class names, by their number", false),
        };
        Provenance { part, from: from.to_string(), is_known }
    };
    Part::ALL.map(place).to_vec()
}

/// Where class names are from when there are none.
const NO_NAMES: &str = "no file names them";

/// The parts of an image's preparation, and the names if there are some, by where they are from.
pub(crate) fn sentence(parts: &[Provenance]) -> String {
    let told = |place: &&Provenance| place.part != Part::Activation && place.from != NO_NAMES;
    let sources = Provenance::by_source(parts.iter().filter(told)).into_iter();
    let texts = sources.map(|(names, place)| format!("{names} from {}", place.from));
    texts.collect::<Vec<_>>().join("; ")
}

fn explain(preset: &Preset, recipe: &Recipe, reason: &str) -> String {
    let layout = match recipe.layout {
        Layout::Nchw => "NCHW",
        Layout::Nhwc => "NHWC",
    };
    let (height, width) = recipe.output_size().unwrap_or_default();
    let Preset { name, sentence, .. } = preset;
    format!("preset `{name}` at {height}x{width} {layout} ({sentence}), because {reason}")
}

/// The ImageNet names when the number of classes is theirs, with or without a background class.
fn known_labels(classes: Option<usize>) -> Option<Vec<String>> {
    match classes {
        Some(1000) => Some(imagenet1k()),
        Some(1001) => Some(std::iter::once("background".to_string()).chain(imagenet1k()).collect()),
        Some(_) | None => None,
    }
}

type ImageDims = (Layout, usize, Option<usize>, Option<usize>);

/// Layout, channels, height and width. Where both ends could be channels, NCHW is meant.
fn read_dims(input: &ModelInput) -> Result<ImageDims, RecipeError> {
    let &[_, a, b, c] = input.dims.as_slice() else { return Err(not_an_image(input)) };
    match (a, c) {
        (Some(channels @ (1 | 3)), _) => Ok((Layout::Nchw, channels, b, c)),
        (_, Some(channels @ (1 | 3))) => Ok((Layout::Nhwc, channels, a, b)),
        (Some(_) | None, Some(_) | None) => Err(not_an_image(input)),
    }
}

fn not_an_image(input: &ModelInput) -> RecipeError {
    let dims: Vec<String> =
        input.dims.iter().map(|d| d.map_or_else(|| "?".to_string(), |n| n.to_string())).collect();
    RecipeError::NotAnImageInput { found: format!("{} [{}]", input.dtype, dims.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(dims: [Option<usize>; 4], dtype: DType, classes: usize) -> ModelInput {
        ModelInput {
            dims: dims.to_vec(),
            dtype,
            classes: Some(classes),
            gives_probabilities: false,
            says: Stated::default(),
        }
    }

    #[test]
    fn a_known_name_settles_the_recipe() {
        let dims = [None, Some(3), Some(224), Some(224)];
        let guess = Recipe::guess("efficientnet_lite0", &input(dims, DType::F32, 1000)).unwrap();
        assert!(guess.is_known);
        assert_eq!(guess.recipe.normalize.mean, [127.0]);
        assert_eq!(guess.recipe.resize.as_ref().unwrap().to, crate::ResizeTo::Shortest(256));
        assert_eq!(guess.recipe.output_shape(), Some([1, 3, 224, 224]));
        assert_eq!(guess.recipe.post.labels[243], "bull mastiff");
    }

    #[test]
    fn other_sizes_keep_the_ratio_and_open_ones_the_family_size() {
        for (dims, side, resized) in [
            ([None, Some(3), Some(280), Some(280)], 280, 320),
            ([None, Some(3), None, None], 224, 256),
            ([None, Some(3), None, Some(300)], 300, 342),
        ] {
            let guess = Recipe::guess("efficientnet-lite4", &input(dims, DType::F32, 10)).unwrap();
            assert_eq!(guess.recipe.output_shape(), Some([1, 3, side, side]));
            let to = guess.recipe.resize.unwrap().to;
            assert_eq!(to, crate::ResizeTo::Shortest(resized));
            assert!(guess.recipe.post.labels.is_empty());
        }
    }

    #[test]
    fn an_unknown_name_is_said_to_be_unknown() {
        let dims = [None, Some(128), Some(128), Some(3)];
        let guess = Recipe::guess("cat_dog", &input(dims, DType::F32, 2)).unwrap();
        assert!(!guess.is_known);
        assert_eq!(guess.recipe.layout, Layout::Nhwc);
        assert!(guess.why.contains("no known family"), "{}", guess.why);
    }

    #[test]
    fn bytes_are_fed_as_they_are_and_a_background_is_named() {
        let dims = [Some(1), Some(224), Some(224), Some(3)];
        let guess = Recipe::guess("mobilenet_v1", &input(dims, DType::U8, 1001)).unwrap();
        assert_eq!(guess.recipe.dtype, SampleType::U8);
        assert_eq!(guess.recipe.post.labels[0], "background");
        assert_eq!(guess.recipe.post.labels[1], "tench");
    }

    #[test]
    fn inputs_that_are_no_images_are_refused_by_their_shape() {
        let dims = [None, Some(16), None, Some(64)];
        let error = Recipe::guess("m", &input(dims, DType::F32, 2)).unwrap_err();
        assert!(error.to_string().contains("f32 [?, 16, ?, 64]"), "{error}");
        let dims = [None, Some(3), Some(8), Some(8)];
        let error = Recipe::guess("m", &input(dims, DType::I64, 2)).unwrap_err();
        assert!(error.to_string().contains("i64 [?, 3, 8, 8]"), "{error}");
    }
}
