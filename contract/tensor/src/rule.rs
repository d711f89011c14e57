//! What is known of a value without running, and why an operator refuses its inputs.

use crate::{DType, Dim};
use serde::{Deserialize, Serialize};

/// The type and shape of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: Vec<Dim>,
}

/// Why an operator cannot take its inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Too few or too many inputs.
    #[error("expected {expected} inputs, found {found}")]
    Arity {
        /// How many it takes.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// An input of the wrong element type.
    #[error("input {input}: expected {expected}, found {found}")]
    Type {
        /// Which input.
        input: usize,
        /// What it takes.
        expected: String,
        /// What it is.
        found: DType,
    },
    /// An input of the wrong rank.
    #[error("input {input}: expected rank {expected}, found shape {found:?}")]
    Rank {
        /// Which input.
        input: usize,
        /// What it takes.
        expected: String,
        /// What it is.
        found: Vec<Dim>,
    },
    /// Two sizes that must be equal are not.
    #[error("{what}: expected {expected}, found {found}")]
    Size {
        /// What the size is of.
        what: &'static str,
        /// What it has to be.
        expected: Dim,
        /// What it is.
        found: Dim,
    },
    /// Shapes that have no common broadcast shape.
    #[error("shapes {left:?} and {right:?} do not broadcast")]
    Broadcast {
        /// The left operand's shape.
        left: Vec<Dim>,
        /// The right operand's shape.
        right: Vec<Dim>,
    },
    /// A parameter that is out of its range.
    #[error("{what} is {found}, expected {expected}")]
    Parameter {
        /// Which parameter.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it has to be.
        expected: String,
    },
}

impl Fact {
    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }
}

/// The inputs, when there are exactly `N`.
pub fn exactly<'a, const N: usize>(
    inputs: &'a [Fact],
    expected: &'static str,
) -> Result<&'a [Fact; N], RuleError> {
    inputs.try_into().map_err(|_| RuleError::Arity { expected, found: inputs.len() })
}

/// Requires an input to have so many axes.
pub fn require_rank(input: usize, fact: &Fact, rank: usize) -> Result<(), RuleError> {
    if fact.rank() == rank {
        return Ok(());
    }
    Err(RuleError::Rank { input, expected: rank.to_string(), found: fact.shape.clone() })
}

/// Requires two sizes to be equal where both are known; a symbol is taken on trust, and the
/// engine checks it when the sizes are bound.
pub fn same_size(what: &'static str, expected: &Dim, found: &Dim) -> Result<(), RuleError> {
    match (expected.known(), found.known()) {
        (Some(a), Some(b)) if a != b => {
            Err(RuleError::Size { what, expected: expected.clone(), found: found.clone() })
        }
        _ => Ok(()),
    }
}

/// Requires an input's element type.
pub fn require_type(
    input: usize,
    fact: &Fact,
    is_taken: impl Fn(DType) -> bool,
    expected: &str,
) -> Result<(), RuleError> {
    if is_taken(fact.dtype) {
        return Ok(());
    }
    Err(RuleError::Type { input, expected: expected.to_string(), found: fact.dtype })
}

/// Requires an axis to be one of the value's.
pub fn require_axis(axis: usize, fact: &Fact) -> Result<(), RuleError> {
    if axis < fact.rank() {
        return Ok(());
    }
    let expected = format!("an axis of shape {:?}", fact.shape);
    Err(RuleError::Parameter { what: "axis", found: axis.to_string(), expected })
}

/// The common shape of two operands. A symbol beside a size that is known not to be 1 takes
/// that size. Of two different symbols, the result is the larger: the engine checks, when they are
/// bound, that they are equal, or one of them 1. So a network that halves an image and doubles it
/// again takes the images whose sizes are even.
pub fn broadcast(left: &[Dim], right: &[Dim]) -> Result<Vec<Dim>, RuleError> {
    let rank = left.len().max(right.len());
    let one = Dim::from(1);
    let at = |shape: &[Dim], axis: usize| {
        let missing = rank - shape.len();
        if axis < missing { one.clone() } else { shape[axis - missing].clone() }
    };
    let refused = || RuleError::Broadcast { left: left.to_vec(), right: right.to_vec() };
    (0..rank)
        .map(|axis| {
            let (a, b) = (at(left, axis), at(right, axis));
            match (a.known(), b.known()) {
                _ if a == b => Ok(a),
                (Some(1), _) => Ok(b),
                (_, Some(1)) => Ok(a),
                (Some(_), None) => Ok(a),
                (None, Some(_)) => Ok(b),
                (None, None) => Ok(a.maximum(&b)),
                (Some(_), Some(_)) => Err(refused()),
            }
        })
        .collect()
}
