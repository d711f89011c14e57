//! Element types.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of a tensor's elements. All are stored little-endian, each in whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DType {
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of a binary32.
    BF16,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// One byte: 0 is false, 1 is true.
    Bool,
    /// Float of 8 bits: 4 of exponent, 3 of mantissa, no infinities; see [`crate::small`].
    F8E4M3FN,
    /// As `F8E4M3FN` with another bias, one zero and one NaN.
    F8E4M3FNUZ,
    /// Float of 8 bits: 5 of exponent, 2 of mantissa, as IEEE 754 would have it.
    F8E5M2,
    /// As `F8E5M2` with another bias, no infinities, one zero and one NaN.
    F8E5M2FNUZ,
    /// A power of two from 2^-127 to 2^127, or NaN.
    F8E8M0,
    /// Float of 4 bits: 2 of exponent, 1 of mantissa; in the low bits of a byte.
    F4E2M1,
    /// Signed 4-bit integer, its sign extended to a byte.
    I4,
    /// Unsigned 4-bit integer in a byte.
    U4,
    /// Signed 2-bit integer, its sign extended to a byte.
    I2,
    /// Unsigned 2-bit integer in a byte.
    U2,
    /// Text: no number, and in no buffer; only a [`crate::Value`] holds it.
    String,
    /// A sequence or an optional value: no tensor at all; only a [`crate::Value`] is one.
    Object,
}

impl DType {
    /// Every type of numbers, in the order of the declaration.
    pub const ALL: [DType; 23] = [
        DType::F32,
        DType::F64,
        DType::F16,
        DType::BF16,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::Bool,
        DType::F8E4M3FN,
        DType::F8E4M3FNUZ,
        DType::F8E5M2,
        DType::F8E5M2FNUZ,
        DType::F8E8M0,
        DType::F4E2M1,
        DType::I4,
        DType::U4,
        DType::I2,
        DType::U2,
    ];

    /// Size of one element in bytes.
    pub const fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 | DType::U64 => 8,
            DType::F32 | DType::I32 | DType::U32 => 4,
            DType::F16 | DType::BF16 | DType::I16 | DType::U16 => 2,
            DType::I8 | DType::U8 | DType::Bool => 1,
            DType::F8E4M3FN
            | DType::F8E4M3FNUZ
            | DType::F8E5M2
            | DType::F8E5M2FNUZ
            | DType::F8E8M0
            | DType::F4E2M1
            | DType::I4
            | DType::U4
            | DType::I2
            | DType::U2 => 1,
            // No buffer holds any: whatever counts elements counts none.
            DType::String | DType::Object => usize::MAX,
        }
    }

    /// The short name: `f32`, `i64`, `bool`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::I8 => "i8",
            DType::I16 => "i16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::U16 => "u16",
            DType::U32 => "u32",
            DType::U64 => "u64",
            DType::Bool => "bool",
            DType::F8E4M3FN => "f8e4m3fn",
            DType::F8E4M3FNUZ => "f8e4m3fnuz",
            DType::F8E5M2 => "f8e5m2",
            DType::F8E5M2FNUZ => "f8e5m2fnuz",
            DType::F8E8M0 => "f8e8m0",
            DType::F4E2M1 => "f4e2m1",
            DType::I4 => "i4",
            DType::U4 => "u4",
            DType::I2 => "i2",
            DType::U2 => "u2",
            DType::String => "string",
            DType::Object => "object",
        }
    }

    /// The type with this short name.
    pub fn from_name(name: &str) -> Option<DType> {
        let others = [DType::String, DType::Object];
        DType::ALL.into_iter().chain(others).find(|d| d.name() == name)
    }

    /// Is it a floating-point type that is computed with? The floats of [`DType::is_small`] types
    /// are not.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64 | DType::F16 | DType::BF16)
    }

    /// Are the elements numbers or booleans, which lie in buffers?
    pub const fn is_dense(self) -> bool {
        !matches!(self, DType::String | DType::Object)
    }

    /// Is it a floating-point type of 16 bits?
    pub const fn is_half(self) -> bool {
        matches!(self, DType::F16 | DType::BF16)
    }

    /// Is it a type for storage, whose numbers are moved and converted but not computed with? An
    /// element takes a whole byte in memory, whatever its bits.
    pub const fn is_small(self) -> bool {
        self.bits() < 8
            || matches!(
                self,
                DType::F8E4M3FN
                    | DType::F8E4M3FNUZ
                    | DType::F8E5M2
                    | DType::F8E5M2FNUZ
                    | DType::F8E8M0
            )
    }

    /// Is it a type of numbers that are computed with?
    pub const fn is_number(self) -> bool {
        self.is_dense() && !self.is_small() && !matches!(self, DType::Bool)
    }

    /// Bits of an element where files pack several into a byte; of the others, those of a whole
    /// element.
    pub const fn bits(self) -> usize {
        match self {
            DType::F4E2M1 | DType::I4 | DType::U4 => 4,
            DType::I2 | DType::U2 => 2,
            DType::F32
            | DType::F64
            | DType::F16
            | DType::BF16
            | DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64
            | DType::Bool
            | DType::F8E4M3FN
            | DType::F8E4M3FNUZ
            | DType::F8E5M2
            | DType::F8E5M2FNUZ
            | DType::F8E8M0 => 8 * self.size(),
            DType::String | DType::Object => usize::MAX,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
