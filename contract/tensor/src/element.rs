//! Rust types that are elements of tensors.

use crate::DType;

/// A Rust type that stands for one [`DType`]. Booleans are read as `u8` bytes through
/// [`crate::Tensor::bytes`], since not every byte is a valid `bool`.
pub trait Element: bytemuck::Pod {
    /// The element type that this Rust type stands for.
    const DTYPE: DType;
}

macro_rules! element {
    ($($rust:ty => $dtype:ident),*) => {
        $(impl Element for $rust { const DTYPE: DType = DType::$dtype; })*
    };
}

element!(
    f32 => F32, f64 => F64, i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64
);
