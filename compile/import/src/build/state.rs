//! What loops pass from one iteration to the next.

use super::{Builder, Kind, Operand};
use crate::error::Reason;
use ir::Fact;
use tensor::{DType, Dim};

/// What an iteration takes from the one before, as far as it stays the same.
#[derive(Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) kind: Kind,
    /// `None` for a size that may be another one in each iteration.
    shape: Vec<Option<Dim>>,
    dtype: DType,
}

impl State {
    /// What is true of a state before the first iteration.
    pub(crate) fn of(build: &Builder, operand: &Operand) -> State {
        let Fact { dtype, shape } = build.fact(operand);
        State { kind: build.kind(operand), shape: shape.into_iter().map(Some).collect(), dtype }
    }

    /// What is true of a state and of what an iteration makes of it.
    pub(crate) fn join(&self, made: &Fact, kind: &Kind) -> Result<State, Reason> {
        let is_same = made.rank() == self.shape.len() && made.dtype == self.dtype;
        let joined = self.kind.join(kind).filter(|_| is_same);
        let kind = joined.ok_or_else(|| Reason::Body {
            expected: format!("a state of kind {:?}", self.kind),
            found: format!("{kind:?}"),
        })?;
        let sizes = self.shape.iter().zip(&made.shape);
        let shape = sizes.map(|(own, made)| own.clone().filter(|own| own == made)).collect();
        Ok(State { kind, shape, dtype: self.dtype })
    }

    /// Type and shape in an iteration; a size that may be another one has a name of its own.
    pub(crate) fn fact(&self, build: &mut Builder) -> Fact {
        let sizes = self.shape.iter().cloned();
        let shape = sizes.map(|size| size.unwrap_or_else(|| build.fresh())).collect();
        Fact { dtype: self.dtype, shape }
    }
}
