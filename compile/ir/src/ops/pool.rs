//! Pooling.

use super::conv::{Window, require_entries};
use crate::rule::{exactly, require_type};
use crate::{Fact, Pool, RuleError};
use tensor::Dim;

/// The rule of [`crate::Op::Pool`].
pub fn pool(pool: &Pool, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let [x] = exactly::<1>(inputs, "1")?;
    require_type(0, x, tensor::DType::is_float, "a float type")?;
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
            let windows = window.room(size)?.ceil_div(&Dim::from(stride)) + Dim::from(1);
            // A last window that would start in the padding behind the data is left out.
            let starts = (size.clone() + Dim::from(pads.0)).ceil_div(&Dim::from(stride));
            windows.minimum(&starts)
        } else {
            window.count(size)?
        });
    }
    Ok(Fact { dtype: x.dtype, shape })
}
