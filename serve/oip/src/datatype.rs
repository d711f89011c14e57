//! Element types by the names of the Open Inference Protocol.

use tensor::DType;

/// The name on the wire. The protocol has none for elements of less than 16 bits other than
/// integers of 8; those go by their own.
pub const fn name(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "BOOL",
        DType::U8 => "UINT8",
        DType::U16 => "UINT16",
        DType::U32 => "UINT32",
        DType::U64 => "UINT64",
        DType::I8 => "INT8",
        DType::I16 => "INT16",
        DType::I32 => "INT32",
        DType::I64 => "INT64",
        DType::F16 => "FP16",
        DType::BF16 => "BF16",
        DType::F32 => "FP32",
        DType::F64 => "FP64",
        DType::F8E4M3FN => "F8E4M3FN",
        DType::F8E4M3FNUZ => "F8E4M3FNUZ",
        DType::F8E5M2 => "F8E5M2",
        DType::F8E5M2FNUZ => "F8E5M2FNUZ",
        DType::F8E8M0 => "F8E8M0",
        DType::F4E2M1 => "F4E2M1",
        DType::I4 => "INT4",
        DType::U4 => "UINT4",
        DType::I2 => "INT2",
        DType::U2 => "UINT2",
        DType::String | DType::Object => BYTES,
    }
}

/// Elements of any length: text, or image files.
pub const BYTES: &str = "BYTES";

/// The type of this name; [`DType::String`] for [`BYTES`].
pub fn from_name(wanted: &str) -> Option<DType> {
    let types = DType::ALL.into_iter().chain([DType::String]);
    types.into_iter().find(|&dtype| name(dtype) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for dtype in DType::ALL {
            assert_eq!(from_name(name(dtype)), Some(dtype));
        }
        assert_eq!(from_name("BYTES"), Some(DType::String));
        assert_eq!(from_name("fp32"), None);
    }
}
