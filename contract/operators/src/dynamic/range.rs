//! ONNX Range-11,27 by ends that are computed from data.

use super::{Evaluate, Inputs, refused};
use crate::ComputeError;
use crate::numbers::{Numbers, read};
use serde::{Deserialize, Serialize};
use tensor::Value;

/// `(start, limit, delta)`: `start + i * delta` for all `i` for which that lies before the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range;

impl Evaluate for Range {
    fn evaluate(&self, inputs: &Inputs<'_>) -> Result<Vec<Value>, ComputeError> {
        let dtype = inputs.tensor(0)?.dtype();
        let mut ends = Vec::with_capacity(3);
        for index in 0..3 {
            let x = inputs.tensor(index)?;
            if (x.dtype(), x.len()) != (dtype, 1) {
                return Err(refused("an end", format!("{x:?}"), &format!("one {dtype}")));
            }
            ends.push(read(&x.view()));
        }
        let count = match ends.as_slice() {
            [Numbers::Integer(start), Numbers::Integer(limit), Numbers::Integer(delta)] => {
                (limit[0].wrapping_sub(start[0]) as f64 / delta[0] as f64).ceil()
            }
            [Numbers::Float(start), Numbers::Float(limit), Numbers::Float(delta)] => {
                ((limit[0] - start[0]) / delta[0]).ceil()
            }
            _ => return Err(refused("the ends", "of several types", "of one type")),
        };
        if count.is_nan() || count == f64::INFINITY {
            return Err(refused("the number of elements", count, "finite"));
        }
        // A float beyond every size saturates, and `zeros` refuses it.
        let mut made = inputs.zeros(dtype, &[count.max(0.0) as usize])?;
        crate::range::fill(&ends[0], &ends[2], &mut made.view_mut());
        Ok(vec![made.into()])
    }
}
