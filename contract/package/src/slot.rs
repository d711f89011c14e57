//! The slot: bytes inside the template's own image that `emit` fills in. A running library reads
//! it from memory and so knows which container it belongs to, even when another file has taken
//! the place of its own; and a file that lost its end can still say how long it was.

/// Length of the slot in bytes: the marker, then the values of [`Slot`].
pub const SLOT_BYTES: usize = MARKER_BYTES + 16;

const MARKER_BYTES: usize = 32;

/// The slot's place in memory is a multiple of this, and so is its place in the file, because
/// linkers keep the two equal modulo the page.
const SLOT_ALIGNMENT: usize = 16;

/// The marker with every bit turned over. Code that looks for the marker holds only this, so
/// that the marker itself is found once in the template: in the slot.
const INVERTED_MARKER: [u8; MARKER_BYTES] = inverted(*b"schooner:slot:6b1f93d2c47e05a8:\x1a");

/// What `emit` writes into the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Checksum of the container's header, which holds the checksums of all the rest.
    pub header_checksum: u64,
    /// Length of the whole file in bytes.
    pub file_length: u64,
}

impl Slot {
    /// The values in a slot that `emit` filled in, or nothing when it is still empty.
    pub fn read(slot: &[u8; SLOT_BYTES]) -> Option<Slot> {
        let (header_checksum, rest) = slot[MARKER_BYTES..].split_first_chunk()?;
        let (file_length, _) = rest.split_first_chunk()?;
        let slot = Slot {
            header_checksum: u64::from_le_bytes(*header_checksum),
            file_length: u64::from_le_bytes(*file_length),
        };
        (slot.file_length != 0).then_some(slot)
    }

    /// The whole slot with these values in it.
    pub(crate) fn to_bytes(self) -> [u8; SLOT_BYTES] {
        let mut slot = empty_slot();
        let (checksum, length) = slot[MARKER_BYTES..].split_at_mut(8);
        checksum.copy_from_slice(&self.header_checksum.to_le_bytes());
        length.copy_from_slice(&self.file_length.to_le_bytes());
        slot
    }
}

/// A slot with nothing in it, for the template: to be placed in a static that the linker keeps,
/// aligned to 16 bytes.
pub const fn empty_slot() -> [u8; SLOT_BYTES] {
    let marker = inverted(INVERTED_MARKER);
    let mut slot = [0; SLOT_BYTES];
    let mut i = 0;
    while i < MARKER_BYTES {
        slot[i] = marker[i];
        i += 1;
    }
    slot
}

/// Where the slot begins in a library's file, when there is exactly one.
pub fn find_slot(file: &[u8]) -> Option<usize> {
    // Not a constant to the compiler, which would otherwise store the marker once more.
    let marker = inverted(std::hint::black_box(INVERTED_MARKER));
    let is_slot = |at: &usize| {
        file.get(*at..at + SLOT_BYTES).is_some_and(|slot| slot[..MARKER_BYTES] == marker)
    };
    let mut found = (0..file.len()).step_by(SLOT_ALIGNMENT).filter(is_slot);
    found.next().filter(|_| found.next().is_none())
}

const fn inverted(bytes: [u8; MARKER_BYTES]) -> [u8; MARKER_BYTES] {
    let mut result = bytes;
    let mut i = 0;
    while i < MARKER_BYTES {
        result[i] = !bytes[i];
        i += 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_found_where_it_is_and_only_alone() {
        let mut file = vec![0; 4096];
        assert_eq!(find_slot(&file), None);
        file[160..160 + SLOT_BYTES].copy_from_slice(&empty_slot());
        assert_eq!(find_slot(&file), Some(160));
        file[1600..1600 + SLOT_BYTES].copy_from_slice(&empty_slot());
        assert_eq!(find_slot(&file), None);
    }

    #[test]
    fn values_survive_and_an_empty_slot_has_none() {
        let slot = Slot { header_checksum: 0x0123_4567_89ab_cdef, file_length: 1 << 40 };
        assert_eq!(Slot::read(&slot.to_bytes()), Some(slot));
        assert_eq!(Slot::read(&empty_slot()), None);
    }
}
