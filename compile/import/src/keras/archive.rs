//! The `.keras` archive: a zip file of a description, weights in HDF5 and metadata.

use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Files in an archive: three, and what layers keep beside their weights.
const MEMBERS_MAX: usize = 1 << 16;

/// Bytes of a description in JSON: the largest of `keras.applications` has 2 MB.
pub(super) const JSON_BYTES_MAX: u64 = 16 << 20;

/// Bytes of what an archive says of itself: Keras writes three short values.
pub(super) const METADATA_BYTES_MAX: u64 = 64 << 10;

/// Bytes that one byte of the file may unpack to: no deflate stream grows by more than 1032.
const GROWTH_MAX: u64 = 1100;

/// What an archive holds.
pub(super) struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    length: u64,
    limit: u64,
}

impl Archive {
    /// Reads the list of files; each may unpack to `limit` bytes.
    pub(super) fn open(bytes: Vec<u8>, limit: u64) -> Result<Archive, String> {
        let length = bytes.len() as u64;
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        match zip.len() {
            ..=MEMBERS_MAX => Ok(Archive { zip, length, limit }),
            count => Err(format!("expected at most {MEMBERS_MAX} files, found {count}")),
        }
    }

    /// The bytes of a file, at most `limit` of them; `None` when there is none of this name.
    pub(super) fn read(&mut self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
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

/// Does the archive's first file bear the name of one of a `.keras` archive?
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    let Some(head) = bytes.strip_prefix(b"PK\x03\x04") else { return false };
    let Some(length) = head.get(22..24) else { return false };
    let length = usize::from(u16::from_le_bytes([length[0], length[1]]));
    let name = head.get(26..26 + length);
    name.is_some_and(|name| MEMBERS.iter().any(|member| name == member.as_bytes()))
}

/// The description of the layers.
pub(super) const CONFIG: &str = "config.json";

/// What wrote the archive.
pub(super) const METADATA: &str = "metadata.json";

/// The weights.
pub(super) const WEIGHTS: &str = "model.weights.h5";

const MEMBERS: [&str; 3] = [CONFIG, METADATA, WEIGHTS];
