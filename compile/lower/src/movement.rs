//! Operators that move elements: all are strided copies, or no copy at all.

use crate::builder::{repeating, strides};
use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse};
use ir::{Node, PadMode, SliceAxis};
use plan::{BufferId, Copy, Operation, View};
use tensor::{DType, Dim, ViewMut};

/// Times that an axis may be reflected: each is three more copies, and models reflect once.
const REFLECTIONS_MAX: i64 = 16;

impl Lowering<'_> {
    pub(crate) fn reshape(&mut self, node: &Node) -> Result<(), Refusal> {
        let input = self.form(node.inputs[0], Layout::Plain);
        let output = self.builder.alias(input, self.shape(node.output).to_vec());
        self.set_form(node.output, Layout::Plain, output);
        Ok(())
    }

    pub(crate) fn transpose(&mut self, node: &Node, perm: &[usize]) -> Result<(), Refusal> {
        let input = node.inputs[0];
        let shape = self.shape(input);
        let rank = shape.len();
        if let Some((node, axis)) = self.deferred(input) {
            self.dequantize(node, axis);
        }
        let forms = self.forms[input.0 as usize];
        // A model that moves its channels to the end, or back, asks for an order that a value
        // may already lie in.
        if let Some(buffer) = forms.channels_last
            && perm == Layout::ChannelsLast.order(rank)
        {
            self.set_form(node.output, Layout::Plain, buffer);
            return Ok(());
        }
        let plain = self.form(input, Layout::Plain);
        let to_channels_first: Vec<usize> =
            (0..rank).map(|axis| Layout::ChannelsLast.place(axis, rank)).collect();
        if rank >= 3 && perm == to_channels_first {
            self.set_form(node.output, Layout::ChannelsLast, plain);
            return Ok(());
        }
        let output = self.permute(&node.name, plain, shape, perm);
        self.set_form(node.output, Layout::Plain, output);
        Ok(())
    }

    pub(crate) fn slice(&mut self, node: &Node, axes: &[SliceAxis]) -> Result<(), Refusal> {
        let layout = self.natural(node.inputs[0]);
        let input = self.form(node.inputs[0], layout);
        let rank = self.shape(node.output).len();
        let mut from = self.whole(input);
        for cut in axes {
            let place = layout.place(cut.axis, rank);
            let stride = from.strides[place].clone();
            from.offset = from.offset + cut.start.clone() * stride.clone();
            from.strides[place] = stride * Dim::from(cut.step);
        }
        let output = self.make(node.output, layout);
        let to = self.whole(output);
        self.copy(node, input, output, self.builder.shape(output).to_vec(), from, to);
        Ok(())
    }

    pub(crate) fn concat(&mut self, node: &Node, axis: usize) -> Result<(), Refusal> {
        let is_channels_last = |id: &ir::ValueId| self.natural(*id) == Layout::ChannelsLast;
        let any = node.inputs.iter().any(is_channels_last);
        let layout = if any { Layout::ChannelsLast } else { Layout::Plain };
        let inputs: Vec<BufferId> = node.inputs.iter().map(|&id| self.form(id, layout)).collect();
        let rank = self.shape(node.output).len();
        let place = layout.place(axis, rank);
        let output = self.make(node.output, layout);
        let mut start = Dim::from(0);
        for input in inputs {
            let extents = self.builder.shape(input).to_vec();
            let mut to = self.whole(output);
            to.offset = start.clone() * to.strides[place].clone();
            start = start + extents[place].clone();
            let from = self.whole(input);
            self.copy(node, input, output, extents, from, to);
        }
        Ok(())
    }

    pub(crate) fn expand(&mut self, node: &Node, shape: &[Dim]) -> Result<(), Refusal> {
        let input = self.form(node.inputs[0], Layout::Plain);
        let given = self.builder.shape(input).to_vec();
        let missing = shape.len() - given.len();
        let dense = strides(&given);
        let repeated = (0..shape.len()).map(|axis| match axis.checked_sub(missing) {
            Some(i) => repeating(&dense[i], &given[i], &shape[axis]),
            None => Dim::from(0),
        });
        let from = View { offset: Dim::from(0), strides: repeated.collect() };
        let output = self.make(node.output, Layout::Plain);
        let to = self.whole(output);
        self.copy(node, input, output, shape.to_vec(), from, to);
        Ok(())
    }

    pub(crate) fn gather(&mut self, node: &Node, axis: usize) -> Result<(), Refusal> {
        let inputs =
            [self.form(node.inputs[0], Layout::Plain), self.form(node.inputs[1], Layout::Plain)];
        let output = self.make(node.output, Layout::Plain);
        self.builder.step(&node.name, Operation::Gather { axis }, &inputs, output);
        Ok(())
    }

    pub(crate) fn dimensions(&mut self, node: &Node, dims: &[Dim]) -> Result<(), Refusal> {
        let output = self.make(node.output, Layout::Plain);
        self.builder.step(&node.name, Operation::Dimensions(dims.to_vec()), &[], output);
        Ok(())
    }

    pub(crate) fn pad(
        &mut self,
        node: &Node,
        before: &[i64],
        after: &[i64],
        mode: PadMode,
    ) -> Result<(), Refusal> {
        let layout = self.natural(node.inputs[0]);
        let input = self.form(node.inputs[0], layout);
        let rank = before.len();
        let mut physical = vec![(0, 0); rank];
        for axis in 0..rank {
            physical[layout.place(axis, rank)] = (before[axis], after[axis]);
        }
        match mode {
            PadMode::Constant(value) => {
                let output = self.make(node.output, layout);
                self.pad_constant(node, input, output, &physical, value);
                Ok(())
            }
            PadMode::Edge | PadMode::Reflect => {
                let is_edge = mode == PadMode::Edge;
                let padded = self.pad_mirrored(node, input, &physical, is_edge)?;
                self.set_form(node.output, layout, padded);
                Ok(())
            }
        }
    }

    fn pad_constant(
        &mut self,
        node: &Node,
        input: BufferId,
        output: BufferId,
        pads: &[(i64, i64)],
        value: f64,
    ) {
        let fill = Operation::Fill(element_bytes(self.builder.dtype(output), value));
        self.builder.step(&node.name, fill, &[], output);
        self.copy_inside(node, input, output, pads);
    }

    /// Copies a buffer into the middle of another one, which is larger by `pads` along each axis.
    pub(crate) fn copy_inside(
        &mut self,
        node: &Node,
        input: BufferId,
        output: BufferId,
        pads: &[(i64, i64)],
    ) {
        let (mut from, mut to) = (self.whole(input), self.whole(output));
        let mut extents = self.builder.shape(input).to_vec();
        for (axis, &(before, after)) in pads.iter().enumerate() {
            let cut = Dim::from((-before).max(0));
            from.offset = from.offset + cut.clone() * from.strides[axis].clone();
            to.offset = to.offset + Dim::from(before.max(0)) * to.strides[axis].clone();
            let left = extents[axis].clone() - cut.clone() - Dim::from((-after).max(0));
            // Padding at one side may make up for a cut of more than there is at the other.
            let is_cut = before < 0 || after < 0;
            extents[axis] = if is_cut { left.maximum(&Dim::from(0)) } else { left };
        }
        self.copy(node, input, output, extents, from, to);
    }

    /// Pads one axis after another.
    fn pad_mirrored(
        &mut self,
        node: &Node,
        input: BufferId,
        pads: &[(i64, i64)],
        is_edge: bool,
    ) -> Result<BufferId, Refusal> {
        let mut current = input;
        for (axis, &(before, after)) in pads.iter().enumerate() {
            if before < 0 || after < 0 {
                return Err(refuse(node, "negative padding has no kernel but with constants"));
            }
            let size = self.builder.shape(current)[axis].known();
            // A single element is its own reflection.
            let is_edge = is_edge || size == Some(1);
            let Some(size) = size.filter(|&size| !is_edge && size > 1) else {
                current = self.pad_axis(node, current, axis, (before, after), is_edge);
                continue;
            };
            // A reflection is no longer than what lies behind the edge; what is longer is reflected
            // again at the new edge.
            let most = size - 1;
            if before.max(after) / most > REFLECTIONS_MAX {
                let reason =
                    format!("reflection of {size} elements more than {REFLECTIONS_MAX} times");
                return Err(refuse(node, reason));
            }
            let (mut before, mut after) = (before, after);
            while (before, after) != (0, 0) {
                let part = (before.min(most), after.min(most));
                current = self.pad_axis(node, current, axis, part, false);
                (before, after) = (before - part.0, after - part.1);
            }
        }
        Ok(current)
    }

    /// A copy of what is there, and one for each side, that repeats the edge or runs backwards from
    /// it.
    fn pad_axis(
        &mut self,
        node: &Node,
        input: BufferId,
        axis: usize,
        (before, after): (i64, i64),
        is_edge: bool,
    ) -> BufferId {
        if (before, after) == (0, 0) {
            return input;
        }
        let shape = self.builder.shape(input).to_vec();
        let mut padded = shape.clone();
        padded[axis] = padded[axis].clone() + Dim::from(before) + Dim::from(after);
        let output = self.builder.arena(self.builder.dtype(input), padded);
        let last = shape[axis].clone() - Dim::from(1);
        let end = Dim::from(before) + shape[axis].clone();
        let mirror = if is_edge {
            (Dim::from(0), last.clone(), 0)
        } else {
            (Dim::from(before), last.clone() - Dim::from(1), -1)
        };
        let (first, behind, step) = mirror;
        let parts = [
            (Dim::from(0), 1, Dim::from(before), shape[axis].clone()),
            (first, step, Dim::from(0), Dim::from(before)),
            (behind, step, end, Dim::from(after)),
        ];
        for (source, step, target, count) in parts {
            let (mut from, mut to) = (self.whole(input), self.whole(output));
            from.offset = source * from.strides[axis].clone();
            from.strides[axis] = from.strides[axis].clone() * Dim::from(step);
            to.offset = target * to.strides[axis].clone();
            let mut extents = shape.clone();
            extents[axis] = count;
            self.copy(node, input, output, extents, from, to);
        }
        output
    }

    /// A dense view of a whole buffer.
    pub(crate) fn whole(&self, buffer: BufferId) -> View {
        View { offset: Dim::from(0), strides: strides(self.builder.shape(buffer)) }
    }

    pub(crate) fn copy(
        &mut self,
        node: &Node,
        input: BufferId,
        output: BufferId,
        extents: Vec<Dim>,
        from: View,
        to: View,
    ) {
        let operation = Operation::Copy(Copy { extents, from, to });
        self.builder.step(&node.name, operation, &[input], output);
    }
}

/// One element of this value, as it lies in memory.
fn element_bytes(dtype: DType, value: f64) -> Vec<u8> {
    let mut bytes = [0; 8];
    let bytes = &mut bytes[..dtype.size()];
    operators::numbers::store_floats(&mut ViewMut { dtype, shape: &[], bytes }, &[value]);
    bytes.to_vec()
}
