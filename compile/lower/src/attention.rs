//! Attention as one step: the scores never lie in memory, and the transpositions that exporters
//! write to split and join heads become strides.

use crate::Lowering;
use crate::builder::{is_one, strides};
use crate::layout::Layout;
use ir::{Node, Op, ValueId};
use plan::{Attention, Operation, View};
use tensor::scalar::Binary;
use tensor::{DType, Dim};

/// `softmax(scale * query key + mask) value`, found by its last product.
pub(crate) struct Found {
    scale: f32,
    query: Operand,
    key: Operand,
    value: Operand,
    mask: Option<ValueId>,
    /// The value that is made, and which axis of the last product lies at each place of it.
    output: ValueId,
    order: Vec<usize>,
    /// The nodes that are part of it, beside the last product.
    parts: Vec<usize>,
}

/// A value under its axes in another order: axis `i` is axis `order[i]` of the value.
struct Operand {
    id: ValueId,
    order: Vec<usize>,
}

/// The scores before the softmax, so far as they are read.
struct Scores {
    product: usize,
    scale: f32,
    mask: Option<ValueId>,
    parts: Vec<usize>,
}

impl<'g> Lowering<'g> {
    /// Finds every attention. Its nodes but the last product are not lowered by themselves.
    pub(crate) fn find_attention(&mut self) {
        for index in 0..self.graph.nodes.len() {
            if let Some(found) = self.attention_at(index) {
                for &part in &found.parts {
                    self.is_fused[part] = true;
                }
                self.attention.insert(index, found);
            }
        }
    }

    /// The attention whose last product is node `index`.
    fn attention_at(&self, index: usize) -> Option<Found> {
        let node = &self.graph.nodes[index];
        if node.op != Op::MatMul || self.dtype(node.output) != DType::F32 {
            return None;
        }
        let (softmax, normalized) = self.only_producer(node.inputs[0])?;
        let rank = self.shape(node.output).len();
        if normalized.op != (Op::Softmax { axis: rank.checked_sub(1)? }) {
            return None;
        }
        let scores = self.scores(normalized.inputs[0])?;
        let product = &self.graph.nodes[scores.product];
        let mut parts = scores.parts;
        parts.push(softmax);
        let query = self.operand_of(product.inputs[0], true, &mut parts);
        let key = self.operand_of(product.inputs[1], false, &mut parts);
        let value = self.operand_of(node.inputs[1], false, &mut parts);
        let ids = [product.inputs[0], product.inputs[1], node.inputs[1]];
        // Operands that broadcast are left to the products.
        let batches = ids.map(|id| self.shape(id).split_last_chunk::<2>());
        let batch = self.shape(node.output).split_last_chunk::<2>()?.0;
        if rank < 3 || !batches.iter().all(|shape| shape.is_some_and(|(first, _)| first == batch)) {
            return None;
        }
        let (mut output, mut order) = (node.output, (0..rank).collect());
        if let Some((next, consumer)) = self.only_consumer(output)
            && let Op::Transpose { perm } = &consumer.op
            && perm.last() == Some(&(rank - 1))
        {
            (output, order) = (consumer.output, perm.clone());
            parts.push(next);
        }
        let (scale, mask) = (scores.scale, scores.mask);
        Some(Found { scale, query, key, value, mask, output, order, parts })
    }

    /// Reads `product`, `product * number`, or one of them plus a mask.
    fn scores(&self, id: ValueId) -> Option<Scores> {
        let (index, node) = self.only_producer(id)?;
        match (&node.op, node.inputs.as_slice()) {
            (Op::MatMul, _) => {
                Some(Scores { product: index, scale: 1.0, mask: None, parts: vec![index] })
            }
            (Op::Binary(Binary::Mul), &[a, b]) => {
                let with = |scores: ValueId, factor: ValueId| {
                    self.scaled(index, self.scores(scores)?, self.number(factor)?)
                };
                with(a, b).or_else(|| with(b, a))
            }
            (Op::Binary(Binary::Div), &[a, b]) => {
                self.scaled(index, self.scores(a)?, self.number(b)?.recip())
            }
            (Op::Binary(Binary::Add), &[a, b]) => {
                let with = |scores: ValueId, mask: ValueId| {
                    let mut found = self.scores(scores)?;
                    if found.mask.is_some() || !self.is_mask(mask, id) {
                        return None;
                    }
                    found.mask = Some(mask);
                    found.parts.push(index);
                    Some(found)
                };
                with(a, b).or_else(|| with(b, a))
            }
            _ => None,
        }
    }

    /// A factor of the product; one of a masked product would scale the mask too.
    fn scaled(&self, index: usize, mut scores: Scores, factor: f32) -> Option<Scores> {
        scores.scale *= factor;
        scores.parts.push(index);
        (scores.mask.is_none() && scores.scale.is_finite()).then_some(scores)
    }

    /// The one element of a constant.
    fn number(&self, id: ValueId) -> Option<f32> {
        let constant = self.graph.known(id)?;
        match constant.as_slice::<f32>() {
            Ok(&[number]) => Some(number),
            _ => None,
        }
    }

    /// Does the value broadcast to the scores, its rows whole?
    fn is_mask(&self, id: ValueId, scores: ValueId) -> bool {
        let (mask, scores) = (self.shape(id), self.shape(scores));
        let aligned = mask.iter().rev().zip(scores.iter().rev());
        mask.len() <= scores.len()
            && mask.last() == scores.last()
            && aligned.clone().all(|(size, whole)| size == whole || is_one(size))
    }

    /// The value, or what a transposition that nothing else reads takes.
    fn operand_of(&self, id: ValueId, is_dense: bool, parts: &mut Vec<usize>) -> Operand {
        if let Some((index, node)) = self.only_producer(id)
            && let Op::Transpose { perm } = &node.op
            && (!is_dense || perm.last() == Some(&(perm.len() - 1)))
        {
            parts.push(index);
            return Operand { id: node.inputs[0], order: perm.clone() };
        }
        Operand { id, order: (0..self.shape(id).len()).collect() }
    }

    /// The node that makes a value which one node takes and no caller reads.
    fn only_producer(&self, id: ValueId) -> Option<(usize, &'g Node)> {
        if self.uses[id.0 as usize] != 1 {
            return None;
        }
        let index = self.producer[id.0 as usize]?;
        (!self.is_fused[index]).then(|| (index, &self.graph.nodes[index]))
    }

    /// The step of what was found by its last product, `node`.
    pub(crate) fn fused_attention(&mut self, node: &Node, found: &Found) {
        let buffers = [&found.query, &found.key, &found.value]
            .map(|operand| self.form(operand.id, Layout::Plain));
        let mut inputs = buffers.to_vec();
        inputs.extend(found.mask.map(|id| self.form(id, Layout::Plain)));
        let output = self.make(found.output, Layout::Plain);
        let shape = self.shape(node.output);
        let [query, key, value] = [&found.query, &found.key, &found.value].map(|operand| {
            let dense = strides(self.shape(operand.id));
            let along = operand.order.iter().map(|&axis| dense[axis].clone());
            View { offset: Dim::from(0), strides: along.collect() }
        });
        let sizes = |operand: &Operand| -> Vec<Dim> {
            let shape = self.shape(operand.id);
            operand.order.iter().map(|&axis| shape[axis].clone()).collect()
        };
        let (keys, rank) = (sizes(&found.key), shape.len());
        let mut along = vec![Dim::from(0); rank];
        for (&axis, stride) in found.order.iter().zip(strides(self.shape(found.output))) {
            along[axis] = stride;
        }
        let operation = Operation::Attention(Attention {
            batch: shape[..rank - 2].to_vec(),
            rows: shape[rank - 2].clone(),
            keys: keys[rank - 1].clone(),
            depth: keys[rank - 2].clone(),
            width: shape[rank - 1].clone(),
            scale: found.scale,
            precision: self.options.precision,
            query,
            key,
            value,
            mask: found.mask.map(|id| repeated(self.shape(id), rank)),
            output: View { offset: Dim::from(0), strides: along },
        });
        self.builder.step(&node.name, operation, &inputs, output);
    }
}

/// A dense value under `rank` axes; those that it does not have, or has once, repeat.
fn repeated(shape: &[Dim], rank: usize) -> View {
    let along = shape.iter().zip(strides(shape));
    let along = along.map(|(size, stride)| if is_one(size) { Dim::from(0) } else { stride });
    let missing = std::iter::repeat_n(Dim::from(0), rank - shape.len());
    View { offset: Dim::from(0), strides: missing.chain(along).collect() }
}
