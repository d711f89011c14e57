//! Computes in f32 what the model computes in f16 or bf16, for which there are no kernels. Inputs
//! become f32 where they are first computed with, constants at once, and values become halves again
//! where they leave the model or go into an operator that takes no f32. What only moves elements
//! moves them in the type that they lie in.
//!
//! Results are those of f32, rounded once where the model's own values leave: nothing between two
//! nodes is rounded to 16 bits or overflows there, so they are at least as exact as the model's.
//! A Cast to a half that the model itself asks for stays.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f16[2, n] # x
//! const %1 : f16[2, 3] splat(0.5)
//! %2 = transpose(%0) {"perm":[1,0]} : f16[n, 2]
//! %3 = mat_mul(%2, %1) : f16[n, 3]
//! %4 = reshape(%3) {"shape":["3*n"]} : f16[3*n]
//! %5 = relu(%4) : f16[3*n]
//! output %5 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f16[2, n] # x
//! %1 = transpose(%0) {"perm":[1,0]} : f16[n, 2]
//! %2 = cast(%1) "f32" : f32[n, 2]
//! const %3 : f32[2, 3] splat(0.5)
//! %4 = mat_mul(%2, %3) : f32[n, 3]
//! %5 = reshape(%4) {"shape":["3*n"]} : f32[3*n]
//! %6 = relu(%5) : f32[3*n]
//! %7 = cast(%6) "f16" : f16[3*n]
//! output %7 # y
//! ```

use ir::{Fact, Graph, Node, Op, ValueId};
use std::collections::HashMap;
use tensor::{Bindings, DType};

/// Gives the number of nodes that are now computed in f32.
pub(crate) fn run(graph: &mut Graph) -> usize {
    let nodes = std::mem::take(&mut graph.nodes);
    let mut widening =
        Widening { graph, original: HashMap::new(), wide: HashMap::new(), narrow: HashMap::new() };
    let widened = nodes.into_iter().map(|node| usize::from(widening.node(node))).sum();
    for at in 0..widening.graph.outputs.len() {
        let value = widening.graph.outputs[at].value;
        widening.graph.outputs[at].value = widening.narrow(value);
    }
    widened
}

struct Widening<'g> {
    graph: &'g mut Graph,
    /// The type of each value that was a half and is f32 now.
    original: HashMap<ValueId, DType>,
    /// The f32 of each value that still is a half, where one was asked for.
    wide: HashMap<ValueId, ValueId>,
    /// The half of each value that is f32 now, where one was asked for.
    narrow: HashMap<ValueId, ValueId>,
}

impl Widening<'_> {
    /// Puts a node back into the graph; is it computed in f32 now?
    fn node(&mut self, mut node: Node) -> bool {
        let is_widened = self.is_widened(&node);
        if is_widened {
            for id in &mut node.inputs {
                *id = self.wide(*id);
            }
            for id in node.outputs() {
                let value = &mut self.graph.values[id.0 as usize];
                if value.dtype.is_half() {
                    self.original.insert(id, value.dtype);
                    value.dtype = DType::F32;
                }
            }
        } else if !matches!(node.op, Op::Cast(_)) {
            for id in &mut node.inputs {
                *id = self.narrow(*id);
            }
        }
        self.graph.nodes.push(node);
        is_widened
    }

    fn is_widened(&self, node: &Node) -> bool {
        let has_half = node.inputs.iter().any(|id| self.is_half(*id));
        let has_widened = node.inputs.iter().any(|id| self.original.contains_key(id));
        match node.op {
            Op::Unary(_)
            | Op::Binary(_)
            | Op::Conv(_)
            | Op::MatMul
            | Op::Pool(_)
            | Op::Reduce { .. }
            | Op::Arg(_)
            | Op::Softmax { .. }
            | Op::LogSoftmax { .. }
            | Op::LayerNorm { .. }
            | Op::LocalResponseNorm { .. } => has_half || has_widened,
            Op::Select
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Slice { .. }
            | Op::Concat { .. }
            | Op::Expand { .. }
            | Op::Gather { .. }
            | Op::Pad { .. } => has_widened,
            // Take what they take as it is; graphs inside of nodes are widened on their own.
            Op::Cast(_)
            | Op::Quantize { .. }
            | Op::Dequantize { .. }
            | Op::Dimensions(_)
            | Op::TreeEnsemble { .. }
            | Op::Dynamic(_)
            | Op::If { .. }
            | Op::Loop(_) => false,
            // Computes in f64 whatever its inputs are.
            Op::Whole(_) => has_widened && self.takes_f32(node),
        }
    }

    /// Does the operator make of f32 what it makes of halves, but for the type?
    fn takes_f32(&self, node: &Node) -> bool {
        let widened = |id: ValueId| {
            let Fact { dtype, shape } = self.graph.fact(id);
            Fact { dtype: if dtype.is_half() { DType::F32 } else { dtype }, shape }
        };
        let inputs: Vec<Fact> = node.inputs.iter().map(|&id| widened(id)).collect();
        node.op
            .infer_all(&inputs)
            .is_ok_and(|made| made.into_iter().eq(node.outputs().map(widened)))
    }

    fn is_half(&self, id: ValueId) -> bool {
        self.graph.value(id).dtype.is_half()
    }

    /// The value in f32, or in its own type when it is no half.
    fn wide(&mut self, id: ValueId) -> ValueId {
        if !self.is_half(id) {
            return id;
        }
        if let Some(&wide) = self.wide.get(&id) {
            return wide;
        }
        let name = self.graph.value(id).name.clone();
        let cast = Op::Cast(DType::F32);
        let known = self.graph.known(id).cloned();
        let known = known.and_then(|t| reference::evaluate(&cast, &[&t], &Bindings::new()).ok());
        let wide = match known {
            Some(tensor) => self.graph.constant(&name, tensor),
            None => self.graph.add(&name, cast, &[id]).expect("a cast takes every type"),
        };
        *self.wide.entry(id).or_insert(wide)
    }

    /// The value in the type that the model gave it.
    fn narrow(&mut self, id: ValueId) -> ValueId {
        let Some(&dtype) = self.original.get(&id) else { return id };
        if let Some(&narrow) = self.narrow.get(&id) {
            return narrow;
        }
        let name = self.graph.value(id).name.clone();
        let cast = Op::Cast(dtype);
        let narrow = self.graph.add(&name, cast, &[id]).expect("a cast takes every type");
        *self.narrow.entry(id).or_insert(narrow)
    }
}
