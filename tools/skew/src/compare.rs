//! From an image file, a tensor and a recipe to the steps that differ.

use crate::channels::Channels;
use crate::explanation::Explanation;
use crate::fit::{Affine, Difference};
use crate::normalization::Normalization;
use crate::orientation::Orientation;
use crate::search::{ALIKE, Fitted, Hypothesis, Search};
use crate::{Agreement, Row, SkewError, Step, Trainer, geometry, picture};
use recipe::decode::decode;
use recipe::{Filter, ImageFormat, Limits, Pixels, Recipe, Resize, ResizeTo, Rounding};
use serde::Serialize;

/// What the comparison came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The recipe does what the trainer did.
    Agrees,
    /// Steps differ, and they explain the difference.
    Differs,
    /// Steps differ, and something else that is not known.
    Partly,
    /// Nothing that is known makes the image look like the tensor.
    Unexplained,
}

/// How the trainer's tensor differs from the recipe's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What it came to.
    pub verdict: Verdict,
    /// The same in words, the first step that differs named.
    pub sentence: String,
    /// Each step in order. Where nothing is explained, only those that can be read off.
    pub steps: Vec<Row>,
    /// How far the recipe's tensor is from the trainer's, in the tensor's numbers, layouts aside;
    /// nothing where the images' sizes or channels differ.
    pub difference: Option<Difference>,
    /// What the explanation leaves, in levels of 0 to 255.
    pub residual: Option<Difference>,
    /// What is allowed to be left, in levels: rounding, and what decoders differ by.
    pub tolerance: Difference,
    /// The recipe that does what the trainer did, as far as a recipe can.
    #[serde(skip)]
    pub recipe: Option<Recipe>,
    /// What the trainer did that no recipe says.
    pub unsaid: Vec<String>,
    /// Ours, the trainer's and the difference as a PNG.
    #[serde(skip)]
    pub picture: Vec<u8>,
}

impl Comparison {
    /// The steps that differ, without those that only follow from others.
    pub fn guilty(&self) -> impl Iterator<Item = Step> {
        self.steps.iter().filter(|row| row.agrees == Agreement::No).map(|row| row.step)
    }
}

/// Compares the tensor that a trainer made of an image file with the one that a recipe makes.
///
/// Errors: the file is no image that can be read, or the recipe cannot be run.
pub fn compare(
    encoded: &[u8],
    trainer: &Trainer,
    recipe: &Recipe,
    limits: &Limits,
) -> Result<Comparison, SkewError> {
    recipe.validate()?;
    let pixels = decode(encoded, limits)?;
    let own = own_tensor(&pixels, recipe, limits);
    let ours = Hypothesis {
        geometry: geometry::of_recipe(recipe),
        orientation: Orientation::default(),
        channels: Channels::of_color(recipe.color),
        is_reshaped: false,
    };
    let normalization = Normalization::of_recipe(&recipe.normalize, trainer.channels());
    let search = Search {
        pixels: &pixels,
        trainer,
        ours,
        rounding: recipe.crop.map_or_else(Rounding::default, |crop| crop.rounding),
        affine: affine_of(&normalization),
        limits,
        small: smaller(&pixels, trainer, limits).unwrap_or_else(|| pixels.clone()),
    };
    let found = search.run();
    let tolerance = tolerance(encoded);
    let difference = own.as_ref().and_then(|own| difference(own, trainer));
    let mut comparison = match found.filter(is_alike) {
        Some(found) => {
            let explanation = Explanation::new(&search, recipe, &normalization, found, &tolerance);
            explanation.comparison(tolerance)
        }
        None => Comparison {
            verdict: Verdict::Unexplained,
            sentence: crate::text::unexplained(),
            steps: crate::explanation::read_off(recipe, trainer),
            difference: None,
            residual: None,
            tolerance,
            recipe: None,
            unsaid: Vec::new(),
            picture: Vec::new(),
        },
    };
    comparison.difference = difference;
    comparison.picture = picture::draw(own.as_ref(), &normalization, trainer, recipe.color)?;
    Ok(comparison)
}

/// Is what is left small, and small against what the image shows?
fn is_alike(found: &Fitted) -> bool {
    let spread: f64 = found.affine.iter().map(|fit| fit.spread).sum();
    let spread = spread / found.affine.len().max(1) as f64;
    found.difference.mean <= ALIKE.min(0.25 * spread.max(1.0))
}

/// Of levels: half a level for each of two roundings. Decoders of JPEG differ by more: the fast one
/// that TensorFlow takes by itself is up to two levels from the exact ones over whole areas.
fn tolerance(encoded: &[u8]) -> Difference {
    let is_lossless = ImageFormat::sniff(encoded) == Some(ImageFormat::Png);
    match is_lossless {
        true => Difference { mean: 0.6, most: 2.0, max: 255.0 },
        false => Difference { mean: 2.0, most: 5.0, max: 255.0 },
    }
}

fn affine_of(ours: &Normalization) -> Vec<Affine> {
    let both = ours.mean.iter().zip(&ours.std);
    both.map(|(m, s)| Affine { scale: 1.0 / s, shift: -m / s, middle: 127.5, spread: 64.0 })
        .collect()
}

/// The image for the first look: about twice as large as the tensor. `None` where it is no larger.
fn smaller(pixels: &Pixels, trainer: &Trainer, limits: &Limits) -> Option<Pixels> {
    let (height, width) = trainer.size();
    let by = pixels.height().min(pixels.width()) / (2 * height.max(width));
    if by < 2 {
        return None;
    }
    let to = ResizeTo::Exact { height: pixels.height() / by, width: pixels.width() / by };
    let resize = Some(Resize { to, filter: Filter::Bilinear, antialias: true });
    Recipe { resize, ..Recipe::default() }.arrange(pixels.clone(), limits).ok()
}

/// The recipe's tensor, one plane for each channel.
pub(crate) struct Own {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) planes: Vec<Vec<f32>>,
}

/// `None` where the recipe does not go with this image: a crop that is larger.
pub(crate) fn own_tensor(pixels: &Pixels, recipe: &Recipe, limits: &Limits) -> Option<Own> {
    let arranged = recipe.arrange(pixels.clone(), limits).ok()?;
    let (height, width) = (arranged.height(), arranged.width());
    // The same numbers whatever the layout and the type.
    let as_planes =
        Recipe { layout: recipe::Layout::Nchw, dtype: recipe::SampleType::F32, ..recipe.clone() };
    let mut values = vec![0.0f32; height * width * recipe.color.channels()];
    as_planes.write(&arranged, &mut values).ok()?;
    let planes = values.chunks_exact(height * width).map(<[f32]>::to_vec).collect();
    Some(Own { height, width, planes })
}

/// In the tensor's numbers; `None` where the sizes differ.
pub(crate) fn difference(own: &Own, trainer: &Trainer) -> Option<Difference> {
    let is_same = (own.height, own.width) == trainer.size();
    if !is_same || own.planes.len() != trainer.channels() {
        return None;
    }
    let both = own.planes.iter().flatten().zip(trainer.planes.iter().flatten());
    Some(Difference::of(both.map(|(a, b)| (a - b).abs()).collect()))
}
