//! Computes what does not depend on the inputs. The naive twins compute it, with sums in 64 bits.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n, 2] # x
//! const %1 : i64[2] [3, 4]
//! %2 = cast(%1) "f32" : f32[2]
//! %3 = sqrt(%2) : f32[2]
//! %4 = add(%0, %3) : f32[n, 2]
//! output %4 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n, 2] # x
//! const %1 : f32[2] [1.7320508, 2.0]
//! %2 = add(%0, %1) : f32[n, 2]
//! output %2 # y
//! ```

use crate::rewrite::{Rewriter, rewrite};
use crate::sink_dequantize;
use ir::{Fact, Graph, Node, Op, ValueId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tensor::{Bindings, Dim, Tensor, element_count};

/// A result may be this many times as large as the operands together: conversion of 8-bit
/// weights to 32 bits or 64 stays within, one number expanded to a whole image does not.
const GROWTH_MAX: usize = 8;

/// A result of at most this many bytes may grow as it likes: shapes, masks and position tables
/// lie below it, what would make a small file a large library above.
const SMALL_BYTES: usize = 256 << 10;

/// Multiplications and visits of elements that one node may cost: about a second of the naive
/// twins. More is real work, which the engine does faster, or a hostile file's.
const WORK_MAX: usize = 1 << 28;

/// Gives the number of nodes that became constants.
pub(crate) fn run(graph: &mut Graph) -> usize {
    let integer_weights = integer_weights(graph);
    rewrite(
        graph,
        |graph, node| {
            if integer_weights.contains(&node.output) { None } else { fold(graph, node) }
        },
    )
}

/// What weights of integers stand for, where a product takes them beside numbers that are integers
/// too: it is computed with the integers themselves. Whatever only moves either of them will be
/// done with the integers.
fn integer_weights(graph: &Graph) -> HashSet<ValueId> {
    let makers: HashMap<ValueId, &Node> =
        graph.nodes.iter().map(|node| (node.output, node)).collect();
    let dequantized = |mut id: ValueId| loop {
        let node = makers.get(&id)?;
        if matches!(node.op, Op::Dequantize { .. }) {
            return Some(id);
        }
        if !sink_dequantize::moves(&node.op) {
            return None;
        }
        id = *node.inputs.first()?;
    };
    let is_product = |node: &&Node| matches!(node.op, Op::Conv(_) | Op::MatMul);
    let products = graph.nodes.iter().filter(is_product);
    let weights = products.filter_map(|node| {
        dequantized(node.inputs[0])?;
        dequantized(node.inputs[1])
    });
    weights.collect()
}

fn fold(graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let known = |id: &ValueId| graph.known(*id).cloned();
    let inputs: Vec<Arc<Tensor>> = node.inputs.iter().map(known).collect::<Option<_>>()?;
    let inputs: Vec<&Tensor> = inputs.iter().map(Arc::as_ref).collect();
    let made = graph.fact(node.output);
    let sizes: Vec<usize> = made.shape.iter().map(Dim::known_size).collect::<Option<_>>()?;
    let result_bytes = element_count(&sizes)?.checked_mul(made.dtype.size())?;
    let input_bytes: usize = inputs.iter().map(|t| t.bytes().len()).sum();
    if result_bytes > SMALL_BYTES.max(input_bytes.saturating_mul(GROWTH_MAX)) {
        return None;
    }
    let facts: Vec<Fact> = node.inputs.iter().map(|&id| graph.fact(id)).collect();
    let is_known = !matches!(node.op, Op::Whole(_));
    let work = reference::work(&node.op, &facts, &made, &Bindings::new())?;
    if !is_known || work > WORK_MAX {
        return None;
    }
    let result = reference::evaluate(&node.op, &inputs, &Bindings::new()).ok()?;
    Some(graph.constant(result))
}
