//! One element again and again.

use super::PIECE_BYTES;
use crate::task::{Pieces, SharedMut, Task};

/// `out[i] = element`.
#[derive(Debug)]
pub struct Fill<'a> {
    element: [u8; 8],
    size: usize,
    out: SharedMut<'a, u8>,
    pieces: Pieces,
}

impl<'a> Fill<'a> {
    /// `element`: the bytes of one element, 1, 2, 4 or 8. `out`: bytes of whole elements.
    ///
    /// # Panics
    /// When the element has another size, or the output no whole number of them.
    pub fn new(element: &[u8], out: SharedMut<'a, u8>) -> Fill<'a> {
        let size = element.len();
        assert!(matches!(size, 1 | 2 | 4 | 8), "an element of {size} bytes");
        assert!(out.len().is_multiple_of(size), "no whole number of elements");
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(element);
        // Pieces of a multiple of 8 bytes, so that each starts with a whole element.
        Fill { element: bytes, size, out, pieces: Pieces::of_size(out.len(), PIECE_BYTES) }
    }
}

impl Task for Fill<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        // SAFETY: pieces do not overlap; the caller vouches for the output.
        let out = unsafe { self.out.part(self.pieces.range(task)) };
        let element = &self.element[..self.size];
        if element.iter().all(|&byte| byte == element[0]) {
            out.fill(element[0]);
        } else {
            out.chunks_exact_mut(self.size).for_each(|x| x.copy_from_slice(element));
        }
    }
}
