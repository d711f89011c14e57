//! What is asked about examples.

use crate::scores::output;
use server::{Refusal, Servable};

/// What is asked about each example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Classes and their scores.
    Classify,
    /// One number.
    Regress,
}

impl Method {
    /// What a signature for it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Classify => "tensorflow/serving/classify",
            Method::Regress => "tensorflow/serving/regress",
        }
    }

    /// The method of this name.
    pub fn named(name: &str) -> Option<Method> {
        [Method::Classify, Method::Regress].into_iter().find(|method| method.name() == name)
    }

    /// Can this model answer so? It needs one output of floats that are the scores.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(self, model: &Servable) -> Result<(), Refusal> {
        let is_image = model.takes_images() && self == Method::Classify;
        if is_image || output(model).is_some() {
            return Ok(());
        }
        let (kind, name) = match self {
            Method::Classify => ("classification", self.name()),
            Method::Regress => ("regression", self.name()),
        };
        Err(Refusal::InvalidArgument(format!(
            "Expected {kind} signature method_name to be {name}. Was: tensorflow/serving/predict"
        )))
    }
}
