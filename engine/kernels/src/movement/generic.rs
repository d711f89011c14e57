//! Planes of elements, copied whole.

use super::Axis;
use simd::{F32Vector, Token, Vectorize};

/// A plane: `rows.extent` by `columns.extent` elements on both sides.
pub(super) struct Plane<T> {
    pub(super) source: *const T,
    pub(super) target: *mut T,
    pub(super) rows: Axis,
    pub(super) columns: Axis,
}

/// Rows whose target stays in the first-level cache while the columns go over them.
const INTERLEAVED: usize = 256;

/// Side of the squares that a transposition goes by: 16 rows of a cache line of f32.
const SQUARE: usize = 16;

impl<T: Copy> Plane<T> {
    /// # Safety
    /// All elements of the plane lie in memory that may be read, or written.
    pub(super) unsafe fn copy(&self, token: Token) {
        let is_dense = [self.rows.source, self.columns.target] == [1, 1]
            && self.rows.target == self.columns.extent as isize;
        // SAFETY: the caller's, for all calls below.
        unsafe {
            match (self.columns.source, self.columns.target) {
                _ if is_dense && self.columns.extent == 3 => token.run(Zip::<T, 3>(self)),
                _ if is_dense && self.columns.extent == 4 => token.run(Zip::<T, 4>(self)),
                (1, 1) => self.runs(),
                (0, 1) => self.repeats(),
                _ if self.columns.extent < SQUARE => self.interleaves(),
                _ => self.squares(),
            }
        }
    }

    fn row(&self, row: usize) -> (*const T, *mut T) {
        let row = row as isize;
        let source = self.source.wrapping_offset(row * self.rows.source);
        (source, self.target.wrapping_offset(row * self.rows.target))
    }

    unsafe fn runs(&self) {
        for row in 0..self.rows.extent {
            let (source, target) = self.row(row);
            // SAFETY: the caller's; source and target are different buffers.
            unsafe { std::ptr::copy_nonoverlapping(source, target, self.columns.extent) };
        }
    }

    unsafe fn repeats(&self) {
        for row in 0..self.rows.extent {
            let (source, target) = self.row(row);
            // SAFETY: the caller's.
            unsafe { std::slice::from_raw_parts_mut(target, self.columns.extent).fill(*source) };
        }
    }

    /// Few columns, as the channels of an image: long walks over the rows, column by column.
    unsafe fn interleaves(&self) {
        for top in (0..self.rows.extent).step_by(INTERLEAVED) {
            let (source, target) = self.row(top);
            let count = (self.rows.extent - top).min(INTERLEAVED) as isize;
            for column in 0..self.columns.extent as isize {
                let source = source.wrapping_offset(column * self.columns.source);
                let target = target.wrapping_offset(column * self.columns.target);
                for row in 0..count {
                    // SAFETY: the caller's.
                    unsafe {
                        let x = *source.offset(row * self.rows.source);
                        target.offset(row * self.rows.target).write(x);
                    }
                }
            }
        }
    }

    unsafe fn squares(&self) {
        let (rows, columns) = (self.rows.extent, self.columns.extent);
        for top in (0..rows).step_by(SQUARE) {
            for left in (0..columns).step_by(SQUARE) {
                let right = (left + SQUARE).min(columns);
                for row in top..(top + SQUARE).min(rows) {
                    let (source, target) = self.row(row);
                    for column in left..right {
                        let column = column as isize;
                        // SAFETY: the caller's.
                        unsafe {
                            let x = *source.offset(column * self.columns.source);
                            target.offset(column * self.columns.target).write(x);
                        }
                    }
                }
            }
        }
    }
}

/// Planes of a source that become the numbers of each pixel, as many as an image has channels.
struct Zip<'p, T, const N: usize>(&'p Plane<T>);

impl<T: Copy, const N: usize> Vectorize for Zip<'_, T, N> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let (plane, rows) = (self.0, self.0.rows.extent);
        // SAFETY: the planes and the pixels are those of the plane that the caller vouches for,
        // whose rows are one element apart in the source and N in the target.
        unsafe {
            let channels: [&[T]; N] = std::array::from_fn(|channel| {
                let start = plane.source.wrapping_offset(channel as isize * plane.columns.source);
                std::slice::from_raw_parts(start, rows)
            });
            for row in 0..rows {
                for (channel, elements) in channels.iter().enumerate() {
                    plane.target.add(row * N + channel).write(*elements.get_unchecked(row));
                }
            }
        }
    }
}
