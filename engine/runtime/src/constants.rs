//! The packed weights of a model: bytes of its own, or a part of a mapped file.

use crate::freed::release;
use memmap2::Mmap;
use std::ops::Range;
use std::sync::Arc;
use tensor::AlignedBytes;

/// Bytes that a plan's constants lie in. Cheap to clone; never written.
#[derive(Clone)]
pub struct Constants(Source);

#[derive(Clone)]
enum Source {
    Owned(Arc<AlignedBytes>),
    Mapped { file: Arc<Mmap>, range: Range<usize> },
}

impl Constants {
    /// Bytes in memory of this process.
    pub fn owned(bytes: AlignedBytes) -> Constants {
        Constants(Source::Owned(Arc::new(bytes)))
    }

    /// A part of a mapped file, which every process that maps it shares. `None` when the part
    /// is not within the file, or does not begin at a multiple of [`plan::ALIGNMENT`]. What lies
    /// around the part goes back to the system: some megabytes of a library's code that was read to
    /// be checked.
    ///
    /// # Safety
    /// What lies around the part is not read through the mapping any more.
    pub(crate) unsafe fn mapped(file: Arc<Mmap>, range: Range<usize>) -> Option<Constants> {
        let is_aligned =
            file.as_ptr().addr().wrapping_add(range.start).is_multiple_of(tensor::ALIGNMENT);
        let is_inside = range.start <= range.end && range.end <= file.len();
        if !is_aligned || !is_inside {
            return None;
        }
        // SAFETY: from here on the mapping is only reached through the range of constants.
        unsafe {
            release(&file, 0..range.start);
            release(&file, range.end..file.len());
        }
        Some(Constants(Source::Mapped { file, range }))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Source::Owned(bytes) => bytes.as_slice(),
            Source::Mapped { file, range } => &file[range.clone()],
        }
    }
}

impl std::fmt::Debug for Constants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = match self.0 {
            Source::Owned(_) => "owned",
            Source::Mapped { .. } => "mapped",
        };
        write!(f, "Constants({source}, {} bytes)", self.as_slice().len())
    }
}
