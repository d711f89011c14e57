//! Rows whose numbers fill no whole lanes, and rows of f32 rounded to bf16 just before they are
//! multiplied.

use super::block::tiles;
use crate::floats::map;
use crate::task::{scratch_for, take};
use simd::F32Vector;

/// Rounds numbers to bf16: to the nearest, ties to even.
///
/// # Safety
/// The CPU has the ISA of the kernel; `source` holds `count` numbers, and `target` room for them.
pub(crate) type NarrowFn = unsafe fn(source: *const f32, count: usize, target: *mut u16);

/// Scratch that [`narrow_rows`] and [`join_rows`] take for rows of so many lanes.
pub(crate) fn scratch_bytes(rows: usize, lanes: usize) -> usize {
    scratch_for::<u32>(rows * lanes) + scratch_for::<*const f32>(rows)
}

/// Copies rows, each of `taps` runs of `k` numbers, as pairs of bf16, the last one of each run
/// filled up with a zero. `table` points at the runs tile by tile of at most `most` rows, as
/// [`super::Block::run`] takes them; gives pointers to the copies, one for each row.
///
/// # Safety
/// Every pointer is to `k` numbers; `narrow` is of this CPU.
pub(crate) unsafe fn narrow_rows<'s>(
    narrow: NarrowFn,
    sizes: [usize; 3],
    most: usize,
    table: &[*const f32],
    scratch: &mut &'s mut [u8],
) -> &'s [*const f32] {
    // SAFETY: the caller's; `copy_rows` gives room for `k` numbers.
    let put = |run, k, target: *mut u32| unsafe { narrow(run, k, target.cast()) };
    copy_rows(sizes, sizes[2].div_ceil(2), most, table, scratch, put)
}

/// As [`narrow_rows`], of runs that are numbers of 2 bytes or 1 already.
///
/// # Safety
/// Every pointer is to `k` numbers.
pub(crate) unsafe fn join_rows<'s, T: Copy>(
    sizes: [usize; 3],
    most: usize,
    table: &[*const T],
    scratch: &mut &'s mut [u8],
) -> &'s [*const f32] {
    let lanes = (sizes[2] * size_of::<T>()).div_ceil(size_of::<u32>());
    // SAFETY: the caller's; `copy_rows` gives room for `k` numbers.
    let copy = |run: *const T, k, target: *mut u32| unsafe {
        target.cast::<T>().copy_from_nonoverlapping(run, k);
    };
    copy_rows(sizes, lanes, most, table, scratch, copy)
}

/// Lays the runs of each row side by side, each of `each` lanes, by a function that writes a run of
/// `k` numbers.
fn copy_rows<'s, T>(
    [rows, taps, k]: [usize; 3],
    each: usize,
    most: usize,
    table: &[*const T],
    scratch: &mut &'s mut [u8],
    put: impl Fn(*const T, usize, *mut u32),
) -> &'s [*const f32] {
    let lanes = taps * each;
    let copies = take::<u32>(scratch, rows * lanes);
    let pointers = take::<*const f32>(scratch, rows);
    if lanes == 0 {
        return pointers;
    }
    let mut lines = copies.chunks_exact_mut(lanes).zip(pointers.iter_mut());
    for (first, count) in tiles(rows, most) {
        let table = &table[first * taps..(first + count) * taps];
        for (row, (line, pointer)) in lines.by_ref().take(count).enumerate() {
            for (tap, run) in line.chunks_exact_mut(each).enumerate() {
                run[each - 1] = 0;
                put(table[tap * count + row], k, run.as_mut_ptr());
            }
            *pointer = line.as_ptr().cast();
        }
    }
    pointers
}

/// [`NarrowFn`] over any vectors.
///
/// # Safety
/// As [`NarrowFn`]; the CPU has the ISA of `V`.
#[inline(always)]
pub(crate) unsafe fn narrow<V: F32Vector>(source: *const f32, count: usize, target: *mut u16) {
    // SAFETY: the caller's.
    unsafe { map::<V, f32, u16>(source, target, count, |x| x) }
}
