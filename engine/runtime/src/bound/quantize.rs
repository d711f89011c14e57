//! Integers that stand for numbers.

use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::quantize::{Dequantize, Parameters, Quantize, Sum, SumParameters};
use simd::Isa;
use tensor::DType;

pub(crate) struct Affine {
    is_inverse: bool,
    dtype: DType,
    sizes: [usize; 3],
}

impl Affine {
    /// Of [`plan::Operation::Quantize`], or of its inverse.
    pub(crate) fn bind(
        is_inverse: bool,
        axis: usize,
        facts: &Facts<'_>,
    ) -> Result<Affine, RunError> {
        let (x, made) = (facts.dtypes[0], facts.output_dtype);
        let (integer, float) = if is_inverse { (x, made) } else { (made, x) };
        let is_byte = matches!(integer, DType::U8 | DType::I8);
        let is_small = is_inverse && matches!(integer, DType::U4 | DType::I4);
        let is_typed = (is_byte || is_small)
            && float == DType::F32
            && facts.dtypes[1..] == [DType::F32, integer];
        facts.require(is_typed, "the kernel takes f32, and integers of 8 bits or 4")?;
        let shape = facts.shapes[0];
        facts.require(shape == facts.output, "input and output differ in shape")?;
        let count = |shape: &[usize]| tensor::element_count(shape);
        let sizes = match (count(facts.shapes[1]), shape.get(axis)) {
            (Some(1), _) => Some([1, 1, count(shape).unwrap_or(0)]),
            (scales, Some(&size)) if scales == Some(size) => {
                let outer = count(&shape[..axis]);
                outer.zip(count(&shape[axis + 1..])).map(|(outer, inner)| [outer, size, inner])
            }
            _ => None,
        };
        let is_paired = count(facts.shapes[1]) == count(facts.shapes[2]);
        facts.require(sizes.is_some() && is_paired, "one scale, or one for each of the axis")?;
        Ok(Affine { is_inverse, dtype: integer, sizes: sizes.unwrap_or_default() })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let parameters = Parameters {
            sizes: self.sizes,
            scales: operands.input(1),
            zeros: operands.input(2),
            dtype: self.dtype,
        };
        if self.is_inverse {
            execute(&Dequantize::new(isa, parameters, operands.input(0), operands.output()));
        } else {
            execute(&Quantize::new(isa, parameters, operands.input(0), operands.output()));
        }
    }
}

pub(crate) struct ByteSum(plan::ByteSum);

impl ByteSum {
    pub(crate) fn bind(p: plan::ByteSum, facts: &Facts<'_>) -> Result<ByteSum, RunError> {
        facts.require_types(DType::U8)?;
        let is_same = facts.shapes.iter().all(|&shape| shape == facts.output);
        facts.require(is_same, "parts and sum differ in shape")?;
        Ok(ByteSum(p))
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let plan::ByteSum { factors, offset, bounds } = self.0;
        let parameters = SumParameters { factors, offset, bounds };
        let parts = [operands.input(0), operands.input(1)];
        execute(&Sum::new(isa, parameters, parts, operands.output()));
    }
}
