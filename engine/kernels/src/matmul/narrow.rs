//! Rows of f32 rounded to bf16 just before they are multiplied.

use super::block::tiles;
use crate::task::{scratch_for, take};
use simd::F32Vector;

/// Rounds numbers to bf16: to the nearest, ties to even.
///
/// # Safety
/// The CPU has the ISA of the kernel; `source` holds `count` numbers, and `target` room for them.
pub(crate) type NarrowFn = unsafe fn(source: *const f32, count: usize, target: *mut u16);

/// Scratch that [`narrow_rows`] and [`join_rows`] take for rows of `depth` numbers.
pub(crate) fn scratch_bytes(rows: usize, depth: usize) -> usize {
    scratch_for::<u32>(rows * depth.div_ceil(2)) + scratch_for::<*const f32>(rows)
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
    // SAFETY: the caller's; `pair_rows` gives room for `k` numbers.
    pair_rows(sizes, most, table, scratch, |run, k, target| unsafe { narrow(run, k, target) })
}

/// As [`narrow_rows`], of runs that are bf16 already.
///
/// # Safety
/// Every pointer is to `k` numbers.
pub(crate) unsafe fn join_rows<'s>(
    sizes: [usize; 3],
    most: usize,
    table: &[*const u16],
    scratch: &mut &'s mut [u8],
) -> &'s [*const f32] {
    // SAFETY: the caller's; `pair_rows` gives room for `k` numbers.
    let copy = |run: *const u16, k, target: *mut u16| unsafe {
        target.copy_from_nonoverlapping(run, k);
    };
    pair_rows(sizes, most, table, scratch, copy)
}

/// Lays the runs of each row side by side, by a function that writes a run of `k` numbers.
fn pair_rows<'s, T>(
    [rows, taps, k]: [usize; 3],
    most: usize,
    table: &[*const T],
    scratch: &mut &'s mut [u8],
    put: impl Fn(*const T, usize, *mut u16),
) -> &'s [*const f32] {
    let each = k.div_ceil(2);
    let pairs = taps * each;
    let copies = take::<u32>(scratch, rows * pairs);
    let pointers = take::<*const f32>(scratch, rows);
    if pairs == 0 {
        return pointers;
    }
    let mut lines = copies.chunks_exact_mut(pairs).zip(pointers.iter_mut());
    for (first, count) in tiles(rows, most) {
        let table = &table[first * taps..(first + count) * taps];
        for (row, (line, pointer)) in lines.by_ref().take(count).enumerate() {
            for (tap, run) in line.chunks_exact_mut(each).enumerate() {
                run[each - 1] = 0;
                put(table[tap * count + row], k, run.as_mut_ptr().cast());
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
    let whole = count / V::LANES * V::LANES;
    // SAFETY: the caller's; the last lanes are those that are left.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            V::load(source.add(at)).store_bf16(target.add(at));
        }
        if whole < count {
            let last = V::load_partial(source.add(whole), count - whole);
            last.store_bf16_partial(target.add(whole), count - whole);
        }
    }
}
