//! The tile kernels, one per ISA.

use super::{Kernel, generic, x86_avx2, x86_avx512};
use crate::Row;
use simd::Isa;

/// The kernels, in the order of [`Isa::ALL`].
pub(crate) const ROWS: &[Kernel] = &[
    Kernel {
        row: Row { family: "matmul", name: "matmul_f32_4x16", isa: Isa::Generic },
        tiles: generic::TILES,
        halves: generic::HALVES,
    },
    Kernel {
        row: Row { family: "matmul", name: "matmul_f32_6x16", isa: Isa::Avx2 },
        tiles: x86_avx2::TILES,
        halves: x86_avx2::HALVES,
    },
    Kernel {
        row: Row { family: "matmul", name: "matmul_f32_7x64", isa: Isa::Avx512 },
        tiles: x86_avx512::TILES,
        halves: x86_avx512::HALVES,
    },
];
