//! Which instruction set the kernels run on.

use simd::Isa;

/// The variable that names an instruction set other than the best one.
const VARIABLE: &str = "SCHOONER_ISA";

/// Why the instruction set that was asked for cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IsaError {
    /// There is none of this name.
    #[error("{VARIABLE}: expected one of {}, found `{found}`", names(|_| true))]
    Unknown {
        /// What was asked for.
        found: String,
    },
    /// This processor does not have it.
    #[error(
        "{VARIABLE}: this processor has no {}, only {}; take one of those, or unset the variable",
        .asked.name(),
        names(Isa::is_available)
    )]
    Absent {
        /// What was asked for.
        asked: Isa,
    },
}

/// The instruction set that models loaded from now on run on: the best one of this processor, or
/// the one that the variable `SCHOONER_ISA` names.
///
/// ```
/// assert!(runtime::isa().unwrap().is_available());
/// ```
pub fn isa() -> Result<Isa, IsaError> {
    match std::env::var_os(VARIABLE) {
        None => Ok(Isa::best()),
        Some(name) => named(&name.to_string_lossy(), Isa::is_available),
    }
}

fn named(name: &str, is_available: fn(Isa) -> bool) -> Result<Isa, IsaError> {
    let isa = Isa::from_name(name).ok_or_else(|| IsaError::Unknown { found: name.to_string() })?;
    if is_available(isa) { Ok(isa) } else { Err(IsaError::Absent { asked: isa }) }
}

fn names(is_listed: fn(Isa) -> bool) -> String {
    let listed = Isa::ALL.into_iter().filter(|&isa| is_listed(isa));
    listed.map(Isa::name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_and_available_name_is_taken() {
        let has_only_generic: fn(Isa) -> bool = |isa| isa == Isa::Generic;
        assert_eq!(named("generic", has_only_generic), Ok(Isa::Generic));
        let absent = named("avx512", has_only_generic).unwrap_err();
        assert_eq!(absent, IsaError::Absent { asked: Isa::Avx512 });
        assert!(absent.to_string().contains("has no avx512, only generic"), "{absent}");
        for found in ["", "AVX2", "avx3"] {
            let unknown = named(found, has_only_generic).unwrap_err().to_string();
            let expected = format!("expected one of generic, avx2, avx512, neon, found `{found}`");
            assert_eq!(unknown, format!("SCHOONER_ISA: {expected}"));
        }
    }
}
