//! The instruction sets as data, and the proof that a CPU has one.

use crate::{Vectorize, aarch64_neon, generic, x86_avx2, x86_avx512};

/// An instruction set that kernels are compiled for. The order is from slow to fast, where one
/// CPU has several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Portable Rust, 8 lanes; whatever the compiler makes of it for the baseline CPU.
    Generic,
    /// x86-64 with AVX2, FMA and F16C: 8 lanes, 16 registers.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL: 16 lanes, 32 registers.
    Avx512,
    /// 64-bit Arm with NEON: 8 lanes in two registers, 32 registers.
    Neon,
}

/// What is known of an ISA.
#[derive(Debug, Clone, Copy)]
pub struct IsaRow {
    /// The ISA.
    pub isa: Isa,
    /// Short name, as in command lines and kernel names: `avx2`.
    pub name: &'static str,
    /// Does this CPU have it?
    pub is_available: fn() -> bool,
    /// Cargo target triple on which it is tested; empty for every target.
    pub cargo_target: &'static str,
}

const ROWS: [IsaRow; 4] = [
    IsaRow {
        isa: Isa::Generic,
        name: "generic",
        is_available: generic::is_available,
        cargo_target: "",
    },
    IsaRow {
        isa: Isa::Avx2,
        name: "avx2",
        is_available: x86_avx2::is_available,
        cargo_target: "x86_64-unknown-linux-gnu",
    },
    IsaRow {
        isa: Isa::Avx512,
        name: "avx512",
        is_available: x86_avx512::is_available,
        cargo_target: "x86_64-unknown-linux-gnu",
    },
    IsaRow {
        isa: Isa::Neon,
        name: "neon",
        is_available: aarch64_neon::is_available,
        cargo_target: "aarch64-unknown-linux-gnu",
    },
];

impl Isa {
    /// Every ISA, slow to fast.
    pub const ALL: [Isa; 4] = [Isa::Generic, Isa::Avx2, Isa::Avx512, Isa::Neon];

    /// What is known of this ISA.
    pub const fn row(self) -> &'static IsaRow {
        &ROWS[self as usize]
    }

    /// Short name: `generic`, `avx2`, `avx512`, `neon`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The ISA with this short name.
    pub fn from_name(name: &str) -> Option<Isa> {
        Isa::ALL.into_iter().find(|isa| isa.name() == name)
    }

    /// Does this CPU have it?
    pub fn is_available(self) -> bool {
        (self.row().is_available)()
    }

    /// The fastest ISA of this CPU.
    pub fn best() -> Isa {
        Isa::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Isa::Generic)
    }

    /// The proof that this CPU has the ISA, when it has.
    pub fn token(self) -> Option<Token> {
        self.is_available().then_some(Token(self))
    }

    /// The proof that this CPU has the ISA.
    ///
    /// # Panics
    /// When it has not: choose with [`Isa::best`] or [`Isa::is_available`].
    pub fn require(self) -> Token {
        assert!(self.is_available(), "this CPU has no {}", self.name());
        Token(self)
    }
}

/// Exists only for an ISA that this CPU has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token(Isa);

impl Token {
    /// The ISA that is proved.
    pub const fn isa(self) -> Isa {
        self.0
    }

    /// Runs `f` on the vectors of the ISA.
    #[inline]
    pub fn run<F: Vectorize>(self, f: F) -> F::Output {
        match self.0 {
            // SAFETY: the generic vectors exist everywhere.
            Isa::Generic => unsafe { generic::enter(f) },
            // SAFETY: the token proves the ISA.
            Isa::Avx2 => unsafe { x86_avx2::enter(f) },
            // SAFETY: the token proves the ISA.
            Isa::Avx512 => unsafe { x86_avx512::enter(f) },
            // SAFETY: the token proves the ISA.
            Isa::Neon => unsafe { aarch64_neon::enter(f) },
        }
    }

    /// As [`Token::run`], on vectors that are rounded to bf16 in one instruction where the CPU
    /// has it.
    #[inline]
    pub fn run_in_bf16<F: Vectorize>(self, f: F) -> F::Output {
        if self.0 == Isa::Avx512 && crate::has_bf16() {
            // SAFETY: the CPU has AVX-512 and AVX-512 BF16.
            return unsafe { x86_avx512::enter_bf16(f) };
        }
        self.run(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum() {
        for isa in Isa::ALL {
            assert_eq!(isa.row().isa, isa);
            assert_eq!(Isa::from_name(isa.name()), Some(isa));
        }
    }

    #[test]
    fn the_best_isa_is_available() {
        assert!(Isa::best().is_available());
        assert!(Isa::Generic.token().is_some());
        assert_eq!(Isa::best().require().isa(), Isa::best());
    }
}
