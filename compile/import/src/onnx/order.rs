//! The order of nodes. The standard asks for one in which they can run; not every tool that writes
//! files keeps to that, and ONNX Runtime does not mind.

use super::decode::NodeProto;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Indices of nodes in an order in which they can run, near to the file's; those of a circle, and
/// what takes from it, come last.
pub(super) fn of(nodes: &[NodeProto]) -> Vec<usize> {
    let mut makers = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            makers.entry(name.as_str()).or_insert(index);
        }
    }
    let mut missing = vec![0usize; nodes.len()];
    let mut takers = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        for_each_taken(node, &mut |name| {
            if let Some(&maker) = makers.get(name) {
                missing[index] += 1;
                takers[maker].push(index);
            }
        });
    }
    let ready = (0..nodes.len()).filter(|&index| missing[index] == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = ready.map(Reverse).collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &taker in &takers[index] {
            missing[taker] -= 1;
            if missing[taker] == 0 {
                ready.push(Reverse(taker));
            }
        }
    }
    order.extend((0..nodes.len()).filter(|&index| missing[index] > 0));
    order
}

/// The names that a node takes, and those that graphs inside of it take from around it.
fn for_each_taken<'a>(node: &'a NodeProto, visit: &mut impl FnMut(&'a str)) {
    node.input.iter().for_each(|name| visit(name));
    let (mut taken, mut own) = (Vec::new(), HashSet::new());
    let mut pending = vec![node];
    while let Some(node) = pending.pop() {
        for graph in node.attribute.iter().filter_map(|attribute| attribute.g.as_deref()) {
            own.extend(graph.input.iter().map(|input| input.name.as_str()));
            own.extend(graph.initializer.iter().map(|weight| weight.name.as_str()));
            taken.extend(graph.output.iter().map(|output| output.name.as_str()));
            for node in &graph.node {
                own.extend(node.output.iter().map(String::as_str));
                taken.extend(node.input.iter().map(String::as_str));
                pending.push(node);
            }
        }
    }
    taken.into_iter().filter(|name| !own.contains(name)).for_each(visit);
}
