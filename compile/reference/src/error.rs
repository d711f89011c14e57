//! Why a value could not be computed.

use ir::RuleError;
use tensor::{DType, Dim, DimError, TensorError};

/// Why a value could not be computed: what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The inputs break the operator's rule.
    #[error("{op}: {error}")]
    Rule {
        /// The operator.
        op: &'static str,
        /// What the rule says.
        error: Box<RuleError>,
    },
    /// A size in the operator's parameters has no value.
    #[error(transparent)]
    Dim(#[from] DimError),
    /// A tensor could not be made or read.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// An operator that is computed as written gave no answer.
    #[error(transparent)]
    Compute(#[from] operators::ComputeError),
    /// An operator that runs graphs was given none.
    #[error("{op} runs graphs, which belong to its node")]
    NoBody {
        /// The operator.
        op: &'static str,
    },
    /// Text, a sequence or an optional value where a tensor of numbers was expected.
    #[error("expected a tensor of numbers, found {found}")]
    NotNumbers {
        /// What there was.
        found: DType,
    },
    /// A shape that is not the recorded one.
    #[error(transparent)]
    Shape(#[from] tensor::ShapeError),
    /// The result would have more than [`crate::ELEMENTS_MAX`] elements, or a negative size.
    #[error("{op} would make {shape:?}, expected at most {} elements", crate::ELEMENTS_MAX)]
    TooLarge {
        /// The operator.
        op: &'static str,
        /// The shape of what it would make.
        shape: Vec<Dim>,
    },
    /// An index points outside its axis.
    #[error("gather: index {index} is outside an axis of {size} elements")]
    Index {
        /// The index.
        index: i128,
        /// Elements on the axis.
        size: usize,
    },
    /// Padding that repeats elements of an axis that has none.
    #[error("pad: axis {axis} has no element to repeat")]
    NothingToRepeat {
        /// The axis.
        axis: usize,
    },
    /// Too few or too many inputs were given to the graph.
    #[error("the graph takes {expected} inputs, {found} were given")]
    InputCount {
        /// How many it takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// An input of the wrong element type.
    #[error("input `{name}`: expected elements of type {expected}, found {found}")]
    InputType {
        /// The input.
        name: String,
        /// What it takes.
        expected: DType,
        /// What was given.
        found: DType,
    },
    /// An input of the wrong shape.
    #[error("input `{name}`: expected shape {expected:?}, found {found:?}")]
    InputShape {
        /// The input.
        name: String,
        /// What it takes.
        expected: Vec<Dim>,
        /// What was given.
        found: Vec<usize>,
    },
    /// Two inputs give one symbol two sizes.
    #[error("input `{name}` makes dimension `{symbol}` {found}, an earlier input made it {bound}")]
    SymbolConflict {
        /// The later input.
        name: String,
        /// The symbol.
        symbol: String,
        /// Its size by the earlier input.
        bound: i64,
        /// Its size by this one.
        found: usize,
    },
    /// A node takes a value that nothing before it makes.
    #[error("`{node}` takes value %{value}, which nothing before it makes")]
    Undefined {
        /// The node or output.
        node: String,
        /// The value.
        value: u32,
    },
    /// A node makes another shape or type than the graph records.
    #[error("node `{node}` makes {found}, the graph records {expected}")]
    Fact {
        /// The node.
        node: String,
        /// In the graph, under the sizes of this run.
        expected: String,
        /// By the inputs.
        found: String,
    },
    /// A node failed.
    #[error("node `{node}`: {error}")]
    Node {
        /// The node.
        node: String,
        /// Why.
        error: Box<ReferenceError>,
    },
}
