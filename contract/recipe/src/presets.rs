//! The pre-processing that known model families were trained with.

use crate::{Color, Crop, Filter, Layout, Normalize, Recipe, RecipeError, Resize, ResizeTo};

/// The pre-processing of one family of models.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preset {
    /// The name that [`Recipe::from_preset`] takes.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub sentence: &'static str,
    /// Channels, in the model's order, when the input has three.
    pub color: Color,
    /// Subtracted, in levels 0 to 255.
    pub mean: [f64; 3],
    /// Divided by, in levels.
    pub std: [f64; 3],
    /// Is the shorter side resized to 256/224 of the input and the center cropped? Otherwise the
    /// whole image is stretched to the input.
    pub is_cropped: bool,
    /// The filter of the resize.
    pub filter: Filter,
    /// Sides of the input in pixels when the model leaves them open.
    pub side: usize,
    /// Beginnings of file stems that imply the preset.
    pub stems: &'static [Stem],
}

/// The beginning of a file stem, compared in lower case without `-`, `_` and `.`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stem {
    /// The beginning.
    pub prefix: &'static str,
    /// The layout that the input must have for the stem to count: several architectures were
    /// trained once for PyTorch and once for Keras, with different pre-processing.
    pub layout: Option<Layout>,
}

const fn any(prefix: &'static str) -> Stem {
    Stem { prefix, layout: None }
}

const fn nchw(prefix: &'static str) -> Stem {
    Stem { prefix, layout: Some(Layout::Nchw) }
}

const fn nhwc(prefix: &'static str) -> Stem {
    Stem { prefix, layout: Some(Layout::Nhwc) }
}

/// Every preset. A stem is matched by its longest listed prefix, so the order does not matter.
///
/// Sources: torchvision `transforms._presets.ImageClassification`; the EfficientNet-Lite README
/// of tensorflow/tpu; Keras `applications.imagenet_utils.preprocess_input` (modes tf, caffe);
/// timm's `IMAGENET_INCEPTION_MEAN` for ViT.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "imagenet",
        sentence: "torchvision's classifiers: shorter side 256, center 224, mean and deviation \
                   of ImageNet",
        color: Color::Rgb,
        mean: [123.675, 116.28, 103.53],
        std: [58.395, 57.12, 57.375],
        is_cropped: true,
        filter: Filter::Bilinear,
        side: 224,
        stems: &[
            nchw("alexnet"),
            nchw("densenet"),
            any("efficientnetb"),
            nchw("googlenet"),
            nchw("mnasnet"),
            nchw("mobilenet"),
            nchw("regnet"),
            nchw("resnet"),
            nchw("resnext"),
            nchw("shufflenet"),
            nchw("squeezenet"),
            nchw("vgg"),
            nchw("wideresnet"),
        ],
    },
    Preset {
        name: "imagenet-bicubic",
        sentence: "as imagenet, with the bicubic resize of DeiT, Swin and ConvNeXt",
        color: Color::Rgb,
        mean: [123.675, 116.28, 103.53],
        std: [58.395, 57.12, 57.375],
        is_cropped: true,
        filter: Filter::Bicubic,
        side: 224,
        stems: &[any("convnext"), any("deit"), any("swin")],
    },
    Preset {
        name: "efficientnet-lite",
        sentence: "EfficientNet-Lite: shorter side 256, center 224, (x - 127) / 128",
        color: Color::Rgb,
        mean: [127.0; 3],
        std: [128.0; 3],
        is_cropped: true,
        filter: Filter::Bilinear,
        side: 224,
        stems: &[any("efficientnetlite")],
    },
    Preset {
        name: "inception",
        sentence: "TensorFlow's Inception and MobileNet, Keras mode tf: stretched, levels to \
                   -1..1, (x - 127.5) / 127.5",
        color: Color::Rgb,
        mean: [127.5; 3],
        std: [127.5; 3],
        is_cropped: false,
        filter: Filter::Bilinear,
        side: 224,
        stems: &[
            nhwc("inception"),
            nhwc("mobilenet"),
            nhwc("nasnet"),
            any("vit"),
            nhwc("xception"),
        ],
    },
    Preset {
        name: "caffe",
        sentence: "Caffe's classifiers, Keras mode caffe: blue-green-red, shorter side 256, \
                   center 224, mean subtracted",
        color: Color::Bgr,
        mean: [103.939, 116.779, 123.68],
        std: [1.0; 3],
        is_cropped: true,
        filter: Filter::Bilinear,
        side: 224,
        stems: &[any("bvlc"), any("caffe"), nhwc("resnet50"), nhwc("resnet101"), nhwc("vgg")],
    },
    Preset {
        name: "unit",
        sentence: "the whole image stretched to the input, levels to 0..1, x / 255",
        color: Color::Rgb,
        mean: [0.0; 3],
        std: [255.0; 3],
        is_cropped: false,
        filter: Filter::Bilinear,
        side: 224,
        stems: &[any("fmnist"), any("lenet"), any("mnist"), any("nsfw")],
    },
    Preset {
        name: "raw",
        sentence: "the whole image stretched to the input, levels 0 to 255 as they are: the \
                   model normalizes by itself",
        color: Color::Rgb,
        mean: [0.0; 3],
        std: [1.0; 3],
        is_cropped: false,
        filter: Filter::Bilinear,
        side: 224,
        stems: &[nhwc("efficientnetb"), nhwc("efficientnetv2"), nhwc("mobilenetv3")],
    },
];

/// The preset of this name.
pub fn find(name: &str) -> Result<&'static Preset, RecipeError> {
    PRESETS.iter().find(|p| p.name == name).ok_or_else(|| RecipeError::UnknownPreset {
        found: name.to_string(),
        known: PRESETS.iter().map(|p| p.name).collect::<Vec<_>>().join(", "),
    })
}

/// The preset that a model's file stem implies, by the longest prefix; a prefix that names the
/// layout wins over an equally long one that does not.
pub fn implied_by(stem: &str, layout: Layout) -> Option<&'static Preset> {
    let plain: String =
        stem.to_lowercase().chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    PRESETS
        .iter()
        .flat_map(|preset| preset.stems.iter().map(move |stem| (preset, stem)))
        .filter(|(_, s)| plain.starts_with(s.prefix) && s.layout.is_none_or(|l| l == layout))
        .max_by_key(|(_, s)| (s.prefix.len(), s.layout.is_some()))
        .map(|(preset, _)| preset)
}

/// Below this many pixels a side, images are icons that are trained on whole (MNIST 28, CIFAR
/// 32, TinyImageNet 64); photographs are cropped from 128 upwards.
const CROPPED_SIDE_MIN: usize = 96;

impl Recipe {
    /// The recipe of a preset for an input of `height` × `width` pixels with 1 or 3 `channels`,
    /// layout NCHW.
    ///
    /// A preset that crops keeps its ratio at other sizes, `floor(side × 256 / 224)`; inputs
    /// that are not square or below 96 pixels are stretched instead. For one channel, mean and
    /// deviation are the averages over the three.
    pub fn from_preset(
        name: &str,
        height: usize,
        width: usize,
        channels: usize,
    ) -> Result<Recipe, RecipeError> {
        let preset = find(name)?;
        let (color, mean, std) = match channels {
            1 => (Color::Gray, vec![average(preset.mean)], vec![average(preset.std)]),
            3 => (preset.color, preset.mean.to_vec(), preset.std.to_vec()),
            _ => {
                return Err(RecipeError::NotAnImageInput {
                    found: format!("{channels} channels of {height}x{width}"),
                });
            }
        };
        let is_cropped = preset.is_cropped && height == width && height >= CROPPED_SIDE_MIN;
        let (to, crop) = if is_cropped {
            let side = height.saturating_mul(256) / 224;
            (ResizeTo::Shortest(side), Some(Crop::new(height, width)))
        } else {
            (ResizeTo::Exact { height, width }, None)
        };
        let recipe = Recipe {
            color,
            resize: Some(Resize { to, filter: preset.filter, antialias: true }),
            crop,
            normalize: Normalize { mean, std }.shortened(),
            ..Recipe::default()
        };
        recipe.validate()?;
        Ok(recipe)
    }
}

impl Normalize {
    /// One number where all channels have the same: shorter to read in a file.
    pub(crate) fn shortened(self) -> Normalize {
        let once = |list: Vec<f64>| match list.first() {
            Some(&first) if list.iter().all(|&x| x == first) => vec![first],
            Some(_) | None => list,
        };
        Normalize { mean: once(self.mean), std: once(self.std) }
    }
}

fn average(list: [f64; 3]) -> f64 {
    // Equal entries stay exactly what they are.
    if list[0] == list[1] && list[1] == list[2] { list[0] } else { list.iter().sum::<f64>() / 3.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_makes_a_valid_recipe() {
        for preset in PRESETS {
            for channels in [1, 3] {
                for side in [28, preset.side, 299] {
                    let recipe = Recipe::from_preset(preset.name, side, side, channels).unwrap();
                    assert_eq!(recipe.output_shape(), Some([1, channels, side, side]));
                }
            }
        }
    }

    #[test]
    fn stems_imply_presets() {
        for (stem, layout, expected) in [
            ("efficientnet_lite0", Layout::Nchw, Some("efficientnet-lite")),
            ("EfficientNet-Lite4-11", Layout::Nhwc, Some("efficientnet-lite")),
            ("resnet50-v1-7", Layout::Nchw, Some("imagenet")),
            ("resnet50", Layout::Nhwc, Some("caffe")),
            ("mobilenet_v2", Layout::Nchw, Some("imagenet")),
            ("mobilenet_v2", Layout::Nhwc, Some("inception")),
            ("mobilenet_v3_small", Layout::Nhwc, Some("raw")),
            ("efficientnet-b0", Layout::Nhwc, Some("raw")),
            ("efficientnet_b0", Layout::Nchw, Some("imagenet")),
            ("deit-tiny", Layout::Nchw, Some("imagenet-bicubic")),
            ("cat_dog", Layout::Nchw, None),
        ] {
            assert_eq!(implied_by(stem, layout).map(|p| p.name), expected, "{stem} {layout:?}");
        }
    }
}
