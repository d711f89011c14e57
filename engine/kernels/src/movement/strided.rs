//! Copies between any two strided layouts: slices, transpositions, concatenations, flips,
//! broadcasts, paddings (over a filled output).

use super::{PIECE_BYTES, generic};
use crate::task::{Pieces, SharedMut, Task};
use simd::{Isa, Token};

/// One axis of a copy; strides in elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Axis {
    /// Elements along the axis.
    pub extent: usize,
    /// From one element to the next in the source: 0 repeats, negative runs backwards.
    pub source: isize,
    /// From one element to the next in the target.
    pub target: isize,
}

/// Axes of a copy that may be left when those of one element are dropped: twice as many as real
/// tensors have, since a tensor that is tiled has an axis of repeats beside each of its own.
pub const AXES_MAX: usize = 15;

/// The axes and one more, which is of one element where there are none.
const RANK_MAX: usize = AXES_MAX + 1;

/// Copies `source[offset + sum of index * source stride]` to `target[offset + sum of index *
/// target stride]`, for all indices within the extents.
#[derive(Debug)]
pub struct StridedCopy<'a> {
    token: Token,
    size: usize,
    source: &'a [u8],
    source_offset: usize,
    target: SharedMut<'a, u8>,
    target_offset: usize,
    /// Outermost first, in the order of the walk: the last two make the planes that are walked
    /// at once.
    axes: [Axis; RANK_MAX],
    rank: usize,
    /// Rows along the last axis.
    pieces: Pieces,
}

impl<'a> StridedCopy<'a> {
    /// `size`: bytes of an element, 1, 2, 4 or 8. `source`, `target`: bytes of whole elements,
    /// aligned to their size. Offsets in elements. `axes`: outermost first.
    ///
    /// # Panics
    /// When an element would lie outside of its buffer, two elements might go to the same place
    /// (target axes must nest: each stride beyond the span of the smaller ones), more than 7
    /// axes are left after joining, memory is not aligned, or this CPU has no `isa`.
    pub fn new(
        isa: Isa,
        size: usize,
        source: &'a [u8],
        source_offset: usize,
        target: SharedMut<'a, u8>,
        target_offset: usize,
        axes: &[Axis],
    ) -> StridedCopy<'a> {
        assert!(matches!(size, 1 | 2 | 4 | 8), "an element of {size} bytes");
        let is_aligned = |start: *const u8, len| len == 0 || start.addr().is_multiple_of(size);
        assert!(is_aligned(source.as_ptr(), source.len()), "source: not aligned to {size} bytes");
        assert!(is_aligned(target.as_mut_ptr(), target.len()), "target: not aligned to {size}");
        let (mut ordered, rank) = join(axes);
        let used = &mut ordered[..rank];
        let mut rows = 0;
        if axes.iter().all(|axis| axis.extent > 0) {
            check_bounds("source", source.len() / size, source_offset, used, |a| a.source);
            check_bounds("target", target.len() / size, target_offset, used, |a| a.target);
            order(used);
            check_distinct(used);
            rows = used[..rank - 1].iter().map(|axis| axis.extent).product();
        }
        let row_bytes = ordered[rank - 1].extent.max(1) * size;
        let pieces = Pieces::of_size(rows, PIECE_BYTES / row_bytes);
        let axes = ordered;
        let token = isa.require();
        StridedCopy {
            token,
            size,
            source,
            source_offset,
            target,
            target_offset,
            axes,
            rank,
            pieces,
        }
    }

    /// # Safety
    /// `T` has the size and alignment of an element; otherwise as [`Task::run`].
    unsafe fn run_as<T: Copy>(&self, task: usize) {
        let source = self.source.as_ptr().cast::<T>().wrapping_add(self.source_offset);
        let target = self.target.as_mut_ptr().cast::<T>().wrapping_add(self.target_offset);
        let (rows, columns) = (self.axes[self.rank - 2], self.axes[self.rank - 1]);
        let range = self.pieces.range(task);
        let mut at = range.start;
        while at < range.end {
            let first = at % rows.extent;
            let count = (rows.extent - first).min(range.end - at);
            let (mut from, mut to) = (first as isize * rows.source, first as isize * rows.target);
            let mut rest = at / rows.extent;
            for axis in self.axes[..self.rank - 2].iter().rev() {
                let index = (rest % axis.extent) as isize;
                rest /= axis.extent;
                from += index * axis.source;
                to += index * axis.target;
            }
            let plane = generic::Plane {
                source: source.wrapping_offset(from),
                target: target.wrapping_offset(to),
                rows: Axis { extent: count, ..rows },
                columns,
            };
            // SAFETY: the constructor checked that all indices lie within both buffers, and that
            // no two go to the same place; the caller vouches for the output.
            unsafe { plane.copy(self.token) };
            at += count;
        }
    }
}

impl Task for StridedCopy<'_> {
    fn tasks(&self) -> usize {
        self.pieces.count()
    }

    unsafe fn run(&self, task: usize, _: &mut [u8]) {
        // SAFETY: the type has the size of the elements; the rest is the caller's.
        unsafe {
            match self.size {
                1 => self.run_as::<u8>(task),
                2 => self.run_as::<u16>(task),
                4 => self.run_as::<u32>(task),
                _ => self.run_as::<u64>(task),
            }
        }
    }
}

/// Joins neighbours that make one run on both sides, drops axes of one element, and pads with
/// axes of one element in front to a rank of two at least.
fn join(axes: &[Axis]) -> ([Axis; RANK_MAX], usize) {
    let one = Axis { extent: 1, source: 0, target: 0 };
    let mut joined = [one; RANK_MAX];
    // A first axis of one element makes a plane of what is one run.
    let mut rank = 1;
    for axis in axes.iter().filter(|axis| axis.extent != 1) {
        let outer = &mut joined[rank - 1];
        let span = axis.extent as isize;
        let follows = outer.source == axis.source.wrapping_mul(span)
            && outer.target == axis.target.wrapping_mul(span);
        if follows && rank > 1 {
            *outer = Axis { extent: outer.extent.saturating_mul(axis.extent), ..*axis };
        } else {
            assert!(rank < RANK_MAX, "more than {} axes are left", RANK_MAX - 1);
            joined[rank] = *axis;
            rank += 1;
        }
    }
    (joined, rank.max(2))
}

/// # Panics
/// When an index leads out of `len` elements.
fn check_bounds(name: &str, len: usize, offset: usize, axes: &[Axis], stride: fn(&Axis) -> isize) {
    // No sum of so few products of 64-bit numbers overflows 128 bits by much less than this.
    let mut lowest = offset as i128;
    let mut highest = offset as i128;
    for axis in axes {
        let span = (axis.extent as i128 - 1) * stride(axis) as i128;
        lowest = lowest.saturating_add(span.min(0));
        highest = highest.saturating_add(span.max(0));
    }
    assert!(
        lowest >= 0 && highest < len as i128,
        "{name}: elements {lowest} ..= {highest} of a buffer of {len}"
    );
}

/// # Panics
/// When two indices may lead to the same place of the target. Axes are in order of stride.
fn check_distinct(axes: &[Axis]) {
    let mut sorted = [Axis::default(); RANK_MAX];
    let sorted = &mut sorted[..axes.len()];
    sorted.copy_from_slice(axes);
    sorted.sort_unstable_by_key(|axis| axis.target.unsigned_abs());
    let mut span = 0;
    for axis in sorted.iter().filter(|axis| axis.extent > 1) {
        let stride = axis.target.unsigned_abs();
        assert!(stride > span, "target axes {axes:?} overlap");
        span += (axis.extent - 1) * stride;
    }
}

/// Puts the axis that is densest in the target last, and the one that is densest in the source
/// before it: their planes touch the fewest cache lines.
fn order(axes: &mut [Axis]) {
    let length_one_first = |axis: &Axis, stride: isize| {
        if axis.extent == 1 { (0, 0) } else { (1, usize::MAX - stride.unsigned_abs()) }
    };
    axes.sort_unstable_by_key(|axis| length_one_first(axis, axis.target));
    let last = axes.len() - 1;
    let densest = (0..last).max_by_key(|&i| length_one_first(&axes[i], axes[i].source));
    if let Some(densest) = densest {
        axes[densest..last].rotate_left(1);
    }
}
