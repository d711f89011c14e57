//! Convolution and pooling.

use super::product::{Lanes, Types, check_epilogue, epilogue};
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::conv::{self, Conv, ConvShape, ScalarConv};
use kernels::depthwise::Depthwise;
use kernels::pool;
use kernels::winograd::{self, Tile, Winograd};
use kernels::{is_number, with_number};
use plan::{Epilogue, PoolKind, WinogradTile};
use simd::Isa;
use tensor::DType;

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
            Form::Winograd(_) => {}
            Form::Depthwise => {
                facts.require(types.weights == Lanes::F32, "this form takes weights of f32")?;
                let is_same = [types.input, types.residual].iter().all(|&of| of == types.output);
                facts.require(is_same, "this form takes and gives one type")?;
            }
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
            Form::Plain if types.weights == Lanes::Bf16 => Some(conv::packed_bf16_len(&shape)),
            Form::Plain => Some(conv::packed_len(&shape)),
            Form::Depthwise => {
                let is_each_alone = p.groups == shape.in_c && p.groups == shape.out_c;
                facts.require(is_each_alone, "depthwise: each channel is a group of its own")?;
                tensor::element_count(&[p.kernel[0], p.kernel[1], shape.in_c])
            }
            Form::Winograd(tile) => {
                facts.require(winograd::is_possible(&shape), "no Winograd form exists")?;
                Some(match types.weights {
                    Lanes::F32 => winograd::packed_len(tile, &shape),
                    Lanes::Bf16 => winograd::packed_bf16_len(tile, &shape),
                })
            }
        };
        facts.require(weights == expected, "the packed weights have another length")?;
        check_epilogue(&p.epilogue, facts, shape.out_c)?;
        Ok(Convolution { shape, epilogue: p.epilogue, form, types })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let Types { input, weights, residual, output } = self.types;
        let (input, weights) = (input.floats(operands, 0), weights.packed(operands, 1));
        let epilogue = epilogue(&self.epilogue, residual, operands, 2);
        let (output, shape) = (output.output(operands), &self.shape);
        match self.form {
            Form::Plain => {
                let conv = Conv::new(isa, shape, input, weights, epilogue, output);
                execute(&conv.for_threads(operands.threads));
            }
            Form::Depthwise => {
                execute(&Depthwise::new(isa, shape, input, operands.input(1), epilogue, output));
            }
            Form::Winograd(tile) => {
                execute(&Winograd::new(isa, tile, shape, input, weights, epilogue, output));
            }
        }
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
        let Epilogue { has_bias, has_residual, activation } = p.epilogue;
        facts.require(!has_residual && activation.is_none(), "the kernel adds a bias only")?;
        let taps = [p.kernel[0], p.kernel[1], shape.in_c / p.groups, shape.out_c];
        let weights = tensor::element_count(&taps);
        let is_sized = weights.is_some() && weights == tensor::element_count(facts.shapes[1]);
        facts.require(is_sized, "the weights have another length")?;
        check_epilogue(&p.epilogue, facts, shape.out_c)?;
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
        if self.dtype != DType::F32 {
            with_number!(self.dtype, T => {
                let (input, output) = (operands.input::<T>(0), operands.output());
                execute(&pool::ScalarPool::new(self.kind, &self.shape, input, output));
            });
            return;
        }
        let (input, output) = (operands.input(0), operands.output());
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
