//! Zip files that hold a model, read member by member within bounds.

use std::io::{Cursor, Read};
use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

/// Files in an archive: the largest models have some ten thousand tensors and files of code.
const MEMBERS_MAX: usize = 1 << 16;

/// Bytes that one byte of the file may unpack to: no deflate stream grows by more than 1032.
const GROWTH_MAX: u64 = 1100;

/// What an archive holds.
pub(crate) struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    length: u64,
    limit: u64,
}

impl Archive {
    /// Reads the list of files; each may unpack to `limit` bytes.
    pub(crate) fn open(bytes: Vec<u8>, limit: u64) -> Result<Archive, String> {
        let length = bytes.len() as u64;
        // Model files begin with their archive. Where it begins is not to be searched for: between
        // the list and its end PyTorch writes 76 bytes more, for lists of any length, and the
        // search takes a second name that lies 76 bytes behind the first for the list's start.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let zip = ZipArchive::with_config(config, Cursor::new(bytes));
        let zip = zip.map_err(|error| error.to_string())?;
        match zip.len() {
            ..=MEMBERS_MAX => Ok(Archive { zip, length, limit }),
            count => Err(format!("expected at most {MEMBERS_MAX} files, found {count}")),
        }
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Vec<String> {
        self.zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect()
    }

    /// The bytes of a file, at most `limit` of them; `None` when there is none of this name.
    pub(crate) fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
        if self.zip.index_for_name(name).is_none() {
            return Ok(None);
        }
        let limit = limit.min(self.limit).min(self.length.saturating_mul(GROWTH_MAX));
        let member = self.zip.by_name(name).map_err(|error| format!("{name}: {error}"))?;
        let mut bytes = Vec::new();
        let read = member.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| format!("{name}: {error}"))?;
        match bytes.len() as u64 > limit {
            true => Err(format!("{name}: expected at most {limit} bytes, found more")),
            false => Ok(Some(bytes)),
        }
    }
}

/// The name of an archive's first file, as far as the bytes show it.
pub(crate) fn first_name(bytes: &[u8]) -> Option<&[u8]> {
    let head = bytes.strip_prefix(b"PK\x03\x04")?;
    let length = head.get(22..24)?;
    let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
    head.get(26..26 + length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// An archive of two files, the first with this name; behind its list what PyTorch writes.
    fn saved(first: &str) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in [first, "second"] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        let bytes = zip.finish().unwrap().into_inner();
        let (list, end) = bytes.split_at(bytes.len() - 22);
        let number = |at: usize| u64::from(u32::from_le_bytes(end[at..at + 4].try_into().unwrap()));
        let mut long = Vec::new();
        long.extend(b"PK\x06\x06");
        long.extend(44u64.to_le_bytes());
        long.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for value in [2, 2, number(12), number(16)] {
            long.extend(value.to_le_bytes());
        }
        long.extend(b"PK\x06\x07\0\0\0\0");
        long.extend((list.len() as u64).to_le_bytes());
        long.extend(1u32.to_le_bytes());
        [list, &long, end].concat()
    }

    #[test]
    fn names_of_any_length_are_read() {
        for length in 1..120 {
            let name = "n".repeat(length);
            let mut archive = Archive::open(saved(&name), 1 << 20).unwrap();
            assert_eq!(archive.names(), [name.as_str(), "second"], "{length}");
            let read = archive.read(&name, 1 << 20).unwrap();
            assert_eq!(read.as_deref(), Some(name.as_bytes()), "{length}");
        }
    }
}
