//! Operators that move elements: all are strided copies, or no copy at all.

use crate::builder::{is_one, strides};
use crate::layout::Layout;
use crate::{Lowering, Refusal, refuse};
use ir::{Node, PadMode, SliceAxis};
use plan::{BufferId, Copy, Operation, View};
use tensor::{DType, Dim};

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
            Some(i) if !is_one(&given[i]) => dense[i].clone(),
            _ => Dim::from(0),
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
                self.pad_constant(node, input, output, &physical, value)
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
    ) -> Result<(), Refusal> {
        let Some(bytes) = element_bytes(self.builder.dtype(output), value) else {
            let dtype = self.builder.dtype(output);
            return Err(refuse(node, format!("no kernel for padding of {dtype} elements")));
        };
        self.builder.step(&node.name, Operation::Fill(bytes), &[], output);
        let (mut from, mut to) = (self.whole(input), self.whole(output));
        let mut extents = self.builder.shape(input).to_vec();
        for (axis, &(before, after)) in pads.iter().enumerate() {
            let cut = Dim::from((-before).max(0));
            from.offset = from.offset + cut.clone() * from.strides[axis].clone();
            to.offset = to.offset + Dim::from(before.max(0)) * to.strides[axis].clone();
            extents[axis] = extents[axis].clone() - cut - Dim::from((-after).max(0));
        }
        self.copy(node, input, output, extents, from, to);
        Ok(())
    }

    /// Pads one axis after another: a copy of what is there, and one for each side, that repeats
    /// the edge or runs backwards from it.
    fn pad_mirrored(
        &mut self,
        node: &Node,
        input: BufferId,
        pads: &[(i64, i64)],
        is_edge: bool,
    ) -> Result<BufferId, Refusal> {
        let mut current = input;
        for (axis, &(before, after)) in pads.iter().enumerate() {
            if (before, after) == (0, 0) {
                continue;
            }
            if before < 0 || after < 0 {
                return Err(refuse(node, "negative padding has no kernel but with constants"));
            }
            let shape = self.builder.shape(current).to_vec();
            let mut padded = shape.clone();
            padded[axis] = padded[axis].clone() + Dim::from(before) + Dim::from(after);
            let output = self.builder.arena(self.builder.dtype(current), padded);
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
                let (mut from, mut to) = (self.whole(current), self.whole(output));
                from.offset = source * from.strides[axis].clone();
                from.strides[axis] = from.strides[axis].clone() * Dim::from(step);
                to.offset = target * to.strides[axis].clone();
                let mut extents = shape.clone();
                extents[axis] = count;
                self.copy(node, current, output, extents, from, to);
            }
            current = output;
        }
        Ok(current)
    }

    /// A dense view of a whole buffer.
    fn whole(&self, buffer: BufferId) -> View {
        View { offset: Dim::from(0), strides: strides(self.builder.shape(buffer)) }
    }

    fn copy(
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
fn element_bytes(dtype: DType, value: f64) -> Option<Vec<u8>> {
    match dtype {
        DType::F32 => Some((value as f32).to_le_bytes().to_vec()),
        DType::F64 => Some(value.to_le_bytes().to_vec()),
        DType::I64 => Some((value as i64).to_le_bytes().to_vec()),
        DType::I32 => Some((value as i32).to_le_bytes().to_vec()),
        DType::U8 | DType::Bool => Some(vec![value as u8]),
        DType::I8 => Some(vec![value as i8 as u8]),
        DType::F16 | DType::BF16 | DType::I16 | DType::U16 | DType::U32 | DType::U64 => None,
    }
}
