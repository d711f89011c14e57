//! Why a graph cannot be written.

/// Why a graph cannot be written as ONNX.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The standard has no operator, and no few of them, that compute the same.
    #[error("node `{node}` ({op}): ONNX has no operator for it: {reason}")]
    NoCounterpart {
        /// The node.
        node: String,
        /// Its operator.
        op: String,
        /// What stands in the way.
        reason: String,
    },
    /// A size that depends on nothing that the graph is given or makes.
    #[error(
        "the size `{0}` is needed and no input has an axis of just that size; give it a number \
         when the model is imported"
    )]
    Size(String),
    /// An input or output whose type cannot be written.
    #[error("`{name}`: expected a tensor, found {found}, whose type the graph does not know")]
    Port {
        /// The input or output.
        name: String,
        /// What it is.
        found: &'static str,
    },
    /// A name that two values have among the inputs and outputs.
    #[error("the name `{0}` stands for two inputs or outputs; rename one of them")]
    Name(String),
    /// The file would be larger than the format allows.
    #[error(
        "the file would be {bytes} bytes, a file of this format has at most {limit}; export the \
         model with fewer or narrower weights"
    )]
    TooLarge {
        /// What it would be.
        bytes: usize,
        /// What it may be.
        limit: usize,
    },
}
