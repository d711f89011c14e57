//! The scores among a model's outputs.

use crate::Method;
use half::{bf16, f16};
use server::{Refusal, Servable};
use tensor::{DType, Value};

/// What the outputs of classifiers are called that have several of floats.
const NAMES: [&str; 3] = ["scores", "probabilities", "output_probability"];

/// The scores of one example, which lie one behind the other.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// Their type, which is one of floats.
    pub dtype: DType,
    /// Their elements, little-endian.
    pub bytes: &'a [u8],
}

/// The output that holds scores: the only one of floats, or the one that is called so.
pub(crate) fn output(model: &Servable) -> Option<usize> {
    let outputs = &model.signature().outputs;
    let mut floats = (0..outputs.len()).filter(|&index| outputs[index].dtype.is_float());
    let named = floats.clone().find(|&index| NAMES.contains(&&*outputs[index].name));
    let only = floats.next().filter(|_| floats.next().is_none());
    named.or(only)
}

/// The scores of each of `count` examples.
///
/// # Errors
/// When the model did not answer a row for each, or more than a number where one was asked.
pub fn scores_of<'a>(
    model: &Servable,
    outputs: &'a [Value],
    count: usize,
    method: Method,
) -> Result<Vec<Scores<'a>>, Refusal> {
    let output = output(model).and_then(|index| outputs.get(index)).and_then(Value::tensor);
    let (shape, dtype, bytes) = match output {
        Some(output) => (output.shape(), output.dtype(), output.bytes()),
        None => (&[][..], DType::F32, &[][..]),
    };
    let wrong = |text: String| Err(Refusal::InvalidArgument(text));
    if shape.first() != Some(&count) {
        return wrong(format!(
            "Expected output batch size to be equal to input batch size {count}, \
             found an output of shape {shape:?}"
        ));
    }
    if method == Method::Regress && shape[1..].iter().product::<usize>() != 1 {
        return wrong(format!("Expected one number for each example, found the shape {shape:?}"));
    }
    let size = bytes.len() / count.max(1);
    Ok((0..count).map(|row| Scores { dtype, bytes: &bytes[row * size..][..size] }).collect())
}

impl<'a> Scores<'a> {
    /// The elements of each.
    pub fn each(self) -> impl Iterator<Item = &'a [u8]> {
        self.bytes.chunks_exact(self.dtype.size().max(1))
    }

    /// Each as the float that messages have.
    pub fn floats(self) -> impl Iterator<Item = f32> {
        let dtype = self.dtype;
        self.each().map(move |bytes| match (dtype, bytes) {
            (DType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (DType::F64, &[a, b, c, d, e, f, g, h]) => {
                f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
            }
            (DType::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (DType::BF16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            (dtype, bytes) => {
                let byte = bytes.first().copied().unwrap_or_default();
                tensor::small::to_f64(dtype, byte) as f32
            }
        })
    }
}
