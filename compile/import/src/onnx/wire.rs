//! A walk over the bytes of a model before anything is made of them: is this the protobuf of an
//! ONNX model, is it whole, and does it hold a sane number of messages?
//!
//! Two bytes of file can stand for an empty message that takes hundreds of bytes of memory, so
//! the messages are counted here, where counting costs nothing.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Most messages (nodes, attributes, tensors, names of sizes …) in one model: ten times what the
/// largest published language models hold, and at most a gigabyte once decoded.
const MESSAGES_MAX: usize = 2_000_000;

/// Deepest nesting. The schema itself nests 6 deep; what goes beyond are subgraphs.
const DEPTH_MAX: usize = 64;

/// Why bytes are not an ONNX model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// Not protobuf, or the protobuf of something else.
    #[error("no ONNX model")]
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

/// The messages of which fields are walked into.
#[derive(Clone, Copy, PartialEq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    Tensor,
    Value,
    Type,
    Shape,
    /// Has no fields that are messages.
    Leaf,
}

/// Which fields hold messages, as `(message, field, message of the field)`.
const FIELDS: &[(Message, u32, Message)] = &[
    (Message::Model, 7, Message::Graph),
    (Message::Model, 8, Message::Leaf),
    (Message::Model, 14, Message::Leaf),
    (Message::Model, 25, Message::Function),
    (Message::Graph, 1, Message::Node),
    (Message::Graph, 5, Message::Tensor),
    (Message::Graph, 11, Message::Value),
    (Message::Graph, 12, Message::Value),
    (Message::Graph, 13, Message::Value),
    (Message::Graph, 15, Message::Leaf),
    (Message::Node, 5, Message::Attribute),
    (Message::Attribute, 5, Message::Tensor),
    (Message::Attribute, 6, Message::Graph),
    (Message::Attribute, 14, Message::Type),
    (Message::Attribute, 11, Message::Graph),
    (Message::Function, 7, Message::Node),
    (Message::Function, 9, Message::Leaf),
    (Message::Function, 11, Message::Attribute),
    (Message::Tensor, 13, Message::Leaf),
    (Message::Value, 2, Message::Type),
    (Message::Type, 1, Message::Type),
    (Message::Type, 2, Message::Shape),
    (Message::Type, 4, Message::Type),
    (Message::Type, 9, Message::Type),
    (Message::Shape, 1, Message::Leaf),
];

/// Fields of numbers that are written in as little as one byte each, as `(message, field)`; each
/// takes up to [`NUMBER_BYTES`] once decoded.
const NUMBERS: &[(Message, u32)] = &[
    (Message::Tensor, 1),
    (Message::Tensor, 5),
    (Message::Tensor, 7),
    (Message::Tensor, 11),
    (Message::Attribute, 8),
];

/// Bytes of the widest number.
const NUMBER_BYTES: usize = 8;

/// Bytes that a message takes once decoded, whatever is in it: the widest one, an attribute.
const MESSAGE_BYTES: usize = size_of::<super::decode::AttributeProto>();

/// Fields of the model itself that are varints; every other one is length-delimited. This is
/// what tells an ONNX model from other protobuf files, since the format has no magic number.
const MODEL_VARINTS: [u32; 2] = [1, 5];

/// The last field of the model that the schema has.
const MODEL_FIELD_MAX: u32 = 26;

/// Checks that `bytes` are an ONNX model from end to end, as far as structure goes, which takes no
/// more than `memory` bytes once it is decoded.
pub(crate) fn check(bytes: &[u8], memory: usize) -> Result<(), WireError> {
    let mut walk = Walk { bytes, messages: 0, has_graph: false, decoded: 0, memory };
    walk.message(0, bytes.len(), Message::Model, 0)?;
    if walk.has_graph { Ok(()) } else { Err(WireError::Foreign) }
}

struct Walk<'a> {
    bytes: &'a [u8],
    messages: usize,
    has_graph: bool,
    /// Bytes that what was walked takes once decoded, text and raw data aside.
    decoded: usize,
    memory: usize,
}

impl Walk<'_> {
    /// Walks the fields of the message between two offsets.
    fn message(
        &mut self,
        mut at: usize,
        end: usize,
        kind: Message,
        depth: usize,
    ) -> Result<(), WireError> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(WireError::TooMany);
        }
        self.take(MESSAGE_BYTES)?;
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
        kind: Message,
        depth: usize,
    ) -> Result<usize, WireError> {
        let damaged = if kind == Message::Model && !self.has_graph {
            WireError::Foreign
        } else {
            WireError::Damaged { offset }
        };
        let mut rest = &self.bytes[offset..end];
        let (field, wire) = decode_key(&mut rest).map_err(|_| damaged.clone())?;
        if kind == Message::Model {
            let is_varint = MODEL_VARINTS.contains(&field);
            let expected = if is_varint { WireType::Varint } else { WireType::LengthDelimited };
            if field > MODEL_FIELD_MAX || wire != expected {
                return Err(damaged);
            }
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
        let row = FIELDS.iter().find(|row| row.0 == kind && row.1 == field);
        if let (Some((_, _, inner)), WireType::LengthDelimited) = (row, wire) {
            self.has_graph |= kind == Message::Model && *inner == Message::Graph;
            self.message(start, start + len, *inner, depth + 1)?;
        }
        if NUMBERS.contains(&(kind, field)) {
            self.take(len.saturating_mul(NUMBER_BYTES))?;
        }
        Ok(start + len)
    }
}
