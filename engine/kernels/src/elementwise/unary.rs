//! Functions of one element.

use super::generic::UnaryRun;
use super::{PIECE, scalar};
use crate::task::{Pieces, SharedMut, Task};
use simd::{Isa, Token};
use tensor::{DType, scalar::Unary};

/// `out[i] = op(input[i])`.
#[derive(Debug)]
pub struct UnaryMap<'a> {
    token: Token,
    op: Unary,
    dtype: DType,
    /// None to work in place.
    input: Option<&'a [u8]>,
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

impl<'a> UnaryMap<'a> {
    /// Is there such a function of elements of this type? All functions of f32 and f64 are
    /// there, those of integers that yield integers, and [`Unary::Not`] of booleans.
    pub fn supports(op: Unary, dtype: DType) -> bool {
        match dtype {
            DType::F32 | DType::F64 => !matches!(op, Unary::Not),
            DType::Bool => matches!(op, Unary::Not),
            _ => dtype.is_number() && !dtype.is_half() && scalar::is_integral(op),
        }
    }

    /// The type of the results.
    pub fn output_type(op: Unary, dtype: DType) -> DType {
        if matches!(op, Unary::IsNan) { DType::Bool } else { dtype }
    }

    /// `input`: elements of type `dtype`. `out`: as many of [`UnaryMap::output_type`].
    ///
    /// # Panics
    /// When the lengths differ, memory is not aligned for its elements, the function is not
    /// there ([`UnaryMap::supports`]), or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        op: Unary,
        dtype: DType,
        input: &'a [u8],
        out: SharedMut<'a, u8>,
    ) -> UnaryMap<'a> {
        let len = checked_len(input.as_ptr(), input.len(), dtype);
        let output = UnaryMap::output_type(op, dtype);
        let found = checked_len(out.as_mut_ptr(), out.len(), output);
        assert_eq!(found, len, "input and output differ in length");
        UnaryMap::bind(isa, op, dtype, Some(input), out, len)
    }

    /// As [`UnaryMap::new`], the results taking the place of the elements.
    ///
    /// # Panics
    /// As [`UnaryMap::new`], and when the results are of another type.
    pub fn in_place(isa: Isa, op: Unary, dtype: DType, data: SharedMut<'a, u8>) -> UnaryMap<'a> {
        assert_eq!(UnaryMap::output_type(op, dtype), dtype, "the results take other room");
        let len = checked_len(data.as_mut_ptr(), data.len(), dtype);
        UnaryMap::bind(isa, op, dtype, None, data, len)
    }

    fn bind(
        isa: Isa,
        op: Unary,
        dtype: DType,
        input: Option<&'a [u8]>,
        out: SharedMut<'a, u8>,
        len: usize,
    ) -> UnaryMap<'a> {
        assert!(UnaryMap::supports(op, dtype), "there is no {op:?} of {dtype}");
        let pieces = Pieces::of_size(len, PIECE);
        UnaryMap { token: isa.require(), op, dtype, input, out, pieces }
    }
}

/// The number of elements in `bytes` bytes at `start`.
///
/// # Panics
/// When it is not whole, or the memory not aligned.
pub(crate) fn checked_len(start: *const u8, bytes: usize, dtype: DType) -> usize {
    let size = dtype.size();
    assert!(bytes.is_multiple_of(size), "{bytes} bytes are no whole number of {dtype}");
    // Memory of no elements may lie anywhere.
    let is_aligned = bytes == 0 || start.addr().is_multiple_of(size);
    assert!(is_aligned, "memory is not aligned for {dtype}");
    bytes / size
}

impl Task for UnaryMap<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let range = self.pieces.range(task);
        let size = self.dtype.size();
        let out_size = UnaryMap::output_type(self.op, self.dtype).size();
        let base = self.input.map_or(self.out.as_mut_ptr().cast_const(), <[u8]>::as_ptr);
        let source = base.wrapping_add(range.start * size);
        let target = self.out.as_mut_ptr().wrapping_add(range.start * out_size);
        let len = range.len();
        if self.dtype == DType::F32 && !matches!(self.op, Unary::IsNan) {
            let run = UnaryRun { op: self.op, source: source.cast(), target: target.cast(), len };
            self.token.run(run);
            return;
        }
        // SAFETY: the range lies within both, whose alignment the constructor checked; the
        // caller vouches for the output.
        unsafe { scalar::unary(self.op, self.dtype, source, target, len) }
    }
}
