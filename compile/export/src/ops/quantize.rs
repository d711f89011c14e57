//! Integers that stand for numbers: affine quantization.

use crate::call::{Call, Written};
use crate::messages::size;

/// `(x, scale, zero)`. The standard wants scale and zero point to be both of all elements, or both
/// of each along the axis.
pub(super) fn affine(call: &mut Call<'_, '_>, op: &str, axis: usize) -> Written {
    let ranks = [1, 2].map(|index| call.fact(index).rank());
    if let Some(single) = [1, 2].into_iter().find(|&index| ranks[index - 1] < ranks[2 - index]) {
        let (number, shape) = (call.input(single), call.fact(3 - single).shape);
        let shape = call.sizes(&shape)?;
        call.inputs[single] = call.step("Expand", &[&number, &shape], vec![]);
    }
    call.same(op, vec![size("axis", axis)])
}

/// The standard quantizes at once, and gives the parameters beside.
pub(super) fn dynamic_range(call: &mut Call<'_, '_>) -> Written {
    let (x, bytes) = (call.input(0), call.writer.unused());
    let outputs = [vec![bytes], call.outputs.clone()].concat();
    call.writer.push("DynamicQuantizeLinear", &[&x], outputs, vec![]);
    Ok(())
}

/// `(a, b, a_zero, b_zero)`.
pub(super) fn integer_product(call: &mut Call<'_, '_>) -> Written {
    call.same("MatMulInteger", vec![])
}
