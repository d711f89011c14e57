//! What a protocol does with a request on a worker thread.

use crate::{Answer, Refusal, Servable};
use std::time::Duration;
use tensor::Value;

/// A request that was received, and the way back to who sent it. Both methods run on a worker
/// thread, so they may take as much CPU as they need (see [`Exchange::is_small`]).
pub trait Exchange: Send + 'static {
    /// What goes back to the protocol's own threads: a response that only needs sending.
    type Reply: Send + 'static;

    /// Decompresses and parses the received bytes.
    ///
    /// # Errors
    /// When they are no request for this model.
    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal>;

    /// How long the request may have waited for a worker, once it is decoded: longer, and it is
    /// refused instead of run.
    fn max_wait(&self) -> Option<Duration> {
        None
    }

    /// How urgent the request says that it is, once it is decoded: 1 is before all others, 0 says
    /// nothing. It matters for models with [`repository::Priorities`].
    fn priority(&self) -> u64 {
        0
    }

    /// Is the request read in some microseconds? It may then be answered on the protocol's own
    /// thread, when its model is as quick.
    fn is_small(&self) -> bool {
        false
    }

    /// Writes the reply.
    ///
    /// # Errors
    /// When the protocol has no words for the outcome.
    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Self::Reply, Refusal>;
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Image files (JPEG, PNG, WebP) that the model's recipe turns into inputs, one answer each.
    Images(Vec<Vec<u8>>),
    /// The inputs themselves, tensors of numbers or of text, in the order of the signature.
    Tensors(Vec<Value>),
}

/// What a model answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// For each image, in order.
    Answers(Vec<Answer>),
    /// The outputs, tensors of numbers or of text, in the order of the signature.
    Tensors(Vec<Value>),
}
