//! `config.json` of timm: the pre-processing that weights were trained with.

use super::fields::{self, Fields, in_levels, wrong};
use crate::{Color, Crop, Framing, ModelInput, ResizeTo, Stated, labels};
use serde_json::Value;

/// What is left out is as timm resolves it: the statistics of ImageNet, bicubic, 0.875.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const STD: [f64; 3] = [0.229, 0.224, 0.225];
const CROP_SHARE: f64 = 0.875;

/// Largest share of the image: some weights are tested on images that were resized to less.
const CROP_SHARE_RANGE: (f64, f64) = (0.1, 2.0);

pub(super) fn read(file: &Fields<'_>, input: &ModelInput) -> Result<Option<Stated>, String> {
    let nested = match file.object("pretrained_cfg")? {
        Some(nested) => Some(nested),
        None => file.object("default_cfg")?,
    };
    // Older files hold the same beside the architecture.
    let is_flat = file.has("architecture") && file.has("mean") && file.has("input_size");
    let Some(config) = nested.or_else(|| is_flat.then_some(*file)) else { return Ok(None) };
    let labels = match names(file)? {
        Some(names) => Some(names),
        None => names(&config)?,
    };
    let mean = config.channels("mean")?.unwrap_or_else(|| MEAN.to_vec());
    let std = config.channels("std")?.unwrap_or_else(|| STD.to_vec());
    if let Some(bad) = std.iter().find(|x| x.abs() < 1e-6) {
        return Err(format!("field `std`: expected numbers other than 0, found {bad}"));
    }
    let stated = Stated {
        color: Some(Color::Rgb),
        normalize: Some(in_levels(255.0, &mean, &std)),
        labels,
        ..Stated::default()
    };
    Ok(Some(match framing(&config, input)? {
        Ok(size) => Stated { size: Some(size), ..stated },
        Err(what) => Stated { inexpressible: Some(what), ..stated },
    }))
}

/// Resize and crop; the inner error says what no recipe can.
fn framing(config: &Fields<'_>, input: &ModelInput) -> Result<Result<Framing, String>, String> {
    let trained = size(config, "input_size")?.unwrap_or((224, 224));
    let fixed = input.size();
    let (height, width) = (fixed.0.unwrap_or(trained.0), fixed.1.unwrap_or(trained.1));
    let share = config.number("crop_pct", CROP_SHARE_RANGE)?;
    let tested = config.number("test_crop_pct", CROP_SHARE_RANGE)?;
    let is_tested = size(config, "test_input_size")? == Some((height, width));
    let tested = tested.filter(|_| is_tested && (height, width) != trained);
    let share = tested.or(share).unwrap_or(CROP_SHARE);
    let name = config.text("interpolation")?.unwrap_or("bicubic");
    let Some(filter) = fields::filter(name) else {
        let name: String = name.chars().take(80).collect();
        return Ok(Err(format!("images are resized with the filter `{name}`")));
    };
    let scaled = |side: usize| (side as f64 / share).floor() as usize;
    let crop = Crop::new(height, width);
    let to = match config.text("crop_mode")?.unwrap_or("center") {
        "squash" => ResizeTo::Exact { height: scaled(height), width: scaled(width) },
        "center" if scaled(height) == scaled(width) => ResizeTo::Shortest(scaled(height)),
        "center" => {
            return Ok(Err("images are resized to sides that differ, keeping their ratio".into()));
        }
        "border" => {
            return Ok(Err("images are padded to the input (`crop_mode` is border)".into()));
        }
        _ => {
            let found = config.get("crop_mode").unwrap_or(&Value::Null);
            return Err(wrong("crop_mode", "center, squash or border", found));
        }
    };
    let crop = (to != ResizeTo::Exact { height, width }).then_some(crop);
    Ok(Ok(Framing::new(to, filter, crop)))
}

/// Height and width of `[channels, height, width]`.
fn size(config: &Fields<'_>, key: &str) -> Result<Option<(usize, usize)>, String> {
    match config.get(key) {
        None => Ok(None),
        Some(Value::Array(list)) if list.len() == 3 => {
            Ok(Some((fields::side(key, &list[1])?, fields::side(key, &list[2])?)))
        }
        Some(other) => Err(wrong(key, "channels, height and width", other)),
    }
}

/// The names of the classes, or what they stand for where that is said.
fn names(config: &Fields<'_>) -> Result<Option<Vec<String>>, String> {
    let Some(value) = config.get("label_names") else { return Ok(None) };
    let names = labels::of_json(value).map_err(|error| format!("field `label_names`: {error}"))?;
    let Some(descriptions) = config.object("label_descriptions")? else { return Ok(Some(names)) };
    let described = |name: String| match descriptions.text(&name) {
        Ok(text) => Ok(text.map_or(name, str::to_string)),
        Err(error) => Err(error),
    };
    names.into_iter().map(described).collect::<Result<_, _>>().map(Some)
}
