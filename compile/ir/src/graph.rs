//! Values, nodes and the graph that holds them.

use crate::{Fact, Loop, Op, RuleError};
use std::sync::Arc;
use tensor::{DType, Dim, Tensor};

/// Names a value of one graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Something that a node makes or takes.
#[derive(Debug, Clone)]
pub struct Value {
    /// The name it had in the model; for people, not for lookup.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Sizes, outermost first.
    pub shape: Vec<Dim>,
    /// Its elements, when they do not depend on the inputs.
    pub constant: Option<Arc<Tensor>>,
}

/// One computation.
#[derive(Debug, Clone)]
pub struct Node {
    /// The name of the model's node that it came from.
    pub name: String,
    /// What is computed.
    pub op: Op,
    /// What it is computed from.
    pub inputs: Vec<ValueId>,
    /// What is made; the first of it.
    pub output: ValueId,
    /// What is made beside it; nothing for most operators.
    pub further: Vec<ValueId>,
    /// The graphs that the operator runs; nothing for most operators.
    pub bodies: Vec<Graph>,
}

impl Node {
    /// All that is made, in the operator's order.
    pub fn outputs(&self) -> impl DoubleEndedIterator<Item = ValueId> {
        std::iter::once(self.output).chain(self.further.iter().copied())
    }
}

/// A value that the model gives its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The name that callers know it by.
    pub name: String,
    /// The value.
    pub value: ValueId,
}

/// A model: nodes in an order in which they can run.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    /// Every value, by [`ValueId`].
    pub values: Vec<Value>,
    /// The computations; each comes after those that make its inputs.
    pub nodes: Vec<Node>,
    /// What a caller gives.
    pub inputs: Vec<ValueId>,
    /// What a caller gets.
    pub outputs: Vec<Output>,
}

/// Why a graph is not well formed: the node's name and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// A node breaks its operator's rule.
    #[error("node `{node}` ({op}): {error}")]
    Rule {
        /// The node.
        node: String,
        /// Its operator.
        op: &'static str,
        /// What the rule says.
        error: RuleError,
    },
    /// A value is used before it is made, or never made.
    #[error("node `{node}` takes value %{value}, which nothing before it makes")]
    Undefined {
        /// The node, or the output that names the value.
        node: String,
        /// The value.
        value: u32,
    },
    /// A node that makes more or fewer values than its operator.
    #[error("node `{node}` makes {found} values, its operator {expected}")]
    Outputs {
        /// The node.
        node: String,
        /// By the operator's rule.
        expected: usize,
        /// In the graph.
        found: usize,
    },
    /// A graph inside a node does not fit it.
    #[error("node `{node}`: {reason}")]
    Body {
        /// The node.
        node: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value's recorded type or shape is not what its node makes.
    #[error("node `{node}` makes {made:?} but the graph records {recorded:?}")]
    Fact {
        /// The node.
        node: String,
        /// By the operator's rule.
        made: Fact,
        /// In the graph.
        recorded: Fact,
    },
}

impl Graph {
    /// A graph of nothing.
    pub fn new(name: &str) -> Graph {
        let name = name.to_string();
        Graph { name, values: vec![], nodes: vec![], inputs: vec![], outputs: vec![] }
    }

    /// A value that the caller gives.
    pub fn input(&mut self, name: &str, dtype: DType, shape: Vec<Dim>) -> ValueId {
        let id = self.push(name, Fact { dtype, shape }, None);
        self.inputs.push(id);
        id
    }

    /// A value with known elements.
    pub fn constant(&mut self, name: &str, tensor: impl Into<Arc<Tensor>>) -> ValueId {
        let tensor = tensor.into();
        let shape = tensor.shape().iter().map(|&d| Dim::from(d)).collect();
        self.push(name, Fact { dtype: tensor.dtype(), shape }, Some(tensor))
    }

    /// Appends a node and gives the value that it makes, the first where it makes several.
    pub fn add(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, GraphError> {
        self.add_with(name, op, inputs, Vec::new())
    }

    /// Appends a node that runs graphs, as [`Graph::add`].
    pub fn add_with(
        &mut self,
        name: &str,
        op: Op,
        inputs: &[ValueId],
        bodies: Vec<Graph>,
    ) -> Result<ValueId, GraphError> {
        let made = self.infer(name, &op, inputs)?;
        let mut made = made.into_iter().map(|fact| self.push(name, fact, None));
        let output = made.next().ok_or_else(|| GraphError::Outputs {
            node: name.to_string(),
            expected: 1,
            found: 0,
        })?;
        let further = made.collect();
        let (name, inputs) = (name.to_string(), inputs.to_vec());
        self.nodes.push(Node { name, op, inputs, output, further, bodies });
        Ok(output)
    }

    /// Makes a value one that the caller gets.
    pub fn output(&mut self, name: &str, value: ValueId) {
        self.outputs.push(Output { name: name.to_string(), value });
    }

    /// The value with this id.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// The elements of a value, when they are known.
    pub fn known(&self, id: ValueId) -> Option<&Arc<Tensor>> {
        self.value(id).constant.as_ref()
    }

    /// Type and shape of a value.
    pub fn fact(&self, id: ValueId) -> Fact {
        let value = self.value(id);
        Fact { dtype: value.dtype, shape: value.shape.clone() }
    }

    /// How many nodes and outputs take each value, by [`ValueId`].
    pub fn use_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.values.len()];
        let taken = self.nodes.iter().flat_map(|node| &node.inputs);
        for id in taken.chain(self.outputs.iter().map(|o| &o.value)) {
            counts[id.0 as usize] += 1;
        }
        counts
    }

    /// Checks that every value is made before it is used, and that every node obeys its rule.
    pub fn verify(&self) -> Result<(), GraphError> {
        let mut is_made: Vec<bool> = self.values.iter().map(|v| v.constant.is_some()).collect();
        for id in &self.inputs {
            is_made[id.0 as usize] = true;
        }
        let undefined = |is_made: &[bool], node: &str, id: ValueId| {
            if is_made.get(id.0 as usize) == Some(&true) {
                return Ok(());
            }
            Err(GraphError::Undefined { node: node.to_string(), value: id.0 })
        };
        for node in &self.nodes {
            for &id in &node.inputs {
                undefined(&is_made, &node.name, id)?;
            }
            let made = self.infer(&node.name, &node.op, &node.inputs)?;
            self.verify_bodies(node)?;
            let (expected, found) = (made.len(), 1 + node.further.len());
            if expected != found {
                let node = node.name.clone();
                return Err(GraphError::Outputs { node, expected, found });
            }
            for (made, id) in made.into_iter().zip(node.outputs()) {
                let recorded = self.fact(id);
                if made != recorded {
                    return Err(GraphError::Fact { node: node.name.clone(), made, recorded });
                }
                is_made[id.0 as usize] = true;
            }
        }
        self.outputs.iter().try_for_each(|o| undefined(&is_made, &o.name, o.value))
    }

    /// Checks that a node's graphs are well formed, and take and make what the node does.
    fn verify_bodies(&self, node: &Node) -> Result<(), GraphError> {
        let refused = |reason: String| GraphError::Body { node: node.name.clone(), reason };
        let (expected, found) = (node.op.bodies(), node.bodies.len());
        if expected != found {
            return Err(refused(format!("{found} bodies, expected {expected}")));
        }
        let (taken, made) = match &node.op {
            Op::If { made } => (node.inputs.get(1..).unwrap_or(&[]), made.len()),
            Op::Loop(Loop { iteration, made }) => {
                let (own, states) = (iteration.own_inputs(), iteration.states);
                if states > made.len() || states > node.inputs.len().saturating_sub(own) {
                    return Err(refused(format!("{states} states are more than there are values")));
                }
                let taken = node.inputs.get(own..);
                let few = || refused(format!("{} inputs, expected {own}", node.inputs.len()));
                (taken.ok_or_else(few)?, made.len() + 1)
            }
            _ => return Ok(()),
        };
        for body in &node.bodies {
            body.verify()?;
            let own = body.inputs.len().checked_sub(taken.len());
            let own = own.filter(|&own| own == if expected == 1 { 2 } else { 0 });
            let (Some(own), true) = (own, body.outputs.len() == made) else {
                let (inputs, outputs) = (body.inputs.len(), body.outputs.len());
                return Err(refused(format!("a body of {inputs} inputs and {outputs} outputs")));
            };
            for (&id, &outer) in body.inputs[own..].iter().zip(taken) {
                let (inner, outer) = (body.fact(id), self.fact(outer));
                if (inner.dtype, inner.rank()) != (outer.dtype, outer.rank()) {
                    return Err(refused(format!("a body takes {inner:?} and is given {outer:?}")));
                }
            }
        }
        Ok(())
    }

    fn infer(&self, name: &str, op: &Op, inputs: &[ValueId]) -> Result<Vec<Fact>, GraphError> {
        let facts: Vec<Fact> = inputs.iter().map(|&id| self.fact(id)).collect();
        op.infer_all(&facts).map_err(|error| GraphError::Rule {
            node: name.to_string(),
            op: op.name(),
            error,
        })
    }

    fn push(&mut self, name: &str, fact: Fact, constant: Option<Arc<Tensor>>) -> ValueId {
        let id = ValueId(u32::try_from(self.values.len()).expect("fewer than 2^32 values"));
        let Fact { dtype, shape } = fact;
        self.values.push(Value { name: name.to_string(), dtype, shape, constant });
        id
    }
}
