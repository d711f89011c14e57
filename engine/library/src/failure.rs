//! Why a call did not do what it was asked.

use package::abi;
use recipe::RecipeError;
use runtime::{OpenError, RunError};
use std::io;
use tensor::{PrefixError, TensorError};

/// Why a call did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A null pointer, or one that no such object can have.
    #[error("{what} is null or not aligned: expected the address of one")]
    Pointer { what: &'static str },
    /// A struct of a size that never was.
    #[error(
        "{what}: struct_size is {found}, expected {expected} or more: initialize it with the \
         SCHOONER_…_INIT macro"
    )]
    StructSize { what: &'static str, expected: usize, found: usize },
    /// Another number of tensors.
    #[error("{found} {what} were given, expected {expected}")]
    Count { what: &'static str, expected: usize, found: usize },
    /// An index past the end.
    #[error("there is no {what} {index}: expected less than {count}")]
    Index { what: &'static str, index: usize, count: usize },
    /// An element type that does not exist.
    #[error("input {input}: {found} is no element type, expected one of SCHOONER_F32 …")]
    DType { input: usize, found: i32 },
    /// More dimensions than the struct has, or negative ones.
    #[error(
        "input {input}: rank {rank} with dims {dims:?}, expected at most {} sizes of 0 or more",
        abi::MAX_RANK
    )]
    Dims { input: usize, rank: u32, dims: Vec<i64> },
    /// Data of another length than type and shape say.
    #[error("input {input}: {reason}")]
    Data { input: usize, reason: TensorError },
    /// Data that is no text.
    #[error("input {input}: {reason}")]
    Text { input: usize, reason: PrefixError },
    /// An encoded image for a model that takes none.
    #[error("the model takes no encoded images: expected a tensor, see schooner_port.takes_image")]
    NoRecipe,
    /// The path in the options is no text that this system can take for one.
    #[error("the path is not UTF-8, which this system expects")]
    #[cfg_attr(unix, expect(dead_code, reason = "paths are any bytes on Unix"))]
    Path,
    /// A library without a model: the template itself.
    #[error("this library holds no model: make one with `schooner build`, or give a path")]
    Empty,
    /// The file that this library was loaded from cannot be found.
    #[error("cannot find the file that this library was loaded from ({0}): give its path")]
    OwnFile(io::Error),
    /// The model's file cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A port that the interface cannot describe.
    #[error("`{port}` has {found} dimensions, expected at most {}", abi::MAX_RANK)]
    Rank { port: String, found: usize },
    /// A port that the interface cannot carry.
    #[error("`{0}` is a sequence or an optional value, expected a tensor")]
    NoTensor(String),
    /// The model could not be run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The image could not be used.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// An output that does not fit.
    #[error("output {output} takes {needed} bytes, there is room for {room}")]
    TooSmall { output: usize, needed: usize, room: usize },
    /// A defect.
    #[error("a defect in the library: {0}")]
    Panic(String),
}

impl Failure {
    /// The number that C gets.
    pub(crate) fn status(&self) -> i32 {
        match self {
            Failure::Pointer { .. }
            | Failure::StructSize { .. }
            | Failure::Count { .. }
            | Failure::Index { .. }
            | Failure::DType { .. }
            | Failure::Dims { .. }
            | Failure::Data { .. }
            | Failure::Text { .. }
            | Failure::NoRecipe
            | Failure::Path => 1,
            Failure::Empty
            | Failure::OwnFile(_)
            | Failure::Open(_)
            | Failure::Rank { .. }
            | Failure::NoTensor(_) => 2,
            Failure::Run(_) | Failure::Recipe(_) => 3,
            Failure::TooSmall { .. } => 4,
            Failure::Panic(_) => 5,
        }
    }
}
