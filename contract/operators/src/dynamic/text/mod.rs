//! Operators on text.

mod normalize;
mod split;

use super::{Evaluate, Inputs, refused};
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::{DType, Tensor, Text, Value};

pub use normalize::{Case, Normalize};
pub use split::Split;

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
        keys: Vec<String>,
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
}

impl Evaluate for TextOperator {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let made = match self {
            TextOperator::Concat => {
                let (shape, pairs) = pairs(inputs)?;
                let mut room = Room { left: inputs.bytes_max };
                let joined = pairs.map(|(a, b)| {
                    room.take(a.len().saturating_add(b.len()))?;
                    Ok(format!("{a}{b}"))
                });
                Text::new(&shape, joined.collect::<Result<_, ComputeError>>()?)?.into()
            }
            TextOperator::Equal => {
                let (shape, pairs) = pairs(inputs)?;
                truths(&shape, pairs.map(|(a, b)| a == b))?
            }
            TextOperator::FullMatch { pattern } => {
                let x = inputs.text(0)?;
                let whole = regex_lite::Regex::new(&format!("^(?:{pattern})$"));
                let whole =
                    whole.map_err(|error| refused("the pattern", error, "an expression"))?;
                truths(x.shape(), x.elements().iter().map(|x| whole.is_match(x)))?
            }
            TextOperator::Lookup { keys } => {
                let x = inputs.text(0)?;
                let place = |x: &String| keys.iter().position(|key| key == x).unwrap_or(keys.len());
                let places: Vec<i64> = x.elements().iter().map(|x| place(x) as i64).collect();
                Tensor::from_slice(x.shape(), &places)?.into()
            }
            TextOperator::Join => {
                let (mut all, mut room) = (Vec::new(), Room { left: inputs.bytes_max });
                for index in 0..inputs.values.len() {
                    for element in inputs.text(index)?.elements() {
                        room.take(element.len())?;
                        all.push(element.clone());
                    }
                }
                Text::new(&[all.len()], all)?.into()
            }
            TextOperator::Take => take(inputs)?,
            TextOperator::Parse(dtype) => parse(inputs, *dtype)?,
            TextOperator::Print => print(inputs)?,
            TextOperator::Normalize(normalize) => normalize.of(inputs.text(0)?)?.into(),
            TextOperator::Split(split) => return split.of(inputs.text(0)?, inputs.bytes_max),
        };
        Ok(vec![made])
    }
}

fn truths(shape: &[usize], truths: impl Iterator<Item = bool>) -> Result<Value, ComputeError> {
    let bytes: Vec<u8> = truths.map(u8::from).collect();
    Ok(Tensor::from_bytes(DType::Bool, shape, &bytes)?.into())
}

type Pairs<'a> = (Vec<usize>, Box<dyn Iterator<Item = (&'a String, &'a String)> + 'a>);

/// The pairs of elements of two broadcast inputs.
fn pairs<'a>(inputs: &'a Inputs<'_>) -> Result<Pairs<'a>, ComputeError> {
    let (a, b) = (inputs.text(0)?, inputs.text(1)?);
    let shape = tensor::broadcast(a.shape(), b.shape());
    let found = format!("{:?} and {:?}", a.shape(), b.shape());
    let shape = shape.ok_or_else(|| refused("the shapes", found, "ones that broadcast"))?;
    let count = tensor::element_count(&shape).unwrap_or(usize::MAX);
    inputs.require(count, size_of::<String>())?;
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
        .map(move |at| (&a.elements()[place(a.shape(), at)], &b.elements()[place(b.shape(), at)]));
    Ok((shape, Box::new(pairs)))
}

fn take(inputs: &Inputs<'_>) -> Result<Value, ComputeError> {
    let elements = inputs.text(0)?.elements();
    let mut taken = Vec::new();
    let mut room = Room { left: inputs.bytes_max };
    for index in inputs.integers(1)? {
        let element = &elements[crate::place(i128::from(index), elements.len())?];
        room.take(element.len())?;
        taken.push(element.clone());
    }
    Ok(Text::new(inputs.tensor(1)?.shape(), taken)?.into())
}

/// The memory that text may still take.
struct Room {
    left: usize,
}

impl Room {
    /// Takes the memory of a text of so many bytes.
    fn take(&mut self, bytes: usize) -> Result<(), ComputeError> {
        let needed = bytes.saturating_add(size_of::<String>());
        let left = self.left.checked_sub(needed);
        self.left = left.ok_or(ComputeError::Memory { needed, limit: self.left })?;
        Ok(())
    }
}

fn parse(inputs: &Inputs<'_>, dtype: DType) -> Result<Value, ComputeError> {
    let x = inputs.text(0)?;
    let mut made = inputs.zeros(dtype, x.shape())?;
    let number = |text: &String| {
        let number = text.trim().parse::<f64>().ok();
        number.ok_or_else(|| refused("text", format!("{text:?}"), "a number"))
    };
    if dtype.is_float() || dtype == DType::Bool {
        let numbers: Vec<f64> = x.elements().iter().map(number).collect::<Result<_, _>>()?;
        crate::numbers::store_floats(&mut made.view_mut(), &numbers);
    } else {
        let integer = |text: &String| match text.trim().parse::<i128>() {
            Ok(integer) => Ok(integer),
            Err(_) => number(text).map(|number| number as i128),
        };
        let integers: Vec<i128> = x.elements().iter().map(integer).collect::<Result<_, _>>()?;
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
