//! Computes once what is computed twice: nodes with the same operator and the same inputs, and
//! constants with the same elements, become one. The answers do not change.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! %1 = exp(%0) : f32[n]
//! %2 = exp(%0) : f32[n]
//! %3 = add(%1, %2) : f32[n]
//! output %3 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! %1 = exp(%0) : f32[n]
//! %2 = add(%1, %1) : f32[n]
//! output %2 # y
//! ```

use crate::rewrite::rewrite;
use ir::{Graph, ValueId};
use std::collections::HashMap;
use std::sync::Arc;

/// Constants above this many bytes are compared by where they lie only: large weights are hardly
/// ever equal unless they are shared, and hashing all of them would take longer than it saves.
const COMPARED_BYTES_MAX: usize = 1 << 20;

/// Gives the number of nodes and constants that another one took the place of.
pub(crate) fn run(graph: &mut Graph) -> usize {
    let mut merged = merge_constants(graph);
    let mut made: HashMap<String, ValueId> = HashMap::new();
    merged += rewrite(graph, |_, node| {
        // Each gives symbols of its own their values, or runs graphs that would be compared too.
        if node.op.is_staged() {
            return None;
        }
        // Debug text tells all parameters apart that change the answer.
        let key = format!("{:?}{:?}", node.op, node.inputs);
        let first = *made.entry(key).or_insert(node.output);
        (first != node.output).then_some(first)
    });
    merged
}

fn merge_constants(graph: &mut Graph) -> usize {
    let mut first: HashMap<_, ValueId> = HashMap::new();
    let mut merged: HashMap<ValueId, ValueId> = HashMap::new();
    let is_used: Vec<bool> = graph.use_counts().iter().map(|&n| n > 0).collect();
    for (index, value) in graph.values.iter().enumerate().filter(|&(i, _)| is_used[i]) {
        let Some(tensor) = &value.constant else { continue };
        let bytes = tensor.bytes();
        let key = if bytes.len() <= COMPARED_BYTES_MAX {
            (tensor.dtype(), tensor.shape(), bytes, 0)
        } else {
            (tensor.dtype(), tensor.shape(), &[][..], Arc::as_ptr(tensor).addr())
        };
        let id = ValueId(index as u32);
        let kept = *first.entry(key).or_insert(id);
        if kept != id {
            merged.insert(id, kept);
        }
    }
    let taken = graph.nodes.iter_mut().flat_map(|node| &mut node.inputs);
    for id in taken.chain(graph.outputs.iter_mut().map(|output| &mut output.value)) {
        *id = merged.get(id).copied().unwrap_or(*id);
    }
    merged.len()
}
