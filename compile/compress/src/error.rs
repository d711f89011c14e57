//! Why nothing was compressed.

/// Why a step of compression stopped.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// A graph that was made here is not well formed.
    #[error("compressed graph: {0}; this is a defect of schooner")]
    Graph(#[from] ir::GraphError),
    /// The passes refuse a graph.
    #[error("compressed graph: {0}; this is a defect of schooner")]
    Passes(String),
    /// The engine has no kernel for a node.
    #[error(transparent)]
    Lower(#[from] lower::LowerError),
    /// A plan that the engine does not take.
    #[error(transparent)]
    Load(#[from] runtime::LoadError),
    /// The model gave no answer.
    #[error(transparent)]
    Run(#[from] runtime::RunError),
    /// A tensor that cannot be made.
    #[error(transparent)]
    Tensor(#[from] tensor::TensorError),
    /// What was given does not fit.
    #[error("{0}")]
    Unfit(String),
}
