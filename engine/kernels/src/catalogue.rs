//! The list of all kernels.

use crate::{
    attention, chain, conv, depthwise, elementwise, matmul, movement, norm, pool, quantize, reduce,
    resize, trees, winograd,
};
use simd::Isa;
use std::fmt;

/// One kernel: what it computes and on which ISA. Plain data, the same on every CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Family: the folder that holds it.
    pub family: &'static str,
    /// What it computes, with types and tile: `matmul_f32_7x64`.
    pub name: &'static str,
    /// The ISA it is compiled for.
    pub isa: Isa,
}

/// How many ISAs there are.
pub(crate) const ISAS: usize = Isa::ALL.len();

impl Row {
    /// The rows of a kernel that is written over vectors and compiled for every ISA.
    pub(crate) const fn on_every_isa(family: &'static str, name: &'static str) -> [Row; ISAS] {
        [
            Row { family, name, isa: Isa::Generic },
            Row { family, name, isa: Isa::Avx2 },
            Row { family, name, isa: Isa::Avx512 },
            Row { family, name, isa: Isa::Neon },
        ]
    }
}

/// `family/name@isa`
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.family, self.name, self.isa.name())
    }
}

/// Every kernel of every family, whether this CPU can run it or not.
///
/// ```
/// let here = kernels::catalogue().filter(|row| row.isa.is_available()).count();
/// assert!(here > 0);
/// ```
pub fn catalogue() -> impl Iterator<Item = &'static Row> {
    let many = [
        matmul::catalogue::SCALAR,
        conv::catalogue::ROWS,
        winograd::catalogue::ROWS,
        attention::catalogue::ROWS,
        chain::catalogue::ROWS,
        depthwise::catalogue::ROWS,
        pool::catalogue::ROWS,
        quantize::catalogue::ROWS,
        resize::catalogue::ROWS,
        elementwise::catalogue::ROWS,
        reduce::catalogue::ROWS,
        norm::catalogue::ROWS,
        movement::catalogue::ROWS,
        trees::catalogue::ROWS,
    ];
    let bf16 = matmul::catalogue::BF16.iter().map(|bf16| &bf16.kernel);
    let tiles = matmul::catalogue::F32.iter().chain(bf16).chain(matmul::catalogue::INT8);
    let tiles = tiles.map(|tile| &tile.row);
    tiles.chain(many.into_iter().flatten().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_serves_every_isa_and_no_row_stands_twice() {
        let mut names: Vec<String> = catalogue().map(Row::to_string).collect();
        for family in catalogue().map(|row| row.family) {
            for isa in Isa::ALL {
                assert!(
                    catalogue().any(|row| row.family == family && row.isa == isa),
                    "{family} has no kernel on {}",
                    isa.name()
                );
            }
        }
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
