//! Convolutions that follow each other become one step where an image between them is too large
//! to be found in the cache again.
//!
//! The step computes strip by strip, which costs a little: weights are read once for each strip,
//! and products of few rows fill their tiles worse. It is taken only where what it saves is more.

use crate::{Chains, Forms};
use plan::{Buffer, ChainStage, Convolution, Operation, Place, Plan, Step};

/// Stages of the longest chain: expansion, depthwise, projection.
const STAGES_MAX: usize = 3;

/// From so many bytes on, an image that is written whole is not in a second-level cache of 1 MiB
/// when the next step reads it, beside what that one writes.
const BETWEEN_BYTES_MIN: usize = 512 << 10;

/// Stands between the names of the steps that a chain is made of.
pub const CHAIN_ARROW: &str = " > ";

/// The weights of a chain are read for every strip, so they must stay in that cache.
const WEIGHTS_BYTES_MAX: usize = 256 << 10;

/// Replaces convolutions that follow each other by chains.
pub(crate) fn fuse(plan: &mut Plan, forms: &Forms) {
    let uses = uses(plan);
    let mut steps = Vec::with_capacity(plan.steps.len());
    let mut rest = std::mem::take(&mut plan.steps);
    while !rest.is_empty() {
        let links = links(plan, &uses, &rest);
        let after = rest.split_off(links);
        let taken = std::mem::replace(&mut rest, after);
        let is_chain = links > 1
            && match &forms.chains {
                Chains::Expected => is_worth(plan, &taken),
                Chains::All => true,
                Chains::None => false,
                Chains::Named(names) => names.contains(&name(&taken)),
            };
        if is_chain {
            steps.push(joined(plan, taken));
        } else {
            steps.extend(taken);
        }
    }
    plan.steps = steps;
}

/// How often each buffer is read; an alias of it counts as a reader.
fn uses(plan: &Plan) -> Vec<usize> {
    let mut uses = vec![0; plan.buffers.len()];
    let aliased = plan.buffers.iter().filter_map(|buffer| match buffer.place {
        Place::Alias(of) => Some(of),
        Place::Arena | Place::Constant { .. } | Place::Input(_) | Place::Held => None,
    });
    let read = plan.steps.iter().flat_map(|step| step.inputs.iter().copied());
    for id in read.chain(aliased).chain(plan.outputs.iter().copied()) {
        uses[id.0 as usize] += 1;
    }
    uses
}

/// The convolution of floats that a step is, and whether it is one by depths. Images of bytes are
/// a quarter of the size, and few are too large for the cache.
fn convolution(step: &Step) -> Option<(&Convolution, bool)> {
    let (p, is_depthwise) = match &step.operation {
        Operation::Convolution(p) => (p, false),
        Operation::Depthwise(p) => (p, true),
        _ => return None,
    };
    p.epilogue.integers.is_none().then_some((p, is_depthwise))
}

/// How many of the first steps form a chain: 1 when none do.
fn links(plan: &Plan, uses: &[usize], steps: &[Step]) -> usize {
    let follows = |pair: &[Step]| {
        let [from, to] = pair else { return false };
        let (Some((first, _)), Some((next, is_depthwise))) = (convolution(from), convolution(to))
        else {
            return false;
        };
        let between = from.output;
        // Only one that sees few rows: what a strip leaves behind for the next stays small.
        let is_slim = is_depthwise || next.kernel == [1, 1];
        let is_only_link = uses[between.0 as usize] == 1 && to.inputs[0] == between;
        is_slim
            && is_only_link
            && plan.buffer(between).place == Place::Arena
            && !first.epilogue.has_residual
    };
    let pairs = steps.windows(2).take(STAGES_MAX - 1);
    1 + pairs.take_while(|pair| follows(pair)).count()
}

/// Is the chain expected to be faster than its links?
fn is_worth(plan: &Plan, links: &[Step]) -> bool {
    let bytes = |id| {
        let Buffer { shape, dtype, .. } = plan.buffer(id);
        let sizes: Option<Vec<usize>> =
            shape.iter().map(|dim| dim.evaluate(&plan.defaults).ok()?.try_into().ok()).collect();
        tensor::element_count(&sizes?)?.checked_mul(dtype.size())
    };
    let between = links[..links.len() - 1].iter().map(|step| bytes(step.output));
    let weights = links.iter().map(|step| bytes(step.inputs[1]));
    let largest = between.max().flatten();
    let weights: Option<usize> = weights.sum();
    largest.is_some_and(|bytes| bytes >= BETWEEN_BYTES_MIN)
        && weights.is_some_and(|bytes| bytes <= WEIGHTS_BYTES_MAX)
}

/// The name of the steps as one.
fn name(links: &[Step]) -> String {
    let names: Vec<&str> = links.iter().map(|step| step.name.as_str()).collect();
    names.join(CHAIN_ARROW)
}

/// The steps as one.
fn joined(plan: &Plan, links: Vec<Step>) -> Step {
    let stage = |step: &Step| {
        let (parameters, is_depthwise) = convolution(step)?;
        let Buffer { shape, dtype, .. } = plan.buffer(step.output).clone();
        let convolution = parameters.clone();
        Some(ChainStage { is_depthwise, convolution, output: shape, dtype })
    };
    let stages = links.iter().filter_map(stage).collect();
    let name = name(&links);
    let own = links.iter().flat_map(|step| step.inputs[1..].iter().copied());
    Step {
        name,
        operation: Operation::Chain(stages),
        inputs: std::iter::once(links[0].inputs[0]).chain(own).collect(),
        output: links[links.len() - 1].output,
        further: vec![],
    }
}
