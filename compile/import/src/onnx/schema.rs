//! What is known of the messages of an ONNX model before they are decoded.

use super::decode::AttributeProto;
use crate::protobuf::Schema;
use prost::encoding::WireType;

/// The messages of which fields are walked into.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Message {
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

/// Fields of numbers that are written in as little as one byte each, as `(message, field)`.
const NUMBERS: &[(Message, u32)] = &[
    (Message::Tensor, 1),
    (Message::Tensor, 5),
    (Message::Tensor, 7),
    (Message::Tensor, 11),
    (Message::Attribute, 8),
];

/// Fields of the model itself that are varints; every other one is length-delimited.
const MODEL_VARINTS: [u32; 2] = [1, 5];

/// The last field of the model that the schema has.
const MODEL_FIELD_MAX: u32 = 26;

pub(crate) const SCHEMA: Schema<Message> = Schema {
    file: Message::Model,
    messages: FIELDS,
    numbers: NUMBERS,
    message_bytes: size_of::<AttributeProto>(),
    is_field: |field, wire| {
        let is_varint = MODEL_VARINTS.contains(&field);
        let expected = if is_varint { WireType::Varint } else { WireType::LengthDelimited };
        field <= MODEL_FIELD_MAX && wire == expected
    },
    required: Message::Graph,
};
