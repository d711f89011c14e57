//! Slices chosen by index.

use super::PIECE_BYTES;
use crate::task::{Pieces, SharedMut, Task};

/// Indices along an axis; a negative one counts from the end.
#[derive(Debug, Clone, Copy)]
pub enum Indices<'a> {
    /// 64-bit.
    I64(&'a [i64]),
    /// 32-bit.
    I32(&'a [i32]),
}

impl Indices<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Indices::I64(indices) => indices.len(),
            Indices::I32(indices) => indices.len(),
        }
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn at(&self, position: usize) -> i64 {
        match self {
            Indices::I64(indices) => indices[position],
            Indices::I32(indices) => i64::from(indices[position]),
        }
    }
}

/// An index that leaves its axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "index {index} (number {position}) leaves an axis of {axis_len}: expected -{axis_len} to \
     {axis_len} - 1"
)]
pub struct IndexError {
    /// The index found.
    pub index: i64,
    /// Which of the indices it is.
    pub position: usize,
    /// Length of the axis.
    pub axis_len: usize,
}

/// `out[outer][i] = data[outer][indices[i]]`, each a run of `inner_bytes` bytes.
#[derive(Debug)]
pub struct Gather<'a> {
    data: &'a [u8],
    axis_len: usize,
    inner_bytes: usize,
    indices: Indices<'a>,
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

impl<'a> Gather<'a> {
    /// `data`: `outer * axis_len * inner_bytes` bytes. `out`: `outer * indices.len() *
    /// inner_bytes` bytes. The indices are checked here, for they may come from a request.
    ///
    /// # Errors
    /// When an index leaves the axis.
    ///
    /// # Panics
    /// When a length does not fit.
    pub fn new(
        data: &'a [u8],
        [outer, axis_len, inner_bytes]: [usize; 3],
        indices: Indices<'a>,
        out: SharedMut<'a, u8>,
    ) -> Result<Gather<'a>, IndexError> {
        let expected = tensor::element_count(&[outer, axis_len, inner_bytes]);
        assert_eq!(Some(data.len()), expected, "data: outer * axis * inner bytes expected");
        let expected = tensor::element_count(&[outer, indices.len(), inner_bytes]);
        assert_eq!(Some(out.len()), expected, "result: outer * indices * inner bytes expected");
        for position in 0..indices.len() {
            resolve(indices.at(position), position, axis_len)?;
        }
        let runs = outer * indices.len();
        let pieces = Pieces::of_size(runs, PIECE_BYTES / inner_bytes.max(1));
        Ok(Gather { data, axis_len, inner_bytes, indices, out, pieces })
    }
}

/// The index counted from the start.
fn resolve(index: i64, position: usize, axis_len: usize) -> Result<usize, IndexError> {
    let from_start =
        if index < 0 { index.checked_add_unsigned(axis_len as u64) } else { Some(index) };
    from_start
        .and_then(|index| usize::try_from(index).ok())
        .filter(|&index| index < axis_len)
        .ok_or(IndexError { index, position, axis_len })
}

impl Task for Gather<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        let len = self.inner_bytes;
        for run in self.pieces.range(task) {
            let (outer, position) = (run / self.indices.len(), run % self.indices.len());
            let index = resolve(self.indices.at(position), position, self.axis_len)
                .expect("the constructor checked the indices, which are borrowed since");
            let start = (outer * self.axis_len + index) * len;
            // SAFETY: runs do not overlap; the caller vouches for the output.
            let target = unsafe { self.out.part(run * len..(run + 1) * len) };
            target.copy_from_slice(&self.data[start..start + len]);
        }
    }
}
