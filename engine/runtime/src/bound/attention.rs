//! Attention.

use super::product::Lanes;
use super::side::Side;
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::attention::{self, Operand, Rows, Sizes};
use plan::{Precision, View};
use simd::Isa;
use tensor::DType;

pub(crate) struct Attention {
    sizes: Sizes,
    scale: f32,
    precision: Precision,
    query: Side,
    key: Side,
    value: Side,
    mask: Option<Side>,
    output: Side,
    types: Types,
}

/// What queries, keys, values and results hold.
#[derive(Clone, Copy)]
struct Types([Lanes; 4]);

impl Types {
    fn bind(p: &plan::Attention, facts: &Facts<'_>) -> Result<Types, RunError> {
        let of = |dtype| Lanes::of(dtype, facts);
        let [query, key, value] = [facts.dtypes[0], facts.dtypes[1], facts.dtypes[2]].map(of);
        let types = [query?, key?, value?, of(facts.output_dtype)?];
        let is_float = |of: &Lanes| matches!(of, Lanes::F32 | Lanes::Bf16);
        facts.require(types.iter().all(is_float), "attention takes and gives floats")?;
        let is_fit = p.precision == Precision::Bf16 || !types.contains(&Lanes::Bf16);
        facts.require(is_fit, "bf16 beside products of f32")?;
        let is_f32 = facts.dtypes.get(3).is_none_or(|&mask| mask == DType::F32);
        facts.require(is_f32, "the mask is not f32")?;
        Ok(Types(types))
    }
}

impl Attention {
    pub(crate) fn bind(p: &plan::Attention, facts: &Facts<'_>) -> Result<Attention, RunError> {
        let types = Types::bind(p, facts)?;
        let sizes = Sizes {
            rows: facts.size(&p.rows)?,
            keys: facts.size(&p.keys)?,
            depth: facts.size(&p.depth)?,
            width: facts.size(&p.width)?,
        };
        let Sizes { rows, keys, depth, width } = sizes;
        let batch: Vec<usize> = p.batch.iter().map(|d| facts.size(d)).collect::<Result<_, _>>()?;
        let output = tensor::element_count(facts.output);
        let expected = tensor::element_count(&[&batch[..], &[rows, width]].concat());
        facts.require(expected.is_some() && expected == output, "the result has another size")?;
        let (scale, precision) = (p.scale, p.precision);
        if expected == Some(0) {
            // Nothing bounds the number of its batches.
            let [query, key, value, output] = std::array::from_fn(|_| Side::nothing());
            return Ok(Attention {
                sizes,
                scale,
                precision,
                query,
                key,
                value,
                mask: None,
                output,
                types,
            });
        }
        let scratch = attention::Attention::scratch_for(sizes);
        let is_bounded = scratch.is_some_and(|bytes| bytes <= facts.bytes_max);
        facts.require(is_bounded, "the scores of some rows are too large")?;
        let side = |view: &View, matrix: [usize; 2], buffer: &[usize]| {
            Side::bind(view, &batch, matrix, facts, buffer)
        };
        // Rows are read and written whole: a stride of nothing at all counts as one of 1.
        let dense = |view: &View, matrix: [usize; 2], buffer: &[usize]| {
            let mut side = side(view, matrix, buffer)?;
            let is_dense = matrix[1] < 2 || side.column_stride == 1;
            facts.require(is_dense, "elements of a row do not lie side by side")?;
            side.column_stride = 1;
            Ok::<Side, RunError>(side)
        };
        require_distinct(&p.output, &[&batch[..], &[rows, width]].concat(), facts)?;
        let mask = p.mask.as_ref().map(|mask| dense(mask, [rows, keys], facts.shapes[3]));
        Ok(Attention {
            sizes,
            scale,
            precision,
            query: dense(&p.query, [rows, depth], facts.shapes[0])?,
            key: side(&p.key, [depth, keys], facts.shapes[1])?,
            value: side(&p.value, [keys, width], facts.shapes[2])?,
            mask: mask.transpose()?,
            output: dense(&p.output, [rows, width], facts.output)?,
            types,
        })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let Types([query, key, value, output]) = self.types;
        let given = attention::Operands {
            query: operand(&self.query, query, operands, 0),
            key: operand(&self.key, key, operands, 1),
            value: operand(&self.value, value, operands, 2),
            mask: self.mask.as_ref().map(|mask| mask.matrix(operands.input(3))),
        };
        let places = Rows { offsets: &self.output.offsets, stride: self.output.row_stride };
        let (is_bf16, out) = (self.precision == Precision::Bf16, output.output(operands));
        let attention =
            attention::Attention::new(isa, is_bf16, self.sizes, self.scale, given, out, places);
        execute(&attention.for_threads(operands.threads));
    }
}

fn operand<'a>(side: &'a Side, lanes: Lanes, operands: &Operands<'a>, at: usize) -> Operand<'a> {
    match lanes {
        Lanes::F32 => side.matrix(operands.input::<f32>(at)).into(),
        Lanes::Bf16 | Lanes::U8 | Lanes::I8 => side.matrix(operands.input::<u16>(at)).into(),
    }
}

/// Requires that no two elements of a view are one: each stride goes beyond what the smaller
/// ones span. Several threads write the view.
fn require_distinct(view: &View, extents: &[usize], facts: &Facts<'_>) -> Result<(), RunError> {
    let strides: Vec<usize> =
        view.strides.iter().map(|d| facts.size(d)).collect::<Result<_, _>>()?;
    let mut axes: Vec<(usize, usize)> =
        strides.into_iter().zip(extents.iter().copied()).filter(|&(_, n)| n > 1).collect();
    axes.sort_unstable();
    let mut span = 0usize;
    for (stride, extent) in axes {
        facts.require(stride > span, "elements of the result lie in one place")?;
        span = stride.saturating_mul(extent - 1).saturating_add(span);
    }
    Ok(())
}
