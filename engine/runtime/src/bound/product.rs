//! Matrix products.

use super::side::Side;
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::elementwise::UnaryMap;
use kernels::matmul::{self, Packed, ScalarMatMul};
use kernels::{Floats, FloatsMut, is_number, with_number};
use plan::Epilogue;
use simd::Isa;
use tensor::DType;

pub(crate) struct MatMul {
    rows: usize,
    k: usize,
    n: usize,
    epilogue: Epilogue,
    types: Types,
}

/// What an operand of a product holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lanes {
    F32,
    Bf16,
}

impl Lanes {
    pub(crate) fn of(dtype: DType, facts: &Facts<'_>) -> Result<Lanes, RunError> {
        match dtype {
            DType::F32 => Ok(Lanes::F32),
            DType::BF16 => Ok(Lanes::Bf16),
            _ => Err(facts.refuse(format!("the kernel takes and gives f32 or bf16, not {dtype}"))),
        }
    }

    /// The packed weights that are input `at`.
    pub(crate) fn packed<'a>(self, operands: &Operands<'a>, at: usize) -> Packed<'a> {
        match self {
            Lanes::F32 => Packed::F32(operands.input(at)),
            Lanes::Bf16 => Packed::Bf16(operands.input(at)),
        }
    }

    /// The numbers that are input `at`.
    pub(crate) fn floats<'a>(self, operands: &Operands<'a>, at: usize) -> Floats<'a> {
        match self {
            Lanes::F32 => Floats::F32(operands.input(at)),
            Lanes::Bf16 => Floats::Bf16(operands.input(at)),
        }
    }

    /// The numbers that are the output.
    pub(crate) fn output<'a>(self, operands: &Operands<'a>) -> FloatsMut<'a> {
        match self {
            Lanes::F32 => FloatsMut::F32(operands.output()),
            Lanes::Bf16 => FloatsMut::Bf16(operands.output()),
        }
    }
}

/// What the operands of a product hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Types {
    pub(crate) input: Lanes,
    pub(crate) weights: Lanes,
    /// As the output where there is none.
    pub(crate) residual: Lanes,
    pub(crate) output: Lanes,
}

impl Types {
    /// Those of a step whose inputs are `(x, weights, [bias], [residual])`.
    pub(crate) fn bind(epilogue: &Epilogue, facts: &Facts<'_>) -> Result<Types, RunError> {
        let of = |dtype| Lanes::of(dtype, facts);
        let bias = facts.dtypes.get(2).filter(|_| epilogue.has_bias);
        facts.require(bias.is_none_or(|&dtype| dtype == DType::F32), "the bias is not f32")?;
        let residual = facts.dtypes.get(2 + usize::from(epilogue.has_bias));
        Ok(Types {
            input: of(facts.dtypes[0])?,
            weights: of(facts.dtypes[1])?,
            residual: of(residual.copied().unwrap_or(facts.output_dtype))?,
            output: of(facts.output_dtype)?,
        })
    }

    /// Requires a left operand that is f32, or bf16 as the weights are.
    pub(crate) fn require_product(&self, facts: &Facts<'_>) -> Result<(), RunError> {
        let is_fit = self.input == Lanes::F32 || self.weights == Lanes::Bf16;
        facts.require(is_fit, "bf16 beside weights of f32")
    }
}

impl MatMul {
    pub(crate) fn bind(p: &plan::MatMul, facts: &Facts<'_>) -> Result<MatMul, RunError> {
        let types = Types::bind(&p.epilogue, facts)?;
        types.require_product(facts)?;
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let (a, output) = (count(facts.shapes[0]), count(facts.output));
        let is_sized = p.k > 0 && p.n > 0 && p.k < 1 << 31 && p.n < 1 << 31;
        facts
            .require(is_sized && a % p.k == 0, "rows of the left operand do not have k elements")?;
        let rows = a / p.k;
        let packed = match types.weights {
            Lanes::F32 => matmul::packed_len(p.k, p.n),
            Lanes::Bf16 => matmul::packed_bf16_len(p.k, p.n),
        };
        facts
            .require(count(facts.shapes[1]) == packed, "the packed weights have another length")?;
        facts.require(rows * p.n == output, "the product has another size")?;
        check_epilogue(&p.epilogue, facts, p.n)?;
        Ok(MatMul { rows, k: p.k, n: p.n, epilogue: p.epilogue, types })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let Types { input, weights, residual, output } = self.types;
        let (a, b) = (input.floats(operands, 0), weights.packed(operands, 1));
        let epilogue = epilogue(&self.epilogue, residual, operands, 2);
        let (sizes, out) = ([self.rows, self.k, self.n], output.output(operands));
        let product = matmul::MatMul::new(isa, sizes, a, self.k, b, epilogue, out);
        execute(&product.for_threads(operands.threads));
    }
}

pub(crate) struct BatchMatMul {
    dtype: DType,
    sizes: [usize; 3],
    a: Side,
    b: Side,
}

impl BatchMatMul {
    pub(crate) fn bind(p: &plan::BatchMatMul, facts: &Facts<'_>) -> Result<BatchMatMul, RunError> {
        let dtype = facts.output_dtype;
        facts.require_types(dtype)?;
        facts.require(dtype == DType::F32 || is_number(dtype), "no kernel for these elements")?;
        let [m, k, n] = [facts.size(&p.m)?, facts.size(&p.k)?, facts.size(&p.n)?];
        let batch: Vec<usize> = p.batch.iter().map(|d| facts.size(d)).collect::<Result<_, _>>()?;
        let output = tensor::element_count(facts.output);
        let expected = tensor::element_count(&[&batch[..], &[m, n]].concat());
        facts.require(expected.is_some() && expected == output, "the product has another size")?;
        if expected == Some(0) {
            // Nothing bounds the number of its batches.
            let (a, b) = (Side::nothing(), Side::nothing());
            return Ok(BatchMatMul { dtype, sizes: [m, k, n], a, b });
        }
        let a = Side::bind(&p.a, &batch, [m, k], facts, facts.shapes[0])?;
        let b = Side::bind(&p.b, &batch, [k, n], facts, facts.shapes[1])?;
        Ok(BatchMatMul { dtype, sizes: [m, k, n], a, b })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        if self.dtype != DType::F32 {
            with_number!(self.dtype, T => {
                let a = self.a.matrix(operands.input::<T>(0));
                let b = self.b.matrix(operands.input::<T>(1));
                execute(&ScalarMatMul::new(self.sizes, a, b, operands.output()));
            });
            return;
        }
        let (a, b) = (self.a.matrix(operands.input(0)), self.b.matrix(operands.input(1)));
        execute(&matmul::BatchMatMul::new(isa, self.sizes, a, b, operands.output()));
    }
}

/// Requires bias and residual, those that there are, to have the lengths that they should, and an
/// activation from f32 to f32.
pub(crate) fn check_epilogue(
    epilogue: &Epilogue,
    facts: &Facts<'_>,
    channels: usize,
) -> Result<(), RunError> {
    let count = |at: usize| tensor::element_count(facts.shapes[at]);
    let is_of_floats = epilogue.activation.is_none_or(|op| {
        let is_typed = UnaryMap::output_type(op, DType::F32) == DType::F32;
        is_typed && UnaryMap::supports(op, DType::F32)
    });
    facts.require(is_of_floats, "the activation does not give floats")?;
    if epilogue.has_bias {
        facts.require(count(2) == Some(channels), "bias: one element for each channel expected")?;
    }
    if epilogue.has_residual {
        let at = 2 + usize::from(epilogue.has_bias);
        let output = tensor::element_count(facts.output);
        facts.require(count(at) == output, "residual: the output's size expected")?;
    }
    Ok(())
}

/// The epilogue with this run's operands, which begin at input `first`.
pub(crate) fn epilogue<'a>(
    epilogue: &Epilogue,
    residual: Lanes,
    operands: &Operands<'a>,
    first: usize,
) -> matmul::Epilogue<'a> {
    let residual_at = first + usize::from(epilogue.has_bias);
    matmul::Epilogue {
        bias: operands.optional(first, epilogue.has_bias),
        residual: epilogue.has_residual.then(|| residual.floats(operands, residual_at)),
        activation: epilogue.activation,
    }
}
