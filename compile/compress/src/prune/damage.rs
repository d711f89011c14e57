//! How far the outputs of a changed graph are from those of the original.

use crate::layers::Site;
use crate::observe::Probe;
use crate::{CompressError, Samples};
use ir::Graph;
use tensor::{DType, Tensor};

/// What the original answers.
pub(super) struct Reference<'s> {
    samples: &'s Samples,
    answers: Vec<Vec<Tensor>>,
    /// Sum of the squares of all answers about their mean, for each output.
    spreads: Vec<f64>,
}

impl Reference<'_> {
    pub(super) fn of<'s>(
        graph: &Graph,
        samples: &'s Samples,
    ) -> Result<Reference<'s>, CompressError> {
        let answers = answers(graph, samples)?;
        let outputs = answers.first().map_or(0, Vec::len);
        let spreads = (0..outputs).map(|output| {
            let mut count = 0usize;
            let (mut sum, mut squares) = (0.0f64, 0.0f64);
            for answer in &answers {
                for &x in floats(&answer[output]) {
                    count += 1;
                    sum += f64::from(x);
                    squares += f64::from(x) * f64::from(x);
                }
            }
            squares - sum * sum / count.max(1) as f64
        });
        let spreads = spreads.collect();
        Ok(Reference { samples, answers, spreads })
    }

    /// The squared error of a graph's outputs as a share of how much they vary, the mean of all
    /// outputs.
    pub(super) fn damage(&self, graph: &Graph) -> Result<f64, CompressError> {
        let found = answers(graph, self.samples)?;
        let mut errors = vec![0.0f64; self.spreads.len()];
        for (expected, found) in self.answers.iter().zip(&found) {
            for (error, (expected, found)) in errors.iter_mut().zip(expected.iter().zip(found)) {
                let pairs = floats(expected).iter().zip(floats(found));
                *error += pairs.map(|(&a, &b)| f64::from(a - b) * f64::from(a - b)).sum::<f64>();
            }
        }
        let shares = errors.iter().zip(&self.spreads);
        let shares: Vec<f64> =
            shares.filter(|(_, spread)| **spread > 0.0).map(|(e, spread)| e / spread).collect();
        Ok(shares.iter().sum::<f64>() / shares.len().max(1) as f64)
    }
}

/// What the graph answers for each sample.
fn answers(graph: &Graph, samples: &Samples) -> Result<Vec<Vec<Tensor>>, CompressError> {
    let values: Vec<_> = graph.outputs.iter().map(|output| output.value).collect();
    let probe = Probe::new(graph, &values)?;
    samples.inputs.iter().map(|inputs| probe.run(inputs)).collect()
}

/// The elements of an output of floats; nothing of others.
fn floats(tensor: &Tensor) -> &[f32] {
    if tensor.dtype() == DType::F32 { tensor.as_slice().unwrap_or(&[]) } else { &[] }
}

/// The layer of a graph that has this name.
pub(super) fn named(sites: Vec<Site>, name: &str) -> Option<Site> {
    sites.into_iter().find(|site| site.name == name)
}
