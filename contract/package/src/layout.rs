//! The bytes of header and trailer. All numbers are little-endian.
//!
//! | header, at byte | what |
//! |---|---|
//! | 0 | [`MAGIC`] |
//! | 8 | u32 [`VERSION`] of this layout: the first thing read, so that all else may change |
//! | 12 | u32 ABI version |
//! | 16 | u16 architecture |
//! | 18 | u16 number of sections |
//! | 20 | u32 zero |
//! | 24 | u64 instruction sets that are needed, one bit each |
//! | 32 | u64 where this header begins in the file |
//! | 40 | u64 length of the whole file |
//! | 48 | u64 where the slot begins in the file, [`NO_SLOT`] when there is none |
//! | 56 | u64 checksum of all that lies before this header, but for the slot |
//! | 64 | sections, 32 bytes each: u64 code, u64 offset from the header, u64 length, u64 checksum |
//! | then | u64 XXH3-64 of the header up to here |
//!
//! The trailer is the last 32 bytes of the file: u64 where the header begins, u64 length of the
//! whole file, u64 the header's checksum, [`TRAILER_MAGIC`].

use crate::checksum::digest;
use crate::sections::{self, Section};
use crate::{Arch, ContainerError, Machine, abi};
use std::ops::Range;

/// First bytes of a container. The byte above 127 and the line end show up a transfer that
/// took the file for text.
pub const MAGIC: [u8; 8] = *b"\x89SCHNR\r\n";

/// Last bytes of a file that holds a container.
pub(crate) const TRAILER_MAGIC: [u8; 8] = *b"\x89schnr\r\n";

/// Version of the layout.
pub const VERSION: u32 = 1;

/// What the container and its constants are aligned to in the file, in bytes: the largest page
/// that Linux uses on the processors we serve (aarch64 can be set up with 4, 16 or 64 KiB). It
/// costs at most 128 KiB of zeros in a file.
pub const PAGE_BYTES: u64 = 64 << 10;

/// The slot's place when there is no template.
pub(crate) const NO_SLOT: u64 = u64::MAX;

pub(crate) const TRAILER_BYTES: usize = 32;
const FIXED_BYTES: usize = 64;
const ENTRY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 8;

/// A header, and with it everything that is needed to find and check the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) machine: Machine,
    pub(crate) start: u64,
    pub(crate) file_length: u64,
    pub(crate) slot: u64,
    pub(crate) template_checksum: u64,
    pub(crate) entries: Vec<Entry>,
}

/// Where one section lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) section: &'static Section,
    /// From the header, in bytes.
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) checksum: u64,
}

/// Length of a header with so many sections, in bytes.
pub(crate) const fn header_bytes(sections: usize) -> usize {
    FIXED_BYTES + sections * ENTRY_BYTES + CHECKSUM_BYTES
}

impl Header {
    /// The header as bytes, and its checksum.
    pub(crate) fn encode(&self) -> (Vec<u8>, u64) {
        let mut bytes = Vec::with_capacity(header_bytes(self.entries.len()));
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(abi::VERSION.to_le_bytes());
        bytes.extend(self.machine.arch.code().to_le_bytes());
        bytes.extend((self.entries.len() as u16).to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        let places = [self.start, self.file_length, self.slot, self.template_checksum];
        for number in [self.machine.bits()].into_iter().chain(places) {
            bytes.extend(number.to_le_bytes());
        }
        for entry in &self.entries {
            bytes.extend(entry.section.code.to_le_bytes());
            for number in [entry.offset, entry.length, entry.checksum] {
                bytes.extend(number.to_le_bytes());
            }
        }
        let checksum = digest(&bytes);
        bytes.extend(checksum.to_le_bytes());
        (bytes, checksum)
    }

    /// The header at `start` of `file` and its checksum: first that it can be read at all, then
    /// that it is what was written, then that it is meant for this version, then that it agrees
    /// with the file.
    pub(crate) fn decode(file: &[u8], start: usize) -> Result<(Header, u64), ContainerError> {
        let found_length = file.len() as u64;
        let bytes = file.get(start..).unwrap_or_default();
        let Some(fixed) = bytes.first_chunk::<FIXED_BYTES>() else {
            return Err(ContainerError::NotAContainer { bytes: found_length });
        };
        let version = u32_at(fixed, 8);
        if version != VERSION {
            return Err(ContainerError::Version { found: version });
        }
        let file_length = u64_at(fixed, 40);
        let sections = usize::from(u16_at(fixed, 18));
        let Some(header) = bytes.get(..header_bytes(sections)) else {
            let (expected, found) = (file_length, found_length);
            return Err(ContainerError::Length { expected, found });
        };
        let (content, checksum) = header.split_at(header.len() - CHECKSUM_BYTES);
        let (expected, found) = (u64_at(checksum, 0), digest(content));
        if expected != found {
            return Err(ContainerError::Altered { part: "header", expected, found });
        }
        let abi = u32_at(fixed, 12);
        if abi != abi::VERSION {
            return Err(ContainerError::Abi { found: abi });
        }
        if file_length != found_length {
            let (expected, found) = (file_length, found_length);
            return Err(ContainerError::Length { expected, found });
        }
        let entries = content[FIXED_BYTES..].chunks_exact(ENTRY_BYTES);
        let header = Header {
            machine: decode_machine(fixed)?,
            start: u64_at(fixed, 32),
            file_length,
            slot: u64_at(fixed, 48),
            template_checksum: u64_at(fixed, 56),
            entries: entries.map(decode_entry).collect::<Result<_, _>>()?,
        };
        header.check_places(start as u64)?;
        Ok((header, found))
    }

    /// The range of the file in which a section lies.
    pub(crate) fn range(&self, entry: &Entry) -> Range<usize> {
        // Neither sum overflows and both fit: `check_places` held them against the file.
        let first = (self.start + entry.offset) as usize;
        first..first + entry.length as usize
    }

    /// The parts of the file that the template's checksum covers.
    pub(crate) fn template_ranges(&self) -> [Range<usize>; 2] {
        let start = self.start as usize;
        if self.slot == NO_SLOT {
            return [0..start, start..start];
        }
        let slot = self.slot as usize;
        [0..slot, slot + crate::SLOT_BYTES..start]
    }

    /// Checks that sections lie in order, aligned and inside the file, each at most once.
    fn check_places(&self, start: u64) -> Result<(), ContainerError> {
        if self.start != start || !start.is_multiple_of(PAGE_BYTES) {
            return Err(ContainerError::misplaced("the header", start));
        }
        let slot_end = self.slot.checked_add(crate::SLOT_BYTES as u64);
        if self.slot != NO_SLOT && slot_end.is_none_or(|end| end > start) {
            return Err(ContainerError::misplaced("the slot", self.slot));
        }
        let limit = self.file_length.saturating_sub(TRAILER_BYTES as u64);
        let mut end = start + header_bytes(self.entries.len()) as u64;
        let mut order = sections::ALL.into_iter();
        for entry in &self.entries {
            let Section { name, alignment, .. } = entry.section;
            let first = start.checked_add(entry.offset);
            let last = first.and_then(|first| first.checked_add(entry.length));
            let is_in_place = first.is_some_and(|f| f >= end && f.is_multiple_of(*alignment))
                && last.is_some_and(|last| last <= limit)
                && order.any(|section| section == entry.section);
            if !is_in_place {
                return Err(ContainerError::misplaced(name, entry.offset));
            }
            end = last.unwrap_or(limit);
        }
        Ok(())
    }
}

/// The trailer of a file.
pub(crate) fn encode_trailer(header: &Header, checksum: u64) -> [u8; TRAILER_BYTES] {
    let mut bytes = [0; TRAILER_BYTES];
    bytes[..8].copy_from_slice(&header.start.to_le_bytes());
    bytes[8..16].copy_from_slice(&header.file_length.to_le_bytes());
    bytes[16..24].copy_from_slice(&checksum.to_le_bytes());
    bytes[24..].copy_from_slice(&TRAILER_MAGIC);
    bytes
}

/// Where the header begins by the word of the file's last bytes, when they are a trailer.
pub(crate) fn trailer_start(file: &[u8]) -> Option<usize> {
    let trailer = file.last_chunk::<TRAILER_BYTES>()?;
    let start = u64_at(trailer, 0);
    (trailer[24..] == TRAILER_MAGIC).then_some(usize::try_from(start).ok()?)
}

fn decode_machine(fixed: &[u8; FIXED_BYTES]) -> Result<Machine, ContainerError> {
    let code = u16_at(fixed, 16);
    let arch = Arch::from_code(code)
        .ok_or_else(|| ContainerError::Malformed(format!("there is no architecture {code}")))?;
    Ok(Machine::from_bits(arch, u64_at(fixed, 24)))
}

fn decode_entry(bytes: &[u8]) -> Result<Entry, ContainerError> {
    let code = u64_at(bytes, 0);
    let section = sections::by_code(code)
        .ok_or_else(|| ContainerError::Malformed(format!("there is no section {code}")))?;
    let (offset, length, checksum) = (u64_at(bytes, 8), u64_at(bytes, 16), u64_at(bytes, 24));
    Ok(Entry { section, offset, length, checksum })
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u64_at(bytes, at) as u16
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u64_at(bytes, at) as u32
}

/// Up to eight bytes from `at`, as a number; those past the end count as zero.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    for (to, from) in number.iter_mut().zip(bytes.iter().skip(at)) {
        *to = *from;
    }
    u64::from_le_bytes(number)
}
