//! Pooling.

use super::conv::Window;
use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, Pool, PoolKind, SliceAxis};
use operators::max_indices::MaxIndices;
use operators::scatter_elements::{ScatterElements, Update};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim};

pub(super) const OPS: &[Row] = &[
    row(
        "MaxPool",
        &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"],
        max_pool,
    ),
    row("MaxUnpool", &["kernel_shape", "pads", "strides"], max_unpool),
    row(
        "AveragePool",
        &[
            "auto_pad",
            "ceil_mode",
            "count_include_pad",
            "dilations",
            "kernel_shape",
            "pads",
            "strides",
        ],
        average_pool,
    ),
    row(
        "LpPool",
        &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "p", "pads", "strides"],
        lp_pool,
    ),
    row("GlobalAveragePool", &[], |call| global(call, Reduction::Mean)),
    row("GlobalLpPool", &["p"], global_lp_pool),
    row("GlobalMaxPool", &[], |call| global(call, Reduction::Max)),
];

/// ONNX MaxPool-1,8,10,11,12,22. Accepted: float types and integers of 8 bits.
fn max_pool(call: &mut Call<'_>) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let pool = pool(call, PoolKind::Max)?;
    // Floats hold integers of 8 bits exactly.
    let is_small = matches!(dtype, DType::I8 | DType::U8);
    let wide = if is_small { call.build.cast(&x, DType::F32)? } else { x.clone() };
    let made = call.build.emit(Op::Pool(pool.clone()), &[&wide])?;
    let windows = call.build.fact(&made).shape[2..].to_vec();
    let made = call.build.cast(&made, dtype)?;
    if call.node.output.get(1).is_none_or(String::is_empty) {
        return Ok(vec![made]);
    }
    let operator = MaxIndices {
        windows,
        kernel: pool.kernel,
        strides: pool.strides,
        dilations: pool.dilations,
        pads: pool.pads.iter().map(|&(begin, _)| begin).collect(),
        is_column_major: call.flag("storage_order", false)?,
    };
    let indices = call.build.emit(Op::Whole(operator.into()), &[&x])?;
    Ok(vec![made, indices])
}

/// ONNX AveragePool-1,7,10,11,19,22.
fn average_pool(call: &mut Call<'_>) -> Made {
    let count_include_pad = call.flag("count_include_pad", false)?;
    let pool = pool(call, PoolKind::Average { count_include_pad })?;
    let x = call.input(0)?;
    call.emit(Op::Pool(pool), &[&x])
}

/// ONNX LpPool-1,2,11,18,22: `(sum of |x|^p)^(1/p)`, the sum being the mean times the taps.
fn lp_pool(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let mut pool = pool(call, PoolKind::Average { count_include_pad: true })?;
    // The taps of a last window that is not whole lie in the padding too, so that all count.
    let whole = call.build.fact(&x);
    let windows = Op::Pool(pool.clone());
    let windows = windows
        .infer_all(std::slice::from_ref(&whole))
        .map_err(|error| Reason::Rule { error, inputs: vec![whole] })?;
    if std::mem::take(&mut pool.ceil_mode) {
        for (pads, stride) in pool.pads.iter_mut().zip(&pool.strides) {
            pads.1 = pads.1.saturating_add(stride - 1);
        }
    }
    let taps: f64 = pool.kernel.iter().map(|&taps| taps as f64).product();
    let p = exponent(call)?;
    let powers = power(call, &x, p)?;
    let means = call.build.emit(Op::Pool(pool), &[&powers])?;
    let taps = call.build.number(call.build.fact(&x).dtype, taps)?;
    let sums = call.build.binary(Binary::Mul, &means, &taps)?;
    let made = call.build.fact(&sums).shape;
    let wanted = &windows[0].shape;
    let cuts = (2..made.len()).filter(|&axis| made[axis] != wanted[axis]).map(|axis| SliceAxis {
        axis,
        start: Dim::from(0),
        len: wanted[axis].clone(),
        step: 1,
    });
    let cuts: Vec<SliceAxis> = cuts.collect();
    let sums = match cuts.is_empty() {
        true => sums,
        false => call.build.emit(Op::Slice { axes: cuts }, &[&sums])?,
    };
    Ok(vec![root(call, &sums, p)?])
}

/// ONNX GlobalLpPool-1,2,22.
fn global_lp_pool(call: &mut Call<'_>) -> Made {
    let (x, p) = (call.input(0)?, exponent(call)?);
    let powers = power(call, &x, p)?;
    let sums = over_all(call, &powers, Reduction::Sum)?;
    Ok(vec![root(call, &sums, p)?])
}

/// The attribute `p` of a norm.
fn exponent(call: &Call<'_>) -> Result<i64, Reason> {
    let given = match call.opset {
        // It was a float; one that is none is none of today's.
        ..2 => call.float("p")?.map(|p| if p.fract() == 0.0 { p as i64 } else { 0 }),
        _ => call.int("p")?,
    };
    match given.unwrap_or(2) {
        p @ 1..=0xffff => Ok(p),
        other => Err(call.refuse("p", "1 to 65535", &other.to_string())),
    }
}

/// `|x|^p`
fn power(call: &mut Call<'_>, x: &Operand, p: i64) -> Result<Operand, Reason> {
    let size = call.build.unary(Unary::Abs, x)?;
    match p {
        1 => Ok(size),
        2 => call.build.binary(Binary::Mul, x, x),
        _ => {
            let p = call.build.number(call.build.fact(x).dtype, p as f64)?;
            call.build.binary(Binary::Pow, &size, &p)
        }
    }
}

/// `x^(1/p)`
fn root(call: &mut Call<'_>, x: &Operand, p: i64) -> Result<Operand, Reason> {
    match p {
        1 => Ok(x.clone()),
        2 => call.build.unary(Unary::Sqrt, x),
        _ => {
            let inverse = call.build.number(call.build.fact(x).dtype, 1.0 / p as f64)?;
            call.build.binary(Binary::Pow, x, &inverse)
        }
    }
}

/// ONNX MaxUnpool-9,11,22: each element at its index, among zeros. Where `output_shape` is larger
/// than the window says, there are zeros behind. Refused: a smaller one, and one that is computed
/// from data.
fn max_unpool(call: &mut Call<'_>) -> Made {
    let (x, indices) = (call.input(0)?, call.input(1)?);
    let fact = call.fact(0)?;
    let Pool { kernel, strides, pads, .. } = pool(call, PoolKind::Max)?;
    if fact.rank() != kernel.len() + 2 {
        let expected = format!("[N, C, {} spatial axes]", kernel.len());
        return Err(Reason::Input { input: 0, expected, found: format!("{:?}", fact.shape) });
    }
    let mut shape = fact.shape[..2].to_vec();
    for (axis, size) in fact.shape[2..].iter().enumerate() {
        let windows = (size.clone() - Dim::from(1)) * Dim::from(strides[axis]);
        let (begin, end) = pads[axis];
        shape.push(windows + Dim::from(kernel[axis]) - Dim::from(begin) - Dim::from(end));
    }
    let product = |shape: &[Dim]| shape.iter().cloned().fold(Dim::from(1), |a, b| a * b);
    let zero = call.build.number(fact.dtype, 0.0)?;
    let zeros = call.build.expand(&zero, vec![product(&shape)])?;
    let given = vec![product(&fact.shape)];
    let (x, indices) =
        (call.build.reshape(&x, given.clone())?, call.build.reshape(&indices, given)?);
    let operator = ScatterElements { axis: 0, update: Update::Replace };
    let made = call.build.emit(Op::Whole(operator.into()), &[&zeros, &indices, &x])?;
    let made = call.build.reshape(&made, shape.clone())?;
    if call.optional(2).is_none() {
        return Ok(vec![made]);
    }
    let wanted = call.dims(2, "the output shape")?;
    let is_less = |(axis, size): (usize, &Dim)| {
        (size.clone() - shape[axis].clone()).known().is_some_and(|added| added < 0)
    };
    if wanted.len() != shape.len() || wanted.iter().enumerate().any(is_less) {
        let (expected, found) = (format!("at least {shape:?}"), format!("{wanted:?}"));
        return Err(Reason::Input { input: 2, expected, found });
    }
    let mut made = made;
    for (axis, size) in wanted.into_iter().enumerate() {
        if size != shape[axis] {
            let behind = std::mem::replace(&mut shape[axis], size.clone());
            let mut added = shape.clone();
            added[axis] = size - behind;
            let zeros = call.build.expand(&zero, added)?;
            made = call.build.emit(Op::Concat { axis }, &[&made, &zeros])?;
        }
    }
    Ok(vec![made])
}

/// The pooling by the node's attributes of `x`, which has the shape of input 0.
pub(super) fn pooled(call: &mut Call<'_>, x: &Operand, kind: PoolKind) -> Result<Operand, Reason> {
    let pool = pool(call, kind)?;
    call.build.emit(Op::Pool(pool), &[x])
}

/// The window that the node's attributes describe.
fn pool(call: &Call<'_>, kind: PoolKind) -> Result<Pool, Reason> {
    let kernel = call
        .counts("kernel_shape")?
        .ok_or_else(|| call.refuse("kernel_shape", "the window's size", "nothing"))?;
    let ceil_mode = call.flag("ceil_mode", false)?;
    let Window { kernel, strides, dilations, pads } = Window::of(call, kernel)?;
    Ok(Pool { kind, kernel, strides, dilations, pads, ceil_mode })
}

/// ONNX GlobalAveragePool-1,22 and GlobalMaxPool-1,22: a reduction of all spatial axes.
fn global(call: &mut Call<'_>, reduction: Reduction) -> Made {
    let x = call.input(0)?;
    Ok(vec![over_all(call, &x, reduction)?])
}

/// A reduction of all spatial axes.
fn over_all(call: &mut Call<'_>, x: &Operand, reduction: Reduction) -> Result<Operand, Reason> {
    let fact = call.build.fact(x);
    if fact.rank() < 2 {
        return Err(Reason::Input {
            input: 0,
            expected: "[N, C, spatial…]".to_string(),
            found: format!("{:?}", fact.shape),
        });
    }
    let axes = (2..fact.rank()).collect();
    call.build.emit(Op::Reduce { reduction, axes, keepdims: true }, &[x])
}
