//! Bytes whose first one lies on a cache line.

/// Alignment of every buffer, in bytes: one cache line, and the widest vector register.
pub const ALIGNMENT: usize = 64;

/// A byte buffer of fixed length, aligned to [`ALIGNMENT`].
pub struct AlignedBytes {
    /// With room to begin at a multiple of [`ALIGNMENT`]. Allocators give large blocks of zeros of
    /// no wider type without touching them, so that memory which nobody writes is never taken.
    words: Vec<u128>,
    start: usize,
    len: usize,
}

impl AlignedBytes {
    /// `len` bytes of zero.
    pub fn zeroed(len: usize) -> AlignedBytes {
        let spare = ALIGNMENT / size_of::<u128>() - 1;
        let words = vec![0u128; len.div_ceil(size_of::<u128>()).saturating_add(spare)];
        let start = words.as_ptr().addr().wrapping_neg() % ALIGNMENT;
        AlignedBytes { words, start, len }
    }

    /// Forgets all bytes behind the first `len`.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn truncate(&mut self, len: usize) {
        assert!(len <= self.len, "there are only {} bytes", self.len);
        self.len = len;
    }

    /// A copy of `bytes`.
    pub fn copy_of(bytes: &[u8]) -> AlignedBytes {
        let mut copy = AlignedBytes::zeroed(bytes.len());
        copy.as_mut_slice().copy_from_slice(bytes);
        copy
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Is there no byte at all?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[self.start..self.start + self.len]
    }

    /// The bytes, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[self.start..self.start + self.len]
    }
}

impl Clone for AlignedBytes {
    fn clone(&self) -> AlignedBytes {
        AlignedBytes::copy_of(self.as_slice())
    }
}

impl PartialEq for AlignedBytes {
    fn eq(&self, other: &AlignedBytes) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl std::fmt::Debug for AlignedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.len)
    }
}
