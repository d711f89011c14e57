//! Matrix products.

use super::side::Side;
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::elementwise::UnaryMap;
use kernels::matmul::{self, Int8, Packed, Rounding, ScalarMatMul, Steps};
use kernels::{Floats, FloatsMut, is_number, with_number};
use plan::{Epilogue, Integers};
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
    U8,
    /// Weights only.
    I8,
}

impl Lanes {
    pub(crate) fn of(dtype: DType, facts: &Facts<'_>) -> Result<Lanes, RunError> {
        match dtype {
            DType::F32 => Ok(Lanes::F32),
            DType::BF16 => Ok(Lanes::Bf16),
            DType::U8 => Ok(Lanes::U8),
            DType::I8 => Ok(Lanes::I8),
            _ => Err(facts.refuse(format!("no kernel takes or gives {dtype} here"))),
        }
    }

    /// The numbers that are input `at`.
    pub(crate) fn floats<'a>(self, operands: &Operands<'a>, at: usize) -> Floats<'a> {
        match self {
            Lanes::F32 => Floats::F32(operands.input(at)),
            Lanes::Bf16 => Floats::Bf16(operands.input(at)),
            Lanes::U8 | Lanes::I8 => Floats::U8(operands.input(at)),
        }
    }

    /// The numbers that are the output.
    pub(crate) fn output<'a>(self, operands: &Operands<'a>) -> FloatsMut<'a> {
        match self {
            Lanes::F32 => FloatsMut::F32(operands.output()),
            Lanes::Bf16 => FloatsMut::Bf16(operands.output()),
            Lanes::U8 | Lanes::I8 => FloatsMut::U8(operands.output()),
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
    pub(crate) integers: Option<Integers>,
}

impl Types {
    /// Those of a step whose inputs are `(x, weights, [scales], [bias], [residual])`.
    pub(crate) fn bind(epilogue: &Epilogue, facts: &Facts<'_>) -> Result<Types, RunError> {
        let of = |dtype| Lanes::of(dtype, facts);
        let is_f32 = |at: usize| facts.dtypes.get(at) == Some(&DType::F32);
        let has_bias = !epilogue.has_bias || is_f32(epilogue.bias_at(1));
        facts.require(has_bias, "the bias is not f32")?;
        facts.require(epilogue.integers.is_none() || is_f32(2), "the scales are not f32")?;
        let residual = facts.dtypes.get(epilogue.residual_at(1)).copied();
        let types = Types {
            input: of(facts.dtypes[0])?,
            weights: of(facts.dtypes[1])?,
            residual: of(residual.unwrap_or(facts.output_dtype))?,
            output: of(facts.output_dtype)?,
            integers: epilogue.integers,
        };
        let signed = [types.input, types.residual, types.output].contains(&Lanes::I8);
        facts.require(!signed, "only weights are i8")?;
        Ok(types)
    }

    /// Requires operands whose products there are: a left one of f32, or of what the weights are,
    /// and results and residuals that are f32, or as small as the left operand.
    pub(crate) fn require_product(&self, facts: &Facts<'_>) -> Result<(), RunError> {
        let are_integers = self.integers.is_some();
        let is_fit = match (self.input, self.weights) {
            (Lanes::F32, Lanes::F32 | Lanes::Bf16) | (Lanes::Bf16, Lanes::Bf16) => !are_integers,
            (Lanes::U8, Lanes::I8) => are_integers,
            _ => false,
        };
        facts.require(is_fit, "no kernel multiplies these types")?;
        let other = if are_integers { Lanes::U8 } else { Lanes::Bf16 };
        let is_known = |of: Lanes| of == Lanes::F32 || of == other;
        facts.require(is_known(self.residual) && is_known(self.output), "no such types together")
    }

    /// The packed weights that are input `at`.
    pub(crate) fn packed<'a>(&self, operands: &Operands<'a>, at: usize) -> Packed<'a> {
        match self.integers {
            Some(Integers { zero, .. }) => Packed::Int8(Int8 {
                weights: operands.input(at),
                scales: operands.input(at + 1),
                zero,
            }),
            None if self.weights == Lanes::Bf16 => Packed::Bf16(operands.input(at)),
            None => Packed::F32(operands.input(at)),
        }
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
            Lanes::U8 | Lanes::I8 => matmul::packed_int8_len(p.k, p.n),
        };
        facts
            .require(count(facts.shapes[1]) == packed, "the packed weights have another length")?;
        facts.require(rows * p.n == output, "the product has another size")?;
        check_epilogue(&p.epilogue, p.k, facts, p.n)?;
        Ok(MatMul { rows, k: p.k, n: p.n, epilogue: p.epilogue, types })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let Types { input, residual, output, .. } = self.types;
        let (a, b) = (input.floats(operands, 0), self.types.packed(operands, 1));
        let epilogue = epilogue(&self.epilogue, residual, operands, 1);
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

/// Requires scales, bias and residual, those that there are, to have the lengths that they should,
/// and an activation from f32 to f32; sums are of `depth` products.
pub(crate) fn check_epilogue(
    epilogue: &Epilogue,
    depth: usize,
    facts: &Facts<'_>,
    channels: usize,
) -> Result<(), RunError> {
    let count = |at: usize| tensor::element_count(facts.shapes[at]);
    let is_of_floats = epilogue.activation.is_none_or(|op| {
        let is_typed = UnaryMap::output_type(op, DType::F32) == DType::F32;
        is_typed && UnaryMap::supports(op, DType::F32)
    });
    facts.require(is_of_floats, "the activation does not give floats")?;
    if epilogue.integers.is_some() {
        facts.require(count(2) == Some(channels), "scales: one for each channel expected")?;
        facts.require(depth <= matmul::DEPTH_MAX, "sums of so many products may leave i32")?;
    }
    if epilogue.has_bias {
        let bias = count(epilogue.bias_at(1));
        facts.require(bias == Some(channels), "bias: one element for each channel expected")?;
    }
    if epilogue.has_residual {
        let residual = count(epilogue.residual_at(1));
        let output = tensor::element_count(facts.output);
        facts.require(residual == output, "residual: the output's size expected")?;
    }
    Ok(())
}

fn rounding(plan::Rounding { bounds, factor, offset }: plan::Rounding) -> Rounding {
    Rounding { bounds, factor, offset }
}

/// The epilogue with this run's operands, which follow the weights, input `weights`.
pub(crate) fn epilogue<'a>(
    epilogue: &Epilogue,
    residual: Lanes,
    operands: &Operands<'a>,
    weights: usize,
) -> matmul::Epilogue<'a> {
    let residual_at = epilogue.residual_at(weights);
    let integers = epilogue.integers;
    let steps = integers.and_then(|integers| integers.steps);
    matmul::Epilogue {
        bias: operands.optional(epilogue.bias_at(weights), epilogue.has_bias),
        residual: epilogue.has_residual.then(|| residual.floats(operands, residual_at)),
        residual_scale: integers.map_or(1.0, |integers| integers.residual_scale),
        rounding: integers.and_then(|integers| integers.rounding).map(rounding),
        activation: epilogue.activation,
        steps: steps.map(|(factor, offset)| Steps { factor, offset }),
    }
}
