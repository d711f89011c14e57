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
/// and after a large model was loaded or ended nobody asks for as much; nor does anybody run the
/// code that imported and compiled it. Takes milliseconds, in which other threads may wait for
/// memory, or for their code to be looked up again.
pub fn give_back_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: the calls take no pointer of ours and may be made at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
        libc::dl_iterate_phdr(Some(release_code), std::ptr::null_mut());
    }
}

/// Lets go of the pages of the program's own code: they lie in its file, and those that are run
/// come back, from the memory in which the system keeps files.
///
/// # Safety
/// To be called by `dl_iterate_phdr` only, which gives valid headers, those of the program first.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
unsafe extern "C" fn release_code(
    program: *mut libc::dl_phdr_info,
    _: libc::size_t,
    _: *mut libc::c_void,
) -> libc::c_int {
    // SAFETY: see above.
    let (base, headers) = unsafe {
        let program = &*program;
        let count = usize::from(program.dlpi_phnum);
        (program.dlpi_addr, std::slice::from_raw_parts(program.dlpi_phdr, count))
    };
    for header in headers {
        // What is never written is always as it is in the file.
        let is_code = header.p_flags & (libc::PF_X | libc::PF_W) == libc::PF_X;
        if header.p_type != libc::PT_LOAD || !is_code {
            continue;
        }
        let Ok(start) = usize::try_from(base + header.p_vaddr) else { continue };
        let end = start + usize::try_from(header.p_memsz).unwrap_or(0);
        let (start, end) = (start.next_multiple_of(PAGES), end / PAGES * PAGES);
        if start < end {
            let at = std::ptr::without_provenance_mut(start);
            // SAFETY: the pages are mapped from the file and nobody has written to them.
            unsafe { libc::madvise(at, end - start, libc::MADV_DONTNEED) };
        }
    }
    // No further library.
    1
}

/// A multiple of the size of a page everywhere.
const PAGES: usize = 64 << 10;

/// Gives the memory of the whole pages within a part of a mapping back to the system. Where the
/// system refuses, it stays.
///
/// # Safety
/// Nobody reads the part any more: pages of a file would be read again, others are zeros.
pub(crate) unsafe fn release(map: &Mmap, part: Range<usize>) {
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
