//! A request as it was read, before anybody looks at the model.

use bytes::Bytes;
use std::time::Duration;
use tensor::{DType, Tensor, TextRow};

/// What is asked.
#[derive(Debug, Default)]
pub struct Asked {
    /// Empty when none was given.
    pub id: String,
    /// In the order of the request.
    pub inputs: Vec<Given>,
    /// `None` when the request leaves it to the model.
    pub outputs: Option<Vec<Wanted>>,
    /// Are outputs that say nothing of it binary?
    pub is_binary: bool,
    /// See [`server::Exchange::max_wait`].
    pub max_wait: Option<Duration>,
    /// See [`server::Exchange::priority`].
    pub priority: u64,
}

/// What the parameter `timeout` means, which is in microseconds: 0 says nothing.
pub fn max_wait(timeout_us: u64) -> Option<Duration> {
    (timeout_us > 0).then(|| Duration::from_micros(timeout_us))
}

/// One input.
#[derive(Debug)]
pub struct Given {
    /// As the request names it.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// [`DType::String`] for elements of any length.
    pub dtype: DType,
    /// Its elements.
    pub data: Data,
}

/// Where an input's elements are.
#[derive(Debug)]
pub enum Data {
    /// They were read.
    Tensor(Tensor),
    /// Elements that were read as text.
    Strings(TextRow),
    /// As many bytes behind the request, in the order of the inputs.
    Binary(usize),
    /// These bytes.
    Raw(Bytes),
    /// In shared memory.
    Shared(Shared),
}

/// A piece of shared memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shared {
    /// The name under which it was registered.
    pub region: String,
    /// Where in the region, in bytes.
    pub offset: u64,
    /// How much of it.
    pub byte_size: u64,
}

/// One output that the client asks for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// As the request names it.
    pub name: String,
    /// The best classes instead of the elements, when above zero.
    pub classes: usize,
    /// `None` when the output does not say.
    pub is_binary: Option<bool>,
    /// Where the output goes instead of the reply.
    pub shared: Option<Shared>,
}
