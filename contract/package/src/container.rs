//! Reading a container.

use crate::checksum::checksum;
use crate::layout::{self, Entry, Header, MAGIC, TRAILER_BYTES, header_bytes};
use crate::sections::{self, Section};
use crate::{ContainerError, Machine, SLOT_BYTES, Slot, find_slot};
use std::ops::Range;

/// A container in the bytes of a file, which it borrows and never copies.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    file: &'a [u8],
    header: Header,
    checksum: u64,
}

impl<'a> Container<'a> {
    /// The container in `file`, the bytes of a whole built library or `.schooner` file.
    ///
    /// Checks the header's checksum, the versions, the file's length and that all sections lie
    /// inside; not the sections themselves ([`Container::verify_payload`]), and not the machine
    /// ([`Container::check_machine`]). Allocates a few bytes for each section of the table.
    pub fn parse(file: &'a [u8]) -> Result<Container<'a>, ContainerError> {
        let is_bare = file.starts_with(&MAGIC);
        let start = if is_bare { Some(0) } else { layout::trailer_start(file) };
        let Some(start) = start else { return Err(without_trailer(file)) };
        if !file.get(start..).is_some_and(|rest| rest.starts_with(&MAGIC)) {
            return Err(ContainerError::Malformed(format!("there is no header at {start}")));
        }
        let (header, checksum) = Header::decode(file, start)?;
        let container = Container { file, header, checksum };
        container.check_seams()?;
        let missing = |s: &&&Section| s.is_required && container.range(s).is_none();
        match sections::ALL.iter().find(missing) {
            Some(section) => Err(ContainerError::MissingSection(section.name)),
            None => Ok(container),
        }
    }

    /// The bytes of a section, when there is one of this kind.
    pub fn section(&self, section: &Section) -> Option<&'a [u8]> {
        Some(&self.file[self.range(section)?])
    }

    /// Where a section lies in the file, when there is one of this kind.
    pub fn range(&self, section: &Section) -> Option<Range<usize>> {
        let entry = self.header.entries.iter().find(|e| e.section == section)?;
        Some(self.header.range(entry))
    }

    /// The sections that are there, in order, with the range of the file in which each lies.
    pub fn sections(&self) -> impl Iterator<Item = (&'static Section, Range<usize>)> {
        self.header.entries.iter().map(|e| (e.section, self.header.range(e)))
    }

    /// Checksum of the header, which holds the checksums of all the rest: two files with equal
    /// ones are equal.
    pub fn checksum(&self) -> u64 {
        self.checksum
    }

    /// The machine that it was built for.
    pub fn machine(&self) -> Machine {
        self.header.machine
    }

    /// Checks that `host` can run it.
    pub fn check_machine(&self, host: Machine) -> Result<(), ContainerError> {
        host.check(self.header.machine)
    }

    /// Checks that this is the container that the library with this slot was built with.
    pub fn check_slot(&self, slot: Slot) -> Result<(), ContainerError> {
        let (expected, found) = (slot.header_checksum, self.checksum);
        if expected == found {
            return Ok(());
        }
        Err(ContainerError::Replaced { expected, found })
    }

    /// Checks every byte that [`Container::parse`] did not, with up to `threads` threads: about
    /// 20 GB/s each, or what the memory gives.
    pub fn verify_payload(&self, threads: usize) -> Result<(), ContainerError> {
        self.verify_code(threads)?;
        self.verify_sections(threads, |_| true)?;
        let gaps = self.gaps().map(|gap| &self.file[gap]);
        match gaps.flatten().find(|&&byte| byte != 0) {
            Some(&byte) => {
                let (part, expected, found) = ("filling between sections", 0, u64::from(byte));
                Err(ContainerError::Altered { part, expected, found })
            }
            None => Ok(()),
        }
    }

    /// Checks the sections for which `is_wanted` holds.
    pub fn verify_sections(
        &self,
        threads: usize,
        is_wanted: impl Fn(&Section) -> bool,
    ) -> Result<(), ContainerError> {
        let mut entries = self.header.entries.iter().filter(|entry| is_wanted(entry.section));
        entries.try_for_each(|entry| self.verify_section(entry, threads))
    }

    fn verify_code(&self, threads: usize) -> Result<(), ContainerError> {
        let parts = self.header.template_ranges().map(|range| &self.file[range]);
        let (expected, found) = (self.header.template_checksum, checksum(&parts, threads));
        if expected != found {
            return Err(ContainerError::Altered { part: "code of the library", expected, found });
        }
        Ok(())
    }

    fn verify_section(&self, entry: &Entry, threads: usize) -> Result<(), ContainerError> {
        let bytes = &self.file[self.header.range(entry)];
        let (expected, found) = (entry.checksum, checksum(&[bytes], threads));
        if expected == found {
            return Ok(());
        }
        Err(ContainerError::Altered { part: entry.section.name, expected, found })
    }

    /// The ranges between header, sections and trailer.
    fn gaps(&self) -> impl Iterator<Item = Range<usize>> {
        let header_end = self.header.start as usize + header_bytes(self.header.entries.len());
        let trailer = self.file.len() - TRAILER_BYTES;
        let ranges = || self.header.entries.iter().map(|e| self.header.range(e));
        let ends = std::iter::once(header_end).chain(ranges().map(|range| range.end));
        let starts = ranges().map(|range| range.start).chain([trailer]);
        ends.zip(starts).map(|(end, start)| end..start)
    }

    /// Checks the copies of the header's values in the trailer and in the slot.
    fn check_seams(&self) -> Result<(), ContainerError> {
        let trailer = layout::encode_trailer(&self.header, self.checksum);
        if !self.file.ends_with(&trailer) {
            return Err(ContainerError::Malformed("the trailer contradicts it".to_string()));
        }
        if self.header.slot == layout::NO_SLOT {
            return Ok(());
        }
        let at = self.header.slot as usize;
        let slot = Slot { header_checksum: self.checksum, file_length: self.header.file_length };
        if self.file[at..at + SLOT_BYTES] == slot.to_bytes() {
            return Ok(());
        }
        Err(ContainerError::Malformed("the library's slot contradicts it".to_string()))
    }
}

/// What is wrong with a file that begins with no header and ends with no trailer. A library that
/// lost its end, or that something was added to, still knows how long it was.
fn without_trailer(file: &[u8]) -> ContainerError {
    let found = file.len() as u64;
    let slot = find_slot(file).and_then(|at| file[at..].first_chunk::<SLOT_BYTES>());
    match slot.and_then(Slot::read) {
        Some(Slot { file_length: expected, .. }) if expected != found => {
            ContainerError::Length { expected, found }
        }
        Some(_) => ContainerError::Malformed("the trailer is not one".to_string()),
        None => ContainerError::NotAContainer { bytes: found },
    }
}
