//! Fields of a JSON object that another tool has written.

use crate::recipe::SIDE_MAX;
use crate::{Filter, Normalize};
use serde_json::{Map, Value};

/// Most numbers for channels: one more than any image has that is read here.
const CHANNELS_MAX: usize = 4;

/// An object, whose fields may be absent or null alike.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, String> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value.as_bool().ok_or_else(|| wrong(key, "true or false", value)),
        }
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| wrong(key, "a text", value));
        self.get(key).map(text).transpose()
    }

    /// A number between these, both included.
    pub(super) fn number(&self, key: &str, range: (f64, f64)) -> Result<Option<f64>, String> {
        let number = |value| number(key, value, range);
        self.get(key).map(number).transpose()
    }

    pub(super) fn object(&self, key: &str) -> Result<Option<Fields<'a>>, String> {
        let object = |value: &'a Value| match value {
            Value::Object(map) => Ok(Fields(map)),
            other => Err(wrong(key, "an object", other)),
        };
        self.get(key).map(object).transpose()
    }

    /// One number for each channel, or one for all.
    pub(super) fn channels(&self, key: &str) -> Result<Option<Vec<f64>>, String> {
        // Levels and what they become are thousands at most; a factor too small would overflow.
        let each = |value| number(key, value, (-1e6, 1e6));
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(list)) if (1..=CHANNELS_MAX).contains(&list.len()) => {
                list.iter().map(each).collect::<Result<_, _>>().map(Some)
            }
            Some(value @ Value::Number(_)) => Ok(Some(vec![each(value)?])),
            Some(other) => Err(wrong(key, "a number for each channel", other)),
        }
    }

    pub(super) fn side(&self, key: &str) -> Result<Option<usize>, String> {
        self.get(key).map(|value| side(key, value)).transpose()
    }
}

/// A number of pixels.
pub(super) fn side(key: &str, value: &Value) -> Result<usize, String> {
    let side = number(key, value, (1.0, SIDE_MAX as f64))?;
    if side.fract() == 0.0 { Ok(side as usize) } else { Err(wrong(key, "whole pixels", value)) }
}

fn number(key: &str, value: &Value, (least, most): (f64, f64)) -> Result<f64, String> {
    let fits = |number: &f64| (least..=most).contains(number);
    let expected = || format!("a number from {least} to {most}");
    value.as_f64().filter(fits).ok_or_else(|| wrong(key, &expected(), value))
}

/// What is said of a field that holds something else.
pub(super) fn wrong(key: &str, expected: &str, found: &Value) -> String {
    // A whole file must not land in a message.
    let found: String = found.to_string().chars().take(80).collect();
    format!("field `{key}`: expected {expected}, found {found}")
}

/// The filter of a name, as Pillow and torchvision have it; none where no recipe has it.
pub(super) fn filter(name: &str) -> Option<Filter> {
    match name {
        "nearest" => Some(Filter::Nearest),
        "bilinear" => Some(Filter::Bilinear),
        "bicubic" => Some(Filter::Bicubic),
        "lanczos" => Some(Filter::Lanczos),
        _ => None,
    }
}

/// What `(x / unit - mean) / std` is in levels.
pub(super) fn in_levels(unit: f64, mean: &[f64], std: &[f64]) -> Normalize {
    // 0.485 * 255 is not always 123.675; a billionth of a level is nothing.
    let level = |x: &f64| (x * unit * 1e9).round() / 1e9;
    Normalize { mean: mean.iter().map(level).collect(), std: std.iter().map(level).collect() }
}
