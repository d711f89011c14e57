//! `config.json` of a Hugging Face model: the names of its classes, and whether one image has
//! several.

use super::fields::{Fields, wrong};
use crate::{Activation, ModelInput, Stated, labels};
use serde_json::Value;

/// The end of the names of architectures that give a score for each class of an image; others
/// (detection, text) list classes too, and answer in other ways.
const CLASSIFIER: &str = "ForImageClassification";

pub(super) fn read(file: &Fields<'_>, _: &ModelInput) -> Result<Option<Stated>, String> {
    if !file.has("model_type") && !file.has("id2label") || !is_classifier(file)? {
        return Ok(None);
    }
    let activation = match file.text("problem_type")? {
        Some("multi_label_classification") => Some(Activation::Sigmoid),
        Some("single_label_classification") => Some(Activation::Softmax),
        Some("regression") => Some(Activation::None),
        Some(_) | None => None,
    };
    let names = match file.get("id2label") {
        None => None,
        Some(value) => {
            let names = labels::of_json(value);
            Some(names.map_err(|error| format!("field `id2label`: {error}"))?)
        }
    };
    // Where nobody gave names, the library writes these.
    let is_placeholder = |(index, name): (usize, &String)| *name == format!("LABEL_{index}");
    let labels = names.filter(|names| !names.iter().enumerate().all(is_placeholder));
    Ok(Some(Stated { activation, labels, ..Stated::default() }))
}

/// Does it classify images, as far as the file says?
fn is_classifier(file: &Fields<'_>) -> Result<bool, String> {
    match file.get("architectures") {
        None => Ok(true),
        Some(Value::Array(list)) => Ok(list.iter().any(|name| {
            // DeiT's ends in `WithTeacher`.
            name.as_str().is_some_and(|name| name.contains(CLASSIFIER))
        })),
        Some(other) => Err(wrong("architectures", "a list of names", other)),
    }
}
