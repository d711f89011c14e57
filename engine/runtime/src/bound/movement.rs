//! Steps that move elements, or make them of nothing.

use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::movement::{AXES_MAX, Axis, Fill, Gather, Indices, StridedCopy};
use plan::{Copy, Operation};
use simd::Isa;
use tensor::DType;

pub(crate) enum Movement {
    Copy { size: usize, source: usize, target: usize, axes: Vec<Axis> },
    Fill(Vec<u8>),
    Gather { step: String, sizes: [usize; 3], indices: DType },
    Dimensions(Vec<u8>),
}

impl Movement {
    pub(crate) fn bind(operation: &Operation, facts: &Facts<'_>) -> Result<Movement, RunError> {
        match operation {
            Operation::Copy(copy) => bind_copy(copy, facts),
            Operation::Fill(element) => {
                let is_sized = element.len() == facts.output_dtype.size();
                facts.require(is_sized, "an element of another type")?;
                Ok(Movement::Fill(element.clone()))
            }
            Operation::Gather { axis } => bind_gather(*axis, facts),
            Operation::Dimensions(dims) => {
                let is_sized = facts.output == [dims.len()] && facts.output_dtype == DType::I64;
                facts.require(is_sized, "the output is not as many i64")?;
                let sizes = dims.iter().map(|dim| facts.signed(dim).map(|d| d as i64));
                let sizes: Vec<i64> = sizes.collect::<Result<_, _>>()?;
                Ok(Movement::Dimensions(bytemuck::cast_slice(&sizes).to_vec()))
            }
            _ => Err(facts.refuse("not a movement")),
        }
    }

    pub(crate) fn run(
        &self,
        isa: Isa,
        operands: &Operands<'_>,
        execute: Execute<'_>,
    ) -> Result<(), RunError> {
        let (input, out) = (operands.inputs[0], operands.output);
        match self {
            Movement::Copy { size, source, target, axes } => {
                execute(&StridedCopy::new(isa, *size, input, *source, out, *target, axes));
            }
            Movement::Fill(element) => execute(&Fill::new(element, out)),
            Movement::Gather { step, sizes, indices } => {
                let indices = match indices {
                    DType::I32 => Indices::I32(operands.input(1)),
                    _ => Indices::I64(operands.input(1)),
                };
                let gather = Gather::new(input, *sizes, indices, out).map_err(|error| {
                    RunError::Index { step: step.clone(), reason: error.to_string() }
                })?;
                execute(&gather);
            }
            Movement::Dimensions(bytes) => {
                let axis = [Axis { extent: bytes.len(), source: 1, target: 1 }];
                execute(&StridedCopy::new(isa, 1, bytes, 0, out, 0, &axis));
            }
        }
        Ok(())
    }
}

fn bind_copy(copy: &Copy, facts: &Facts<'_>) -> Result<Movement, RunError> {
    facts.require(facts.dtypes[0] == facts.output_dtype, "a copy to another type")?;
    let rank = copy.extents.len();
    let is_ranked = copy.from.strides.len() == rank && copy.to.strides.len() == rank;
    facts.require(is_ranked, "views of another rank")?;
    let mut axes = Vec::with_capacity(rank);
    for (axis, extent) in copy.extents.iter().enumerate() {
        axes.push(Axis {
            extent: facts.size(extent)?,
            source: facts.signed(&copy.from.strides[axis])?,
            target: facts.signed(&copy.to.strides[axis])?,
        });
    }
    let is_empty = axes.iter().any(|axis| axis.extent == 0);
    axes.retain(|axis| axis.extent != 1);
    facts.require(axes.len() <= AXES_MAX, "more axes than the kernel walks")?;
    let (source, target) = (facts.signed(&copy.from.offset)?, facts.signed(&copy.to.offset)?);
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let (from, to) = (count(facts.shapes[0]), count(facts.output));
    let is_inside = is_empty
        || stays_inside(source, from, axes.iter().map(|a| (a.extent, a.source)))
            && stays_inside(target, to, axes.iter().map(|a| (a.extent, a.target)));
    facts.require(is_inside, "a view leaves its buffer")?;
    let is_nested = is_empty || nests(&axes);
    facts.require(is_nested, "a copy that writes a place twice")?;
    // An empty copy may name a place behind the end, which is none.
    let (source, target) = if is_empty { (0, 0) } else { (source as usize, target as usize) };
    Ok(Movement::Copy { size: facts.output_dtype.size(), source, target, axes })
}

/// Does every element of a view lie among `count` ones?
fn stays_inside(offset: isize, count: usize, axes: impl Iterator<Item = (usize, isize)>) -> bool {
    let (mut lowest, mut highest) = (offset as i128, offset as i128);
    for (extent, stride) in axes {
        // One span is below 2^127, but two of them need not be: far outside is outside.
        let span = (extent as i128 - 1) * stride as i128;
        lowest = lowest.saturating_add(span.min(0));
        highest = highest.saturating_add(span.max(0));
    }
    lowest >= 0 && highest < count as i128
}

/// Does each target stride go beyond the span of the smaller ones?
fn nests(axes: &[Axis]) -> bool {
    let mut strides: Vec<(i128, i128)> =
        axes.iter().map(|a| (a.target.unsigned_abs() as i128, a.extent as i128)).collect();
    strides.sort_unstable();
    let mut span = 0;
    strides.into_iter().all(|(stride, extent)| {
        let is_beyond = stride > span;
        span += stride * (extent - 1);
        is_beyond
    })
}

fn bind_gather(axis: usize, facts: &Facts<'_>) -> Result<Movement, RunError> {
    let shape = facts.shapes[0];
    facts.require(axis < shape.len(), "an axis that the input has not")?;
    facts.require(facts.dtypes[0] == facts.output_dtype, "a result of another type")?;
    let is_index = matches!(facts.dtypes[1], DType::I32 | DType::I64);
    facts.require(is_index, "indices that are not i32 or i64")?;
    let count = |shape: &[usize]| shape.iter().product::<usize>();
    let outer = count(&shape[..axis]);
    let inner = count(&shape[axis + 1..]);
    let is_sized = outer * count(facts.shapes[1]) * inner == count(facts.output);
    facts.require(is_sized, "the result has another size")?;
    let sizes = [outer, shape[axis], inner * facts.output_dtype.size()];
    Ok(Movement::Gather { step: facts.name.to_string(), sizes, indices: facts.dtypes[1] })
}
