//! The seam between the server and what computes.

use plan::Signature;
use tensor::Value;

/// One loaded model that answers.
pub trait Engine: Send + Sync + 'static {
    /// What the model takes and gives.
    fn signature(&self) -> &Signature;

    /// The outputs for `inputs`, both in the order of the signature, all of them tensors of numbers
    /// or of text. The server has already
    /// checked count, types and shapes of the inputs. Called from several threads at once.
    ///
    /// # Errors
    /// In words for whoever runs the server; the client gets status 500.
    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String>;
}
