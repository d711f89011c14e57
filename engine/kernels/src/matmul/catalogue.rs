//! The tile kernels: for each kind of lanes, one per ISA.

use super::{Bf16Kernel, Kernel, aarch64_neon, generic, x86_avx2, x86_avx512};
use crate::Row;
use crate::catalogue::ISAS;
use simd::Isa;

const fn kernel(name: &'static str, isa: Isa, tiles: super::Tiles) -> Kernel {
    Kernel { row: Row { family: "matmul", name, isa }, tiles }
}

/// Of the types that have no vectors.
pub(crate) const SCALAR: &[[Row; ISAS]] = &[Row::on_every_isa("matmul", "matmul_scalar")];

/// Of f32, in the order of [`Isa::ALL`].
pub(crate) const F32: &[Kernel] = &[
    kernel("matmul_f32_4x16", Isa::Generic, generic::F32_TILES),
    kernel("matmul_f32_6x16", Isa::Avx2, x86_avx2::F32_TILES),
    kernel("matmul_f32_7x64", Isa::Avx512, x86_avx512::F32_TILES),
    kernel("matmul_f32_6x16", Isa::Neon, aarch64_neon::F32_TILES),
];

/// Of bf16, in the order of [`Isa::ALL`]; that of AVX-512 needs AVX-512 BF16 too.
pub(crate) const BF16: &[Bf16Kernel] = &[
    Bf16Kernel {
        kernel: kernel("matmul_bf16_4x16", Isa::Generic, generic::BF16_TILES),
        narrow: generic::narrow,
    },
    Bf16Kernel {
        kernel: kernel("matmul_bf16_4x16", Isa::Avx2, x86_avx2::BF16_TILES),
        narrow: x86_avx2::narrow,
    },
    Bf16Kernel {
        kernel: kernel("matmul_bf16_7x64", Isa::Avx512, x86_avx512::BF16_TILES),
        narrow: x86_avx512::narrow,
    },
    Bf16Kernel {
        kernel: kernel("matmul_bf16_4x16", Isa::Neon, aarch64_neon::BF16_TILES),
        narrow: aarch64_neon::narrow,
    },
];

/// Of bytes, in the order of [`Isa::ALL`]; that of AVX-512 needs AVX-512 VNNI too.
pub(crate) const INT8: &[Kernel] = &[
    kernel("matmul_u8i8_4x16", Isa::Generic, generic::INT8_TILES),
    kernel("matmul_u8i8_4x16", Isa::Avx2, x86_avx2::INT8_TILES),
    kernel("matmul_u8i8_7x64", Isa::Avx512, x86_avx512::INT8_TILES),
    kernel("matmul_u8i8_4x16", Isa::Neon, aarch64_neon::INT8_TILES),
];
