//! Element types, as PyTorch numbers and names them.

use tensor::DType;

/// Element types: the number in code, that in exported programs, the name.
const TYPES: &[(i64, i64, &str, DType)] = &[
    (0, 1, "uint8", DType::U8),
    (1, 2, "int8", DType::I8),
    (2, 3, "int16", DType::I16),
    (3, 4, "int32", DType::I32),
    (4, 5, "int64", DType::I64),
    (5, 6, "float16", DType::F16),
    (6, 7, "float32", DType::F32),
    (7, 8, "float64", DType::F64),
    (11, 12, "bool", DType::Bool),
    (15, 13, "bfloat16", DType::BF16),
    (27, 28, "uint16", DType::U16),
];

/// The type with this number in code.
pub(super) fn numbered(number: i64) -> Option<DType> {
    TYPES.iter().find(|row| row.0 == number).map(|row| row.3)
}

/// The type with this number in an exported program, and its number in code.
pub(super) fn exported(number: i64) -> Option<(DType, i64)> {
    TYPES.iter().find(|row| row.1 == number).map(|row| (row.3, row.0))
}

/// The type with this name.
pub(super) fn of(name: &str) -> Option<DType> {
    TYPES.iter().find(|row| row.2 == name).map(|row| row.3)
}

/// The number in code of a type.
pub(super) fn number(dtype: DType) -> Option<i64> {
    TYPES.iter().find(|row| row.3 == dtype).map(|row| row.0)
}
