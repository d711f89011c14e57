//! Pooling.

use super::super::call::{Call, Made};
use super::conv::{Window, require_layout};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{reduce, with};
use crate::decompose::same_pads;
use crate::error::Reason;
use ir::{Op, Pool, PoolKind};
use tensor::Tensor;
use tensor::scalar::{Binary, Reduction};

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

/// Means of as many parts as are asked for: of all, or of sizes that are known.
fn adaptive(call: &mut Call<'_, '_>) -> Made {
    let (mut x, shape) = (call.of_rank(0, 4)?, call.fact(0)?.shape);
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
        let what = "the size of the image".to_string();
        let open = Reason::DataDependent { input: 0, what };
        let size = shape[axis].known_size().filter(|&size| size > 0).ok_or(open)?;
        let wanted = usize::try_from(wanted).ok().filter(|&n| (1..=size).contains(&n));
        let expected = format!("sizes of 1 to {size}");
        let wanted = wanted.ok_or_else(|| call.refuse("output_size", &expected, "others"))?;
        let weights = means(call, size, wanted)?;
        x = along(call, &x, &weights, axis)?;
    }
    Ok(vec![x])
}

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
