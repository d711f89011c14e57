//! The call shape that all kernels share.

use std::marker::PhantomData;
use std::ops::Range;

/// A kernel bound to its operands: independent pieces, to be run in any order by any threads.
pub trait Task: Sync {
    /// Number of independent pieces; what they compute for an element does not depend on it.
    fn tasks(&self) -> usize;

    /// Scratch bytes that one running piece needs.
    fn scratch_bytes(&self) -> usize {
        0
    }

    /// Runs piece `task`. `scratch` has at least [`Task::scratch_bytes`] bytes, the first of
    /// them on a 64-byte boundary; what it holds is neither read nor kept.
    ///
    /// # Safety
    /// `task < self.tasks()`; each piece runs at most once at a time; the output given at
    /// construction is still valid, and nobody else reads or writes it meanwhile.
    unsafe fn run(&self, task: usize, scratch: &mut [u8]);
}

/// Runs all pieces of `task` one after another.
///
/// # Panics
/// When `scratch` is shorter than [`Task::scratch_bytes`] or not 64-byte aligned.
pub fn run_serially(task: &(impl Task + ?Sized), scratch: &mut [u8]) {
    let needed = task.scratch_bytes();
    assert!(scratch.len() >= needed, "scratch: {needed} bytes needed, {} given", scratch.len());
    assert!(
        needed == 0 || scratch.as_ptr().addr().is_multiple_of(64),
        "scratch is not 64-byte aligned"
    );
    for piece in 0..task.tasks() {
        // SAFETY: one piece at a time; the task's lifetime keeps its output borrowed, and this
        // thread is the one that holds the task.
        unsafe { task.run(piece, scratch) };
    }
}

/// A slice of which several pieces write disjoint places at the same time.
#[derive(Debug)]
pub struct SharedMut<'a, T> {
    start: *mut T,
    len: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

impl<T> Clone for SharedMut<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SharedMut<'_, T> {}

// SAFETY: it is read and written only in `Task::run`, whose caller vouches that pieces, which
// write disjoint places, are the only ones to touch it.
unsafe impl<T: Send> Send for SharedMut<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SharedMut<'_, T> {}

impl<'a, T> From<&'a mut [T]> for SharedMut<'a, T> {
    fn from(slice: &'a mut [T]) -> SharedMut<'a, T> {
        SharedMut { start: slice.as_mut_ptr(), len: slice.len(), borrowed: PhantomData }
    }
}

impl<'a> SharedMut<'a, u8> {
    /// The bytes of numbers.
    pub fn from_bytes_of<T: bytemuck::Pod>(slice: &'a mut [T]) -> SharedMut<'a, u8> {
        SharedMut::from(bytemuck::cast_slice_mut::<T, u8>(slice))
    }

    /// The same memory as elements of another type.
    ///
    /// # Panics
    /// When the memory is not aligned for `T`, or no whole number of them.
    pub fn cast<T: bytemuck::Pod>(self) -> SharedMut<'a, T> {
        let size = size_of::<T>();
        // Memory of no elements may lie anywhere.
        let is_aligned = self.len == 0 || self.start.addr().is_multiple_of(align_of::<T>());
        assert!(is_aligned, "memory is not aligned");
        assert!(self.len.is_multiple_of(size), "{} bytes are no multiple of {size}", self.len);
        SharedMut { start: self.start.cast(), len: self.len / size, borrowed: PhantomData }
    }
}

impl<'a, T> SharedMut<'a, T> {
    /// Some of the elements.
    ///
    /// # Panics
    /// When the range leaves the slice.
    pub(crate) fn subset(&self, range: Range<usize>) -> SharedMut<'a, T> {
        assert!(range.start <= range.end && range.end <= self.len);
        let start = self.start.wrapping_add(range.start);
        SharedMut { start, len: range.len(), borrowed: PhantomData }
    }

    /// A slice of memory that is shared by other means than a borrow.
    ///
    /// # Safety
    /// `start` is valid for reads and writes of `len` elements for the lifetime chosen.
    pub unsafe fn from_raw_parts(start: *mut T, len: usize) -> Self {
        SharedMut { start, len, borrowed: PhantomData }
    }

    /// The first element.
    pub fn as_mut_ptr(&self) -> *mut T {
        self.start
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there no element?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Part of the slice, to be written.
    ///
    /// # Safety
    /// Nobody else touches this part while the result lives.
    ///
    /// # Panics
    /// When the range leaves the slice.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "sharing disjoint parts is what the type is for")]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len);
        // SAFETY: within the slice; the caller vouches that it is alone there.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// `total` things cut into pieces of `size`, the last one shorter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pieces {
    total: usize,
    size: usize,
}

impl Pieces {
    /// Pieces of `size` things, at least one thing each.
    pub(crate) fn of_size(total: usize, size: usize) -> Pieces {
        Pieces { total, size: size.max(1) }
    }

    /// About `count` pieces, each of a multiple of `unit` things.
    pub(crate) fn about(total: usize, count: usize, unit: usize) -> Pieces {
        let size = total.div_ceil(count.max(1)).next_multiple_of(unit.max(1));
        Pieces::of_size(total, size)
    }

    /// How many pieces there are.
    pub(crate) fn count(&self) -> usize {
        self.total.div_ceil(self.size)
    }

    /// Things in the largest piece.
    pub(crate) fn size(&self) -> usize {
        self.size.min(self.total)
    }

    /// The things of piece `index`.
    pub(crate) fn range(&self, index: usize) -> Range<usize> {
        let start = index * self.size;
        start..(start + self.size).min(self.total)
    }
}

/// Scratch is cut into parts on this boundary, in bytes: a cache line.
const LINE: usize = 64;

/// Bytes that `count` elements of `T` take in scratch.
pub(crate) fn scratch_for<T>(count: usize) -> usize {
    (count * size_of::<T>()).next_multiple_of(LINE)
}

/// Cuts room for `count` elements of `T` off the front of `scratch`; they hold anything.
pub(crate) fn take<'s, T: Scratch>(scratch: &mut &'s mut [u8], count: usize) -> &'s mut [T] {
    let whole = std::mem::take(scratch);
    let (part, rest) = whole.split_at_mut(scratch_for::<T>(count));
    *scratch = rest;
    assert!(part.as_ptr().addr().is_multiple_of(align_of::<T>()));
    // SAFETY: long enough and aligned, as checked; any bytes are a valid `T` by its contract.
    unsafe { std::slice::from_raw_parts_mut(part.as_mut_ptr().cast(), count) }
}

/// # Safety
/// Any bytes are a valid value.
pub(crate) unsafe trait Scratch: Copy {}
// SAFETY: any bits are a number.
unsafe impl Scratch for f32 {}
// SAFETY: any bits are a number.
unsafe impl Scratch for u32 {}
// SAFETY: any bits are a number.
unsafe impl Scratch for u8 {}
// SAFETY: any bits are a number.
unsafe impl Scratch for u16 {}
// SAFETY: any bits are an address; nothing is read through it before it is written.
unsafe impl<T> Scratch for *const T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_everything_once() {
        for (total, count, unit) in [(0, 3, 1), (1, 4, 16), (100, 7, 16), (33, 2, 16), (5, 9, 1)] {
            let pieces = Pieces::about(total, count, unit);
            let covered: Vec<usize> = (0..pieces.count()).flat_map(|i| pieces.range(i)).collect();
            assert_eq!(covered, (0..total).collect::<Vec<_>>());
            assert!((0..pieces.count()).all(|i| pieces.range(i).start.is_multiple_of(unit)));
        }
    }

    #[test]
    #[should_panic(expected = "64 bytes needed, 0 given")]
    fn too_little_scratch_is_refused() {
        struct Needy;
        impl Task for Needy {
            fn tasks(&self) -> usize {
                1
            }
            fn scratch_bytes(&self) -> usize {
                64
            }
            unsafe fn run(&self, _: usize, _: &mut [u8]) {}
        }
        run_serially(&Needy, &mut []);
    }
}
