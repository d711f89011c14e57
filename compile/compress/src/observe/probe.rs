//! A graph that gives values from its middle.

use crate::CompressError;
use ir::{Graph, ValueId};
use runtime::{Constants, Model};
use tensor::{DType, Tensor};

/// Runs a graph as far as some of its values need.
#[derive(Debug)]
pub(crate) struct Probe {
    model: Model,
}

impl Probe {
    /// A probe of these values.
    pub(crate) fn new(graph: &Graph, values: &[ValueId]) -> Result<Probe, CompressError> {
        let mut cut = graph.clone();
        cut.outputs.clear();
        for &id in values {
            cut.output(&format!("%{}", id.0), id);
        }
        drop_unneeded(&mut cut);
        let lowered = lower::lower(&cut)?;
        let model = Model::new(lowered.plan, Constants::owned(lowered.constants))?;
        Ok(Probe { model })
    }

    /// The values of one sample.
    pub(crate) fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, CompressError> {
        Ok(self.model.run(&inputs.iter().collect::<Vec<_>>())?)
    }
}

/// Drops nodes that no output needs, and the elements of constants that no node takes. Values keep
/// their numbers.
pub(crate) fn drop_unneeded(graph: &mut Graph) {
    let mut is_needed = vec![false; graph.values.len()];
    for output in &graph.outputs {
        is_needed[output.value.0 as usize] = true;
    }
    let mut kept = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes).into_iter().rev() {
        // Nodes that run between stages give symbols their values, needed or not.
        if node.op.is_staged() || node.outputs().any(|id| is_needed[id.0 as usize]) {
            node.inputs.iter().for_each(|id| is_needed[id.0 as usize] = true);
            kept.push(node);
        }
    }
    kept.reverse();
    graph.nodes = kept;
    for (value, is_needed) in graph.values.iter_mut().zip(is_needed) {
        if !is_needed {
            value.constant = None;
        }
    }
}

/// Is it a value of f32 that is found only when the model runs?
pub(crate) fn is_observable(graph: &Graph, id: ValueId) -> bool {
    graph.value(id).dtype == DType::F32 && graph.known(id).is_none()
}
