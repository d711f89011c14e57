//! Zip files that hold a model, read member by member within bounds.

use std::io::{Cursor, Read};
use zip::ZipArchive;

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
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
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
