//! Memory that is needed no more and that the process still has.

use memmap2::Mmap;
use std::ops::Range;

/// Bounds what the allocator keeps of freed memory: larger pieces go back to the system at once,
/// and of smaller ones no more than this stays at the end of each of its arenas. Left alone, the
/// GNU allocator takes the largest piece that was ever freed, some megabytes of weights, for a size
/// that comes often. It then keeps twice as much in every arena, and no call but the next free of
/// memory there gives it back. Call it before other threads begin.
pub fn bound_freed_memory() {
    /// 4 MiB: bodies and tensors of common requests, whose pages would else be taken anew each
    /// time.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    const KEPT_BYTES: libc::c_int = 4 << 20;
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the calls take no pointer and only change when memory is given back.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, KEPT_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}

/// Gives freed memory back to the system. An allocator keeps what was freed for whoever asks next,
/// and after a large model was loaded or ended nobody asks for as much. Takes milliseconds, in
/// which other threads may wait for memory.
pub fn give_back_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the call takes no pointer and may be made at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Gives the memory of the whole pages within a part of a mapping back to the system. Where the
/// system refuses, it stays.
///
/// # Safety
/// Nobody reads the part any more: pages of a file would be read again, others are zeros.
pub(crate) unsafe fn release(map: &Mmap, part: Range<usize>) {
    /// A multiple of the size of a page everywhere.
    const PAGES: usize = 64 << 10;
    let (start, end) = (part.start.next_multiple_of(PAGES), part.end / PAGES * PAGES);
    #[cfg(unix)]
    if start < end {
        let advice = memmap2::UncheckedAdvice::DontNeed;
        // SAFETY: the caller says that nobody reads the part.
        let _ = unsafe { map.unchecked_advise_range(advice, start, end - start) };
    }
    #[cfg(not(unix))]
    let _ = (map, start, end);
}
