//! Pooling.

use super::super::call::{Call, Made};
use super::conv::{Window, channels_second};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::decompose::arithmetic::{reduce, with_axis};
use crate::error::Reason;
use ir::{Op, Pool, PoolKind, SliceAxis};
use tensor::Dim;
use tensor::scalar::{Binary, Reduction};

const AVERAGE: PoolKind = PoolKind::Average { count_include_pad: false };

pub(super) const ROWS: &[Row] = &[
    row("MaxPooling1D", "", &[], |call| pool(call, 1, PoolKind::Max)).without_mask(),
    row("MaxPooling2D", "", &[], |call| pool(call, 2, PoolKind::Max)).without_mask(),
    row("MaxPooling3D", "", &[], |call| pool(call, 3, PoolKind::Max)).without_mask(),
    row("AveragePooling1D", "", &[], |call| pool(call, 1, AVERAGE)).without_mask(),
    row("AveragePooling2D", "", &[], |call| pool(call, 2, AVERAGE)).without_mask(),
    row("AveragePooling3D", "", &[], |call| pool(call, 3, AVERAGE)).without_mask(),
    row("GlobalMaxPooling1D", "", &[], |c| global(c, 1, Reduction::Max)).without_mask(),
    row("GlobalMaxPooling2D", "", &[], |c| global(c, 2, Reduction::Max)).without_mask(),
    row("GlobalMaxPooling3D", "", &[], |c| global(c, 3, Reduction::Max)).without_mask(),
    row("GlobalAveragePooling1D", "with a mask", &[], global_average_1d).without_mask(),
    row("GlobalAveragePooling2D", "", &[], |c| global(c, 2, Reduction::Mean)).without_mask(),
    row("GlobalAveragePooling3D", "", &[], |c| global(c, 3, Reduction::Mean)).without_mask(),
    row("AdaptiveAveragePooling1D", "", &[], |c| adaptive(c, 1, Reduction::Mean)).without_mask(),
    row("AdaptiveAveragePooling2D", "", &[], |c| adaptive(c, 2, Reduction::Mean)).without_mask(),
    row("AdaptiveAveragePooling3D", "", &[], |c| adaptive(c, 3, Reduction::Mean)).without_mask(),
    row("AdaptiveMaxPooling1D", "", &[], |c| adaptive(c, 1, Reduction::Max)).without_mask(),
    row("AdaptiveMaxPooling2D", "", &[], |c| adaptive(c, 2, Reduction::Max)).without_mask(),
    row("AdaptiveMaxPooling3D", "", &[], |c| adaptive(c, 3, Reduction::Max)).without_mask(),
];

fn pool(call: &mut Call<'_, '_>, axes: usize, kind: PoolKind) -> Made {
    let config = call.config();
    let kernel = config.sizes("pool_size", axes)?.unwrap_or_else(|| vec![2; axes]);
    let mut window = Window::of(config, kernel)?;
    if config.get("strides").is_none() {
        window.strides.clone_from(&window.kernel);
    }
    if window.kernel.contains(&0) {
        return Err(config.refuse("pool_size", "at least 1"));
    }
    let (x, is_last) = channels_second(call, axes)?;
    let (x, pads) = match kind {
        PoolKind::Max => window.padded(config, &mut call.walk.build, &x, f64::NEG_INFINITY)?,
        // What is added must not count, which only the operator's own padding does not.
        PoolKind::Average { .. } => {
            let sizes = call.walk.build.fact(&x).shape;
            let is_open = decompose::same_pads(
                &sizes[2..],
                &window.kernel,
                &window.strides,
                &window.dilations,
            );
            if config.text("padding") == Some("same") && is_open.is_none() {
                let what = "the padding of a size that is open".to_string();
                return Err(Reason::DataDependent { input: 0, what });
            }
            window.padded(config, &mut call.walk.build, &x, 0.0)?
        }
    };
    let Window { kernel, strides, dilations } = window;
    let pool = Pool { kind, kernel, strides, dilations, pads, ceil_mode: false };
    let made = call.walk.build.emit(Op::Pool(pool), &[&x])?;
    Ok(vec![if is_last { call.walk.channels_last(made)? } else { made }])
}

/// The spatial axes of a value.
fn spatial(call: &Call<'_, '_>, axes: usize) -> Vec<usize> {
    let first = if call.config().is_channels_last() { 1 } else { 2 };
    (first..first + axes).collect()
}

fn global(call: &mut Call<'_, '_>, axes: usize, reduction: Reduction) -> Made {
    let x = call.input_of_rank(axes + 2)?;
    let (axes, keepdims) = (spatial(call, axes), call.config().flag("keepdims", false));
    Ok(vec![reduce(&mut call.walk.build, reduction, &x, &axes, keepdims)?])
}

/// Of a sequence with a mask, the mean of what counts.
fn global_average_1d(call: &mut Call<'_, '_>) -> Made {
    let mask = call.tensors_given("mask").into_iter().next().map(|flow| flow.operand);
    let mask = mask.or_else(|| call.inputs.first().and_then(|flow| flow.mask.clone()));
    let Some(mask) = mask else { return global(call, 1, Reduction::Mean) };
    let x = call.input_of_rank(3)?;
    let (axes, keepdims) = (spatial(call, 1), call.config().flag("keepdims", false));
    let build = &mut call.walk.build;
    let dtype = build.fact(&x).dtype;
    let weights = build.cast(&mask, dtype)?;
    let weights = with_axis(build, &weights, if axes == [1] { 2 } else { 1 })?;
    let counted = build.binary(Binary::Mul, &x, &weights)?;
    let sum = reduce(build, Reduction::Sum, &counted, &axes, keepdims)?;
    let count = reduce(build, Reduction::Sum, &weights, &axes, keepdims)?;
    Ok(vec![build.binary(Binary::Div, &sum, &count)?])
}

/// Elements of the result that adaptive pooling may make: each is a reduction of its own.
const ADAPTIVE_MAX: usize = 1 << 12;

/// Each element of the result is made of the elements from `floor(i * n / m)` to
/// `ceil((i + 1) * n / m)` of the axis, one axis after another.
fn adaptive(call: &mut Call<'_, '_>, axes: usize, reduction: Reduction) -> Made {
    let mut x = call.input_of_rank(axes + 2)?;
    let wanted = call.config().sizes("output_size", axes)?;
    let wanted = wanted.ok_or_else(|| call.config().refuse("output_size", "sizes"))?;
    for (axis, wanted) in spatial(call, axes).into_iter().zip(wanted) {
        let size = call.walk.build.fact(&x).shape[axis].known_size();
        let is_small = (1..=ADAPTIVE_MAX).contains(&wanted);
        let is_countable = |size: &usize| is_small && size.checked_mul(wanted).is_some();
        let size = size.filter(is_countable).ok_or_else(|| Reason::DataDependent {
            input: 0,
            what: "the windows of an axis of open size".to_string(),
        })?;
        let build = &mut call.walk.build;
        let mut parts = Vec::with_capacity(wanted);
        for index in 0..wanted {
            let start = index * size / wanted;
            let end = ((index + 1) * size).div_ceil(wanted);
            let (start, len) = (Dim::from(start), Dim::from(end - start));
            let cut = Op::Slice { axes: vec![SliceAxis { axis, start, len, step: 1 }] };
            let part = build.emit(cut, &[&x])?;
            parts.push(reduce(build, reduction, &part, &[axis], true)?);
        }
        let parts: Vec<&Operand> = parts.iter().collect();
        x = build.emit(Op::Concat { axis }, &parts)?;
    }
    Ok(vec![x])
}
