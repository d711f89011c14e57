//! `preprocessor_config.json`: what a Hugging Face image processor does.
//!
//! The class that is named says how the fields are meant, and what those are that older files left
//! out: the defaults of `transformers` 4.57.

use super::fields::{self, Fields, in_levels, wrong};
use super::timm;
use crate::{Color, Crop, Filter, Framing, ModelInput, ResizeTo, Rounding, Stated};
use serde_json::Value;

/// A class of image processor, with its defaults.
struct Processor {
    /// Its name before `ImageProcessor`.
    name: &'static str,
    rule: Rule,
    filter: Filter,
    size: ResizeTo,
    /// Side of the crop, and whether one is made.
    crop: (usize, bool),
    /// Mean and deviation of levels 0 to 1; none when the class does not normalize.
    normalize: Option<([f64; 3], [f64; 3])>,
}

/// In what a class differs from resize, crop, rescale, normalize.
#[derive(Clone, Copy, PartialEq)]
enum Rule {
    Plain,
    /// Below 384 pixels the shorter side is resized to `size / crop_pct` and `size` cropped; from
    /// there on the image is stretched.
    ConvNext,
    /// Normalizes twice, the second time by the deviation alone; may rescale to -1..1.
    EfficientNet,
    /// The shorter side gets 256/224 of what is said.
    Levit,
    /// Gives the channels as blue, green, red.
    Flipped,
}

type Statistics = Option<([f64; 3], [f64; 3])>;

const HALVES: Statistics = Some(([0.5; 3], [0.5; 3]));
const IMAGENET: Statistics = Some(([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]));
const CLIP: Statistics =
    Some(([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_58, 0.275_777_11]));

const fn square(side: usize) -> ResizeTo {
    ResizeTo::Exact { height: side, width: side }
}

const fn row(
    name: &'static str,
    filter: Filter,
    size: ResizeTo,
    crop: (usize, bool),
    normalize: Statistics,
) -> Processor {
    Processor { name, rule: Rule::Plain, filter, size, crop, normalize }
}

/// Every class that is known.
const PROCESSORS: &[Processor] = &[
    row("ViT", Filter::Bilinear, square(224), (224, false), HALVES),
    row("DeiT", Filter::Bicubic, square(256), (224, true), HALVES),
    row("Beit", Filter::Bicubic, square(256), (224, false), HALVES),
    row("Siglip", Filter::Bicubic, square(224), (224, false), HALVES),
    row("Pvt", Filter::Bilinear, square(224), (224, false), IMAGENET),
    row("Segformer", Filter::Bilinear, square(512), (512, false), IMAGENET),
    row("CLIP", Filter::Bicubic, ResizeTo::Shortest(224), (224, true), CLIP),
    row("ChineseCLIP", Filter::Bicubic, ResizeTo::Shortest(224), (224, true), CLIP),
    row("Bit", Filter::Bicubic, ResizeTo::Shortest(224), (224, true), CLIP),
    row("MobileNetV1", Filter::Bilinear, ResizeTo::Shortest(256), (224, true), HALVES),
    row("MobileNetV2", Filter::Bilinear, ResizeTo::Shortest(256), (224, true), HALVES),
    Processor {
        rule: Rule::ConvNext,
        ..row("ConvNext", Filter::Bilinear, ResizeTo::Shortest(384), (384, false), HALVES)
    },
    Processor {
        rule: Rule::EfficientNet,
        ..row("EfficientNet", Filter::Nearest, square(346), (289, false), HALVES)
    },
    Processor {
        rule: Rule::Levit,
        ..row("Levit", Filter::Bicubic, ResizeTo::Shortest(224), (224, true), IMAGENET)
    },
    Processor {
        rule: Rule::Flipped,
        ..row("MobileViT", Filter::Bilinear, ResizeTo::Shortest(224), (256, true), None)
    },
];

/// Side of the input from which ConvNeXT's processor no longer crops.
const CONVNEXT_WHOLE_SIDE: usize = 384;

pub(super) fn read(file: &Fields<'_>, input: &ModelInput) -> Result<Option<Stated>, String> {
    if file.has("pretrained_cfg") {
        return timm::read(file, input);
    }
    let is_one = ["image_processor_type", "feature_extractor_type", "image_mean", "do_resize"];
    if !is_one.iter().any(|key| file.has(key)) {
        // Those of sound and text bear the same name.
        return Ok(None);
    }
    let class = match file.text("image_processor_type")? {
        Some(class) => class,
        // The oldest files name no class; they are ViT's.
        None => file.text("feature_extractor_type")?.unwrap_or("ViT"),
    };
    let name = class.trim_end_matches("Fast").trim_end_matches("ImageProcessor");
    let name = name.trim_end_matches("FeatureExtractor");
    let unsayable =
        |what: String| Ok(Some(Stated { inexpressible: Some(what), ..Stated::default() }));
    let Some(processor) = PROCESSORS.iter().find(|row| row.name.eq_ignore_ascii_case(name)) else {
        let class: String = class.chars().take(80).collect();
        return unsayable(format!("images are prepared by `{class}`"));
    };
    let size = match processor.framing(file)? {
        Ok(size) => size,
        Err(what) => return unsayable(what),
    };
    let flips = file.flag("do_flip_channel_order", processor.rule == Rule::Flipped)?;
    let color = if flips { Color::Bgr } else { Color::Rgb };
    let normalize = Some(processor.normalization(file)?);
    Ok(Some(Stated { color: Some(color), size: Some(size), normalize, ..Stated::default() }))
}

impl Processor {
    /// Resize and crop; the inner error says what no recipe can.
    fn framing(&self, file: &Fields<'_>) -> Result<Result<Framing, String>, String> {
        let resizes = file.flag("do_resize", true)?;
        let to = match file.get("size") {
            None => Ok(self.size),
            Some(value) => self.size_of(value)?,
        };
        let filter = match file.get("resample") {
            None => Ok(self.filter),
            Some(value) => filter_of(value)?,
        };
        let (to, filter) = match (to, filter) {
            (Ok(to), Ok(filter)) => (to, filter),
            (Err(what), _) | (_, Err(what)) if resizes => return Ok(Err(what)),
            (to, _) => (to.unwrap_or(self.size), self.filter),
        };
        let crop = match file.get("crop_size") {
            None => rounded_down(self.crop.0, self.crop.0),
            Some(value) => crop_of(value)?,
        };
        let crop = file.flag("do_center_crop", self.crop.1)?.then_some(crop);
        let (to, crop) = match (self.rule, to) {
            (Rule::ConvNext, ResizeTo::Shortest(side)) if side < CONVNEXT_WHOLE_SIDE => {
                let share = file.number("crop_pct", (0.1, 1.0))?.unwrap_or(224.0 / 256.0);
                let shortest = (side as f64 / share) as usize;
                (ResizeTo::Shortest(shortest), Some(rounded_down(side, side)))
            }
            (Rule::ConvNext, ResizeTo::Shortest(side)) => (square(side), None),
            (Rule::Levit, ResizeTo::Shortest(side)) => {
                (ResizeTo::Shortest((256.0 / 224.0 * side as f64) as usize), crop)
            }
            (_, to) => (to, crop),
        };
        let whole = Framing::new(to, filter, crop);
        Ok(Ok(Framing { resize: whole.resize.filter(|_| resizes), ..whole }))
    }

    /// A size by number, by shorter side, or by both sides.
    fn size_of(&self, value: &Value) -> Result<Result<ResizeTo, String>, String> {
        let map = match value {
            Value::Number(_) => {
                let side = fields::side("size", value)?;
                return Ok(Ok(match self.size {
                    ResizeTo::Shortest(_) => ResizeTo::Shortest(side),
                    ResizeTo::Exact { .. } => square(side),
                }));
            }
            Value::Array(list) if list.len() == 2 => {
                let [height, width] = [0, 1].map(|at| fields::side("size", &list[at]));
                return Ok(Ok(ResizeTo::Exact { height: height?, width: width? }));
            }
            Value::Object(map) => Fields(map),
            other => return Err(wrong("size", "pixels, or an object of sides", other)),
        };
        let shortest = map.side("shortest_edge")?;
        Ok(match (shortest, map.side("height")?, map.side("width")?) {
            (Some(side), ..) if !map.has("longest_edge") => Ok(ResizeTo::Shortest(side)),
            (None, Some(height), Some(width)) => Ok(ResizeTo::Exact { height, width }),
            _ => Err("images are resized to a size that depends on both of their sides".into()),
        })
    }

    fn normalization(&self, file: &Fields<'_>) -> Result<crate::Normalize, String> {
        // Factors in use are 1/255 and 1/127.5; a thousandth of a thousandth stays a number.
        let factor = file.number("rescale_factor", (1e-6, 1e6))?.unwrap_or(1.0 / 255.0);
        let factor = if file.flag("do_rescale", true)? { factor } else { 1.0 };
        // 1 / 0.00392156862745098 is not quite 255.
        let unit = (1e6 / factor).round() / 1e6;
        let channels = |key, default: [f64; 3]| -> Result<Vec<f64>, String> {
            Ok(file.channels(key)?.unwrap_or_else(|| default.to_vec()))
        };
        let (mut mean, mut std) = (vec![0.0], vec![1.0]);
        let default = self.normalize.unwrap_or(([0.0; 3], [1.0; 3]));
        if file.flag("do_normalize", self.normalize.is_some())? {
            mean = channels("image_mean", default.0)?;
            std = channels("image_std", default.1)?;
        }
        if let Some(bad) = std.iter().find(|x| x.abs() < 1e-6) {
            return Err(format!("field `image_std`: expected numbers other than 0, found {bad}"));
        }
        if self.rule == Rule::EfficientNet {
            if file.flag("rescale_offset", false)? {
                mean.iter_mut().for_each(|mean| *mean += 1.0);
            }
            if file.flag("include_top", true)? {
                std.iter_mut().for_each(|std| *std *= *std);
            }
        }
        Ok(in_levels(unit, &mean, &std))
    }
}

/// A filter by Pillow's number.
fn filter_of(value: &Value) -> Result<Result<Filter, String>, String> {
    const NAMES: [&str; 6] = ["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"];
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    let name = number.and_then(|number| NAMES.get(number)).copied();
    let name = name.ok_or_else(|| wrong("resample", "a filter of Pillow, 0 to 5", value))?;
    Ok(fields::filter(name).ok_or_else(|| format!("images are resized with the filter `{name}`")))
}

/// The crop of every class, whatever it computes with.
fn rounded_down(height: usize, width: usize) -> Crop {
    Crop { rounding: Rounding::Down, ..Crop::new(height, width) }
}

/// A crop by number or by both sides.
fn crop_of(value: &Value) -> Result<Crop, String> {
    let expected = || wrong("crop_size", "pixels, or height and width", value);
    match value {
        Value::Number(_) => {
            let side = fields::side("crop_size", value)?;
            Ok(rounded_down(side, side))
        }
        Value::Object(map) => {
            let map = Fields(map);
            match (map.side("height")?, map.side("width")?) {
                (Some(height), Some(width)) => Ok(rounded_down(height, width)),
                _ => Err(expected()),
            }
        }
        _ => Err(expected()),
    }
}
