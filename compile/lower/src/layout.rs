//! In which physical orders a value exists, and how it gets into another.
//!
//! *Plain* is the order of the graph. *Channels-last* moves axis 1 to the end: `[N, C, H, W]`
//! lies as `[N, H, W, C]`. Only values of rank 3 and more have a channels-last form.

use crate::Lowering;
use crate::builder::{is_one, permuted, strides};
use ir::ValueId;
use plan::{BufferId, Copy, Operation, Place, View};
use tensor::Dim;

/// The buffers that hold a value, one for each order that it exists in.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Forms {
    pub(crate) plain: Option<BufferId>,
    pub(crate) channels_last: Option<BufferId>,
}

/// A physical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Plain,
    ChannelsLast,
}

impl Layout {
    /// The logical axis that lies at each physical place.
    pub(crate) fn order(self, rank: usize) -> Vec<usize> {
        match self {
            Layout::Plain => (0..rank).collect(),
            Layout::ChannelsLast => [0].into_iter().chain(2..rank).chain([1]).collect(),
        }
    }

    /// The physical place of a logical axis.
    pub(crate) fn place(self, axis: usize, rank: usize) -> usize {
        match (self, axis) {
            (Layout::Plain, _) | (Layout::ChannelsLast, 0) => axis,
            (Layout::ChannelsLast, 1) => rank - 1,
            (Layout::ChannelsLast, _) => axis - 1,
        }
    }

    /// A logical shape in physical order.
    pub(crate) fn physical(self, shape: &[Dim]) -> Vec<Dim> {
        self.order(shape.len()).into_iter().map(|axis| shape[axis].clone()).collect()
    }
}

impl Lowering<'_> {
    /// The order in which a node that does not care takes this value: the one it exists in, and
    /// channels-last when it exists in both.
    pub(crate) fn natural(&self, id: ValueId) -> Layout {
        match (self.forms[id.0 as usize].channels_last, self.deferred(id)) {
            (Some(_), _) => Layout::ChannelsLast,
            (None, Some((node, _))) => self.natural(node.inputs[0]),
            (None, None) => Layout::Plain,
        }
    }

    /// The buffer that holds the value in this order, made when there is none.
    pub(crate) fn form(&mut self, id: ValueId, layout: Layout) -> BufferId {
        let forms = self.forms[id.0 as usize];
        let (wanted, other) = match layout {
            Layout::Plain => (forms.plain, forms.channels_last),
            Layout::ChannelsLast => (forms.channels_last, forms.plain),
        };
        let buffer = match (wanted, other) {
            (Some(buffer), _) => return buffer,
            (None, Some(other)) => self.convert(id, other, layout),
            (None, None) => match self.deferred(id) {
                Some((node, axis)) => {
                    self.dequantize(node, axis);
                    return self.form(id, layout);
                }
                None => self.constant_form(id, layout),
            },
        };
        self.set_form(id, layout, buffer);
        buffer
    }

    pub(crate) fn set_form(&mut self, id: ValueId, layout: Layout, buffer: BufferId) {
        let forms = &mut self.forms[id.0 as usize];
        match layout {
            Layout::Plain => forms.plain = Some(buffer),
            Layout::ChannelsLast => forms.channels_last = Some(buffer),
        }
    }

    /// A new arena buffer for a value in this order.
    pub(crate) fn make(&mut self, id: ValueId, layout: Layout) -> BufferId {
        let shape = layout.physical(self.shape(id));
        let buffer = self.builder.arena(self.dtype(id), shape);
        self.set_form(id, layout, buffer);
        buffer
    }

    /// The buffer that a caller reads an output from: plain, and in memory of this run or a value
    /// of its own.
    pub(crate) fn output_buffer(&mut self, id: ValueId) -> BufferId {
        let buffer = self.form(id, Layout::Plain);
        if self.builder.is_readable(buffer) || !self.dtype(id).is_dense() {
            return buffer;
        }
        let shape = self.shape(id).to_vec();
        let copy = self.builder.arena(self.dtype(id), shape.clone());
        let view = || View { offset: Dim::from(0), strides: strides(&shape) };
        let operation = Operation::Copy(Copy { extents: shape.clone(), from: view(), to: view() });
        self.builder.step(&self.graph.value(id).name, operation, &[buffer], copy);
        copy
    }

    /// The value under `rank` axes, sizes of one put before its own, in this order. Needed where
    /// an operand of lower rank broadcasts against channels-last ones.
    pub(crate) fn extended_form(&mut self, id: ValueId, rank: usize, layout: Layout) -> BufferId {
        let shape = self.shape(id);
        if shape.len() == rank || layout == Layout::Plain {
            return self.form(id, layout);
        }
        let missing = rank - shape.len();
        let extended: Vec<Dim> =
            std::iter::repeat_n(Dim::from(1), missing).chain(shape.iter().cloned()).collect();
        if let Some(tensor) = self.graph.known(id) {
            let mut sizes = vec![1; missing];
            sizes.extend_from_slice(tensor.shape());
            let order = layout.order(rank);
            let bytes = permuted(tensor.bytes(), &sizes, &order, tensor.dtype().size());
            let sizes: Vec<usize> = order.iter().map(|&axis| sizes[axis]).collect();
            return self.builder.constant(tensor.dtype(), &sizes, bytes);
        }
        let plain = self.form(id, Layout::Plain);
        let plain = self.builder.alias(plain, extended.clone());
        self.permute(&self.graph.value(id).name, plain, &extended, &layout.order(rank))
    }

    fn convert(&mut self, id: ValueId, from: BufferId, to: Layout) -> BufferId {
        let rank = self.shape(id).len();
        let order = match to {
            // From channels-last back: logical axis `i` lies at `place(i)`.
            Layout::Plain => (0..rank).map(|axis| Layout::ChannelsLast.place(axis, rank)).collect(),
            Layout::ChannelsLast => Layout::ChannelsLast.order(rank),
        };
        let shape = self.builder.shape(from).to_vec();
        self.permute(&self.graph.value(id).name, from, &shape, &order)
    }

    /// A buffer whose axis `i` is axis `order[i]` of `from`; an alias when no element moves.
    pub(crate) fn permute(
        &mut self,
        name: &str,
        from: BufferId,
        shape: &[Dim],
        order: &[usize],
    ) -> BufferId {
        let extents: Vec<Dim> = order.iter().map(|&axis| shape[axis].clone()).collect();
        let moved: Vec<usize> = order.iter().copied().filter(|&a| !is_one(&shape[a])).collect();
        if moved.is_sorted() {
            return self.builder.alias(from, extents);
        }
        let source = strides(shape);
        let source = order.iter().map(|&axis| source[axis].clone()).collect();
        let dtype = self.builder.dtype(from);
        let output = self.builder.arena(dtype, extents.clone());
        let operation = Operation::Copy(Copy {
            from: View { offset: Dim::from(0), strides: source },
            to: View { offset: Dim::from(0), strides: strides(&extents) },
            extents,
        });
        self.builder.step(name, operation, &[from], output);
        output
    }

    fn constant_form(&mut self, id: ValueId, layout: Layout) -> BufferId {
        let tensor = self.graph.known(id).expect("a value that no step makes is a constant");
        let (shape, size) = (tensor.shape(), tensor.dtype().size());
        match layout {
            Layout::Plain => self.builder.constant(tensor.dtype(), shape, tensor.bytes().to_vec()),
            Layout::ChannelsLast => {
                let order = layout.order(shape.len());
                let bytes = permuted(tensor.bytes(), shape, &order, size);
                let shape: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
                self.builder.constant(tensor.dtype(), &shape, bytes)
            }
        }
    }
}

impl crate::builder::Builder {
    /// May a caller read it?
    pub(crate) fn is_readable(&self, id: BufferId) -> bool {
        match self.place(id) {
            Place::Arena | Place::Held => true,
            Place::Alias(of) => self.is_readable(*of),
            Place::Constant { .. } | Place::Input(_) => false,
        }
    }
}
