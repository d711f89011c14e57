//! A graph's nodes in order, and what it takes and gives.

use crate::call::Call;
use crate::prune::prune;
use crate::sizes::Carrier;
use crate::writer::{Scope, Writer};
use crate::{ExportError, ops};
use import::onnx::decode::{GraphProto, ValueInfoProto};
use ir::{Graph, Node, Op};
use std::collections::HashSet;
use tensor::DType;

impl<'g> Writer<'g> {
    /// The whole of a model.
    pub(crate) fn model(&mut self, graph: &'g Graph) -> Result<GraphProto, ExportError> {
        self.enter(graph);
        let mut inputs = Vec::with_capacity(graph.inputs.len());
        for &id in &graph.inputs {
            let value = graph.value(id);
            if value.dtype == DType::Object {
                let found = "a sequence or an optional value";
                return Err(ExportError::Port { name: value.name.clone(), found });
            }
            self.reserve(&value.name)?;
            self.scope().values[id.0 as usize] = Some(value.name.clone());
            inputs.push(self.port(&value.name, value.dtype, &value.shape));
            self.carry(&value.name, &value.shape);
        }
        for output in &graph.outputs {
            let is_input = |id: &&ir::ValueId| graph.value(**id).name == output.name;
            match graph.inputs.iter().find(is_input) {
                Some(&input) if input == output.value => {}
                Some(_) | None => self.reserve(&output.name)?,
            }
            // The first name of what a node makes is its own.
            let place = &mut self.scope().values[output.value.0 as usize];
            if place.is_none() && graph.known(output.value).is_none() {
                *place = Some(output.name.clone());
            }
        }
        let names = graph.outputs.iter().map(|output| Some(output.name.clone())).collect();
        let mut written = self.nodes(graph, inputs, names)?;
        prune(&mut written);
        Ok(written)
    }

    /// A graph inside of a node. Its last inputs are values of the graph around it, which it takes
    /// by their names there.
    pub(crate) fn body(
        &mut self,
        graph: &'g Graph,
        captured: &[String],
    ) -> Result<GraphProto, ExportError> {
        self.enter(graph);
        let own = graph.inputs.len() - captured.len();
        let mut inputs = Vec::with_capacity(own);
        for (at, &id) in graph.inputs.iter().enumerate() {
            let value = graph.value(id);
            let name = match at.checked_sub(own) {
                Some(outer) => captured[outer].clone(),
                None => {
                    let name = self.names.fresh(&value.name);
                    inputs.push(self.port(&name, value.dtype, &value.shape));
                    name
                }
            };
            self.carry(&name, &value.shape);
            self.scope().values[id.0 as usize] = Some(name);
        }
        self.nodes(graph, inputs, vec![None; graph.outputs.len()])
    }

    /// Writes the nodes of the graph that was entered and leaves it. Outputs have the given names,
    /// or those of the values that they are.
    fn nodes(
        &mut self,
        graph: &'g Graph,
        input: Vec<ValueInfoProto>,
        names: Vec<Option<String>>,
    ) -> Result<GraphProto, ExportError> {
        for node in &graph.nodes {
            self.write(node)?;
        }
        self.node = "output".to_string();
        let mut given = HashSet::new();
        let mut output = Vec::with_capacity(names.len());
        for (wanted, port) in names.into_iter().zip(&graph.outputs) {
            let value = graph.value(port.value);
            let found = self.value(port.value);
            let is_own = self.scope().made.contains(&found) && !given.contains(&found);
            let name = match wanted {
                Some(wanted) if wanted == found => wanted,
                None if is_own => found,
                wanted => {
                    let name = wanted.unwrap_or_else(|| self.names.fresh(&port.name));
                    self.push("Identity", &[&found], vec![name.clone()], vec![]);
                    name
                }
            };
            given.insert(name.clone());
            output.push(self.port(&name, value.dtype, &value.shape));
        }
        let Scope { nodes, initializers, .. } =
            self.scopes.pop().expect("the graph that was entered");
        Ok(GraphProto {
            name: if graph.name.is_empty() { "graph".to_string() } else { graph.name.clone() },
            node: nodes,
            initializer: initializers,
            input,
            output,
            ..GraphProto::default()
        })
    }

    fn write(&mut self, node: &'g Node) -> Result<(), ExportError> {
        self.node.clone_from(&node.name);
        let inputs = node.inputs.iter().map(|&id| self.value(id)).collect();
        let outputs: Vec<String> = node.outputs().map(|id| self.value(id)).collect();
        let graph = self.scope().graph;
        ops::write(&mut Call { node, graph, inputs, outputs, writer: self })?;
        for id in node.outputs() {
            let name = self.value(id);
            self.carry(&name, &graph.value(id).shape);
        }
        if let Op::Dynamic(dynamic) = &node.op {
            let vector = self.value(node.output);
            for (at, symbol) in dynamic.elements.iter().enumerate() {
                self.note(symbol, || Carrier::Element(vector.clone(), at));
            }
        }
        Ok(())
    }
}
