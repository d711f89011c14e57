//! Elements of constants as text.

use operators::numbers::{self, Numbers};
use std::fmt::Debug;
use std::str::FromStr;
use tensor::{DType, Element, Tensor};

/// The elements, or `None` when one of them has no text that reads back to the same bits: a NaN
/// other than the usual one, and anything in floats of 16 bits and less that is not finite.
pub(super) fn write(tensor: &Tensor) -> Option<Vec<String>> {
    match tensor.dtype() {
        DType::F32 => {
            let has_odd_nan =
                |x: &[f32]| x.iter().any(|x| x.is_nan() && x.to_bits() != f32::NAN.to_bits());
            write_as::<f32>(tensor, has_odd_nan)
        }
        DType::F64 => {
            let has_odd_nan =
                |x: &[f64]| x.iter().any(|x| x.is_nan() && x.to_bits() != f64::NAN.to_bits());
            write_as::<f64>(tensor, has_odd_nan)
        }
        DType::I8 => write_as::<i8>(tensor, |_| false),
        DType::I16 => write_as::<i16>(tensor, |_| false),
        DType::I32 => write_as::<i32>(tensor, |_| false),
        DType::I64 => write_as::<i64>(tensor, |_| false),
        DType::U8 => write_as::<u8>(tensor, |_| false),
        DType::U16 => write_as::<u16>(tensor, |_| false),
        DType::U32 => write_as::<u32>(tensor, |_| false),
        DType::U64 => write_as::<u64>(tensor, |_| false),
        DType::Bool => {
            let name = |&byte: &u8| match byte {
                0 => Some("false".to_string()),
                1 => Some("true".to_string()),
                2.. => None,
            };
            tensor.bytes().iter().map(name).collect()
        }
        DType::F16
        | DType::BF16
        | DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2 => write_numbers(&numbers::read(&tensor.view())),
        DType::String | DType::Object => None,
    }
}

fn write_numbers(elements: &Numbers) -> Option<Vec<String>> {
    match elements {
        Numbers::Float(x) if x.iter().any(|x| !x.is_finite()) => None,
        Numbers::Float(x) => Some(x.iter().map(|x| format!("{x:?}")).collect()),
        Numbers::Integer(x) => Some(x.iter().map(i128::to_string).collect()),
    }
}

fn write_as<T: Element + Debug>(
    tensor: &Tensor,
    is_unwritable: impl Fn(&[T]) -> bool,
) -> Option<Vec<String>> {
    let elements = tensor.as_slice::<T>().ok()?;
    if is_unwritable(elements) {
        return None;
    }
    Some(elements.iter().map(|x| format!("{x:?}").replace("NaN", "nan")).collect())
}

/// The little-endian bytes of the element that this is the text of.
pub(super) fn read(dtype: DType, text: &str) -> Option<Vec<u8>> {
    match dtype {
        DType::F32 => read_as::<f32>(text),
        DType::F64 => read_as::<f64>(text),
        DType::I8 => read_as::<i8>(text),
        DType::I16 => read_as::<i16>(text),
        DType::I32 => read_as::<i32>(text),
        DType::I64 => read_as::<i64>(text),
        DType::U8 => read_as::<u8>(text),
        DType::U16 => read_as::<u16>(text),
        DType::U32 => read_as::<u32>(text),
        DType::U64 => read_as::<u64>(text),
        DType::Bool => text.parse::<bool>().ok().map(|b| vec![u8::from(b)]),
        DType::F16
        | DType::BF16
        | DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1
        | DType::I4
        | DType::U4
        | DType::I2
        | DType::U2 => {
            let mut element = Tensor::zeros(dtype, &[]).ok()?;
            numbers::store_floats(&mut element.view_mut(), &[text.parse().ok()?]);
            Some(element.bytes().to_vec())
        }
        DType::String | DType::Object => None,
    }
}

fn read_as<T: Element + FromStr>(text: &str) -> Option<Vec<u8>> {
    Some(Tensor::scalar(text.parse::<T>().ok()?).bytes().to_vec())
}
