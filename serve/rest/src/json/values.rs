//! Tensors as nested lists.

use super::{Pretty, number};
use tensor::Tensor;

/// The elements in `bytes` as lists nested by `shape`.
pub(crate) fn values(json: &mut Pretty, output: &Tensor, shape: &[usize], bytes: &[u8]) {
    let [size, inner @ ..] = shape else {
        return number::each(output.dtype(), bytes, |text| json.raw(text));
    };
    json.array();
    if inner.is_empty() {
        number::each(output.dtype(), bytes, |text| json.raw(text));
    } else {
        let step = bytes.len() / (*size).max(1);
        for i in 0..*size {
            values(json, output, inner, &bytes[i * step..(i + 1) * step]);
        }
    }
    json.end_array();
}
