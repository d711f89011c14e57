//! What a built library and its callers agree on.

use tensor::DType;

/// Version of the C interface, and of what the engine makes of the sections. A change that an
/// older library or an older caller would misread raises it.
pub const VERSION: u32 = 1;

/// The C interface of every built library, as the text that `compile/emit` puts into generated
/// headers and that `engine/library` implements.
pub const C_HEADER: &str = include_str!("../include/schooner.h");

/// The most dimensions that an input or output can have: `SCHOONER_MAX_RANK`.
pub const MAX_RANK: usize = 8;

/// `SCHOONER_ENCODED_IMAGE`, which stands where the number of an element type does.
pub const ENCODED_IMAGE: i32 = 100;

/// Number and C name of each element type.
const DTYPES: [(DType, i32, &str); 24] = [
    (DType::F32, 1, "SCHOONER_F32"),
    (DType::F64, 2, "SCHOONER_F64"),
    (DType::F16, 3, "SCHOONER_F16"),
    (DType::BF16, 4, "SCHOONER_BF16"),
    (DType::I8, 5, "SCHOONER_I8"),
    (DType::I16, 6, "SCHOONER_I16"),
    (DType::I32, 7, "SCHOONER_I32"),
    (DType::I64, 8, "SCHOONER_I64"),
    (DType::U8, 9, "SCHOONER_U8"),
    (DType::U16, 10, "SCHOONER_U16"),
    (DType::U32, 11, "SCHOONER_U32"),
    (DType::U64, 12, "SCHOONER_U64"),
    (DType::Bool, 13, "SCHOONER_BOOL"),
    (DType::F8E4M3FN, 14, "SCHOONER_F8E4M3FN"),
    (DType::F8E4M3FNUZ, 15, "SCHOONER_F8E4M3FNUZ"),
    (DType::F8E5M2, 16, "SCHOONER_F8E5M2"),
    (DType::F8E5M2FNUZ, 17, "SCHOONER_F8E5M2FNUZ"),
    (DType::F8E8M0, 18, "SCHOONER_F8E8M0"),
    (DType::F4E2M1, 19, "SCHOONER_F4E2M1"),
    (DType::I4, 20, "SCHOONER_I4"),
    (DType::U4, 21, "SCHOONER_U4"),
    (DType::I2, 22, "SCHOONER_I2"),
    (DType::U2, 23, "SCHOONER_U2"),
    (DType::String, 24, "SCHOONER_TEXT"),
];

/// The number of the element type of a tensor, and the name that C knows the number by.
pub fn dtype_code(dtype: DType) -> (i32, &'static str) {
    // `DType` counts in the order of its declaration, which is the order of the table.
    let (_, code, name) = DTYPES[dtype as usize];
    (code, name)
}

/// The element type with this number.
pub fn dtype_of(code: i32) -> Option<DType> {
    DTYPES.into_iter().find(|&(_, number, _)| number == code).map(|(dtype, ..)| dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_type_in_order() {
        for (dtype, (row, code, _)) in DType::ALL.into_iter().chain([DType::String]).zip(DTYPES) {
            assert_eq!((dtype, dtype_of(code)), (row, Some(row)));
            assert_eq!(dtype_code(dtype).0, code);
        }
        assert_eq!(dtype_of(ENCODED_IMAGE), None);
    }

    #[test]
    fn the_header_says_the_same_numbers() {
        let numbers = DTYPES.map(|(_, code, name)| (name, code as usize));
        let others = [
            ("SCHOONER_ENCODED_IMAGE", ENCODED_IMAGE as usize),
            ("SCHOONER_MAX_RANK", MAX_RANK),
            ("SCHOONER_ABI_VERSION", VERSION as usize),
        ];
        for (name, number) in numbers.into_iter().chain(others) {
            let line = format!("#define {name} {number}\n");
            assert!(C_HEADER.contains(&line), "no {line}");
        }
    }
}
