//! The processor that a model is compressed for: the kernels whose latency decides.

use crate::error::Error;
use simd::{Isa, Token};
use std::fmt;
use std::str::FromStr;

/// An instruction set, or one with what only some of its processors have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    name: &'static str,
    isa: Isa,
    is_available: fn() -> bool,
}

/// Targets that are more than an instruction set: the kernels of AVX-512 take VNNI where they find
/// it, and a user may want to be sure that they did.
const FURTHER: [Target; 1] =
    [Target { name: "x86-vnni", isa: Isa::Avx512, is_available: simd::has_vnni }];

impl Target {
    /// The instruction set itself.
    pub(super) fn of(isa: Isa) -> Target {
        let row = isa.row();
        Target { name: row.name, isa, is_available: row.is_available }
    }

    fn all() -> impl Iterator<Item = Target> {
        Isa::ALL.into_iter().map(Target::of).chain(FURTHER)
    }

    /// The proof that this machine can measure for it.
    pub(super) fn token(self) -> Result<Token, Error> {
        self.isa.token().filter(|_| (self.is_available)()).ok_or_else(|| {
            let here = Target::all().filter(|target| (target.is_available)());
            Error::Usage(format!(
                "--target {self}: expected a processor that runs it, since its latency decides; \
                 this one runs {}; compress on one that does, or leave --target out and compress \
                 --for size, where no latency decides (int8 answers are the same everywhere)",
                names(here)
            ))
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(name: &str) -> Result<Target, String> {
        let found = Target::all().find(|target| target.name == name);
        found.ok_or_else(|| format!("expected one of {}", names(Target::all())))
    }
}

fn names(targets: impl Iterator<Item = Target>) -> String {
    targets.map(|target| target.name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn targets_have_names_and_run_where_they_can() {
        for target in Target::all() {
            assert_eq!(target.name.parse::<Target>().unwrap().name, target.name);
            match target.token() {
                Ok(token) => assert_eq!(token.isa(), target.isa),
                Err(error) => {
                    assert!(error.to_string().contains("this one runs generic"), "{error}")
                }
            }
        }
        let error = "x86-sse".parse::<Target>().unwrap_err();
        assert_eq!(error, "expected one of generic, avx2, avx512, neon, x86-vnni");
    }

    #[test]
    fn a_machine_without_the_target_says_what_it_has() {
        let absent = Target { name: "x86-amx", isa: Isa::Generic, is_available: || false };
        let error = absent.token().unwrap_err();
        assert_eq!(error.exit(), Exit::Usage, "{error}");
        assert!(error.to_string().starts_with("--target x86-amx: expected a processor"), "{error}");
    }
}
