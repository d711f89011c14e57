//! The recipe itself: its fields, their notation in TOML and JSON, and what they may hold.

use crate::RecipeError;
use serde::{Deserialize, Serialize};

/// Largest side of a resize or crop, in pixels. Classifiers take 28 to 800; 8192 leaves room for
/// whole-page inputs while a tensor stays below 1 GiB (3 × 8192² × 4 bytes).
pub(crate) const SIDE_MAX: usize = 8192;

/// How an image becomes the model's input, and its scores an answer.
///
/// Every field but `layout` and `dtype` has a default, so a file may be as short as a resize and
/// a normalization. Unknown fields are refused: a misspelled one must not pass for an absent one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The channels, in the model's order.
    #[serde(default)]
    pub color: Color,
    /// The order of the tensor's dimensions.
    #[serde(default)]
    pub layout: Layout,
    /// The type of the tensor's elements.
    #[serde(default)]
    pub dtype: SampleType,
    /// The resize, before the crop; without it the image keeps its size.
    #[serde(default)]
    pub resize: Option<Resize>,
    /// The center crop, after the resize; without it the whole image is used.
    #[serde(default)]
    pub crop: Option<Crop>,
    /// The normalization; by default the levels stay as they are, 0 to 255.
    #[serde(default)]
    pub normalize: Normalize,
    /// What is done with the scores.
    #[serde(default)]
    pub post: Post,
}

/// The channels of the model's input, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Color {
    /// Red, green, blue. A gray image gives three equal channels.
    #[default]
    Rgb,
    /// Blue, green, red: models trained with Caffe or OpenCV.
    Bgr,
    /// One channel: ITU-R 601 luma, rounded as Pillow does.
    Gray,
}

impl Color {
    /// The number of channels.
    pub const fn channels(self) -> usize {
        match self {
            Color::Rgb | Color::Bgr => 3,
            Color::Gray => 1,
        }
    }
}

/// The order of the tensor's four dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[1, channels, height, width]`: PyTorch, most ONNX files.
    #[default]
    Nchw,
    /// `[1, height, width, channels]`: TensorFlow, Keras.
    Nhwc,
}

/// The type of the tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SampleType {
    /// Normalized levels.
    #[default]
    F32,
    /// The levels 0 to 255 as they are; there is nothing to normalize.
    U8,
}

/// To what size, and with which filter, the image is resized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resize {
    /// The size to reach.
    pub to: ResizeTo,
    /// The filter.
    #[serde(default)]
    pub filter: Filter,
    /// Is the filter widened by the scale when it shrinks? Pillow, and torchvision on Pillow
    /// images, do so. OpenCV's `resize`, torch's `interpolate` and TensorFlow's `image.resize` do
    /// not: each output then weighs its few nearest inputs, however many lie between.
    ///
    /// Written only where it is false: libraries of before it was there read what they can run.
    #[serde(default = "is_antialiased_default", skip_serializing_if = "is_default_antialias")]
    pub antialias: bool,
}

/// As Pillow does.
fn is_antialiased_default() -> bool {
    true
}

fn is_default_antialias(antialias: &bool) -> bool {
    *antialias == is_antialiased_default()
}

/// The size that a resize reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ResizeTo {
    /// The shorter side gets this many pixels, the longer `floor(n × long / short)`:
    /// torchvision's `Resize(n)`.
    Shortest(usize),
    /// Both sides as given; the aspect ratio is not kept.
    Exact {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
}

/// The filter of a resize: as Pillow has it, level for level (`tests/pillow.rs`), or without
/// antialiasing as OpenCV, torch and TensorFlow have it, within a level (`tests/frameworks.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Triangle.
    #[default]
    Bilinear,
    /// Cubic with a = −0.5 (Catmull-Rom): Pillow; TensorFlow when not antialiased.
    Bicubic,
    /// Cubic with a = −0.75, the edges repeated: OpenCV's `INTER_CUBIC` and torch's
    /// `interpolate`, when not antialiased.
    #[serde(rename = "sharp-bicubic")]
    SharpBicubic,
    /// Sinc windowed to three lobes.
    Lanczos,
    /// The level of the nearest pixel; no antialiasing.
    Nearest,
}

/// A center crop. The first row is half of `image_height - height`; columns alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// What half of an odd number is.
    ///
    /// Written only where it is not the default: libraries of before it was there read what they
    /// can run.
    #[serde(default, skip_serializing_if = "Rounding::is_default")]
    pub rounding: Rounding,
}

impl Crop {
    /// A crop as torchvision makes it.
    pub const fn new(height: usize, width: usize) -> Crop {
        Crop { height, width, rounding: Rounding::Even }
    }
}

/// Where a center crop begins when the margin around it is odd: the two differ by a pixel where it
/// is 3, 7, 11 …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rounding {
    /// At the even one of the two numbers beside the half: torchvision's `CenterCrop`, and timm.
    #[default]
    Even,
    /// At the smaller one: the image processors of Hugging Face, Keras' `CenterCrop`.
    Down,
}

impl Rounding {
    /// Half of a margin.
    pub const fn half(self, margin: usize) -> usize {
        match self {
            Rounding::Even => margin / 2 + (margin % 2) * (margin / 2 % 2),
            Rounding::Down => margin / 2,
        }
    }

    fn is_default(&self) -> bool {
        *self == Rounding::default()
    }
}

/// `(x - mean) / std` per channel, x being a level 0 to 255, channels in the recipe's order of
/// colors. One number in a list serves all channels.
///
/// torchvision states mean and std for levels in 0..1: multiply both by 255.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalize {
    /// Subtracted, in levels.
    pub mean: Vec<f64>,
    /// Divided by, in levels; never zero.
    pub std: Vec<f64>,
}

impl Default for Normalize {
    fn default() -> Normalize {
        Normalize { mean: vec![0.0], std: vec![1.0] }
    }
}

/// What is done with the model's scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// What turns scores into probabilities.
    #[serde(default)]
    pub activation: Activation,
    /// How many classes an answer names; fewer when the model has fewer.
    #[serde(default = "top_k_default")]
    pub top_k: usize,
    /// The class names in the order of the scores; may be empty.
    #[serde(default)]
    pub labels: Vec<String>,
}

/// Five, as classifiers are commonly reported.
fn top_k_default() -> usize {
    5
}

impl Default for Post {
    fn default() -> Post {
        Post { activation: Activation::Softmax, top_k: top_k_default(), labels: Vec::new() }
    }
}

/// What turns scores into probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// The scores are probabilities already, the graph ends in a softmax or sigmoid.
    None,
    /// One class of many: probabilities sum to 1.
    #[default]
    Softmax,
    /// Each class by itself.
    Sigmoid,
}

impl Recipe {
    /// Reads and validates TOML.
    pub fn from_toml(text: &str) -> Result<Recipe, RecipeError> {
        let recipe: Recipe = toml::from_str(text)
            .map_err(|e| RecipeError::Syntax { notation: "TOML", reason: e.to_string() })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// Reads and validates JSON.
    pub fn from_json(text: &str) -> Result<Recipe, RecipeError> {
        let recipe: Recipe = serde_json::from_str(text)
            .map_err(|e| RecipeError::Syntax { notation: "JSON", reason: e.to_string() })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe as TOML, which [`Recipe::from_toml`] reads back as an equal recipe.
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        toml::to_string_pretty(self)
            .map_err(|e| RecipeError::Syntax { notation: "TOML", reason: e.to_string() })
    }

    /// The recipe as JSON, which [`Recipe::from_json`] reads back as an equal recipe.
    pub fn to_json(&self) -> Result<String, RecipeError> {
        serde_json::to_string_pretty(self)
            .map_err(|e| RecipeError::Syntax { notation: "JSON", reason: e.to_string() })
    }

    /// Height and width of the tensor, or `None` when they follow the image.
    pub fn output_size(&self) -> Option<(usize, usize)> {
        match (&self.crop, &self.resize) {
            (Some(crop), _) => Some((crop.height, crop.width)),
            (None, Some(Resize { to: ResizeTo::Exact { height, width }, .. })) => {
                Some((*height, *width))
            }
            (None, Some(Resize { to: ResizeTo::Shortest(_), .. }) | None) => None,
        }
    }

    /// Shape of the tensor for one image, or `None` when it follows the image.
    pub fn output_shape(&self) -> Option<[usize; 4]> {
        let (height, width) = self.output_size()?;
        Some(self.shape_of(height, width))
    }

    pub(crate) fn shape_of(&self, height: usize, width: usize) -> [usize; 4] {
        let channels = self.color.channels();
        match self.layout {
            Layout::Nchw => [1, channels, height, width],
            Layout::Nhwc => [1, height, width, channels],
        }
    }

    /// Can the recipe be run? Checked whenever one is read, and before each image.
    pub fn validate(&self) -> Result<(), RecipeError> {
        if let Some(resize) = &self.resize {
            match resize.to {
                ResizeTo::Shortest(side) => check_side("resize.to.shortest", side)?,
                ResizeTo::Exact { height, width } => {
                    check_side("resize.to.exact.height", height)?;
                    check_side("resize.to.exact.width", width)?;
                }
            }
        }
        if let Some(crop) = &self.crop {
            check_side("crop.height", crop.height)?;
            check_side("crop.width", crop.width)?;
            self.check_crop_fits(crop)?;
        }
        self.check_normalize()?;
        if self.post.top_k == 0 {
            return Err(invalid("post.top_k", "at least 1", "0", "say how many classes to name"));
        }
        Ok(())
    }

    /// A shortest side may be exceeded by the longer one, so only a crop that exceeds it both
    /// ways can never fit.
    fn check_crop_fits(&self, crop: &Crop) -> Result<(), RecipeError> {
        let fits = match self.resize.as_ref().map(|r| r.to) {
            Some(ResizeTo::Shortest(side)) => crop.height.min(crop.width) <= side,
            Some(ResizeTo::Exact { height, width }) => crop.height <= height && crop.width <= width,
            None => true,
        };
        if fits {
            return Ok(());
        }
        let found = format!("{} high, {} wide", crop.height, crop.width);
        Err(invalid(
            "crop",
            "a crop inside the resized image",
            found,
            "resize to more, or crop less",
        ))
    }

    fn check_normalize(&self) -> Result<(), RecipeError> {
        let channels = self.color.channels();
        let Normalize { mean, std } = &self.normalize;
        for (field, list) in [("normalize.mean", mean), ("normalize.std", std)] {
            if list.len() != 1 && list.len() != channels {
                let expected = match channels {
                    1 => "1 number".to_string(),
                    n => format!("1 number or {n}, one for each channel"),
                };
                let found = format!("{} numbers", list.len());
                return Err(invalid(
                    field,
                    expected,
                    found,
                    "give as many as `color` has channels",
                ));
            }
            if let Some(bad) = list.iter().find(|x| !x.is_finite()) {
                return Err(invalid(field, "finite numbers", bad, "give it in levels, 0 to 255"));
            }
        }
        // Smaller deviations would carry levels out of f32's normal range; real ones are ≥ 1.
        if let Some(bad) = std.iter().find(|x| x.abs() < 1e-6) {
            let fix = "levels are divided by it: give 1.0 to leave them";
            return Err(invalid("normalize.std", "numbers other than 0", bad, fix));
        }
        let is_identity = mean.iter().all(|&m| m == 0.0) && std.iter().all(|&s| s == 1.0);
        if self.dtype == SampleType::U8 && !is_identity {
            let found = format!("mean {mean:?}, std {std:?}");
            let fix = "remove `normalize`, or set dtype = \"f32\"";
            return Err(invalid("normalize", "none with dtype = \"u8\"", found, fix));
        }
        Ok(())
    }
}

fn check_side(field: &'static str, side: usize) -> Result<(), RecipeError> {
    if (1..=SIDE_MAX).contains(&side) {
        return Ok(());
    }
    let expected = format!("1 to {SIDE_MAX} pixels");
    Err(invalid(field, expected, side, "give the size that the model was trained with"))
}

fn invalid(
    field: &'static str,
    expected: impl ToString,
    found: impl ToString,
    fix: &str,
) -> RecipeError {
    RecipeError::Invalid {
        field,
        expected: expected.to_string(),
        found: found.to_string(),
        fix: fix.to_string(),
    }
}
