//! Operators that the first versions of the standard had on trial, and that later ones took back.
//! Old converters of other formats wrote them, and ONNX Runtime runs them.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, SliceAxis};
use tensor::scalar::{Binary, Unary};
use tensor::{Dim, Tensor};

pub(super) const OPS: &[Row] = &[
    row("Affine", &["alpha", "beta"], affine),
    row("Crop", &["border", "scale"], crop),
    row("ImageScaler", &["bias", "scale"], image_scaler),
    row("ParametricSoftplus", &["alpha", "beta"], |call| stretched(call, Unary::Softplus)),
    row("Scale", &["scale"], |call| {
        let x = call.input(0)?;
        Ok(vec![scaled(call, &x, "scale", 1.0)?])
    }),
    row("ScaledTanh", &["alpha", "beta"], |call| stretched(call, Unary::Tanh)),
];

/// `x` times an attribute.
fn scaled(call: &mut Call<'_>, x: &Operand, name: &str, default: f32) -> Result<Operand, Reason> {
    let factor = f64::from(call.float(name)?.unwrap_or(default));
    let factor = call.build.number(call.build.fact(x).dtype, factor)?;
    call.build.binary(Binary::Mul, x, &factor)
}

/// ONNX Affine-1: `alpha * x + beta`. ONNX Scale-1: `scale * x`.
fn affine(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let made = scaled(call, &x, "alpha", 1.0)?;
    let beta = f64::from(call.float("beta")?.unwrap_or(0.0));
    let beta = call.build.number(call.fact(0)?.dtype, beta)?;
    Ok(vec![call.build.binary(Binary::Add, &made, &beta)?])
}

/// ONNX ScaledTanh-1: `alpha * tanh(beta * x)`. ONNX ParametricSoftplus-1: `alpha * log(1 + e^(beta
/// * x))`. Refused: leaving out a factor, which has no default.
fn stretched(call: &mut Call<'_>, function: Unary) -> Made {
    for name in ["alpha", "beta"] {
        call.float(name)?.ok_or_else(|| call.refuse(name, "a factor", "nothing"))?;
    }
    let x = call.input(0)?;
    let inner = scaled(call, &x, "beta", 1.0)?;
    let made = call.build.unary(function, &inner)?;
    Ok(vec![scaled(call, &made, "alpha", 1.0)?])
}

/// The sizes of `[N, C, H, W]`.
fn image(call: &Call<'_>) -> Result<[Dim; 4], Reason> {
    let shape = call.fact(0)?.shape;
    shape.try_into().map_err(|shape: Vec<Dim>| Reason::Input {
        input: 0,
        expected: "[N, C, H, W]".to_string(),
        found: format!("{shape:?}"),
    })
}

/// ONNX ImageScaler-1: `scale * x`, and the bias of each channel.
fn image_scaler(call: &mut Call<'_>) -> Made {
    image(call)?;
    let x = call.input(0)?;
    let made = scaled(call, &x, "scale", 1.0)?;
    let bias = call.floats("bias")?.unwrap_or(&[]);
    let bias = Tensor::from_slice(&[bias.len(), 1, 1], bias);
    let bias = bias.map_err(|error| Reason::Evaluation(error.to_string()))?;
    let bias = Operand::constant(&call.build.node, bias);
    let bias = call.build.cast(&bias, call.fact(0)?.dtype)?;
    Ok(vec![call.build.binary(Binary::Add, &made, &bias)?])
}

/// ONNX Crop-1: rows and columns without `border`, left, top, right and bottom; of `scale`, height
/// and width, where it is given.
fn crop(call: &mut Call<'_>) -> Made {
    let [_, _, height, width] = image(call)?;
    let border = call.counts("border")?.unwrap_or_default();
    let &[left, top, right, bottom] = border.as_slice() else {
        return Err(call.refuse("border", "four sizes", &format!("{border:?}")));
    };
    let cut = |axis: usize, start: usize, size: Dim, end: usize, scale: Option<usize>| {
        let start = Dim::from(start);
        let rest = size - start.clone() - Dim::from(end);
        let len = scale.map_or(rest, Dim::from);
        SliceAxis { axis, start, len, step: 1 }
    };
    let scale = call.counts("scale")?;
    let scale = match scale.as_deref() {
        Some(&[height, width]) => [Some(height), Some(width)],
        None => [None; 2],
        Some(other) => return Err(call.refuse("scale", "two sizes", &format!("{other:?}"))),
    };
    let axes = vec![cut(2, top, height, bottom, scale[0]), cut(3, left, width, right, scale[1])];
    let x = call.input(0)?;
    call.emit(Op::Slice { axes }, &[&x])
}
