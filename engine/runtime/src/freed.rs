//! Memory that was freed and that the allocator keeps.

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
