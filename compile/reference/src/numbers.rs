//! Elements of every type, read as `f64` or `i128` and stored again.

use crate::ReferenceError;
use half::{bf16, f16};
use tensor::{DType, Tensor};

/// The elements of a tensor in the type that they are computed in.
pub(crate) enum Numbers {
    /// Elements of a float type.
    Float(Vec<f64>),
    /// Elements of an integer type, or booleans as 0 and 1.
    Integer(Vec<i128>),
}

/// Reads the elements.
pub(crate) fn read(tensor: &Tensor) -> Result<Numbers, ReferenceError> {
    use Numbers::{Float, Integer};
    let bytes = tensor.bytes();
    let halves = || bytes.as_chunks::<2>().0.iter().map(|&b| u16::from_le_bytes(b));
    macro_rules! integers {
        ($type:ty) => {
            Integer(tensor.as_slice::<$type>()?.iter().map(|&x| i128::from(x)).collect())
        };
    }
    Ok(match tensor.dtype() {
        DType::F32 => Float(tensor.as_slice::<f32>()?.iter().map(|&x| f64::from(x)).collect()),
        DType::F64 => Float(tensor.as_slice::<f64>()?.to_vec()),
        DType::F16 => Float(halves().map(|b| f16::from_bits(b).to_f64()).collect()),
        DType::BF16 => Float(halves().map(|b| bf16::from_bits(b).to_f64()).collect()),
        DType::I8 => integers!(i8),
        DType::I16 => integers!(i16),
        DType::I32 => integers!(i32),
        DType::I64 => integers!(i64),
        DType::U8 => integers!(u8),
        DType::U16 => integers!(u16),
        DType::U32 => integers!(u32),
        DType::U64 => integers!(u64),
        DType::Bool => Integer(bytes.iter().map(|&b| i128::from(b != 0)).collect()),
    })
}

/// Reads the elements as floats; an integer beyond 2^53 is rounded.
pub(crate) fn read_floats(tensor: &Tensor) -> Result<Vec<f64>, ReferenceError> {
    Ok(match read(tensor)? {
        Numbers::Float(x) => x,
        Numbers::Integer(x) => x.into_iter().map(|x| x as f64).collect(),
    })
}

/// Reads the elements as integers; a float is rounded towards zero and saturates, NaN becomes 0.
pub(crate) fn read_integers(tensor: &Tensor) -> Result<Vec<i128>, ReferenceError> {
    Ok(match read(tensor)? {
        Numbers::Float(x) => x.into_iter().map(|x| x as i128).collect(),
        Numbers::Integer(x) => x,
    })
}

/// Stores floats: rounded to the nearest in a float type; in an integer type rounded towards
/// zero and saturated, NaN becoming 0; as booleans, whether they are other than zero.
pub(crate) fn store_floats(
    dtype: DType,
    shape: &[usize],
    x: &[f64],
) -> Result<Tensor, ReferenceError> {
    macro_rules! convert {
        ($type:ty) => {
            Tensor::from_slice(shape, &x.iter().map(|&x| x as $type).collect::<Vec<_>>())
        };
    }
    let halves = |bits: fn(f64) -> u16| {
        let bytes: Vec<u8> = x.iter().flat_map(|&x| bits(x).to_le_bytes()).collect();
        Tensor::from_bytes(dtype, shape, &bytes)
    };
    Ok(match dtype {
        DType::F32 => convert!(f32),
        DType::F64 => Tensor::from_slice(shape, x),
        DType::F16 => halves(|x| f16::from_f64(x).to_bits()),
        DType::BF16 => halves(|x| bf16::from_f64(x).to_bits()),
        DType::I8 => convert!(i8),
        DType::I16 => convert!(i16),
        DType::I32 => convert!(i32),
        DType::I64 => convert!(i64),
        DType::U8 => convert!(u8),
        DType::U16 => convert!(u16),
        DType::U32 => convert!(u32),
        DType::U64 => convert!(u64),
        DType::Bool => store_booleans(shape, x.iter().map(|&x| x != 0.0)),
    }?)
}

/// Stores integers: the low bits in an integer type, rounded to the nearest in a float type; as
/// booleans, whether they are other than zero.
pub(crate) fn store_integers(
    dtype: DType,
    shape: &[usize],
    x: &[i128],
) -> Result<Tensor, ReferenceError> {
    macro_rules! convert {
        ($type:ty) => {
            Tensor::from_slice(shape, &x.iter().map(|&x| x as $type).collect::<Vec<_>>())
        };
    }
    Ok(match dtype {
        DType::F32 => convert!(f32),
        DType::F64 => convert!(f64),
        DType::F16 | DType::BF16 => {
            let floats: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            return store_floats(dtype, shape, &floats);
        }
        DType::I8 => convert!(i8),
        DType::I16 => convert!(i16),
        DType::I32 => convert!(i32),
        DType::I64 => convert!(i64),
        DType::U8 => convert!(u8),
        DType::U16 => convert!(u16),
        DType::U32 => convert!(u32),
        DType::U64 => convert!(u64),
        DType::Bool => store_booleans(shape, x.iter().map(|&x| x != 0)),
    }?)
}

fn store_booleans(
    shape: &[usize],
    x: impl Iterator<Item = bool>,
) -> Result<Tensor, tensor::TensorError> {
    Tensor::from_bytes(DType::Bool, shape, &x.map(u8::from).collect::<Vec<_>>())
}
