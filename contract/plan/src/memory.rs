//! Where each buffer lies in the arena.
//!
//! Greedy by size (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
//! Inference", 2020, section 4.2): the largest buffer first, each at the lowest offset where it
//! meets no buffer that is alive at the same time.

use crate::{ALIGNMENT, BufferId, Place, Plan};

/// Offsets of the buffers of one plan for one set of sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Offset of each buffer in the arena in bytes, by [`BufferId`]; 0 for those elsewhere. An
    /// alias has the offset of its storage.
    pub offsets: Vec<usize>,
    /// Length of the arena in bytes.
    pub arena_bytes: usize,
}

/// First and last step at which a buffer is alive.
#[derive(Debug, Clone, Copy)]
struct Life {
    first: usize,
    last: usize,
}

/// Assigns offsets, `bytes` being the length of each buffer in bytes, by [`BufferId`].
pub fn assign(plan: &Plan, bytes: &[usize]) -> MemoryPlan {
    let lives = lives(plan);
    let mut order: Vec<usize> = (0..plan.buffers.len()).filter(|&b| lives[b].is_some()).collect();
    order.sort_by_key(|&b| std::cmp::Reverse(bytes[b]));
    let mut placed: Vec<(usize, usize, Life)> = Vec::with_capacity(order.len());
    let mut offsets = vec![0; plan.buffers.len()];
    let mut arena_bytes = 0;
    for buffer in order {
        let Some(life) = lives[buffer] else { continue };
        let length = bytes[buffer].next_multiple_of(ALIGNMENT as usize);
        let mut offset = 0;
        // `placed` is sorted by offset, so the first gap that is wide enough is the lowest.
        for &(start, end, other) in &placed {
            let is_alive_together = life.first <= other.last && other.first <= life.last;
            if is_alive_together && start < offset + length && offset < end {
                offset = end;
            }
        }
        let at = placed.partition_point(|&(start, ..)| start <= offset);
        placed.insert(at, (offset, offset + length, life));
        offsets[buffer] = offset;
        arena_bytes = arena_bytes.max(offset + length);
    }
    for buffer in 0..plan.buffers.len() {
        offsets[buffer] = offsets[plan.storage(BufferId(buffer as u32)).0 as usize];
    }
    MemoryPlan { offsets, arena_bytes }
}

/// The life of each buffer that has memory of its own in the arena.
fn lives(plan: &Plan) -> Vec<Option<Life>> {
    let mut lives: Vec<Option<Life>> = vec![None; plan.buffers.len()];
    let mut touch = |id: BufferId, step: usize| {
        let storage = plan.storage(id);
        if plan.buffer(storage).place == Place::Arena {
            let life = lives[storage.0 as usize].get_or_insert(Life { first: step, last: step });
            life.last = life.last.max(step);
        }
    };
    for (index, step) in plan.steps.iter().enumerate() {
        step.inputs.iter().for_each(|&id| touch(id, index));
        step.outputs().for_each(|id| touch(id, index));
    }
    for &output in &plan.outputs {
        touch(output, plan.steps.len());
    }
    lives
}
