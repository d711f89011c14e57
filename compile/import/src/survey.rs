//! All that an import finds, also where it gives no graph of the whole model.

use crate::{ImportError, Imported, ModelMetadata, Refusal};
use ir::{Graph, ValueId};
use std::collections::BTreeMap;

/// What a model is, as far as it can be expressed.
#[derive(Debug, Clone)]
pub struct Survey {
    /// What can be expressed. Behind a refused node it goes on from the types that the file
    /// declares: what the node makes is an input behind the model's own, and what it takes an
    /// output behind the model's own, so that neither side is without use.
    pub graph: Graph,
    /// How many of the graph's inputs are the model's own.
    pub inputs: usize,
    /// How many of the graph's outputs are the model's own.
    pub outputs: usize,
    /// What the file says about itself.
    pub metadata: ModelMetadata,
    /// Nodes that cannot be expressed: all that can be told of, in the model's order.
    pub refusals: Vec<Refusal>,
    /// Nodes that take what refused ones make and of which no more is known: those of no declared
    /// type, and values that a shape would have to be computed from.
    pub unjudged: Vec<String>,
    /// What was imported and looks like a mistake.
    pub remarks: Vec<Remark>,
    /// What the foreign nodes are, by their name.
    pub origins: BTreeMap<String, Origin>,
}

/// A foreign node's operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its operator.
    pub op: String,
    /// The operator's domain.
    pub domain: String,
    /// The version of the operator set that the model imports.
    pub opset: Option<i64>,
}

/// A node that was imported and looks like a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The node's name, or that of its first output when it has none.
    pub node: String,
    /// What is odd about it.
    pub text: &'static str,
    /// What to do.
    pub fix: &'static str,
}

impl Survey {
    /// Of a graph whose outputs are the model's own, so far: what refused nodes take, `taken`,
    /// follows behind them.
    pub(crate) fn new(
        graph: Graph,
        inputs: usize,
        metadata: ModelMetadata,
        taken: Vec<ValueId>,
    ) -> Survey {
        let mut survey = Survey {
            outputs: graph.outputs.len(),
            inputs,
            graph,
            metadata,
            refusals: Vec::new(),
            unjudged: Vec::new(),
            remarks: Vec::new(),
            origins: BTreeMap::new(),
        };
        for id in taken {
            let name = survey.graph.value(id).name.clone();
            survey.graph.output(&name, id);
        }
        debug_assert_eq!(survey.graph.verify(), Ok(()));
        survey
    }

    /// The graph, when it is the whole model.
    pub fn imported(self) -> Result<Imported, ImportError> {
        if self.refusals.is_empty() {
            return Ok(Imported { graph: self.graph, metadata: self.metadata });
        }
        Err(ImportError::Unsupported(self.refusals))
    }
}
