//! Writing a container.

use crate::checksum::checksum;
use crate::layout::{Entry, Header, NO_SLOT, PAGE_BYTES, TRAILER_BYTES};
use crate::layout::{encode_trailer, header_bytes};
use crate::sections::{self, Section};
use crate::{Machine, SLOT_BYTES, Slot, find_slot};
use std::io::{self, Write};

/// The sections of a container that is to be written. It borrows them: nothing is copied.
#[derive(Debug, Clone)]
pub struct Writer<'a> {
    machine: Machine,
    sections: Vec<(&'static Section, &'a [u8])>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Length of the file in bytes.
    pub bytes: u64,
    /// Checksum of the header, see [`crate::Container::checksum`].
    pub checksum: u64,
}

/// Why a container could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The template holds no slot, or several.
    #[error(
        "the library template ({bytes} bytes) does not hold exactly one slot: rebuild schooner"
    )]
    Slot {
        /// Length of the template.
        bytes: u64,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<'a> Writer<'a> {
    /// A container without sections, for `machine`.
    pub fn new(machine: Machine) -> Writer<'a> {
        Writer { machine, sections: Vec::new() }
    }

    /// The container with this section, in place of another of its kind.
    pub fn section(mut self, section: &'static Section, bytes: &'a [u8]) -> Writer<'a> {
        self.sections.retain(|(other, _)| *other != section);
        self.sections.push((section, bytes));
        self.sections.sort_by_key(|(section, _)| sections::ALL.iter().position(|s| s == section));
        self
    }

    /// Writes the container alone.
    pub fn write_bare(&self, out: &mut impl Write) -> Result<Written, WriteError> {
        let header = self.header(0, NO_SLOT, checksum(&[], 1));
        self.write_container(&header, out)
    }

    /// Writes `template` with its slot filled in, and the container behind it.
    pub fn write_library(
        &self,
        template: &[u8],
        out: &mut impl Write,
    ) -> Result<Written, WriteError> {
        let bytes = template.len() as u64;
        let at = find_slot(template).ok_or(WriteError::Slot { bytes })?;
        let (before, after) = (&template[..at], &template[at + SLOT_BYTES..]);
        let filling = zeros(bytes.next_multiple_of(PAGE_BYTES) - bytes);
        let rest = [after, filling].concat();
        let start = bytes.next_multiple_of(PAGE_BYTES);
        let header = self.header(start, at as u64, checksum(&[before, &rest], 1));
        let (_, header_checksum) = header.encode();
        out.write_all(before)?;
        out.write_all(&Slot { header_checksum, file_length: header.file_length }.to_bytes())?;
        out.write_all(&rest)?;
        self.write_container(&header, out)
    }

    fn header(&self, start: u64, slot: u64, template_checksum: u64) -> Header {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let mut end = start + header_bytes(self.sections.len()) as u64;
        let mut entries = Vec::with_capacity(self.sections.len());
        for &(section, bytes) in &self.sections {
            let first = end.next_multiple_of(section.alignment);
            let (offset, length) = (first - start, bytes.len() as u64);
            let checksum = checksum(&[bytes], threads);
            entries.push(Entry { section, offset, length, checksum });
            end = first + length;
        }
        let file_length = end + TRAILER_BYTES as u64;
        Header { machine: self.machine, start, file_length, slot, template_checksum, entries }
    }

    fn write_container(
        &self,
        header: &Header,
        out: &mut impl Write,
    ) -> Result<Written, WriteError> {
        let (bytes, checksum) = header.encode();
        out.write_all(&bytes)?;
        let mut end = bytes.len() as u64;
        for (entry, (_, bytes)) in header.entries.iter().zip(&self.sections) {
            out.write_all(zeros(entry.offset - end))?;
            out.write_all(bytes)?;
            end = entry.offset + entry.length;
        }
        out.write_all(&encode_trailer(header, checksum))?;
        Ok(Written { bytes: header.file_length, checksum })
    }
}

/// So many zeros, fewer than a page of them.
fn zeros(count: u64) -> &'static [u8] {
    static ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];
    &ZEROS[..count as usize]
}
