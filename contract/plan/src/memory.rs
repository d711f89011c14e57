//! Where each buffer lies in the arena.
//!
//! Greedy (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020,
//! section 4.2): buffer after buffer, each at the lowest offset where it meets no buffer that is
//! alive at the same time. The largest come first; where that leaves gaps, other orders are tried.

use crate::{ALIGNMENT, BufferId, Place, Plan};
use std::cmp::Reverse;

/// Offsets of the buffers of one plan for one set of sizes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Offset of each buffer in the arena in bytes, by [`BufferId`]; 0 for those elsewhere. An
    /// alias has the offset of its storage.
    pub offsets: Vec<usize>,
    /// Length of the arena in bytes.
    pub arena_bytes: usize,
    /// The most bytes of buffers that are alive at one step: no arena could be shorter.
    pub live_bytes: usize,
}

/// First and last step at which a buffer is alive.
#[derive(Debug, Clone, Copy)]
struct Life {
    first: usize,
    last: usize,
}

/// A buffer to be placed.
#[derive(Debug, Clone, Copy)]
struct Block {
    buffer: usize,
    bytes: usize,
    life: Life,
}

/// The key by which blocks are sorted.
type Order = fn(&Block) -> (usize, Reverse<usize>);

/// What comes first: the largest; what lives longest, the largest of it; what is made first.
const ORDERS: [Order; 3] = [
    |block| (0, Reverse(block.bytes)),
    |block| (usize::MAX - (block.life.last - block.life.first), Reverse(block.bytes)),
    |block| (block.life.first, Reverse(block.bytes)),
];

/// Assigns offsets, `bytes` being the length of each buffer in bytes, by [`BufferId`].
pub fn assign(plan: &Plan, bytes: &[usize]) -> MemoryPlan {
    let blocks = lives(plan).into_iter().enumerate().filter_map(|(buffer, life)| {
        let bytes = bytes[buffer].next_multiple_of(ALIGNMENT as usize);
        life.map(|life| Block { buffer, bytes, life })
    });
    let mut blocks: Vec<Block> = blocks.collect();
    let live_bytes = live_bytes(&blocks, plan.steps.len());
    let mut best: Option<(usize, Vec<usize>)> = None;
    for order in ORDERS {
        blocks.sort_by_key(order);
        let placed = place(&blocks, plan.buffers.len());
        if best.as_ref().is_none_or(|(arena_bytes, _)| placed.0 < *arena_bytes) {
            best = Some(placed);
        }
        if best.as_ref().is_some_and(|(arena_bytes, _)| *arena_bytes == live_bytes) {
            break;
        }
    }
    let (arena_bytes, mut offsets) = best.unwrap_or_default();
    for buffer in 0..plan.buffers.len() {
        offsets[buffer] = offsets[plan.storage(BufferId(buffer as u32)).0 as usize];
    }
    MemoryPlan { offsets, arena_bytes, live_bytes }
}

/// The most bytes that are alive at one of the steps, or after them.
fn live_bytes(blocks: &[Block], steps: usize) -> usize {
    let mut change = vec![0isize; steps + 2];
    for Block { bytes, life, .. } in blocks {
        change[life.first] += *bytes as isize;
        change[life.last + 1] -= *bytes as isize;
    }
    let mut alive = 0;
    let at_step = change.into_iter().map(|bytes| {
        alive += bytes;
        alive
    });
    at_step.max().unwrap_or(0) as usize
}

/// Places blocks one after another; gives the length of the arena and the offset of each buffer.
fn place(blocks: &[Block], buffers: usize) -> (usize, Vec<usize>) {
    let mut placed: Vec<(usize, usize, Life)> = Vec::with_capacity(blocks.len());
    let mut offsets = vec![0; buffers];
    let mut arena_bytes = 0;
    for &Block { buffer, bytes, life } in blocks {
        let mut offset = 0;
        // `placed` is sorted by offset, so the first gap that is wide enough is the lowest.
        for &(start, end, other) in &placed {
            let is_alive_together = life.first <= other.last && other.first <= life.last;
            if is_alive_together && start < offset + bytes && offset < end {
                offset = end;
            }
        }
        let at = placed.partition_point(|&(start, ..)| start <= offset);
        placed.insert(at, (offset, offset + bytes, life));
        offsets[buffer] = offset;
        arena_bytes = arena_bytes.max(offset + bytes);
    }
    (arena_bytes, offsets)
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
