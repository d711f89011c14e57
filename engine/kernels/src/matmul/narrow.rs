//! Rows of f32 rounded to bf16 just before they are multiplied.

use super::block::tiles;
use crate::task::{scratch_for, take};
use simd::{F32Vector, LANES_MAX};

/// Rounds numbers to bf16: to the nearest, ties to even.
///
/// # Safety
/// The CPU has the ISA of the kernel; `source` holds `count` numbers, and `target` room for them.
pub(crate) type NarrowFn = unsafe fn(source: *const f32, count: usize, target: *mut u16);

/// Scratch that [`narrow_rows`] takes for rows of `depth` numbers.
pub(crate) fn scratch_bytes(rows: usize, depth: usize) -> usize {
    scratch_for::<u32>(rows * depth.div_ceil(2)) + scratch_for::<*const f32>(rows)
}

/// Copies rows, each of `taps` runs of `k` numbers, as pairs of bf16, the last one filled up with
/// a zero. `table` points at the runs tile by tile of at most `most` rows, as
/// [`super::Block::run`] takes them; gives pointers to the copies, one for each row.
///
/// # Safety
/// Every pointer is to `k` numbers; `narrow` is of this CPU.
pub(crate) unsafe fn narrow_rows<'s>(
    narrow: NarrowFn,
    [rows, taps, k]: [usize; 3],
    most: usize,
    table: &[*const f32],
    scratch: &mut &'s mut [u8],
) -> &'s [*const f32] {
    let pairs = (taps * k).div_ceil(2);
    let copies = take::<u32>(scratch, rows * pairs);
    let pointers = take::<*const f32>(scratch, rows);
    if pairs == 0 {
        return pointers;
    }
    let mut lines = copies.chunks_exact_mut(pairs).zip(pointers.iter_mut());
    for (first, count) in tiles(rows, most) {
        let table = &table[first * taps..(first + count) * taps];
        for (row, (line, pointer)) in lines.by_ref().take(count).enumerate() {
            line[pairs - 1] = 0;
            let target = line.as_mut_ptr().cast::<u16>();
            for tap in 0..taps {
                // SAFETY: the caller's; `taps * k` numbers fit into the line.
                unsafe { narrow(table[tap * count + row], k, target.add(tap * k)) };
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
    // SAFETY: the caller's; the last lanes go by way of a buffer.
    unsafe {
        for at in (0..whole).step_by(V::LANES) {
            V::load(source.add(at)).store_bf16(target.add(at));
        }
        if whole < count {
            let mut last = [0u16; LANES_MAX];
            V::load_partial(source.add(whole), count - whole).store_bf16(last.as_mut_ptr());
            target.add(whole).copy_from_nonoverlapping(last.as_ptr(), count - whole);
        }
    }
}
