//! A walk over the bytes of a protobuf before anything is made of them: is this a file of some
//! format, is it whole, and does it hold a sane number of messages?
//!
//! Two bytes of file can stand for an empty message that takes hundreds of bytes of memory, so
//! the messages are counted here, where counting costs nothing.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Most messages (nodes, attributes, tensors, names of sizes …) in one model: ten times what the
/// largest published language models hold, and at most a gigabyte once decoded.
const MESSAGES_MAX: usize = 2_000_000;

/// Deepest nesting. The schemas themselves nest some 10 deep; what goes beyond are subgraphs.
const DEPTH_MAX: usize = 64;

/// Bytes of the widest number.
const NUMBER_BYTES: usize = 8;

/// Bytes that a text or raw data takes once decoded, even where it is empty.
const TEXT_BYTES: usize = 32;

/// Why bytes are not a file of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// Not protobuf, or the protobuf of something else.
    #[error("no model of this format")]
    Foreign,
    /// It starts as a model, but what stands at this place is no field.
    #[error("what stands at byte {offset} is no field of a model")]
    Damaged { offset: usize },
    /// It ends within a field.
    #[error(
        "the file ends within the field at byte {offset}, which claims {claimed} bytes; {found} \
         are there"
    )]
    Truncated { offset: usize, claimed: u64, found: usize },
    /// More messages than [`MESSAGES_MAX`].
    #[error("the file holds more than {MESSAGES_MAX} messages")]
    TooMany,
    /// It takes more memory than it may once it is decoded.
    #[error("decoded it takes {decoded} bytes at least, the limit is {limit}")]
    TooLarge { decoded: usize, limit: usize },
    /// Deeper than [`DEPTH_MAX`].
    #[error("messages are nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// What is known of a format's messages, each of a kind `M`.
pub(crate) struct Schema<M: 'static> {
    /// The file itself.
    pub(crate) file: M,
    /// Which fields hold messages, as `(message, field, message of the field)`.
    pub(crate) messages: &'static [(M, u32, M)],
    /// Fields of numbers that are written in as little as one byte each, as `(message, field)`;
    /// each takes up to [`NUMBER_BYTES`] once decoded.
    pub(crate) numbers: &'static [(M, u32)],
    /// Bytes that a message takes once decoded, whatever is in it: those of the widest one.
    pub(crate) message_bytes: usize,
    /// Could the file itself have such a field? This is what tells one format from another, since
    /// protobuf has no magic number.
    pub(crate) is_field: fn(u32, WireType) -> bool,
    /// The message that every file holds.
    pub(crate) required: M,
}

impl<M: Copy + PartialEq> Schema<M> {
    /// Checks that `bytes` are a file from end to end, as far as structure goes, which takes no
    /// more than `memory` bytes once it is decoded.
    pub(crate) fn check(&self, bytes: &[u8], memory: usize) -> Result<(), WireError> {
        let mut walk =
            Walk { schema: self, bytes, messages: 0, has_required: false, decoded: 0, memory };
        walk.message(0, bytes.len(), self.file, 0)?;
        if walk.has_required { Ok(()) } else { Err(WireError::Foreign) }
    }
}

struct Walk<'a, M: 'static> {
    schema: &'a Schema<M>,
    bytes: &'a [u8],
    messages: usize,
    has_required: bool,
    /// Bytes that what was walked takes once decoded, text and raw data aside.
    decoded: usize,
    memory: usize,
}

impl<M: Copy + PartialEq> Walk<'_, M> {
    /// Walks the fields of the message between two offsets.
    fn message(
        &mut self,
        mut at: usize,
        end: usize,
        kind: M,
        depth: usize,
    ) -> Result<(), WireError> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(WireError::TooMany);
        }
        self.take(self.schema.message_bytes)?;
        if depth > DEPTH_MAX {
            return Err(WireError::TooDeep);
        }
        while at < end {
            at = self.field(at, end, kind, depth)?;
        }
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<(), WireError> {
        self.decoded = self.decoded.saturating_add(bytes);
        if self.decoded > self.memory {
            return Err(WireError::TooLarge { decoded: self.decoded, limit: self.memory });
        }
        Ok(())
    }

    /// Walks one field and gives the offset after it.
    fn field(
        &mut self,
        offset: usize,
        end: usize,
        kind: M,
        depth: usize,
    ) -> Result<usize, WireError> {
        let is_file = kind == self.schema.file;
        let damaged = if is_file && !self.has_required {
            WireError::Foreign
        } else {
            WireError::Damaged { offset }
        };
        let mut rest = &self.bytes[offset..end];
        let (field, wire) = decode_key(&mut rest).map_err(|_| damaged.clone())?;
        if is_file && !(self.schema.is_field)(field, wire) {
            return Err(damaged);
        }
        let claimed = match wire {
            WireType::Varint => {
                decode_varint(&mut rest).map_err(|_| damaged)?;
                self.take(NUMBER_BYTES)?;
                return Ok(end - rest.len());
            }
            WireType::LengthDelimited => decode_varint(&mut rest).map_err(|_| damaged.clone())?,
            WireType::ThirtyTwoBit => 4,
            WireType::SixtyFourBit => 8,
            WireType::StartGroup | WireType::EndGroup => return Err(damaged),
        };
        let found = rest.len();
        let Some(len) = usize::try_from(claimed).ok().filter(|&len| len <= found) else {
            if end == self.bytes.len() {
                return Err(WireError::Truncated { offset, claimed, found });
            }
            return Err(damaged);
        };
        let start = end - found;
        let row = self.schema.messages.iter().find(|row| row.0 == kind && row.1 == field);
        if let (Some((_, _, inner)), WireType::LengthDelimited) = (row, wire) {
            self.has_required |= *inner == self.schema.required;
            self.message(start, start + len, *inner, depth + 1)?;
        }
        self.take(TEXT_BYTES)?;
        if self.schema.numbers.contains(&(kind, field)) {
            self.take(len.saturating_mul(NUMBER_BYTES))?;
        }
        Ok(start + len)
    }
}
