//! What a container asks of the machine that loads it.

use crate::ContainerError;

/// A processor architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arch {
    /// None in particular: the contents run wherever the engine does.
    Any,
    /// 64-bit x86.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
    /// WebAssembly with 32-bit addresses.
    Wasm32,
}

/// An architecture, and instruction sets beyond its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// The architecture.
    pub arch: Arch,
    /// One bit for each row of the table of features.
    features: u64,
}

/// Names of instruction sets; the position is the bit, so rows are only ever added at the end.
/// Constants are packed in one layout for all of them today, so no library asks for any; a
/// library whose constants only one of them can read will.
const FEATURES: [(Arch, &str); 10] = [
    (Arch::X86_64, "avx2"),
    (Arch::X86_64, "fma"),
    (Arch::X86_64, "avx512f"),
    (Arch::X86_64, "avx512bw"),
    (Arch::X86_64, "avx512vnni"),
    (Arch::X86_64, "avx512bf16"),
    (Arch::X86_64, "avxvnni"),
    (Arch::Aarch64, "neon"),
    (Arch::Aarch64, "dotprod"),
    (Arch::Aarch64, "i8mm"),
];

impl Arch {
    const ALL: [Arch; 4] = [Arch::Any, Arch::X86_64, Arch::Aarch64, Arch::Wasm32];

    /// The name as targets spell it: `x86_64`.
    pub const fn name(self) -> &'static str {
        match self {
            Arch::Any => "any",
            Arch::X86_64 => "x86_64",
            Arch::Aarch64 => "aarch64",
            Arch::Wasm32 => "wasm32",
        }
    }

    /// The number in the file.
    pub(crate) const fn code(self) -> u16 {
        match self {
            Arch::Any => 0,
            Arch::X86_64 => 1,
            Arch::Aarch64 => 2,
            Arch::Wasm32 => 3,
        }
    }

    pub(crate) fn from_code(code: u16) -> Option<Arch> {
        Arch::ALL.into_iter().find(|a| a.code() == code)
    }
}

impl Machine {
    /// No demands.
    pub const ANY: Machine = Machine { arch: Arch::Any, features: 0 };

    /// A machine with this architecture's baseline.
    pub const fn baseline(arch: Arch) -> Machine {
        Machine { arch, features: 0 }
    }

    /// The machine that this code runs on.
    pub fn host() -> Machine {
        let arch = Arch::ALL.into_iter().find(|a| a.name() == std::env::consts::ARCH);
        let arch = arch.unwrap_or(Arch::Any);
        let bit = |(bit, &(of, name)): (usize, &(Arch, &str))| {
            u64::from(of == arch && host_has(name)) << bit
        };
        Machine { arch, features: FEATURES.iter().enumerate().map(bit).sum() }
    }

    /// This machine with the instruction set `name` beside those it has, when `name` is one of
    /// its architecture's.
    pub fn with_feature(mut self, name: &str) -> Option<Machine> {
        self.features |= 1 << FEATURES.iter().position(|&row| row == (self.arch, name))?;
        Some(self)
    }

    /// Names of the instruction sets beyond the baseline.
    pub fn features(self) -> impl Iterator<Item = &'static str> {
        let is_set = move |bit: &usize| self.features >> bit & 1 == 1;
        (0..FEATURES.len()).filter(is_set).map(|bit| FEATURES[bit].1)
    }

    /// Checks that this machine can run what was built for `wanted`.
    pub(crate) fn check(self, wanted: Machine) -> Result<(), ContainerError> {
        if wanted.arch != Arch::Any && wanted.arch != self.arch {
            let (expected, found) = (wanted.arch.name(), self.arch.name());
            return Err(ContainerError::Arch { expected, found });
        }
        let missing = Machine { features: wanted.features & !self.features, ..wanted };
        if missing.features == 0 {
            return Ok(());
        }
        let mut names: Vec<&str> = missing.features().collect();
        if missing.features >> FEATURES.len() != 0 {
            names.push("one that this version does not know");
        }
        Err(ContainerError::Features { missing: names.join(", ") })
    }

    pub(crate) fn from_bits(arch: Arch, features: u64) -> Machine {
        Machine { arch, features }
    }

    pub(crate) fn bits(self) -> u64 {
        self.features
    }
}

#[cfg(target_arch = "x86_64")]
fn host_has(feature: &str) -> bool {
    match feature {
        "avx2" => is_x86_feature_detected!("avx2"),
        "fma" => is_x86_feature_detected!("fma"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        "avx512vnni" => is_x86_feature_detected!("avx512vnni"),
        "avx512bf16" => is_x86_feature_detected!("avx512bf16"),
        "avxvnni" => is_x86_feature_detected!("avxvnni"),
        _ => false,
    }
}

#[cfg(target_arch = "aarch64")]
fn host_has(feature: &str) -> bool {
    match feature {
        "neon" => std::arch::is_aarch64_feature_detected!("neon"),
        "dotprod" => std::arch::is_aarch64_feature_detected!("dotprod"),
        "i8mm" => std::arch::is_aarch64_feature_detected!("i8mm"),
        _ => false,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn host_has(_feature: &str) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_instruction_set_is_named() {
        let old = Machine::baseline(Arch::X86_64).with_feature("avx2").unwrap();
        let wanted = old.with_feature("avx512f").unwrap();
        assert_eq!(wanted.check(wanted), Ok(()));
        let error = old.check(wanted).unwrap_err();
        assert_eq!(error, ContainerError::Features { missing: "avx512f".to_string() });
    }

    #[test]
    fn another_architecture_is_refused_and_any_is_taken() {
        let arm = Machine::baseline(Arch::Aarch64);
        let x86 = Machine::baseline(Arch::X86_64);
        assert!(matches!(x86.check(arm), Err(ContainerError::Arch { .. })));
        assert_eq!(x86.check(Machine::ANY), Ok(()));
        assert_eq!(arm.with_feature("avx2"), None);
    }

    #[test]
    fn an_unknown_instruction_set_is_missing() {
        let wanted = Machine::from_bits(Arch::X86_64, 1 << 63);
        assert!(Machine::host().check(Machine { arch: Machine::host().arch, ..wanted }).is_err());
    }
}
