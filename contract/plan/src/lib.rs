//! The executable form of a model: steps in order, the buffers they read and write, and where
//! the packed weights lie. `compile/lower` writes it, `engine/runtime` runs it, and a built
//! library carries it in the form that [`Plan::encode`] gives.
//!
//! Buffers hold elements in the *physical* order that the steps want: an image activation is
//! `[N, H, W, C]` here whatever the model's format said. Only the ports keep the order that
//! callers see.
#![forbid(unsafe_code)]

mod bind;
mod body;
mod memory;
mod operation;
mod precision;
mod print;
mod stages;
mod verify;

pub use bind::{BindError, bind};
pub use body::Body;
pub use memory::{MemoryPlan, assign};
pub use operation::{
    Attention, BatchMatMul, ByteSum, ChainStage, Convolution, Copy, Epilogue, Integers, Loop,
    MatMul, Operation, Pool, PoolKind, Rounding, View, WinogradTile,
};
pub use precision::Precision;
pub use stages::{Stage, Work};
pub use verify::PlanError;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tensor::{DType, Dim};

/// Version of the encoded form. A change that an older runtime would misread raises it.
pub const FORMAT: u32 = 9;

/// Alignment of every constant and of every buffer in the arena, in bytes: one cache line.
pub const ALIGNMENT: u64 = tensor::ALIGNMENT as u64;

/// Most inputs of a step: those of a chain of three convolutions, or of a recurrent layer.
pub const INPUTS_MAX: usize = 8;

/// Names a buffer of one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BufferId(pub u32);

/// A model that can be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The model's name.
    pub name: String,
    /// Every buffer, by [`BufferId`].
    pub buffers: Vec<Buffer>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What callers give and get.
    pub signature: Signature,
    /// The buffer of each output of the signature.
    pub outputs: Vec<BufferId>,
    /// A sensible size for each symbol: warm-up, self-test and listings use it.
    pub defaults: BTreeMap<String, i64>,
}

/// What a model takes and gives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// What callers give, in order.
    pub inputs: Vec<Port>,
    /// What callers get, in order.
    pub outputs: Vec<Port>,
}

/// One input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The name that callers know it by.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: Vec<Dim>,
}

/// Elements that steps read and write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Buffer {
    /// Element type.
    pub dtype: DType,
    /// Sizes in physical order, outermost first.
    pub shape: Vec<Dim>,
    /// Where the elements are.
    pub place: Place,
}

/// Where a buffer's elements are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In memory planned for the run.
    Arena,
    /// In the constants that come with the plan, `bytes` long from `offset`.
    Constant {
        /// From the start of the constants; a multiple of [`ALIGNMENT`].
        offset: u64,
        /// Length in bytes.
        bytes: u64,
    },
    /// In the caller's memory: the input with this index.
    Input(u32),
    /// The bytes of another buffer under another shape.
    Alias(BufferId),
    /// Beside the arena, as a value of its own: what steps between stages make.
    Held,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The name of the model's node that it came from, or of several.
    pub name: String,
    /// What is done.
    pub operation: Operation,
    /// What is read, in the order that the operation states.
    pub inputs: Vec<BufferId>,
    /// What is written; the first of it.
    pub output: BufferId,
    /// What is written beside it; nothing for most operations.
    pub further: Vec<BufferId>,
}

impl Step {
    /// All that is written, in the operation's order.
    pub fn outputs(&self) -> impl Iterator<Item = BufferId> {
        std::iter::once(self.output).chain(self.further.iter().copied())
    }
}

/// Why bytes are not a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Another version of the format.
    #[error("plan format {found}, this build reads {FORMAT}: build the library again")]
    Format {
        /// The version in the bytes.
        found: u32,
    },
    /// The bytes end early or hold something else.
    #[error("the plan cannot be read: {0}")]
    Malformed(String),
    /// The plan contradicts itself.
    #[error(transparent)]
    Invalid(#[from] PlanError),
}

impl Plan {
    /// The buffer with this id.
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.0 as usize]
    }

    /// The buffer whose memory this one uses: itself unless it is an alias.
    pub fn storage(&self, mut id: BufferId) -> BufferId {
        while let Place::Alias(of) = self.buffer(id).place {
            id = of;
        }
        id
    }

    /// The plan as bytes: the format version (u32, little-endian), then postcard.
    pub fn encode(&self) -> Vec<u8> {
        let version = FORMAT.to_le_bytes().to_vec();
        postcard::to_extend(self, version).expect("every plan has an encoded form")
    }

    /// The plan in `bytes`, checked against constants of `constant_bytes` bytes.
    pub fn decode(bytes: &[u8], constant_bytes: u64) -> Result<Plan, DecodeError> {
        let Some((version, rest)) = bytes.split_first_chunk::<4>() else {
            return Err(DecodeError::Malformed("fewer than 4 bytes".to_string()));
        };
        let found = u32::from_le_bytes(*version);
        if found != FORMAT {
            return Err(DecodeError::Format { found });
        }
        let plan: Plan = postcard::from_bytes(rest)
            .map_err(|error| DecodeError::Malformed(error.to_string()))?;
        plan.verify(constant_bytes)?;
        Ok(plan)
    }
}
