//! How much arithmetic a plan is.

use plan::{BatchMatMul, BufferId, Convolution, Operation, Plan, Step};
use tensor::{Bindings, Dim};

/// Multiply-accumulates of one run under these sizes; each counts as two floating-point
/// operations. Elementwise work is left out, as it is where such figures are published.
///
/// Nothing when a size has no value.
pub(crate) fn of_plan(plan: &Plan, sizes: &Bindings) -> Option<u64> {
    of_steps(plan, sizes).sum()
}

/// Multiply-accumulates of each step, in the order of the plan.
pub(crate) fn of_steps(plan: &Plan, sizes: &Bindings) -> impl Iterator<Item = Option<u64>> {
    plan.steps.iter().map(|step| of_step(plan, step, sizes))
}

fn of_step(plan: &Plan, step: &Step, sizes: &Bindings) -> Option<u64> {
    let elements = |id: BufferId| product(&plan.buffer(id).shape, sizes);
    let output = elements(step.output)?;
    match &step.operation {
        Operation::MatMul(p) => output.checked_mul(p.k as u64),
        Operation::BatchMatMul(BatchMatMul { batch, m, k, n, .. }) => {
            product(batch, sizes)?.checked_mul(product(&[m.clone(), k.clone(), n.clone()], sizes)?)
        }
        Operation::Attention(p) => {
            let each = p.depth.clone() + p.width.clone();
            product(&p.batch, sizes)?
                .checked_mul(product(&[p.rows.clone(), p.keys.clone(), each], sizes)?)
        }
        // However a convolution is computed, it counts as its definition does.
        Operation::Convolution(p)
        | Operation::Winograd { convolution: p, .. }
        | Operation::Depthwise(p) => {
            of_convolution(p, &plan.buffer(*step.inputs.first()?).shape, output, sizes)
        }
        Operation::Chain(stages) => {
            let given = stages.iter().map(|stage| &stage.output);
            let taken = std::iter::once(&plan.buffer(*step.inputs.first()?).shape).chain(given);
            let each = stages.iter().zip(taken).map(|(stage, taken)| {
                of_convolution(&stage.convolution, taken, product(&stage.output, sizes)?, sizes)
            });
            each.sum()
        }
        Operation::Pool(_)
        | Operation::Unary(_)
        | Operation::Binary(_)
        | Operation::Select
        | Operation::Cast
        | Operation::Reduce { .. }
        | Operation::Arg { .. }
        | Operation::Softmax { .. }
        | Operation::LayerNorm { .. }
        | Operation::LocalResponseNorm { .. }
        | Operation::Copy(_)
        | Operation::Fill(_)
        | Operation::Gather { .. }
        | Operation::Dimensions(_)
        | Operation::Whole(_) => Some(0),
    }
}

/// Of a convolution that gives `output` elements from an image of shape `input`.
fn of_convolution(p: &Convolution, input: &[Dim], output: u64, sizes: &Bindings) -> Option<u64> {
    let channels = u64::try_from(input.last()?.evaluate(sizes).ok()?).ok()?;
    let taps = (p.kernel[0] * p.kernel[1]) as u64;
    output.checked_mul(taps.checked_mul(channels)? / p.groups.max(1) as u64)
}

fn product(dims: &[Dim], sizes: &Bindings) -> Option<u64> {
    dims.iter().try_fold(1u64, |product, dim| {
        let size = u64::try_from(dim.evaluate(sizes).ok()?).ok()?;
        product.checked_mul(size)
    })
}
