//! Reading constants.

use crate::rewrite::Rewriter;
use ir::ValueId;
use tensor::{DType, Element, Tensor};

/// The one number that all elements are, when they are equal.
pub(crate) fn splat(tensor: &Tensor) -> Option<f64> {
    let size = tensor.dtype().size();
    let (first, rest) = tensor.bytes().split_at_checked(size)?;
    if rest.chunks_exact(size).any(|element| element != first) {
        return None;
    }
    fn number<T: Element>(tensor: &Tensor) -> Option<T> {
        tensor.as_slice::<T>().ok()?.first().copied()
    }
    match tensor.dtype() {
        DType::F32 => number::<f32>(tensor).map(f64::from),
        DType::F64 => number::<f64>(tensor),
        DType::I8 => number::<i8>(tensor).map(f64::from),
        DType::I16 => number::<i16>(tensor).map(f64::from),
        DType::I32 => number::<i32>(tensor).map(f64::from),
        DType::U8 => number::<u8>(tensor).map(f64::from),
        DType::U16 => number::<u16>(tensor).map(f64::from),
        DType::U32 => number::<u32>(tensor).map(f64::from),
        // Beyond 2^53 the conversion rounds: such a number is none.
        DType::I64 => number::<i64>(tensor).map(|x| x as f64).filter(|x| x.abs() < EXACT),
        DType::U64 => number::<u64>(tensor).map(|x| x as f64).filter(|x| x.abs() < EXACT),
        _ => None,
    }
}

/// Integers below this have exact `f64` twins.
const EXACT: f64 = (1u64 << 53) as f64;

/// The one number that all elements of a value are known to be.
pub(crate) fn number(rewriter: &Rewriter<'_>, id: ValueId) -> Option<f64> {
    splat(rewriter.known(id)?)
}

/// The elements of a tensor of 32- or 64-bit floats.
pub(crate) fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.dtype() {
        DType::F32 => Some(tensor.as_slice::<f32>().ok()?.iter().map(|&x| f64::from(x)).collect()),
        DType::F64 => Some(tensor.as_slice::<f64>().ok()?.to_vec()),
        _ => None,
    }
}

/// A tensor of these elements, rounded once to 32 or 64 bits; `None` for another type, and when
/// an element is not finite, which no rewrite may bring about.
pub(crate) fn rounded(dtype: DType, shape: &[usize], elements: &[f64]) -> Option<Tensor> {
    if !elements.iter().all(|x| x.is_finite()) {
        return None;
    }
    let tensor = match dtype {
        DType::F32 => {
            let narrow: Vec<f32> = elements.iter().map(|&x| x as f32).collect();
            if !narrow.iter().all(|x| x.is_finite()) {
                return None;
            }
            Tensor::from_slice(shape, &narrow)
        }
        DType::F64 => Tensor::from_slice(shape, elements),
        _ => return None,
    };
    tensor.ok()
}

/// The shape of what two operands broadcast to.
pub(crate) fn broadcast_of(
    rewriter: &Rewriter<'_>,
    a: ValueId,
    b: ValueId,
) -> Option<Vec<tensor::Dim>> {
    let (a, b) = (rewriter.fact(a).shape, rewriter.fact(b).shape);
    ir::ops::elementwise::broadcast(&a, &b).ok()
}
