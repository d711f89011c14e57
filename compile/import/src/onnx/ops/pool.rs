//! Pooling.

use super::conv::Window;
use super::{Row, row};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, Pool, PoolKind};
use tensor::scalar::Reduction;

pub(super) const OPS: &[Row] = &[
    row(
        "MaxPool",
        &["auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "storage_order", "strides"],
        max_pool,
    ),
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
    row("GlobalAveragePool", &[], |call| global(call, Reduction::Mean)),
    row("GlobalMaxPool", &[], |call| global(call, Reduction::Max)),
];

/// ONNX MaxPool-1,8,10,11,12,22. Accepted: float types. Refused: taking the second output, the
/// indices; `storage_order` only matters for those.
fn max_pool(call: &mut Call<'_>) -> Made {
    pool(call, PoolKind::Max)
}

/// ONNX AveragePool-1,7,10,11,19,22.
fn average_pool(call: &mut Call<'_>) -> Made {
    let count_include_pad = call.flag("count_include_pad", false)?;
    pool(call, PoolKind::Average { count_include_pad })
}

fn pool(call: &mut Call<'_>, kind: PoolKind) -> Made {
    let x = call.input(0)?;
    let kernel = call
        .counts("kernel_shape")?
        .ok_or_else(|| call.refuse("kernel_shape", "the window's size", "nothing"))?;
    let ceil_mode = call.flag("ceil_mode", false)?;
    let Window { kernel, strides, dilations, pads } = Window::of(call, kernel)?;
    call.emit(Op::Pool(Pool { kind, kernel, strides, dilations, pads, ceil_mode }), &[&x])
}

/// ONNX GlobalAveragePool-1,22 and GlobalMaxPool-1,22: a reduction of all spatial axes.
fn global(call: &mut Call<'_>, reduction: Reduction) -> Made {
    let fact = call.fact(0)?;
    if fact.rank() < 2 {
        return Err(Reason::Input {
            input: 0,
            expected: "[N, C, spatial…]".to_string(),
            found: format!("{:?}", fact.shape),
        });
    }
    let axes = (2..fact.rank()).collect();
    let x = call.input(0)?;
    call.emit(Op::Reduce { reduction, axes, keepdims: true }, &[&x])
}
