//! Drops nodes and values that no output needs, and numbers the values anew in the order of
//! inputs, constants and nodes. Inputs stay, since callers give them.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! %1 = exp(%0) : f32[n]
//! %2 = neg(%1) : f32[n]
//! output %1 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! %1 = exp(%0) : f32[n]
//! output %1 # y
//! ```

use ir::{Dynamic, Graph, Loop, Node, Op, ValueId};
use tensor::Dim;

/// Gives the number of nodes and constants dropped.
pub(crate) fn run(graph: &mut Graph) -> usize {
    let mut is_needed = vec![false; graph.values.len()];
    graph.outputs.iter().for_each(|output| is_needed[output.value.0 as usize] = true);
    for node in graph.nodes.iter().rev() {
        if binds_sizes(node) || node.outputs().any(|id| is_needed[id.0 as usize]) {
            // What a node makes stays together, needed or not.
            node.outputs().for_each(|id| is_needed[id.0 as usize] = true);
            node.inputs.iter().for_each(|id| is_needed[id.0 as usize] = true);
        }
    }
    graph.inputs.iter().for_each(|id| is_needed[id.0 as usize] = true);
    let is_kept = |id: ValueId| is_needed[id.0 as usize];
    let constants = graph.values.iter().zip(&is_needed).filter(|(v, _)| v.constant.is_some());
    let mut dropped = constants.filter(|(_, is_needed)| !**is_needed).count();
    let before = graph.nodes.len();
    graph.nodes.retain(|node| is_kept(node.output));
    dropped += before - graph.nodes.len();
    renumber(graph, &is_needed);
    dropped
}

/// Does it give symbols their values? Sizes of other values may depend on them.
fn binds_sizes(node: &Node) -> bool {
    let made = match &node.op {
        Op::Dynamic(dynamic) if !dynamic.elements.is_empty() => return true,
        Op::Dynamic(Dynamic { made, .. }) | Op::If { made } | Op::Loop(Loop { made, .. }) => made,
        _ => return false,
    };
    made.iter().flat_map(|fact| &fact.shape).any(Dim::is_measured)
}

/// Numbers the needed values anew and drops the others.
fn renumber(graph: &mut Graph, is_needed: &[bool]) {
    let constants = (0..graph.values.len())
        .filter(|&i| is_needed[i] && graph.values[i].constant.is_some())
        .map(|i| ValueId(i as u32));
    let inputs = graph.inputs.iter().copied();
    let order: Vec<ValueId> =
        inputs.chain(constants).chain(graph.nodes.iter().flat_map(|n| n.outputs())).collect();
    let mut new_ids = vec![ValueId(0); graph.values.len()];
    for (new, old) in order.iter().enumerate() {
        new_ids[old.0 as usize] = ValueId(new as u32);
    }
    let mut old_values: Vec<_> = std::mem::take(&mut graph.values).into_iter().map(Some).collect();
    graph.values = order.iter().filter_map(|id| old_values[id.0 as usize].take()).collect();
    let move_id = |id: &mut ValueId| *id = new_ids[id.0 as usize];
    for node in &mut graph.nodes {
        node.inputs.iter_mut().for_each(move_id);
        move_id(&mut node.output);
        node.further.iter_mut().for_each(move_id);
    }
    graph.inputs.iter_mut().for_each(move_id);
    graph.outputs.iter_mut().for_each(|output| move_id(&mut output.value));
}
