//! Operators on text.

mod cut;
mod fingerprint;
mod keys;
mod normalize;
mod split;
mod tokenize;

use super::{Evaluate, Inputs, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{DType, Tensor, Text, TextRow, Value};

pub use cut::{Cut, Ends, Grams};
pub use keys::Keys;
pub use normalize::{Case, Normalize};
pub use split::Split;
pub use tokenize::{By, Tokenize};

/// An operator that takes text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextOperator {
    /// `(a, b)`: each pair joined, broadcasting. ONNX StringConcat-20.
    Concat,
    /// `(a, b)`: is each pair equal? Broadcasting. ONNX Equal-19 of text.
    Equal,
    /// `(x)`: does the pattern match the whole of each element? ONNX RegexFullMatch-20; the syntax
    /// is that of RE2, as far as it is that of the crate `regex-lite`.
    FullMatch {
        /// A regular expression.
        pattern: String,
    },
    /// `(x)`: the place of the first key that each element equals, the number of keys when it
    /// equals none.
    Lookup {
        /// The keys.
        keys: Keys,
    },
    /// `(x…)`: all elements of all inputs in a row.
    Join,
    /// `(x, indices)`: the elements with these places in the row of all elements, under the shape
    /// of the indices.
    Take,
    /// `(x)`: the numbers that the elements are. ONNX Cast of text.
    Parse(DType),
    /// `(x)`: numbers as text. ONNX Cast to text.
    Print,
    /// `(x)`. ONNX StringNormalizer-10.
    Normalize(Normalize),
    /// `(x)`. ONNX StringSplit-20.
    Split(Split),
    /// `(x)`. Tokenizer of `com.microsoft`.
    Tokenize(Tokenize),
    /// `(x)`: the parts of all elements in a row.
    Cut(Cut),
    /// `(x, splits)`: runs of texts, joined.
    Grams(Grams),
    /// `(x)`: the bucket of each element, by FarmHash's Fingerprint64.
    Bucket {
        /// How many buckets there are.
        count: u64,
    },
    /// `(x)`: without whitespace at both ends.
    Strip,
    /// `(x)`: how many bytes each element has, `i64`, or how many characters.
    Length {
        /// Are characters counted?
        is_of_characters: bool,
    },
    /// `(x)`: what a pattern matches replaced; the syntax is that of `FullMatch`.
    Replace {
        /// A regular expression.
        pattern: String,
        /// What stands there then; `\\1` is the first group.
        with: String,
        /// Each match, or the first one?
        is_global: bool,
    },
    /// `(x)`: the place of the first key that each element equals, which each must.
    Place {
        /// The keys.
        keys: Keys,
    },
}

impl Evaluate for TextOperator {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let made = match self {
            TextOperator::Concat => concat(inputs)?,
            TextOperator::Equal => {
                let (shape, pairs) = pairs(inputs)?;
                truths(&shape, pairs.map(|(a, b)| a == b))?
            }
            TextOperator::FullMatch { pattern } => {
                let x = inputs.text(0)?;
                let whole = regex_lite::Regex::new(&format!("^(?:{pattern})$"));
                let whole =
                    whole.map_err(|error| refused("the pattern", error, "an expression"))?;
                truths(x.shape(), x.elements().map(|x| whole.is_match(x)))?
            }
            TextOperator::Lookup { keys } => {
                let x = inputs.text(0)?;
                let places: Vec<i64> =
                    keys.places(x).map(|place| place.unwrap_or(keys.len()) as i64).collect();
                Tensor::from_slice(x.shape(), &places)?.into()
            }
            TextOperator::Join => {
                let (mut all, mut room) = (TextRow::default(), Room { left: inputs.bytes_max });
                for index in 0..inputs.values.len() {
                    for element in inputs.text(index)?.elements() {
                        room.take(element.len())?;
                        all.push(element);
                    }
                }
                let count = all.len();
                all.shaped(&[count])?.into()
            }
            TextOperator::Take => take(inputs)?,
            TextOperator::Parse(dtype) => parse(inputs, *dtype)?,
            TextOperator::Print => print(inputs)?,
            TextOperator::Normalize(normalize) => normalize.of(inputs.text(0)?)?.into(),
            TextOperator::Tokenize(tokenize) => {
                tokenize.of(inputs.text(0)?, inputs.bytes_max)?.into()
            }
            TextOperator::Cut(cut) => return cut.of(inputs.text(0)?, inputs.bytes_max),
            TextOperator::Grams(grams) => {
                return grams.of(inputs.text(0)?, &inputs.integers(1)?, inputs.bytes_max);
            }
            TextOperator::Bucket { count } => bucket(inputs, *count)?,
            TextOperator::Strip => stripped(inputs)?,
            TextOperator::Length { is_of_characters } => length(inputs, *is_of_characters)?,
            TextOperator::Replace { pattern, with, is_global } => {
                replaced(inputs, pattern, with, *is_global)?
            }
            TextOperator::Place { keys } => {
                let x = inputs.text(0)?;
                let place = |(at, place): (usize, Option<usize>)| match place {
                    Some(place) => Ok(place as i64),
                    None => {
                        let expected = format!("one of {} categories", keys.len());
                        Err(refused("text", format!("{:?}", x.element(at)), &expected))
                    }
                };
                let places: Result<Vec<i64>, _> = keys.places(x).enumerate().map(place).collect();
                Tensor::from_slice(x.shape(), &places?)?.into()
            }
            TextOperator::Split(split) => return split.of(inputs.text(0)?, inputs.bytes_max),
        };
        Ok(vec![made])
    }
}

fn concat(inputs: &Inputs<'_>) -> Result<Value, ComputeError> {
    let (shape, pairs) = pairs(inputs)?;
    let mut room = Room { left: inputs.bytes_max };
    let joined = pairs.map(|(a, b)| {
        room.take(a.len().saturating_add(b.len()))?;
        Ok(format!("{a}{b}"))
    });
    Ok(joined.collect::<Result<TextRow, ComputeError>>()?.shaped(&shape)?.into())
}

fn bucket(inputs: &Inputs<'_>, count: u64) -> Result<Value, ComputeError> {
    each(inputs, |x| (fingerprint::fingerprint(&cut::bytes(x)) % count.max(1)) as i64)
}

fn stripped(inputs: &Inputs<'_>) -> Result<Value, ComputeError> {
    let x = inputs.text(0)?;
    let trimmed: TextRow = x.elements().map(str::trim).collect();
    Ok(trimmed.shaped(x.shape())?.into())
}

fn length(inputs: &Inputs<'_>, is_of_characters: bool) -> Result<Value, ComputeError> {
    match is_of_characters {
        true => each(inputs, |x| x.chars().count() as i64),
        false => each(inputs, |x| cut::bytes(x).len() as i64),
    }
}

/// A number for each element.
fn each(inputs: &Inputs<'_>, number: impl Fn(&str) -> i64) -> Result<Value, ComputeError> {
    let x = inputs.text(0)?;
    let numbers: Vec<i64> = x.elements().map(number).collect();
    Ok(Tensor::from_slice(x.shape(), &numbers)?.into())
}

fn replaced(
    inputs: &Inputs<'_>,
    pattern: &str,
    with: &str,
    is_global: bool,
) -> Result<Value, ComputeError> {
    let x = inputs.text(0)?;
    let pattern = regex_lite::Regex::new(pattern)
        .map_err(|error| refused("the pattern", error, "an expression"))?;
    let mut room = Room { left: inputs.bytes_max };
    let mut made = TextRow::default();
    for element in x.elements() {
        let most = if is_global { 0 } else { 1 };
        let by = |found: &regex_lite::Captures<'_>| expanded(with, found);
        let text = pattern.replacen(element, most, by);
        room.take(text.len())?;
        made.push(&text);
    }
    Ok(made.shaped(x.shape())?.into())
}

/// What stands for a match: a backslash and a digit name a group, two backslashes are one.
fn expanded(with: &str, found: &regex_lite::Captures<'_>) -> String {
    let mut made = String::new();
    let mut rest = with.chars();
    while let Some(character) = rest.next() {
        match (character, rest.clone().next()) {
            ('\\', Some(next)) => {
                rest.next();
                match next.to_digit(10) {
                    Some(group) => {
                        made += found.get(group as usize).map_or("", |part| part.as_str());
                    }
                    None => made.push(next),
                }
            }
            _ => made.push(character),
        }
    }
    made
}

fn truths(shape: &[usize], truths: impl Iterator<Item = bool>) -> Result<Value, ComputeError> {
    let bytes: Vec<u8> = truths.map(u8::from).collect();
    Ok(Tensor::from_bytes(DType::Bool, shape, &bytes)?.into())
}

type Pairs<'a> = (Vec<usize>, Box<dyn Iterator<Item = (&'a str, &'a str)> + 'a>);

/// The pairs of elements of two broadcast inputs.
fn pairs<'a>(inputs: &'a Inputs<'_>) -> Result<Pairs<'a>, ComputeError> {
    let (a, b) = (inputs.text(0)?, inputs.text(1)?);
    let shape = tensor::broadcast(a.shape(), b.shape());
    let found = format!("{:?} and {:?}", a.shape(), b.shape());
    let shape = shape.ok_or_else(|| refused("the shapes", found, "ones that broadcast"))?;
    let count = tensor::element_count(&shape).unwrap_or(usize::MAX);
    inputs.require(count, size_of::<usize>())?;
    let strides = tensor::row_major_strides(&shape);
    let sizes = shape.clone();
    // Where the element for a place of the result lies in an operand of another shape.
    let place = move |own: &[usize], at: usize| {
        let missing = sizes.len() - own.len();
        let own_strides = tensor::row_major_strides(own);
        let axes = own.iter().enumerate().filter(|(_, size)| **size != 1);
        axes.map(|(axis, _)| {
            let on = at / strides[missing + axis] % sizes[missing + axis];
            on * own_strides[axis]
        })
        .sum::<usize>()
    };
    let pairs = (0..count)
        .map(move |at| (a.element(place(a.shape(), at)), b.element(place(b.shape(), at))));
    Ok((shape, Box::new(pairs)))
}

fn take(inputs: &Inputs<'_>) -> Result<Value, ComputeError> {
    let text = inputs.text(0)?;
    let mut taken = TextRow::default();
    let mut room = Room { left: inputs.bytes_max };
    for index in inputs.integers(1)? {
        let element = text.element(crate::place(i128::from(index), text.len())?);
        room.take(element.len())?;
        taken.push(element);
    }
    Ok(taken.shaped(inputs.tensor(1)?.shape())?.into())
}

/// The memory that text may still take.
struct Room {
    left: usize,
}

impl Room {
    /// Takes the memory of a text of so many bytes.
    fn take(&mut self, bytes: usize) -> Result<(), ComputeError> {
        let needed = bytes.saturating_add(size_of::<usize>());
        let left = self.left.checked_sub(needed);
        self.left = left.ok_or(ComputeError::Memory { needed, limit: self.left })?;
        Ok(())
    }
}

fn parse(inputs: &Inputs<'_>, dtype: DType) -> Result<Value, ComputeError> {
    let x = inputs.text(0)?;
    let mut made = inputs.zeros(dtype, x.shape())?;
    let number = |text: &str| {
        let number = text.trim().parse::<f64>().ok();
        number.ok_or_else(|| refused("text", format!("{text:?}"), "a number"))
    };
    if dtype.is_float() || dtype == DType::Bool {
        let numbers: Vec<f64> = x.elements().map(number).collect::<Result<_, _>>()?;
        crate::numbers::store_floats(&mut made.view_mut(), &numbers);
    } else {
        let integer = |text: &str| match text.trim().parse::<i128>() {
            Ok(integer) => Ok(integer),
            Err(_) => number(text).map(|number| number as i128),
        };
        let integers: Vec<i128> = x.elements().map(integer).collect::<Result<_, _>>()?;
        crate::numbers::store_integers(&mut made.view_mut(), &integers);
    }
    Ok(made.into())
}

/// Floats as the shortest text that reads back to them, integers in decimal.
fn print(inputs: &Inputs<'_>) -> Result<Value, ComputeError> {
    let x = inputs.tensor(0)?;
    let elements: Vec<String> = match crate::numbers::read(&x.view()) {
        crate::numbers::Numbers::Integer(x) => x.iter().map(i128::to_string).collect(),
        crate::numbers::Numbers::Float(all) => all
            .iter()
            .map(|&number| match (number.is_nan(), number.is_infinite()) {
                (true, _) => "NaN".to_string(),
                (_, true) => if number > 0.0 { "INF" } else { "-INF" }.to_string(),
                _ if x.dtype() == DType::F64 => number.to_string(),
                _ => (number as f32).to_string(),
            })
            .collect(),
    };
    Ok(Text::new(x.shape(), elements)?.into())
}
