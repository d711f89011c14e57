//! `metadata.json` of Teachable Machine's image models.

use super::fields::Fields;
use crate::{Color, Crop, Filter, Framing, ModelInput, Normalize, ResizeTo, Stated, labels};

/// Side of the images when the file does not say.
const SIDE: usize = 224;

pub(super) fn read(file: &Fields<'_>, _: &ModelInput) -> Result<Option<Stated>, String> {
    let package = file.get("packageName").and_then(|name| name.as_str()).unwrap_or_default();
    // Other tools write a file of this name too, and so does this one for sound and poses.
    if package != "@teachablemachine/image" {
        return Ok(None);
    }
    let names = file.get("labels").map(labels::of_json).transpose();
    let side = file.side("imageSize")?.unwrap_or(SIDE);
    // The middle square, at the model's size; then x / 127 - 1.
    let crop = Crop::new(side, side);
    Ok(Some(Stated {
        color: Some(Color::Rgb),
        size: Some(Framing::new(ResizeTo::Shortest(side), Filter::Bilinear, Some(crop))),
        normalize: Some(Normalize { mean: vec![127.0], std: vec![127.0] }),
        labels: names.map_err(|error| format!("field `labels`: {error}"))?,
        ..Stated::default()
    }))
}
