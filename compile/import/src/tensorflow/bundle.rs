//! Checkpoints: `<prefix>.index`, a sorted table of keys in the format of LevelDB, and
//! `<prefix>.data-<i>-of-<n>`, the bytes of the variables.

use super::proto::{BundleEntry, BundleHeader};
use super::tensors;
use crate::build::Budget;
use crate::error::Reason;
use prost::Message;
use prost::encoding::decode_varint;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use tensor::{DType, Text, Value, element_count};

/// The last bytes of a table.
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57u64.to_le_bytes();

/// Bytes of the footer: two places of blocks, filled up, and the magic number.
const FOOTER: usize = 48;

/// Bytes behind each block: how it is packed, and its checksum.
const TRAILER: usize = 5;

/// Largest index that is read, in bytes: some hundred for each variable.
const INDEX_BYTES_MAX: u64 = 64 << 20;

/// Most variables of a checkpoint. The largest models have some ten thousand.
const ENTRIES_MAX: usize = 1 << 20;

/// The variables of a checkpoint.
pub(super) struct Bundle {
    prefix: PathBuf,
    shards: i32,
    entries: BTreeMap<String, BundleEntry>,
}

impl Bundle {
    /// Opens a checkpoint, where there is one.
    pub(super) fn open(prefix: &Path) -> Result<Option<Bundle>, String> {
        let path = beside(prefix, ".index");
        let Ok(file) = File::open(&path) else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.take(INDEX_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| format!("{}: {error}", path.display()))?;
        if bytes.len() as u64 > INDEX_BYTES_MAX {
            let path = path.display();
            return Err(format!("{path}: expected at most {INDEX_BYTES_MAX} bytes, found more"));
        }
        let entries = table(&bytes).map_err(|reason| format!("{}: {reason}", path.display()))?;
        Bundle::of(prefix, entries).map(Some)
    }

    fn of(prefix: &Path, entries: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Bundle, String> {
        let mut shards = None;
        let mut read = BTreeMap::new();
        for (key, value) in entries {
            if key.is_empty() {
                let header = BundleHeader::decode(value.as_slice());
                let header = header.map_err(|error| format!("its header: {error}"))?;
                if header.endianness != 0 {
                    return Err("expected little-endian numbers, found big-endian".to_string());
                }
                shards = Some(header.num_shards);
                continue;
            }
            let name = String::from_utf8_lossy(&key).into_owned();
            let entry = BundleEntry::decode(value.as_slice());
            read.insert(name.clone(), entry.map_err(|error| format!("{name}: {error}"))?);
        }
        let shards = shards.ok_or("it has no header")?;
        Ok(Bundle { prefix: prefix.to_path_buf(), shards, entries: read })
    }

    /// Is there such a variable?
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// A variable.
    pub(super) fn read(&self, key: &str, budget: &Budget) -> Result<Value, Reason> {
        let refused = |reason: String| Reason::Tensor { name: key.to_string(), reason };
        let entry = self.entries.get(key).ok_or_else(|| {
            refused(format!("the checkpoint {} does not hold it", self.prefix.display()))
        })?;
        if !entry.slices.is_empty() {
            return Err(refused("it lies in several parts, which are not joined".to_string()));
        }
        let dtype = tensors::element_type(entry.dtype)
            .map_err(|name| refused(format!("elements of type {name} are not supported")))?;
        let shape = tensors::known_shape(entry.shape.as_ref());
        let shape = shape.ok_or_else(|| refused("its shape is not known".to_string()))?;
        let count = element_count(&shape);
        let size = usize::try_from(entry.size).ok();
        let is_dense = dtype != DType::String;
        let expected = count.and_then(|count| count.checked_mul(dtype.size()));
        if is_dense && (size.is_none() || size != expected) {
            return Err(refused(format!("{dtype}{shape:?} does not fit {} bytes", entry.size)));
        }
        budget.take(size)?;
        let bytes = self.bytes(entry).map_err(refused)?;
        if is_dense {
            return tensors::dense(dtype, &shape, &bytes).map_err(refused);
        }
        texts(&bytes, &shape).map_err(refused)
    }

    /// The bytes of an entry, which are there before memory is taken for them.
    fn bytes(&self, entry: &BundleEntry) -> Result<Vec<u8>, String> {
        let suffix = format!(".data-{:05}-of-{:05}", entry.shard_id, self.shards);
        let path = beside(&self.prefix, &suffix);
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        let mut file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let places = u64::try_from(entry.offset).ok().zip(u64::try_from(entry.size).ok());
        let is_inside =
            |&(start, size): &(u64, u64)| start.checked_add(size).is_some_and(|end| end <= length);
        let (start, size) = places.filter(is_inside).ok_or_else(|| {
            let (path, size, start) = (path.display(), entry.size, entry.offset);
            format!("{path}: expected {size} bytes at {start}, found {length} in all")
        })?;
        file.seek(SeekFrom::Start(start)).map_err(failed)?;
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        file.read_exact(&mut bytes).map_err(failed)?;
        Ok(bytes)
    }
}

/// The file whose name is a prefix with something behind it.
fn beside(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Texts: all their lengths, a checksum of these, and then their bytes.
fn texts(bytes: &[u8], shape: &[usize]) -> Result<Value, String> {
    let broken = || "its texts end before their lengths do".to_string();
    let count = element_count(shape).filter(|&count| count <= bytes.len()).ok_or_else(broken)?;
    let mut rest = bytes;
    let mut lengths = Vec::with_capacity(count);
    for _ in 0..count {
        let length = decode_varint(&mut rest).ok().and_then(|length| usize::try_from(length).ok());
        lengths.push(length.ok_or_else(broken)?);
    }
    let mut rest = rest.get(4..).ok_or_else(broken)?;
    let mut elements = Vec::with_capacity(count);
    for length in lengths {
        let own = rest.get(..length).ok_or_else(broken)?;
        rest = &rest[length..];
        elements.push(String::from_utf8(own.to_vec()).map_err(|_| "its text is not UTF-8")?);
    }
    Text::new(shape, elements).map(Value::from).map_err(|error| error.to_string())
}

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// The entries of a table.
fn table(bytes: &[u8]) -> Result<Entries, String> {
    let footer = bytes.len().checked_sub(FOOTER).map(|start| &bytes[start..]);
    let footer = footer.filter(|footer| footer.ends_with(&MAGIC));
    let mut footer = footer.ok_or("expected a table of LevelDB, found other bytes")?;
    place(&mut footer)?;
    let index = block(bytes, place(&mut footer)?)?;
    let mut made = Vec::new();
    let mut budget = bytes.len();
    for (_, at) in entries(index, usize::MAX)? {
        let own = block(bytes, place(&mut at.as_slice())?)?;
        // Blocks do not lie in each other, so that they are read once.
        budget = budget.checked_sub(own.len()).ok_or("its blocks overlap")?;
        made.extend(entries(own, ENTRIES_MAX - made.len().min(ENTRIES_MAX))?);
    }
    Ok(made)
}

/// Offset and size of a block.
fn place(bytes: &mut &[u8]) -> Result<(usize, usize), String> {
    let mut number = || {
        let number = decode_varint(bytes).ok().and_then(|number| usize::try_from(number).ok());
        number.ok_or("expected the place of a block, found other bytes")
    };
    Ok((number()?, number()?))
}

/// The bytes of a block.
fn block(bytes: &[u8], (start, size): (usize, usize)) -> Result<&[u8], String> {
    let end = start.checked_add(size).filter(|&end| end.saturating_add(TRAILER) <= bytes.len());
    let end = end.ok_or_else(|| format!("expected a block of {size} bytes at {start}"))?;
    match bytes[end] {
        0 => Ok(&bytes[start..end]),
        _ => Err("expected blocks that are not packed, found packed ones".to_string()),
    }
}

/// Longest key, in bytes: a path through the objects of a model.
const KEY_BYTES_MAX: usize = 1 << 12;

/// Bytes that the keys of a block may take once they are whole: they share most with each other.
const KEYS_BYTES_MAX: usize = 64 << 20;

/// The entries of a block: each key by what it shares with the one before and its own end.
fn entries(block: &[u8], most: usize) -> Result<Entries, String> {
    let broken = || "a block is damaged".to_string();
    let count = block.len().checked_sub(4).ok_or_else(broken)?;
    let restarts = u32::from_le_bytes(block[count..].try_into().map_err(|_| broken())?) as usize;
    let end = restarts.checked_mul(4).and_then(|size| count.checked_sub(size));
    let mut rest = &block[..end.ok_or_else(broken)?];
    let mut made: Entries = Vec::new();
    let (mut key, mut taken): (Vec<u8>, usize) = (Vec::new(), 0);
    while !rest.is_empty() {
        let mut number = || {
            let number = decode_varint(&mut rest).ok().and_then(|n| usize::try_from(n).ok());
            number.ok_or_else(broken)
        };
        let (shared, own, value) = (number()?, number()?, number()?);
        let is_inside = own.checked_add(value).is_some_and(|size| size <= rest.len());
        let is_key = shared <= key.len() && shared.saturating_add(own) <= KEY_BYTES_MAX;
        taken = taken.saturating_add(shared).saturating_add(own);
        if !is_inside || !is_key || made.len() >= most || taken > KEYS_BYTES_MAX {
            return Err(broken());
        }
        key.truncate(shared);
        key.extend_from_slice(&rest[..own]);
        made.push((key.clone(), rest[own..own + value].to_vec()));
        rest = &rest[own + value..];
    }
    Ok(made)
}
