//! Pooling.

use super::super::call::{Call, Made};
use super::conv::{Layout, Window, along};
use super::{Row, row};
use crate::decompose;
use crate::error::Reason;
use ir::{Op, Pool, PoolKind};
use tensor::DType;

const AVERAGE: PoolKind = PoolKind::Average { count_include_pad: false };

pub(super) const ROWS: &[Row] = &[
    row("MaxPool", |call| pool(call, 2, PoolKind::Max)),
    row("MaxPoolV2", |call| pool(call, 2, PoolKind::Max)),
    row("MaxPool3D", |call| pool(call, 3, PoolKind::Max)),
    row("AvgPool", |call| pool(call, 2, AVERAGE)),
    row("AvgPool3D", |call| pool(call, 3, AVERAGE)),
];

fn pool(call: &mut Call<'_, '_>, axes: usize, kind: PoolKind) -> Made {
    let layout = Layout::of(call, axes)?;
    let window = match call.node.op.as_str() {
        "MaxPoolV2" => {
            let (kernel, strides) = (call.integers(1, "ksize")?, call.integers(2, "strides")?);
            Window {
                kernel: along(call, &layout, "ksize", &kernel)?,
                strides: along(call, &layout, "strides", &strides)?,
                dilations: vec![1; axes],
            }
        }
        _ => {
            let kernel = along(call, &layout, "ksize", call.ints("ksize"))?;
            Window::of(call, &layout, kernel)?
        }
    };
    let x = layout.channels_second(call, 0)?;
    let dtype = call.walk.build.fact(&x).dtype;
    // Floats hold integers of 8 bits exactly.
    let is_small = matches!(dtype, DType::I8 | DType::U8);
    let x = if is_small { call.build().cast(&x, DType::F32)? } else { x };
    if matches!(kind, PoolKind::Average { .. }) && call.text("padding") == Some("SAME") {
        let sizes = call.walk.build.fact(&x).shape;
        let Window { kernel, strides, dilations } = &window;
        // What is added must not count, which only the operator's own padding does not.
        if decompose::same_pads(&sizes[2..], kernel, strides, dilations).is_none() {
            let what = "the padding of a size that is open".to_string();
            return Err(Reason::DataDependent { input: 0, what });
        }
    }
    let (x, pads) = window.padded(call, &layout, &x, f64::NEG_INFINITY)?;
    let Window { kernel, strides, dilations } = window;
    let pool = Pool { kind, kernel, strides, dilations, pads, ceil_mode: false };
    let made = call.build().emit(Op::Pool(pool), &[&x])?;
    let made = call.build().cast(&made, dtype)?;
    Ok(vec![layout.placed(call, made)?])
}
