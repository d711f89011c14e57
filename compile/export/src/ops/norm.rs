//! Normalizations.

use crate::call::{Call, Written};
use crate::messages::{float, size};

pub(super) fn softmax(call: &mut Call<'_, '_>, op: &str, axis: usize) -> Written {
    call.same(op, vec![size("axis", axis)])
}

pub(super) fn layer_norm(call: &mut Call<'_, '_>, axis: usize, epsilon: f32) -> Written {
    call.same("LayerNormalization", vec![size("axis", axis), float("epsilon", epsilon)])
}

pub(super) fn local_response_norm(
    call: &mut Call<'_, '_>,
    channels: usize,
    [alpha, beta, bias]: [f32; 3],
) -> Written {
    let factors = [float("alpha", alpha), float("beta", beta), float("bias", bias)];
    call.same("LRN", [vec![size("size", channels)], factors.to_vec()].concat())
}
