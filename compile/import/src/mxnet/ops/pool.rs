//! Pooling.

use super::super::call::{Call, Made};
use super::conv::{Window, require_layout};
use super::{Row, row};
use crate::build::{Builder, Operand, Sizes};
use crate::decompose::arithmetic::{reduce, with};
use crate::decompose::{positions, same_pads};
use crate::error::Reason;
use ir::{Fact, Op, Pool, PoolKind};
use std::cell::OnceCell;
use tensor::scalar::{Binary, Reduction};
use tensor::{DType, Dim, Tensor};

pub(super) const ROWS: &[Row] = &[
    row("Pooling", pooling),
    row("Pooling_v1", pooling),
    row("_contrib_AdaptiveAvgPooling2D", adaptive),
];

fn pooling(call: &mut Call<'_, '_>) -> Made {
    require_layout(call)?;
    let x = call.of_rank(0, 3)?;
    let axes = call.rank(0)? - 2;
    let kind = call.text("pool_type").unwrap_or("max").to_string();
    if !matches!(kind.as_str(), "max" | "avg" | "sum") {
        return Err(call.refuse("pool_type", "max, avg or sum", &kind));
    }
    if call.flag("global_pool", false)? {
        let reduction = match kind.as_str() {
            "max" => Reduction::Max,
            "avg" => Reduction::Mean,
            _ => Reduction::Sum,
        };
        let spatial: Vec<usize> = (2..axes + 2).collect();
        return Ok(vec![reduce(call.build(), reduction, &x, &spatial, true)?]);
    }
    let window = Window::of(call, axes)?;
    let mut pads: Vec<(usize, usize)> = window.pads.iter().map(|&pad| (pad, pad)).collect();
    let mut ceil_mode = false;
    match call.text("pooling_convention").unwrap_or("valid") {
        "valid" => {}
        "full" => ceil_mode = true,
        "same" => {
            let (shape, ones) = (call.fact(0)?.shape, vec![1; axes]);
            let found = same_pads(&shape[2..], &window.kernel, &window.strides, &ones);
            pads = found.ok_or_else(|| Reason::DataDependent {
                input: 0,
                what: "the padding of a size that is open".to_string(),
            })?;
        }
        other => return Err(call.refuse("pooling_convention", "valid, full or same", other)),
    }
    let count_include_pad = call.flag("count_include_pad", true)? || kind == "sum";
    let taps: f64 = window.kernel.iter().map(|&taps| taps as f64).product();
    let pool = Pool {
        kind: match kind.as_str() {
            "max" => PoolKind::Max,
            _ => PoolKind::Average { count_include_pad },
        },
        kernel: window.kernel,
        strides: window.strides,
        dilations: vec![1; axes],
        pads,
        ceil_mode,
    };
    if kind == "sum" && ceil_mode {
        return Err(call.refuse("pooling_convention", "valid of sums", "full"));
    }
    let made = call.build().emit(Op::Pool(pool), &[&x])?;
    if kind == "sum" {
        return Ok(vec![with(call.build(), Binary::Mul, &made, taps)?]);
    }
    Ok(vec![made])
}

/// Means of as many parts as are asked for, which overlap where they do not divide the image.
fn adaptive(call: &mut Call<'_, '_>) -> Made {
    let (mut x, Fact { dtype, shape }) = (call.of_rank(0, 4)?, call.fact(0)?);
    let sizes = match call.ints("output_size")?.unwrap_or_default().as_slice() {
        [] => [1, 1],
        &[both] => [both, both],
        &[high, wide] => [high, wide],
        other => {
            return Err(call.refuse("output_size", "one or two sizes", &format!("{other:?}")));
        }
    };
    if sizes == [1, 1] {
        return Ok(vec![reduce(call.build(), Reduction::Mean, &x, &[2, 3], true)?]);
    }
    for (axis, wanted) in [(2, sizes[0]), (3, sizes[1])] {
        let wanted = usize::try_from(wanted).ok().filter(|n| (1..=PARTS_MAX).contains(n));
        let expected = format!("sizes of 1 to {PARTS_MAX}");
        let wanted = wanted.ok_or_else(|| call.refuse("output_size", &expected, "others"))?;
        let weights = match shape[axis].known_size() {
            Some(0) => return Err(call.refuse("output_size", "parts of an image", "an empty one")),
            Some(size) => means(call, size, wanted)?,
            None => open_means(call.build(), &shape[axis], wanted)?,
        };
        let weights = call.build().cast(&weights, dtype)?;
        x = along(call, &x, &weights, axis)?;
    }
    Ok(vec![x])
}

/// Most parts that an image is divided into along an axis: as many as it has elements.
const PARTS_MAX: usize = 4096;

/// `[size, wanted]`: what each element counts in the mean of each part.
fn means(call: &mut Call<'_, '_>, size: usize, wanted: usize) -> Result<Operand, Reason> {
    call.build().budget.take(size.checked_mul(wanted).and_then(|n| n.checked_mul(4)))?;
    let mut weights = vec![0.0_f32; size * wanted];
    for part in 0..wanted {
        let (first, end) = (part * size / wanted, ((part + 1) * size).div_ceil(wanted));
        for element in first..end {
            weights[element * wanted + part] = 1.0 / (end - first) as f32;
        }
    }
    let tensor = Tensor::from_slice(&[size, wanted], &weights);
    let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
    Ok(Operand::constant(&call.build().node, tensor))
}

/// The same for a size that is known when the model runs.
fn open_means(build: &mut Builder, size: &Dim, wanted: usize) -> Result<Operand, Reason> {
    let parts = Dim::from(wanted);
    let scaled = |part: usize| size.clone() * Dim::from(part);
    let row = |build: &mut Builder, dims: Vec<Dim>| {
        build.sizes(Sizes { dims, is_scalar: false, dtype: DType::I64, id: OnceCell::new() })
    };
    let firsts = row(build, (0..wanted).map(|part| scaled(part).floor_div(&parts)).collect());
    let ends = row(build, (1..=wanted).map(|part| scaled(part).ceil_div(&parts)).collect());
    let counts = build.binary(Binary::Sub, &ends, &firsts)?;
    let counts = build.cast(&counts, DType::F32)?;
    let one = build.number(DType::F32, 1.0)?;
    let weights = build.binary(Binary::Div, &one, &counts)?;
    let nothing = build.number(DType::F32, 0.0)?;
    let places = positions(build, size)?;
    let places = build.reshape(&places, vec![size.clone(), Dim::from(1)])?;
    let is_before = build.binary(Binary::Less, &places, &firsts)?;
    let is_inside = build.binary(Binary::Less, &places, &ends)?;
    let made = build.emit(Op::Select, &[&is_inside, &weights, &nothing])?;
    build.emit(Op::Select, &[&is_before, &nothing, &made])
}

/// The product of one of the last two axes of four with a matrix.
fn along(
    call: &mut Call<'_, '_>,
    x: &Operand,
    weights: &Operand,
    axis: usize,
) -> Result<Operand, Reason> {
    let build = call.build();
    if axis == 3 {
        return build.emit(Op::MatMul, &[x, weights]);
    }
    let turned = build.transpose(x, vec![0, 1, 3, 2])?;
    let made = build.emit(Op::MatMul, &[&turned, weights])?;
    build.transpose(&made, vec![0, 1, 3, 2])
}
