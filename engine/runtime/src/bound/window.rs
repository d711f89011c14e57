//! Convolution and pooling.

use super::product::{Lanes, Types, check_epilogue, epilogue};
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::conv::{self, Conv, ConvShape, ScalarConv};
use kernels::depthwise::{Depthwise, INT8_TAPS_MAX, Taps};
use kernels::pool;
use kernels::winograd::{self, Tile, Winograd};
use kernels::{Floats, FloatsMut, is_number, with_number};
use plan::{Epilogue, Integers, PoolKind, WinogradTile};
use simd::Isa;
use tensor::DType;
use tensor::scalar::Unary;

pub(crate) struct Convolution {
    pub(super) shape: ConvShape,
    pub(super) epilogue: Epilogue,
    form: Form,
    pub(super) types: Types,
}

/// How a convolution is computed, and so how its weights are packed.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Plain,
    Depthwise,
    Winograd(Tile),
}

/// The kernels' name of a tile.
pub(crate) fn tile(tile: WinogradTile) -> Tile {
    match tile {
        WinogradTile::Two => Tile::Two,
        WinogradTile::Four => Tile::Four,
    }
}

impl Convolution {
    pub(crate) fn bind(
        p: &plan::Convolution,
        form: Form,
        facts: &Facts<'_>,
    ) -> Result<Convolution, RunError> {
        let types = Types::bind(&p.epilogue, facts)?;
        match form {
            Form::Plain => types.require_product(facts)?,
            Form::Winograd(_) => types.require_floats(facts)?,
            Form::Depthwise => types.require_depthwise(&p.epilogue, facts)?,
        }
        let shape = shape_of(p, facts)?;
        let weights = tensor::element_count(facts.shapes[1]);
        if !matches!(form, Form::Depthwise) {
            let depth = shape.in_c / p.groups;
            let unpadded = tensor::element_count(&[p.kernel[0], p.kernel[1], depth, shape.out_c]);
            // Sizes for which the packed length would overflow stop here.
            facts.require(unpadded.is_some() && unpadded <= weights, "too few packed weights")?;
        }
        let expected = match form {
            Form::Plain => Some(match types.weights {
                Lanes::F32 => conv::packed_len(&shape),
                Lanes::Bf16 => conv::packed_bf16_len(&shape),
                Lanes::U8 | Lanes::I8 => conv::packed_int8_len(&shape),
            }),
            Form::Depthwise => {
                let is_each_alone = p.groups == shape.in_c && p.groups == shape.out_c;
                facts.require(is_each_alone, "depthwise: each channel is a group of its own")?;
                let taps = p.kernel[0].saturating_mul(p.kernel[1]);
                let is_exact = types.integers.is_none() || taps <= INT8_TAPS_MAX;
                let is_rounded = types.integers.is_some_and(|own| own.rounding.is_some());
                facts.require(!is_rounded, "no kernel rounds these before the residual")?;
                facts.require(is_exact, "sums of so many products of bytes are not exact")?;
                tensor::element_count(&[p.kernel[0], p.kernel[1], shape.in_c])
            }
            Form::Winograd(tile) => {
                facts.require(winograd::is_possible(&shape), "no Winograd form exists")?;
                Some(match types.weights {
                    Lanes::F32 => winograd::packed_len(tile, &shape),
                    Lanes::Bf16 | Lanes::U8 | Lanes::I8 => winograd::packed_bf16_len(tile, &shape),
                })
            }
        };
        facts.require(weights == expected, "the packed weights have another length")?;
        let depth = p.kernel[0].saturating_mul(p.kernel[1]).saturating_mul(shape.in_c / p.groups);
        check_epilogue(&p.epilogue, depth, facts, shape.out_c)?;
        Ok(Convolution { shape, epilogue: p.epilogue, form, types })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let Types { input, residual, output, integers, .. } = self.types;
        let (input, weights) = (input.floats(operands, 0), self.types.packed(operands, 1));
        let epilogue = epilogue(&self.epilogue, residual, operands, 1);
        let (output, shape) = (output.output(operands), &self.shape);
        match self.form {
            Form::Plain => {
                let conv = Conv::new(isa, shape, input, weights, epilogue, output);
                execute(&conv.for_threads(operands.threads));
            }
            Form::Depthwise => {
                let weights = operands.input(1);
                let taps = match integers {
                    None => Taps::F32(weights),
                    Some(Integers { zero, .. }) => {
                        Taps::Int8 { weights, scales: operands.input(2), zero }
                    }
                };
                execute(&Depthwise::new(isa, shape, input, taps, epilogue, output));
            }
            Form::Winograd(tile) => {
                execute(&Winograd::new(isa, tile, shape, input, weights, epilogue, output));
            }
        }
    }
}

impl Types {
    /// Requires f32 and bf16 alone.
    fn require_floats(&self, facts: &Facts<'_>) -> Result<(), RunError> {
        let is_float = |of: &Lanes| matches!(of, Lanes::F32 | Lanes::Bf16);
        let all = [self.input, self.weights, self.residual, self.output];
        let is_fit = all.iter().all(is_float) && self.integers.is_none();
        facts.require(is_fit, "this form takes and gives floats")
    }

    /// Requires what there is a kernel by depths for: floats of one type, or bytes that give such
    /// or f32.
    fn require_depthwise(&self, epilogue: &Epilogue, facts: &Facts<'_>) -> Result<(), RunError> {
        facts.require(self.weights == Lanes::F32, "this form takes weights of f32")?;
        if self.integers.is_none() {
            self.require_floats(facts)?;
            let is_same = [self.input, self.residual].iter().all(|&of| of == self.output);
            return facts.require(is_same, "this form takes and gives one type");
        }
        let is_known = |of: Lanes| matches!(of, Lanes::U8 | Lanes::F32);
        let is_fit = self.input == Lanes::U8 && is_known(self.residual) && is_known(self.output);
        facts.require(is_fit, "this form makes bytes or f32 of bytes")?;
        let is_bounds =
            matches!(epilogue.activation, None | Some(Unary::Relu | Unary::Clip { .. }));
        facts.require(is_bounds || self.output == Lanes::F32, "bytes have bounds alone")
    }
}

/// The sizes of a convolution.
fn shape_of(p: &plan::Convolution, facts: &Facts<'_>) -> Result<ConvShape, RunError> {
    let (input, output) = images(facts)?;
    facts.require(input[0] == output[0], "input and output differ in batch")?;
    require_windows(facts, &input, &output)?;
    let parameters = [p.kernel, p.strides, p.dilations, [p.groups, 1]];
    check_sizes(facts, &[&input[..], &output, parameters.as_flattened(), &p.pads].concat())?;
    let is_positive = parameters.as_flattened().iter().all(|&size| size > 0);
    facts.require(is_positive, "a kernel size, stride, dilation or group count is 0")?;
    let is_grouped = input[3].is_multiple_of(p.groups) && output[3].is_multiple_of(p.groups);
    facts.require(is_grouped, "the groups do not divide the channels")?;
    Ok(ConvShape {
        batch: input[0],
        in_h: input[1],
        in_w: input[2],
        in_c: input[3],
        out_h: output[1],
        out_w: output[2],
        out_c: output[3],
        groups: p.groups,
        kernel: p.kernel,
        strides: p.strides,
        dilations: p.dilations,
        pads: p.pads,
    })
}

/// A convolution of f64, whose weights are not packed.
pub(crate) struct ScalarConvolution {
    shape: ConvShape,
    has_bias: bool,
}

impl ScalarConvolution {
    pub(crate) fn bind(
        p: &plan::Convolution,
        facts: &Facts<'_>,
    ) -> Result<ScalarConvolution, RunError> {
        facts.require_types(DType::F64)?;
        let shape = shape_of(p, facts)?;
        let Epilogue { has_bias, has_residual, activation, integers } = p.epilogue;
        let is_plain = !has_residual && activation.is_none() && integers.is_none();
        facts.require(is_plain, "the kernel adds a bias only")?;
        let taps = [p.kernel[0], p.kernel[1], shape.in_c / p.groups, shape.out_c];
        let weights = tensor::element_count(&taps);
        let is_sized = weights.is_some() && weights == tensor::element_count(facts.shapes[1]);
        facts.require(is_sized, "the weights have another length")?;
        check_epilogue(&p.epilogue, 0, facts, shape.out_c)?;
        Ok(ScalarConvolution { shape, has_bias })
    }

    pub(crate) fn run(&self, operands: &Operands<'_>, execute: Execute<'_>) {
        let (input, weights) = (operands.input::<f64>(0), operands.input(1));
        let bias = operands.optional(2, self.has_bias);
        execute(&ScalarConv::new(&self.shape, input, weights, bias, operands.output()));
    }
}

pub(crate) struct Pool {
    dtype: DType,
    shape: ConvShape,
    kind: pool::PoolKind,
}

impl Pool {
    pub(crate) fn bind(p: &plan::Pool, facts: &Facts<'_>) -> Result<Pool, RunError> {
        let dtype = facts.output_dtype;
        facts.require_types(dtype)?;
        facts.require(dtype == DType::F32 || is_number(dtype), "no kernel for these elements")?;
        let (input, output) = images(facts)?;
        let is_same = input[0] == output[0] && input[3] == output[3];
        facts.require(is_same, "input and output differ in batch or channels")?;
        require_windows(facts, &input, &output)?;
        let parameters = [p.kernel, p.strides, p.dilations];
        check_sizes(facts, &[&input[..], &output, parameters.as_flattened(), &p.pads].concat())?;
        let is_positive = parameters.as_flattened().iter().all(|&size| size > 0);
        facts.require(is_positive, "a kernel size, stride or dilation is 0")?;
        let shape = ConvShape {
            batch: input[0],
            in_h: input[1],
            in_w: input[2],
            in_c: input[3],
            out_h: output[1],
            out_w: output[2],
            out_c: output[3],
            groups: input[3].max(1),
            kernel: p.kernel,
            strides: p.strides,
            dilations: p.dilations,
            pads: p.pads,
        };
        let kind = match p.kind {
            PoolKind::Max => pool::PoolKind::Max,
            PoolKind::Average { count_include_pad } => {
                pool::PoolKind::Average { count_include_pad }
            }
        };
        Ok(Pool { dtype, shape, kind })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        if self.dtype == DType::U8 && self.kind == pool::PoolKind::Max {
            let (input, output) = (Floats::U8(operands.input(0)), FloatsMut::U8(operands.output()));
            execute(&pool::Pool::new(isa, self.kind, &self.shape, input, output));
            return;
        }
        if self.dtype != DType::F32 {
            with_number!(self.dtype, T => {
                let (input, output) = (operands.input::<T>(0), operands.output());
                execute(&pool::ScalarPool::new(self.kind, &self.shape, input, output));
            });
            return;
        }
        let (input, output) = (operands.input::<f32>(0), operands.output::<f32>());
        execute(&pool::Pool::new(isa, self.kind, &self.shape, input, output));
    }
}

/// Shapes of the first input and the output: both `[N, H, W, C]`.
pub(super) fn images(facts: &Facts<'_>) -> Result<([usize; 4], [usize; 4]), RunError> {
    let image = |shape: &[usize]| <[usize; 4]>::try_from(shape).ok();
    match (image(facts.shapes[0]), image(facts.output)) {
        (Some(input), Some(output)) => Ok((input, output)),
        _ => Err(facts.refuse("images of rank 4 expected")),
    }
}

/// An image on which no window fits gives no pixel, and what follows would be made of nothing.
fn require_windows(
    facts: &Facts<'_>,
    input: &[usize; 4],
    output: &[usize; 4],
) -> Result<(), RunError> {
    let is_empty = |image: &[usize; 4]| image[1] == 0 || image[2] == 0;
    facts.require(is_empty(input) || !is_empty(output), "the image is smaller than the window")
}

/// Kernels compute indices without overflow checks below this size.
fn check_sizes(facts: &Facts<'_>, sizes: &[usize]) -> Result<(), RunError> {
    facts.require(sizes.iter().all(|&size| size < 1 << 31), "a size is 2^31 or more")
}
