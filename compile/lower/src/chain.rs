//! Convolutions that follow each other become one step where the image between them is too large
//! to be found in the cache again.
//!
//! The step computes strip by strip, which costs a little: weights are read once for each strip,
//! and products of few rows fill their tiles worse. It is taken only where what it saves is more.

use plan::{BufferId, ChainStage, Convolution, Operation, Place, Plan, Step};
use std::collections::BTreeMap;

/// From so many bytes on, an image that is written whole is not in a second-level cache of 1 MiB
/// when the next step reads it, beside what that one writes.
const BETWEEN_BYTES_MIN: usize = 512 << 10;

/// The weights of a chain are read for every strip, so they must stay in that cache.
const WEIGHTS_BYTES_MAX: usize = 256 << 10;

/// Replaces convolutions that follow each other by chains.
pub(crate) fn fuse(plan: &mut Plan) {
    let uses = uses(plan);
    let mut steps: Vec<Step> = Vec::with_capacity(plan.steps.len());
    for step in std::mem::take(&mut plan.steps) {
        steps.push(step);
        if let Some(length) = longest(plan, &steps, &uses) {
            let links = steps.split_off(steps.len() - length);
            steps.push(joined(plan, &links));
        }
    }
    plan.steps = steps;
}

/// How often each buffer is read, by [`BufferId`]; an alias of it counts as a reader.
fn uses(plan: &Plan) -> BTreeMap<BufferId, usize> {
    let mut uses = BTreeMap::new();
    let aliased = plan.buffers.iter().filter_map(|buffer| match buffer.place {
        Place::Alias(of) => Some(of),
        Place::Arena | Place::Constant { .. } | Place::Input(_) => None,
    });
    let read = plan.steps.iter().flat_map(|step| step.inputs.iter().copied());
    for id in read.chain(aliased).chain(plan.outputs.iter().copied()) {
        *uses.entry(id).or_default() += 1;
    }
    uses
}

/// How many steps, counted from the last, are to become one chain.
fn longest(plan: &Plan, steps: &[Step], uses: &BTreeMap<BufferId, usize>) -> Option<usize> {
    let mut length = 1;
