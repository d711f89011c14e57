//! How much arithmetic a plan is.

use import::Refusal;
use ir::{Fact, Graph, Node, Op};
use operators::Operator;
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
    match &step.operation {
        Operation::Dynamic { .. } => return Some(0),
        // The branch that takes more.
        Operation::If(bodies) => {
            let [a, b] = bodies.each_ref().map(|body| of_plan(&body.0, sizes));
            return Some(a?.max(b?));
        }
        // One iteration: how many there are is known only when they have run.
        Operation::Loop(p) => return of_plan(&p.body.0, sizes),
        _ => {}
    }
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
        | Operation::Resize(_)
        | Operation::Unary(_)
        | Operation::Binary(_)
        | Operation::Select
        | Operation::Cast
        | Operation::Quantize { .. }
        | Operation::Dequantize { .. }
        | Operation::ByteSum(_)
        | Operation::Reduce { .. }
        | Operation::Arg { .. }
        | Operation::Softmax { .. }
        | Operation::LayerNorm { .. }
        | Operation::LocalResponseNorm { .. }
        | Operation::Copy(_)
        | Operation::Fill(_)
        | Operation::Gather { .. }
        | Operation::Dimensions(_)
        | Operation::TreeEnsemble { .. } => Some(0),
        Operation::Dynamic { .. } | Operation::If(_) | Operation::Loop(_) => None,
        Operation::Whole(operator) => {
            let inputs: Vec<&[Dim]> =
                step.inputs.iter().map(|&id| plan.buffer(id).shape.as_slice()).collect();
            of_operator(operator, &inputs, sizes)
        }
    }
}

/// Multiply-accumulates of a node of a graph, counted as those of a plan's steps.
pub(crate) fn of_node(graph: &Graph, node: &Node, sizes: &Bindings) -> Option<u64> {
    let inputs: Vec<&[Dim]> =
        node.inputs.iter().map(|&id| graph.value(id).shape.as_slice()).collect();
    let output = graph.value(node.output).shape.as_slice();
    match &node.op {
        Op::Conv(_) => of_window(output, inputs.get(1)?, sizes),
        Op::MatMul => of_product(output, inputs.first()?, sizes),
        Op::Whole(operator) => of_operator(operator, &inputs, sizes),
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Quantize { .. }
        | Op::Dequantize { .. }
        | Op::Pool(_)
        | Op::Reduce { .. }
        | Op::Arg(_)
        | Op::Softmax { .. }
        | Op::LogSoftmax { .. }
        | Op::LayerNorm { .. }
        | Op::LocalResponseNorm { .. }
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Slice { .. }
        | Op::Concat { .. }
        | Op::Expand { .. }
        | Op::Gather { .. }
        | Op::Pad { .. }
        | Op::Dimensions(_)
        | Op::TreeEnsemble { .. } => Some(0),
        // How often a body runs is known only when it has.
        Op::Dynamic(_) | Op::If { .. } | Op::Loop(_) => Some(0),
    }
}

/// Multiply-accumulates of a foreign node by its name and shapes alone. Nothing when they do not
/// tell: what the operator does is not known.
pub(crate) fn of_refused(refusal: &Refusal, sizes: &Bindings) -> Option<u64> {
    let shape = |fact: &Option<Fact>| fact.as_ref().map(|f| f.shape.clone());
    let takes: Vec<Vec<Dim>> = refusal.takes.iter().filter_map(shape).collect();
    let x = takes.first()?;
    let output = refusal.makes.first().and_then(shape)?;
    // Weights stand behind scales and zero points in quantized operators; those are of rank 1.
    let weights = takes[1..].iter().find(|shape| shape.len() >= 2)?;
    match refusal.op.as_str() {
        "RNN" | "GRU" | "LSTM" => {
            of_recurrence(&takes.iter().map(Vec::as_slice).collect::<Vec<_>>(), sizes)
        }
        "ConvTranspose" => of_window(x, weights, sizes),
        name if name.contains("Conv") => of_window(&output, weights, sizes),
        name if name.contains("MatMul") || name.contains("Gemm") => of_product(&output, x, sizes),
        _ => None,
    }
}

fn of_operator(operator: &Operator, inputs: &[&[Dim]], sizes: &Bindings) -> Option<u64> {
    match operator {
        Operator::ConvTranspose(_) => of_window(inputs.first()?, inputs.get(1)?, sizes),
        // The input's part is a product of its own before it.
        Operator::Recurrent(_) => {
            let [x, recurrence, ..] = inputs else { return None };
            product(x.get(..2)?, sizes)?.checked_mul(product(recurrence, sizes)?)
        }
        // Elementwise work, and what moves elements.
        _ => Some(0),
    }
}

/// Each element meets all weights but those of other channels: weights `[C, …]`.
fn of_window(elements: &[Dim], weights: &[Dim], sizes: &Bindings) -> Option<u64> {
    product(elements, sizes)?.checked_mul(product(weights.get(1..)?, sizes)?)
}

/// Each element of the product is a sum over the last axis of the left side.
fn of_product(output: &[Dim], left: &[Dim], sizes: &Bindings) -> Option<u64> {
    product(output, sizes)?.checked_mul(product(left.last().map(std::slice::from_ref)?, sizes)?)
}

/// Of `x[steps, batch, …]`: each step multiplies by all weights of `w` and `r`.
fn of_recurrence(inputs: &[&[Dim]], sizes: &Bindings) -> Option<u64> {
    let [x, w, r, ..] = inputs else { return None };
    let weights = product(w, sizes)?.checked_add(product(r, sizes)?)?;
    product(x.get(..2)?, sizes)?.checked_mul(weights)
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
