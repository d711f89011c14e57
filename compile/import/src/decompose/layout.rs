//! Channels last, as many formats have them, and second, as the graph has them.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::ValueId;
use std::collections::HashMap;

/// Values whose channels were moved to the end, as they were before. What works on them there
/// stands right behind the convolution that made them, and is computed with it.
#[derive(Debug, Default)]
pub(crate) struct Turned(HashMap<ValueId, Operand>);

impl Turned {
    /// A value whose channels are second, with them last.
    pub(crate) fn channels_last(
        &mut self,
        build: &mut Builder,
        x: Operand,
    ) -> Result<Operand, Reason> {
        let rank = build.fact(&x).rank();
        let made = build.transpose(&x, to_last(rank))?;
        if let Operand::Value(id) = made {
            self.0.insert(id, x);
        }
        Ok(made)
    }

    /// A value whose channels are last, with them second.
    pub(crate) fn channels_second(
        &self,
        build: &mut Builder,
        x: &Operand,
    ) -> Result<Operand, Reason> {
        if let Some(before) = self.before(x) {
            return Ok(before);
        }
        let rank = build.fact(x).rank();
        build.transpose(x, to_second(rank))
    }

    /// A value whose channels were moved to the end, as it was before.
    pub(crate) fn before(&self, x: &Operand) -> Option<Operand> {
        match x {
            Operand::Value(id) => self.0.get(id).cloned(),
            Operand::Constant(_) | Operand::Sizes(_) => None,
        }
    }
}

/// The order of axes that moves the channels from the last place to the second.
pub(crate) fn to_second(rank: usize) -> Vec<usize> {
    match rank {
        0 | 1 => (0..rank).collect(),
        _ => [0, rank - 1].into_iter().chain(1..rank - 1).collect(),
    }
}

/// The order of axes that moves the channels from the second place to the last.
pub(crate) fn to_last(rank: usize) -> Vec<usize> {
    match rank {
        0 | 1 => (0..rank).collect(),
        _ => [0].into_iter().chain(2..rank).chain([1]).collect(),
    }
}
