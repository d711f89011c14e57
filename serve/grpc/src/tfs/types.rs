//! TensorFlow's element types, and in which field of a `TensorProto` the elements of each stand.

use crate::elements::Form;
use tensor::DType;

/// Text, and bytes such as those of images; the elements have a field of their own.
pub(super) const DT_STRING: i32 = 7;

/// One element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) dtype: DType,
    /// `DataType` on the wire.
    pub(super) number: i32,
    /// The field of a `TensorProto`.
    pub(super) field: u32,
    pub(super) form: Form,
}

/// All that a model may have here.
pub(super) const TYPES: &[Type] = &[
    row(DType::F32, 1, 5, Form::Fixed),
    row(DType::F64, 2, 6, Form::Fixed),
    row(DType::I32, 3, 7, Form::Varint),
    row(DType::U8, 4, 7, Form::Varint),
    row(DType::I16, 5, 7, Form::Varint),
    row(DType::I8, 6, 7, Form::Varint),
    row(DType::I64, 9, 10, Form::Varint),
    row(DType::Bool, 10, 11, Form::Varint),
    row(DType::BF16, 14, 13, Form::Varint),
    row(DType::U16, 17, 7, Form::Varint),
    row(DType::F16, 19, 13, Form::Varint),
    row(DType::U32, 22, 16, Form::Varint),
    row(DType::U64, 23, 17, Form::Varint),
];

const fn row(dtype: DType, number: i32, field: u32, form: Form) -> Type {
    Type { dtype, number, field, form }
}

impl Type {
    /// The type of a model's tensor.
    pub(super) fn of(dtype: DType) -> Option<&'static Type> {
        TYPES.iter().find(|row| row.dtype == dtype)
    }

    /// The type with this number on the wire.
    pub(super) fn numbered(number: i32) -> Option<&'static Type> {
        TYPES.iter().find(|row| row.number == number)
    }
}
