//! Small models for the unit tests of this crate.

use crate::{Engine, Servable};
use plan::{Port, Signature};
use tensor::{DType, Dim, Value};

/// What is answered by the function, under the signature.
struct Computed<F> {
    signature: Signature,
    function: F,
}

impl<F> Engine for Computed<F>
where
    F: Fn(&[Value]) -> Result<Vec<Value>, String> + Send + Sync + 'static,
{
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        (self.function)(inputs)
    }
}

/// A model of one input and one output of `n` rows of f32 each.
pub(crate) fn rowwise<F>(name: &str, function: F) -> Servable
where
    F: Fn(&[Value]) -> Result<Vec<Value>, String> + Send + Sync + 'static,
{
    let port = |name: &str| Port {
        name: name.to_string(),
        dtype: DType::F32,
        shape: vec![Dim::symbol("n")],
    };
    let signature = Signature { inputs: vec![port("x")], outputs: vec![port("y")] };
    Servable::new(name, Computed { signature, function })
}

/// A model that gives back its input.
pub(crate) fn echo(name: &str) -> Servable {
    rowwise(name, |inputs| Ok(inputs.to_vec()))
}
