//! Layers that do something in training only.

use super::super::call::{Call, Made};
use super::{Row, row};

pub(super) const ROWS: &[Row] = &[
    same("Dropout"),
    same("SpatialDropout1D"),
    same("SpatialDropout2D"),
    same("SpatialDropout3D"),
    same("AlphaDropout"),
    same("GaussianDropout"),
    same("GaussianNoise"),
    same("ActivityRegularization"),
    same("StochasticDepth"),
    same("AugMix"),
    same("CutMix"),
    same("MixUp"),
    same("RandAugment"),
    same("RandomBrightness"),
    same("RandomColorDegeneration"),
    same("RandomColorJitter"),
    same("RandomContrast"),
    same("RandomElasticTransform"),
    same("RandomErasing"),
    same("RandomFlip"),
    same("RandomGaussianBlur"),
    same("RandomGrayscale"),
    same("RandomHeight"),
    same("RandomHue"),
    same("RandomInvert"),
    same("RandomPerspective"),
    same("RandomPosterization"),
    same("RandomRotation"),
    same("RandomSaturation"),
    same("RandomSharpness"),
    same("RandomShear"),
    same("RandomTranslation"),
    same("RandomWidth"),
    same("RandomZoom"),
];

const fn same(class: &'static str) -> Row {
    row(class, "left out: it is for training", &[], as_it_is)
}

fn as_it_is(call: &mut Call<'_, '_>) -> Made {
    Ok(vec![call.input()?])
}
