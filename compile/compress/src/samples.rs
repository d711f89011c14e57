//! Inputs to calibrate and to test with.

use tensor::Tensor;

/// Inputs of a model, as its recipe prepares them, in memory.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// For each sample the model's inputs in the order of its signature.
    pub inputs: Vec<Vec<Tensor>>,
    /// For each sample the classes that are right, any of them, where they are known.
    pub labels: Option<Vec<Vec<usize>>>,
}

impl Samples {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// At most so many of them, evenly spread: data often lies class by class.
    pub fn spread(&self, most: usize) -> Samples {
        let count = most.min(self.len());
        let picked = || (0..count).map(|i| i * self.len() / count);
        Samples {
            inputs: picked().map(|i| self.inputs[i].clone()).collect(),
            labels: self.labels.as_ref().map(|all| picked().map(|i| all[i].clone()).collect()),
        }
    }
}
