//! Buffers, steps and constants as they come.

use bytemuck::NoUninit;
use plan::{Buffer, BufferId, Operation, Place, Step};
use tensor::{ALIGNMENT, AlignedBytes, DType, Dim, row_major_strides};

/// A plan in the making.
pub(crate) struct Builder {
    buffers: Vec<Buffer>,
    steps: Vec<Step>,
    /// Those that there are, and room for more.
    constants: AlignedBytes,
    constant_bytes: usize,
}

impl Builder {
    /// A plan with room for so many bytes of constants, which take memory only once they are
    /// written; more are copied to a larger room.
    pub(crate) fn with_room(constant_bytes: usize) -> Builder {
        let constants = AlignedBytes::zeroed(constant_bytes);
        Builder { buffers: Vec::new(), steps: Vec::new(), constants, constant_bytes: 0 }
    }

    pub(crate) fn input(&mut self, index: usize, dtype: DType, shape: Vec<Dim>) -> BufferId {
        self.push(dtype, shape, Place::Input(index as u32))
    }

    pub(crate) fn arena(&mut self, dtype: DType, shape: Vec<Dim>) -> BufferId {
        self.push(dtype, shape, Place::Arena)
    }

    /// A value beside the arena.
    pub(crate) fn held(&mut self, dtype: DType, shape: Vec<Dim>) -> BufferId {
        self.push(dtype, shape, Place::Held)
    }

    /// The bytes of `of` under another shape with as many elements.
    pub(crate) fn alias(&mut self, of: BufferId, shape: Vec<Dim>) -> BufferId {
        if self.buffers[of.0 as usize].shape == shape {
            return of;
        }
        let dtype = self.buffers[of.0 as usize].dtype;
        self.push(dtype, shape, Place::Alias(of))
    }

    /// Puts elements among the constants and gives the place of the first byte.
    pub(crate) fn append<T: NoUninit>(&mut self, elements: Vec<T>) -> u64 {
        let offset = self.constant_bytes.next_multiple_of(ALIGNMENT);
        let bytes: &[u8] = bytemuck::cast_slice(&elements);
        let end = offset + bytes.len();
        if end > self.constants.len() {
            let mut larger = AlignedBytes::zeroed(end.max(2 * self.constants.len()));
            let written = &self.constants.as_slice()[..self.constant_bytes];
            larger.as_mut_slice()[..written.len()].copy_from_slice(written);
            self.constants = larger;
        }
        self.constants.as_mut_slice()[offset..end].copy_from_slice(bytes);
        self.constant_bytes = end;
        offset as u64
    }

    /// A constant of these elements, of type `dtype` or bytes of such.
    pub(crate) fn constant<T: NoUninit>(
        &mut self,
        dtype: DType,
        shape: &[usize],
        elements: Vec<T>,
    ) -> BufferId {
        let bytes = size_of_val(elements.as_slice()) as u64;
        let offset = self.append(elements);
        let shape = shape.iter().map(|&d| Dim::from(d)).collect();
        self.push(dtype, shape, Place::Constant { offset, bytes })
    }

    pub(crate) fn shape(&self, id: BufferId) -> &[Dim] {
        &self.buffers[id.0 as usize].shape
    }

    pub(crate) fn dtype(&self, id: BufferId) -> DType {
        self.buffers[id.0 as usize].dtype
    }

    pub(crate) fn place(&self, id: BufferId) -> &Place {
        &self.buffers[id.0 as usize].place
    }

    pub(crate) fn step(
        &mut self,
        name: &str,
        operation: Operation,
        inputs: &[BufferId],
        output: BufferId,
    ) {
        self.step_with(name, operation, inputs, output, vec![]);
    }

    /// A step that writes several buffers.
    pub(crate) fn step_with(
        &mut self,
        name: &str,
        operation: Operation,
        inputs: &[BufferId],
        output: BufferId,
        further: Vec<BufferId>,
    ) {
        let (name, inputs) = (name.to_string(), inputs.to_vec());
        self.steps.push(Step { name, operation, inputs, output, further });
    }

    pub(crate) fn finish(mut self) -> (Vec<Buffer>, Vec<Step>, AlignedBytes) {
        self.constants.truncate(self.constant_bytes);
        (self.buffers, self.steps, self.constants)
    }

    fn push(&mut self, dtype: DType, shape: Vec<Dim>, place: Place) -> BufferId {
        let id = BufferId(self.buffers.len() as u32);
        self.buffers.push(Buffer { dtype, shape, place });
        id
    }
}

/// Row-major strides of a shape whose sizes may be symbolic.
pub(crate) fn strides(shape: &[Dim]) -> Vec<Dim> {
    let mut strides = vec![Dim::from(1); shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].clone() * shape[axis].clone();
    }
    strides
}

/// The stride of a value along an axis of `size` elements beside a result of `common`: 0, so that
/// its one element repeats, where the size is one, or turns out to be.
pub(crate) fn repeating(stride: &Dim, size: &Dim, common: &Dim) -> Dim {
    if size == common {
        return stride.clone();
    }
    let one = Dim::from(1);
    let is_more = (size.clone() - one.clone()).minimum(&one).maximum(&Dim::default());
    stride.clone() * is_more
}

/// Is the size known to be one?
pub(crate) fn is_one(dim: &Dim) -> bool {
    dim.known() == Some(1)
}

/// The bytes of a dense tensor with its axes permuted: axis `i` of the result is `perm[i]`.
pub(crate) fn permuted(bytes: &[u8], shape: &[usize], perm: &[usize], size: usize) -> Vec<u8> {
    let from = row_major_strides(shape);
    let extents: Vec<usize> = perm.iter().map(|&axis| shape[axis]).collect();
    let strides: Vec<usize> = perm.iter().map(|&axis| from[axis]).collect();
    let mut result = Vec::with_capacity(bytes.len());
    let mut index = vec![0; extents.len()];
    for _ in 0..bytes.len() / size {
        let at: usize = index.iter().zip(&strides).map(|(i, s)| i * s).sum();
        result.extend_from_slice(&bytes[at * size..][..size]);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < extents[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    result
}
