//! ONNX BitShift-11, BitwiseAnd-18, BitwiseOr-18, BitwiseXor-18; BitwiseNot-18 is an exclusive or.

use crate::broadcasting::Broadcast;
use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type};
use tensor::{DType, View, ViewMut, broadcast};

/// `(a, b)`: a function of the bits of each pair of integers, broadcasting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bitwise {
    /// The function.
    pub function: BitFunction,
}

/// A function of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BitFunction {
    /// Bits set in both.
    And,
    /// Bits set in either.
    Or,
    /// Bits set in exactly one.
    Xor,
    /// `a` multiplied by two as often as `b` says; bits that leave are lost.
    ShiftLeft,
    /// `a` divided by two as often as `b` says.
    ShiftRight,
}

impl Compute for Bitwise {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [a, b] = exactly(inputs, "2")?;
        let is_integer = |d: DType| d.is_number() && !d.is_float();
        require_type(0, a, is_integer, "integers")?;
        require_type(1, b, |d| d == a.dtype, a.dtype.name())?;
        let shape = tensor::rule::broadcast(&a.shape, &b.shape)?;
        Ok(vec![Fact { dtype: a.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let (a, b) = (numbers::read_integers(&inputs[0]), numbers::read_integers(&inputs[1]));
        let shape = outputs[0].shape;
        debug_assert_eq!(broadcast(inputs[0].shape, inputs[1].shape).as_deref(), Some(shape));
        let [in_a, in_b] = [0, 1].map(|input| Broadcast::new(inputs[input].shape, shape));
        let made = (0..outputs[0].len()).map(|at| {
            let (a, b) = (a[in_a.place(at)], b[in_b.place(at)]);
            match self.function {
                BitFunction::And => a & b,
                BitFunction::Or => a | b,
                BitFunction::Xor => a ^ b,
                BitFunction::ShiftLeft => {
                    u32::try_from(b).ok().filter(|&b| b < 64).map_or(0, |b| a << b)
                }
                BitFunction::ShiftRight => {
                    u32::try_from(b).ok().filter(|&b| b < 64).map_or(0, |b| a >> b)
                }
            }
        });
        let made: Vec<i128> = made.collect();
        numbers::store_integers(&mut outputs[0], &made);
        Ok(())
    }
}
