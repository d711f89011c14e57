//! What values are that are no tensors of numbers, as far as the importer knows. The graph knows
//! only that they are objects.

use ir::Fact;
use tensor::{DType, Dim};

/// The kind of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A tensor.
    Tensor {
        /// Of numbers or text.
        dtype: DType,
        /// The number of axes.
        rank: Rank,
    },
    /// Values of one kind, in order.
    Sequence(Box<Kind>),
    /// A value or none; of one that is never there, not even the kind may be known.
    Optional(Option<Box<Kind>>),
}

/// The number of axes of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rank {
    /// Of a tensor that nobody has seen yet.
    Unseen,
    /// The same of all that there are.
    Is(usize),
    /// Not the same of all that there are.
    Varies,
}

impl Rank {
    const fn join(self, other: Rank) -> Rank {
        match (self, other) {
            (Rank::Unseen, rank) | (rank, Rank::Unseen) => rank,
            (Rank::Is(a), Rank::Is(b)) if a == b => self,
            (Rank::Is(_) | Rank::Varies, Rank::Is(_) | Rank::Varies) => Rank::Varies,
        }
    }
}

impl Kind {
    /// The kind of a tensor of this type and shape.
    pub(crate) fn of(fact: &Fact) -> Kind {
        Kind::Tensor { dtype: fact.dtype, rank: Rank::Is(fact.rank()) }
    }

    /// Type and shape of a value of this kind, every size being another new one.
    pub(crate) fn fact(&self, mut fresh: impl FnMut() -> Dim) -> Option<Fact> {
        match self {
            Kind::Tensor { dtype, rank: Rank::Is(rank) } => {
                let shape = (0..*rank).map(|_| fresh()).collect();
                Some(Fact { dtype: *dtype, shape })
            }
            Kind::Tensor { rank: Rank::Unseen | Rank::Varies, .. } => None,
            Kind::Sequence(_) | Kind::Optional(_) => {
                Some(Fact { dtype: DType::Object, shape: vec![] })
            }
        }
    }

    /// How many kinds lie in each other.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Kind::Tensor { .. } | Kind::Optional(None) => 1,
            Kind::Sequence(inner) | Kind::Optional(Some(inner)) => 1 + inner.depth(),
        }
    }

    /// The kind of what is of one kind or the other; `None` when nothing is of both.
    pub(crate) fn join(&self, other: &Kind) -> Option<Kind> {
        match (self, other) {
            (Kind::Tensor { dtype, rank: a }, Kind::Tensor { dtype: same, rank: b }) => {
                (dtype == same).then_some(Kind::Tensor { dtype: *dtype, rank: a.join(*b) })
            }
            (Kind::Sequence(a), Kind::Sequence(b)) => Some(Kind::Sequence(a.join(b)?.into())),
            (Kind::Optional(None), Kind::Optional(_)) => Some(other.clone()),
            (Kind::Optional(_), Kind::Optional(None)) => Some(self.clone()),
            (Kind::Optional(Some(a)), Kind::Optional(Some(b))) => {
                Some(Kind::Optional(Some(a.join(b)?.into())))
            }
            // A value that is there is as good as one that may be.
            (Kind::Optional(Some(a)), other) | (other, Kind::Optional(Some(a))) => {
                Some(Kind::Optional(Some(a.join(other)?.into())))
            }
            _ => None,
        }
    }
}
