//! What can go wrong when a model is loaded or run.

use crate::IsaError;
use plan::{BindError, PlanError};
use recipe::RecipeError;
use tensor::{DType, DimError};

/// Why a model cannot be run at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The plan contradicts itself or its constants.
    #[error("the plan is not valid: {0}")]
    Plan(#[from] PlanError),
    /// The instruction set that was asked for cannot be used.
    #[error(transparent)]
    Isa(#[from] IsaError),
}

/// Why a run gave no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RunError {
    /// The shapes of the inputs do not fit the model.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An input of another element type.
    #[error("input `{input}`: expected elements of type {expected}, found {found}")]
    Type {
        /// The input's name.
        input: String,
        /// What the model takes.
        expected: DType,
        /// What was given.
        found: DType,
    },
    /// An input or output that is a sequence or an optional value, where only tensors can be, or
    /// text where only numbers can.
    #[error(
        "`{port}` is of type {found}, expected a tensor; leave out of the exported model what \
         reads or writes it"
    )]
    NotNumbers {
        /// Its name.
        port: String,
        /// What it is.
        found: DType,
    },
    /// A size inside the model that has no value, or is negative, for these inputs.
    #[error("step `{step}`: {reason}; inputs of this size do not fit the model")]
    Size {
        /// The step.
        step: String,
        /// What is wrong with the size.
        reason: String,
    },
    /// The run would take more memory than it may.
    #[error("this input needs {needed} bytes of working memory, the limit is {limit}")]
    Memory {
        /// What the run would take, in bytes.
        needed: usize,
        /// What it may take, in bytes.
        limit: usize,
    },
    /// An index that is outside of what it picks from.
    #[error("step `{step}`: {reason}")]
    Index {
        /// The step.
        step: String,
        /// The index and the range it should be in.
        reason: String,
    },
    /// The encoded input could not be prepared, or the scores not be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The model has no recipe, or not one encoded input and one output of scores.
    #[error("{0}")]
    NotAClassifier(String),
}

impl RunError {
    pub(crate) fn size(step: &str, error: &DimError) -> RunError {
        RunError::Size { step: step.to_string(), reason: error.to_string() }
    }
}
