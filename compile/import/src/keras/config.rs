//! A layer's configuration: named values of JSON, each checked as it is read.

use crate::error::Reason;
use serde_json::{Map, Value};
use tensor::DType;

/// Named values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Config<'a>(pub(super) &'a Map<String, Value>);

/// Largest size, stride or count of a configuration.
const SIZE_MAX: u64 = 1 << 31;

impl<'a> Config<'a> {
    /// A value that is there and not null.
    pub(super) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// The refusal of a value.
    pub(super) fn refuse(self, name: &str, expected: &str) -> Reason {
        let found = self.0.get(name).map_or_else(|| "nothing".to_string(), shown);
        Reason::Attribute { name: name.to_string(), expected: expected.to_string(), found }
    }

    /// A truth value. Old files hold numbers for them.
    pub(super) fn flag(self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(Value::Bool(value)) => *value,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(_) | None => default,
        }
    }

    /// One number that may be left out.
    pub(super) fn float(self, name: &str) -> Result<Option<f64>, Reason> {
        match self.get(name) {
            None => Ok(None),
            Some(value) => number(value).map(Some).ok_or_else(|| self.refuse(name, "a number")),
        }
    }

    /// One number as `f32`, or what it is when it is left out.
    pub(super) fn float_or(self, name: &str, default: f64) -> Result<f32, Reason> {
        Ok(self.float(name)?.unwrap_or(default) as f32)
    }

    /// A whole number that may be negative and may be left out.
    pub(super) fn integer(self, name: &str) -> Result<Option<i64>, Reason> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let whole = number(value).filter(|x| x.fract() == 0.0 && x.abs() < 9e15);
        whole.map(|x| Some(x as i64)).ok_or_else(|| self.refuse(name, "an integer"))
    }

    /// A size that has to be there.
    pub(super) fn size(self, name: &str) -> Result<usize, Reason> {
        self.get(name).and_then(size).ok_or_else(|| self.refuse(name, "a size"))
    }

    /// One size for each of so many axes; one number stands for all.
    pub(super) fn sizes(self, name: &str, axes: usize) -> Result<Option<Vec<usize>>, Reason> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let sizes = match value {
            Value::Array(values) => values.iter().map(size).collect::<Option<Vec<usize>>>(),
            one => size(one).map(|size| vec![size; axes]),
        };
        let refused = || self.refuse(name, &format!("{axes} sizes"));
        sizes.filter(|sizes| sizes.len() == axes).map(Some).ok_or_else(refused)
    }

    /// Whole numbers, one or several, that may be left out.
    pub(super) fn integers(self, name: &str) -> Result<Option<Vec<i64>>, Reason> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let whole = |value: &Value| value.as_i64();
        let integers = match value {
            Value::Array(values) => values.iter().map(whole).collect(),
            one => whole(one).map(|one| vec![one]),
        };
        integers.map(Some).ok_or_else(|| self.refuse(name, "integers"))
    }

    /// Numbers, one or several, nested as they like, in order.
    pub(super) fn floats(self, name: &str) -> Result<Option<Vec<f64>>, Reason> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let mut made = Vec::new();
        match flatten(value, &mut made) {
            Some(()) => Ok(Some(made)),
            None => Err(self.refuse(name, "numbers")),
        }
    }

    /// A text that may be left out.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name)?.as_str()
    }

    /// A part that is itself an object.
    pub(super) fn object(self, name: &str) -> Option<Config<'a>> {
        self.get(name)?.as_object().map(Config)
    }

    /// The type that a layer computes in. Halves are computed in `f32`, which is what their
    /// weights are in a mixed policy.
    pub(super) fn compute_type(self) -> DType {
        let name = match self.get("dtype") {
            Some(Value::Object(policy)) => {
                Config(policy).object("config").and_then(|c| c.text("name"))
            }
            Some(Value::String(name)) => Some(name.as_str()),
            Some(_) | None => None,
        };
        if name == Some("float64") { DType::F64 } else { DType::F32 }
    }

    /// Are channels the last axis?
    pub(super) fn is_channels_last(self) -> bool {
        self.text("data_format") != Some("channels_first")
    }
}

/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// A value as it is shown in a message.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A number, also one that the format wraps to keep its type.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Object(_) => number(value.get("config")?.get("value")?),
        Value::Array(values) => match values.as_slice() {
            [one] => number(one),
            _ => None,
        },
        other => other.as_f64(),
    }
}

fn size(value: &Value) -> Option<usize> {
    let whole = number(value).filter(|x| x.fract() == 0.0 && (0.0..SIZE_MAX as f64).contains(x));
    whole.map(|size| size as usize)
}

fn flatten(value: &Value, made: &mut Vec<f64>) -> Option<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| flatten(value, made)),
        Value::Object(wrapped) => flatten(wrapped.get("config")?.get("value")?, made),
        other => {
            made.push(other.as_f64()?);
            Some(())
        }
    }
}
