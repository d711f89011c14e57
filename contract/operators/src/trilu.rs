//! ONNX Trilu-14.

use crate::{Compute, ComputeError, numbers, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError};
use tensor::{View, ViewMut};

/// `(x[…, M, N], [k])`: the upper or lower triangle of each matrix, the rest zero. `k` is the
/// number of the diagonal, 0 where there is none given; positive ones lie above the main one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trilu {
    /// Is it the upper triangle that stays, or the lower?
    pub is_upper: bool,
}

impl Compute for Trilu {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let x = match inputs {
            [x] => x,
            [x, k] => {
                require_indices(1, k)?;
                x
            }
            _ => return Err(RuleError::Arity { expected: "1 or 2", found: inputs.len() }),
        };
        if x.rank() < 2 {
            let (expected, found) = ("at least 2".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        }
        Ok(vec![x.clone()])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let k = inputs.get(1).map_or(vec![], numbers::read_integers);
        let k = k.first().copied().unwrap_or(0);
        let (x, size) = (&inputs[0], inputs[0].dtype.size());
        let [rows, columns] = [x.shape[x.shape.len() - 2], x.shape[x.shape.len() - 1]];
        outputs[0].bytes.fill(0);
        for at in 0..x.len() {
            let (row, column) = (at / columns % rows, at % columns);
            let above = column as i128 - row as i128;
            if if self.is_upper { above >= k } else { above <= k } {
                outputs[0].bytes[at * size..][..size]
                    .copy_from_slice(&x.bytes[at * size..][..size]);
            }
        }
        Ok(())
    }
}
