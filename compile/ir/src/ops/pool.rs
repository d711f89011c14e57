//! Pooling.

use super::conv::{Window, require_entries};
use crate::{Fact, Pool, PoolKind, RuleError};
use tensor::rule::{exactly, require_type};
use tensor::{DType, Dim};

/// The rule of [`crate::Op::Pool`].
pub fn pool(pool: &Pool, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    // The standard pools bytes too, by their largest.
    let is_max = pool.kind == PoolKind::Max;
    let is_taken = |d: DType| d.is_float() || is_max && matches!(d, DType::I8 | DType::U8);
    require_type(0, x, is_taken, "a float type")?;
    if x.rank() < 3 {
        let expected = "at least 3".to_string();
        return Err(RuleError::Rank { input: 0, expected, found: x.shape.clone() });
    }
    let spatial = x.rank() - 2;
    require_entries("kernel", pool.kernel.len(), spatial)?;
    require_entries("strides", pool.strides.len(), spatial)?;
    require_entries("dilations", pool.dilations.len(), spatial)?;
    require_entries("pads", pool.pads.len(), spatial)?;
    let mut shape = x.shape[..2].to_vec();
    for axis in 0..spatial {
        let size = &x.shape[axis + 2];
        let (stride, pads) = (pool.strides[axis], pool.pads[axis]);
        let window =
            Window { taps: pool.kernel[axis], stride, dilation: pool.dilations[axis], pads };
        shape.push(if pool.ceil_mode {
            let windows = first(&window, size)?.ceil_div(&Dim::from(stride)) + Dim::from(1);
            // A last window that would start in the padding behind the data is left out.
            let starts = (size.clone() + Dim::from(pads.0)).ceil_div(&Dim::from(stride));
            windows.minimum(&starts)
        } else {
            first(&window, size)?.floor_div(&Dim::from(stride)) + Dim::from(1)
        });
    }
    Ok(Fact { dtype: x.dtype, shape })
}

/// Room behind the first window. A first window that hangs over the edge counts when the next one
/// would begin behind it, as in ONNX Runtime: what lies outside takes no part.
fn first(window: &Window, size: &Dim) -> Result<Dim, RuleError> {
    let slack = window.slack(size)?;
    if slack.known().is_some_and(|s| s <= -(window.stride as i64)) {
        return window.room(size);
    }
    Ok(slack.maximum(&Dim::from(0)))
}
