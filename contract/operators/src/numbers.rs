//! Elements of every type, read as `f64` or `i128` and stored again.

use half::{bf16, f16};
use tensor::small::{self, Narrowing};
use tensor::{DType, View, ViewMut};

/// The elements of a tensor in the type that they are computed in.
#[derive(Debug, Clone, PartialEq)]
pub enum Numbers {
    /// Elements of a float type.
    Float(Vec<f64>),
    /// Elements of an integer type, or booleans as 0 and 1.
    Integer(Vec<i128>),
}

/// Reads the elements.
pub fn read(x: &View<'_>) -> Numbers {
    use Numbers::{Float, Integer};
    macro_rules! elements {
        ($type:ty, $wide:expr) => {
            bytemuck::cast_slice::<u8, $type>(x.bytes).iter().map($wide).collect()
        };
    }
    match x.dtype {
        DType::F32 => Float(elements!(f32, |&x| f64::from(x))),
        DType::F64 => Float(elements!(f64, |&x| x)),
        DType::F16 => Float(elements!(u16, |&b| f16::from_bits(b).to_f64())),
        DType::BF16 => Float(elements!(u16, |&b| bf16::from_bits(b).to_f64())),
        DType::I8 => Integer(elements!(i8, |&x| i128::from(x))),
        DType::I16 => Integer(elements!(i16, |&x| i128::from(x))),
        DType::I32 => Integer(elements!(i32, |&x| i128::from(x))),
        DType::I64 => Integer(elements!(i64, |&x| i128::from(x))),
        DType::U8 => Integer(elements!(u8, |&x| i128::from(x))),
        DType::U16 => Integer(elements!(u16, |&x| i128::from(x))),
        DType::U32 => Integer(elements!(u32, |&x| i128::from(x))),
        DType::U64 => Integer(elements!(u64, |&x| i128::from(x))),
        DType::Bool => Integer(elements!(u8, |&x| i128::from(x != 0))),
        // There are none in a buffer.
        DType::String | DType::Object => Integer(Vec::new()),
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => {
            let numbers = small::table(x.dtype);
            Float(elements!(u8, |&byte| numbers[usize::from(byte)]))
        }
        DType::I4 | DType::I2 => {
            Integer(elements!(u8, |&byte| i128::from(small::wrapped(x.dtype, byte) as i8)))
        }
        DType::U4 | DType::U2 => {
            Integer(elements!(u8, |&byte| i128::from(small::wrapped(x.dtype, byte))))
        }
    }
}

/// Reads the elements as floats; an integer beyond 2^53 is rounded.
pub fn read_floats(x: &View<'_>) -> Vec<f64> {
    match read(x) {
        Numbers::Float(x) => x,
        Numbers::Integer(x) => x.into_iter().map(|x| x as f64).collect(),
    }
}

/// Reads the elements as integers; a float is rounded towards zero and saturates, NaN becomes 0.
pub fn read_integers(x: &View<'_>) -> Vec<i128> {
    match read(x) {
        Numbers::Float(x) => x.into_iter().map(|x| x as i128).collect(),
        Numbers::Integer(x) => x,
    }
}

/// Stores as many floats as there are places: rounded to the nearest in a float type; in an
/// integer type rounded towards zero and saturated, NaN becoming 0; as booleans, whether they are
/// other than zero; in a small type as [`small::from_f64`] does by default.
///
/// # Panics
/// When there are fewer or more.
pub fn store_floats(out: &mut ViewMut<'_>, x: &[f64]) {
    assert_eq!(out.len(), x.len(), "as many floats as there are places");
    macro_rules! store {
        ($type:ty, $narrow:expr) => {
            for (place, &x) in bytemuck::cast_slice_mut::<u8, $type>(out.bytes).iter_mut().zip(x) {
                *place = $narrow(x);
            }
        };
    }
    let dtype = out.dtype;
    match dtype {
        DType::F32 => store!(f32, |x| x as f32),
        DType::F64 => store!(f64, |x| x),
        DType::F16 => store!(u16, |x| f16::from_f64(x).to_bits()),
        DType::BF16 => store!(u16, |x| bf16::from_f64(x).to_bits()),
        DType::I8 => store!(i8, |x| x as i8),
        DType::I16 => store!(i16, |x| x as i16),
        DType::I32 => store!(i32, |x| x as i32),
        DType::I64 => store!(i64, |x| x as i64),
        DType::U8 => store!(u8, |x| x as u8),
        DType::U16 => store!(u16, |x| x as u16),
        DType::U32 => store!(u32, |x| x as u32),
        DType::U64 => store!(u64, |x| x as u64),
        DType::Bool => store!(u8, |x| u8::from(x != 0.0)),
        DType::String | DType::Object => {}
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2 => {
            store!(u8, |x| small::from_f64(dtype, x, Narrowing::default()))
        }
    }
}

/// Stores as many integers as there are places: the low bits in an integer type, rounded to the
/// nearest in a float type; as booleans, whether they are other than zero.
///
/// # Panics
/// When there are fewer or more.
pub fn store_integers(out: &mut ViewMut<'_>, x: &[i128]) {
    assert_eq!(out.len(), x.len(), "as many integers as there are places");
    macro_rules! store {
        ($type:ty, $narrow:expr) => {
            for (place, &x) in bytemuck::cast_slice_mut::<u8, $type>(out.bytes).iter_mut().zip(x) {
                *place = $narrow(x);
            }
        };
    }
    let dtype = out.dtype;
    match dtype {
        DType::F32 => store!(f32, |x| x as f32),
        DType::F64 => store!(f64, |x| x as f64),
        DType::F16 => store!(u16, |x| f16::from_f64(x as f64).to_bits()),
        DType::BF16 => store!(u16, |x| bf16::from_f64(x as f64).to_bits()),
        DType::I8 => store!(i8, |x| x as i8),
        DType::I16 => store!(i16, |x| x as i16),
        DType::I32 => store!(i32, |x| x as i32),
        DType::I64 => store!(i64, |x| x as i64),
        DType::U8 => store!(u8, |x| x as u8),
        DType::U16 => store!(u16, |x| x as u16),
        DType::U32 => store!(u32, |x| x as u32),
        DType::U64 => store!(u64, |x| x as u64),
        DType::Bool => store!(u8, |x| u8::from(x != 0)),
        DType::String | DType::Object => {}
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => {
            store!(u8, |x| small::from_f64(dtype, x as f64, Narrowing::default()))
        }
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => {
            store!(u8, |x| small::wrapped(dtype, x as u8))
        }
    }
}

/// Stores what was computed, as [`store_floats`] or [`store_integers`].
pub fn store(out: &mut ViewMut<'_>, x: &Numbers) {
    match x {
        Numbers::Float(x) => store_floats(out, x),
        Numbers::Integer(x) => store_integers(out, x),
    }
}
