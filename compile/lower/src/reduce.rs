//! Reductions: of adjacent axes, brought together first when they are not.

use crate::layout::Layout;
use crate::{Lowering, Refusal, require_number};
use ir::{Arg, Node};
use plan::{BufferId, Operation};
use tensor::scalar::Reduction;
use tensor::{DType, Dim};

impl Lowering<'_> {
    pub(crate) fn reduce(
        &mut self,
        node: &Node,
        reduction: Reduction,
        axes: &[usize],
        keepdims: bool,
    ) -> Result<(), Refusal> {
        require_number(node, self.dtype(node.inputs[0]))?;
        if axes.is_empty() {
            // Each element on its own is one over an axis of one element.
            let input = self.form(node.inputs[0], Layout::Plain);
            let axis = self.builder.shape(input).len();
            let mut shape = self.builder.shape(input).to_vec();
            shape.push(Dim::from(1));
            let input = self.builder.alias(input, shape);
            let output = self.make(node.output, Layout::Plain);
            let operation = Operation::Reduce { reduction, axis, axes: 1 };
            self.builder.step(&node.name, operation, &[input], output);
            return Ok(());
        }
        let (layout, input, axis) = self.adjacent(node, axes, keepdims);
        let output = self.make(node.output, if keepdims { layout } else { Layout::Plain });
        let operation = Operation::Reduce { reduction, axis, axes: axes.len() };
        self.builder.step(&node.name, operation, &[input], output);
        Ok(())
    }

    pub(crate) fn arg(&mut self, node: &Node, arg: &Arg) -> Result<(), Refusal> {
        let dtype = self.dtype(node.inputs[0]);
        if dtype != DType::F64 {
            require_number(node, dtype)?;
        }
        let input = self.form(node.inputs[0], Layout::Plain);
        let output = self.make(node.output, Layout::Plain);
        let &Arg { is_max, axis, is_last, .. } = arg;
        let operation = Operation::Arg { is_max, axis, is_last };
        self.builder.step(&node.name, operation, &[input], output);
        Ok(())
    }

    /// The input in an order where `axes` are neighbours and those that stay are in the order of
    /// the result, and the place of the first.
    fn adjacent(
        &mut self,
        node: &Node,
        axes: &[usize],
        keepdims: bool,
    ) -> (Layout, BufferId, usize) {
        let input = node.inputs[0];
        let shape = self.shape(input);
        let rank = shape.len();
        let layout = self.natural(input);
        let mut places: Vec<usize> = axes.iter().map(|&axis| layout.place(axis, rank)).collect();
        places.sort_unstable();
        let stays = |axis: &usize| !axes.contains(axis);
        if is_adjacent(&places)
            && (keepdims || layout.order(rank).into_iter().filter(stays).is_sorted())
        {
            return (layout, self.form(input, layout), places[0]);
        }
        let plain = self.form(input, Layout::Plain);
        if is_adjacent(axes) {
            return (Layout::Plain, plain, axes[0]);
        }
        let kept: Vec<usize> = (0..rank).filter(stays).collect();
        let order: Vec<usize> = kept.iter().chain(axes).copied().collect();
        (Layout::Plain, self.permute(&node.name, plain, shape, &order), kept.len())
    }
}

fn is_adjacent(places: &[usize]) -> bool {
    places.windows(2).all(|pair| pair[0] + 1 == pair[1])
}
