//! What is known of the messages of a graph and of a SavedModel before they are decoded.

use super::proto::AttrValue;
use crate::protobuf::Schema;
use prost::encoding::WireType;

/// The messages of which fields are walked into.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Message {
    SavedModel,
    MetaGraph,
    Graph,
    Library,
    Function,
    Signature,
    Node,
    /// An entry of the map of attributes.
    Entry,
    Attribute,
    List,
    Called,
    Tensor,
    Shape,
    /// An entry of the map of signatures.
    Named,
    Signatures,
    /// An entry of the map of a signature's inputs or outputs.
    Port,
    Info,
    Asset,
    /// Has no fields that are messages.
    Leaf,
}

const MESSAGES: &[(Message, u32, Message)] = &[
    (Message::SavedModel, 2, Message::MetaGraph),
    (Message::MetaGraph, 1, Message::Leaf),
    (Message::MetaGraph, 2, Message::Graph),
    (Message::MetaGraph, 5, Message::Named),
    (Message::MetaGraph, 6, Message::Asset),
    (Message::Named, 2, Message::Signatures),
    (Message::Signatures, 1, Message::Port),
    (Message::Signatures, 2, Message::Port),
    (Message::Port, 2, Message::Info),
    (Message::Info, 3, Message::Shape),
    (Message::Asset, 1, Message::Info),
    (Message::Graph, 1, Message::Node),
    (Message::Graph, 2, Message::Library),
    (Message::Library, 1, Message::Function),
    (Message::Function, 1, Message::Signature),
    (Message::Function, 3, Message::Node),
    (Message::Function, 4, Message::Leaf),
    (Message::Signature, 2, Message::Leaf),
    (Message::Signature, 3, Message::Leaf),
    (Message::Node, 5, Message::Entry),
    (Message::Entry, 2, Message::Attribute),
    (Message::Attribute, 1, Message::List),
    (Message::Attribute, 7, Message::Shape),
    (Message::Attribute, 8, Message::Tensor),
    (Message::Attribute, 10, Message::Called),
    (Message::List, 7, Message::Shape),
    (Message::List, 8, Message::Tensor),
    (Message::List, 9, Message::Called),
    (Message::Called, 2, Message::Entry),
    (Message::Tensor, 2, Message::Shape),
    (Message::Shape, 2, Message::Leaf),
];

const NUMBERS: &[(Message, u32)] = &[
    (Message::List, 3),
    (Message::List, 6),
    (Message::Tensor, 7),
    (Message::Tensor, 10),
    (Message::Tensor, 11),
    (Message::Tensor, 13),
    (Message::Tensor, 16),
    (Message::Tensor, 17),
];

/// A file that is a graph.
pub(super) const GRAPH: Schema<Message> = Schema {
    file: Message::Graph,
    messages: MESSAGES,
    numbers: NUMBERS,
    message_bytes: size_of::<AttrValue>(),
    is_field: |field, wire| match field {
        // The version, as it was before there were two.
        3 => wire == WireType::Varint,
        1..=5 => wire == WireType::LengthDelimited,
        _ => false,
    },
    required: Message::Node,
};

/// A file that is a SavedModel.
pub(super) const SAVED_MODEL: Schema<Message> = Schema {
    file: Message::SavedModel,
    is_field: |field, wire| match field {
        1 => wire == WireType::Varint,
        2 => wire == WireType::LengthDelimited,
        _ => false,
    },
    required: Message::MetaGraph,
    ..GRAPH
};

/// Do the bytes begin as a SavedModel does, with the only version that there is?
pub(super) fn begins_as_saved_model(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x08, 0x01, 0x12])
}

/// Longest name of a node that a file may begin with, in bytes. Scopes make names of hundreds.
const NAME_BYTES_MAX: usize = 4096;

/// Do the bytes begin as a graph does: with a node that has a name and an operator?
pub(super) fn begins_as_graph(bytes: &[u8]) -> bool {
    let Some((node, _)) = field(bytes, 0x0a) else { return false };
    let Some((name, rest)) = field(node, 0x0a) else { return false };
    let Some((op, _)) = field(rest, 0x12) else { return false };
    let is_name = |text: &[u8], more: &[u8]| {
        let is_letter = |b: &u8| b.is_ascii_alphanumeric() || more.contains(b);
        (1..=NAME_BYTES_MAX).contains(&text.len()) && text.iter().all(is_letter)
    };
    is_name(name, b"._-/>\\ :;") && is_name(op, b"_>") && op[0].is_ascii_alphabetic()
}

/// What a field holds that the bytes begin with, as far as it is there, and what lies behind it.
fn field(bytes: &[u8], key: u8) -> Option<(&[u8], &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let length = prost::encoding::decode_varint(&mut rest).ok()?;
    let length = usize::try_from(length).ok()?.min(rest.len());
    (first == key).then(|| rest.split_at(length))
}
