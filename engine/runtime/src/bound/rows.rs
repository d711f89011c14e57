//! Functions along axes: reductions and normalizations.

use super::product::Lanes;
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::norm::{LayerNorm, LocalResponseNorm, RowFunction, ScalarRows, Softmax};
use kernels::reduce::{ArgKind, ArgReduce, Reduce};
use plan::Operation;
use simd::Isa;
use tensor::DType;
use tensor::scalar::Reduction;

/// A function of the elements `[outer][axis][inner]` along the middle.
pub(crate) struct Rows {
    function: Function,
    sizes: [usize; 3],
    dtype: DType,
}

enum Function {
    Reduce(Reduction),
    Arg { kind: ArgKind, is_last: bool },
    Softmax { is_log: bool },
    LayerNorm { epsilon: f32, has_bias: bool, output: Lanes },
    LocalResponseNorm { size: usize, parameters: [f32; 3] },
}

impl Rows {
    pub(crate) fn bind(operation: &Operation, facts: &Facts<'_>) -> Result<Rows, RunError> {
        let shape = facts.shapes[0];
        let dtype = facts.dtypes[0];
        let (function, axis, axes) = match *operation {
            Operation::Reduce { reduction, axis, axes } => {
                let is_supported = Reduce::supports(dtype);
                facts.require(is_supported, &format!("no kernel for {dtype} elements"))?;
                facts.require(facts.output_dtype == dtype, "the result has another type")?;
                (Function::Reduce(reduction), axis, axes)
            }
            Operation::Arg { is_max, axis, is_last } => {
                let is_supported = ArgReduce::supports(dtype);
                facts.require(is_supported, &format!("no kernel for {dtype} elements"))?;
                facts.require(facts.output_dtype == DType::I64, "the result is not i64")?;
                let kind = if is_max { ArgKind::Max } else { ArgKind::Min };
                (Function::Arg { kind, is_last }, axis, 1)
            }
            Operation::Softmax { axis, is_log } => (Function::Softmax { is_log }, axis, 1),
            Operation::LayerNorm { axis, epsilon } => {
                let has_bias = facts.shapes.len() == 3;
                let is_short = facts.output_dtype == DType::BF16;
                let output = if is_short { Lanes::Bf16 } else { Lanes::F32 };
                let axes = shape.len().saturating_sub(axis);
                (Function::LayerNorm { epsilon, has_bias, output }, axis, axes)
            }
            Operation::LocalResponseNorm { size, alpha, beta, bias } => {
                facts.require((1..1 << 20).contains(&size), "an absurd number of channels")?;
                let parameters = [alpha, beta, bias];
                let last = shape.len().saturating_sub(1);
                (Function::LocalResponseNorm { size, parameters }, last, 1)
            }
            _ => return Err(facts.refuse("not a function along axes")),
        };
        let end = axis.checked_add(axes).filter(|&end| axes > 0 && end <= shape.len());
        facts.require(end.is_some(), "axes that the input has not")?;
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let (outer, rest) = shape.split_at(axis);
        let (along, inner) = rest.split_at(axes);
        let rows = Rows { function, sizes: [count(outer), count(along), count(inner)], dtype };
        rows.check(facts)?;
        Ok(rows)
    }

    fn check(&self, facts: &Facts<'_>) -> Result<(), RunError> {
        let [outer, axis, inner] = self.sizes;
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let output = match self.function {
            Function::Reduce(_) => outer * inner,
            Function::Arg { .. } => {
                facts.require(axis > 0 || outer * inner == 0, "an axis of no element")?;
                outer * inner
            }
            Function::Softmax { .. } | Function::LocalResponseNorm { .. } => {
                facts.require_types(self.float())?;
                outer * axis * inner
            }
            Function::LayerNorm { .. } => {
                let (float, output) = (self.float(), facts.output_dtype);
                let is_typed = facts.dtypes.iter().all(|&dtype| dtype == float);
                let is_short = float == DType::F32 && output == DType::BF16;
                let reason = format!("the kernel takes {float}");
                facts.require(is_typed && (output == float || is_short), &reason)?;
                let is_wide = facts.shapes[1..].iter().all(|shape| count(shape) == axis);
                facts.require(is_wide, "scale and bias of another size")?;
                outer * axis
            }
        };
        facts.require(count(facts.output) == output, "the result has another size")
    }

    /// The type that a function of floats is computed in.
    fn float(&self) -> DType {
        if self.dtype == DType::F64 { DType::F64 } else { DType::F32 }
    }

    /// The function of f64 that takes no vectors, where there are such.
    fn scalar<'a>(&self, operands: &Operands<'a>) -> Option<RowFunction<'a>> {
        match self.function {
            Function::Reduce(_) | Function::Arg { .. } => None,
            Function::Softmax { is_log } => Some(RowFunction::Softmax { is_log }),
            Function::LayerNorm { epsilon, has_bias, .. } => Some(RowFunction::LayerNorm {
                scale: operands.input(1),
                bias: operands.optional(2, has_bias),
                epsilon: epsilon.into(),
            }),
            Function::LocalResponseNorm { size, parameters } => {
                let parameters = parameters.map(f64::from);
                Some(RowFunction::LocalResponse { size, parameters })
            }
        }
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let (sizes, dtype) = (self.sizes, self.dtype);
        let [outer, axis, _] = sizes;
        let bytes = operands.inputs[0];
        if dtype == DType::F64
            && let Some(function) = self.scalar(operands)
        {
            let out = operands.output();
            return execute(&ScalarRows::new(function, sizes, operands.input(0), out));
        }
        match self.function {
            Function::Reduce(reduction) => {
                execute(&Reduce::new(isa, reduction, dtype, sizes, bytes, operands.output));
            }
            Function::Arg { kind, is_last } => {
                execute(&ArgReduce::new(kind, is_last, dtype, sizes, bytes, operands.output()));
            }
            Function::Softmax { is_log: false } => {
                execute(&Softmax::new(isa, sizes, operands.input(0), operands.output()));
            }
            Function::Softmax { is_log: true } => {
                execute(&Softmax::log(isa, sizes, operands.input(0), operands.output()));
            }
            Function::LayerNorm { epsilon, has_bias, output } => {
                let (x, scale) = (operands.input(0), operands.input(1));
                let bias = operands.optional(2, has_bias);
                let out = output.output(operands);
                execute(&LayerNorm::new(isa, [outer, axis], x, scale, bias, epsilon, out));
            }
            Function::LocalResponseNorm { size, parameters } => {
                let (x, out) = (operands.input(0), operands.output());
                execute(&LocalResponseNorm::new(isa, [outer, axis], size, parameters, x, out));
            }
        }
    }
}
