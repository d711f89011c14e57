//! Graphs inside of graphs: names are looked for from the inside out, and a value of a graph
//! around becomes an input of each graph on the way in.

use super::Body;
use crate::build::{Builder, Operand};
use crate::error::Reason;
use crate::onnx::decode::GraphProto;
use crate::onnx::functions;
use crate::onnx::walk::{Entry, Made, Walk};
use ir::{Fact, ValueId};
use std::collections::HashMap;

/// Deepest graph in a graph. Exporters nest two or three deep.
const DEPTH_MAX: usize = 16;

/// A graph that the walk will come back to.
pub(in crate::onnx) struct Level {
    build: Builder,
    scope: HashMap<String, Entry>,
    captured: Vec<ValueId>,
}

impl Walk<'_> {
    /// Imports a graph inside of the present one: `act` adds its inputs and nodes and gives its
    /// outputs, `None` when they cannot be judged.
    pub(super) fn inside(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Self) -> Made,
    ) -> Result<Option<Body>, Reason> {
        if self.outer.len() == DEPTH_MAX {
            return Err(Reason::Expansion);
        }
        let inner = Builder::inside(&mut self.build, name);
        self.outer.push(Level {
            build: std::mem::replace(&mut self.build, inner),
            scope: std::mem::take(&mut self.scope),
            captured: std::mem::take(&mut self.captured),
        });
        let made = act(self).and_then(|outputs| self.close(outputs));
        let Some(level) = self.outer.pop() else { return made };
        let inner = std::mem::replace(&mut self.build, level.build);
        self.build.leave(inner);
        self.scope = level.scope;
        self.captured = level.captured;
        made
    }

    /// The present graph with these outputs.
    fn close(&mut self, outputs: Option<Vec<Operand>>) -> Result<Option<Body>, Reason> {
        let Some(outputs) = outputs else { return Ok(None) };
        let mut kinds = Vec::with_capacity(outputs.len());
        for operand in &outputs {
            kinds.push(self.build.kind(operand));
            let id = self.build.materialize(operand)?;
            let name = self.build.graph.value(id).name.clone();
            self.build.graph.output(&name, id);
        }
        let graph = std::mem::replace(&mut self.build.graph, ir::Graph::new(""));
        let captured = std::mem::take(&mut self.captured);
        Ok(Some(Body { graph, kinds, captured }))
    }

    /// Imports the weights and nodes of a graph into the present one and gives its outputs.
    pub(super) fn graph(&mut self, graph: &GraphProto) -> Made {
        self.expanded = self.expanded.saturating_add(graph.node.len());
        if self.expanded > functions::NODES_MAX {
            return Err(Reason::Expansion);
        }
        graph.initializer.iter().for_each(|tensor| self.initializer(tensor.clone()));
        graph.node.iter().for_each(|node| self.node(node));
        let mut outputs = Vec::with_capacity(graph.output.len());
        for output in &graph.output {
            match self.lookup(&output.name) {
                Some(Entry::Known(known)) => outputs.push(known.operand),
                Some(Entry::Refused) => return Ok(None),
                Some(Entry::NotMade { op, index }) => {
                    return Err(Reason::NotMade { value: output.name.clone(), op, index });
                }
                None => return Err(Reason::Undefined(output.name.clone())),
            }
        }
        Ok(Some(outputs))
    }

    /// As [`Walk::graph`], where names of the graph may hide those around it.
    pub(super) fn inline(&mut self, graph: &GraphProto) -> Made {
        self.apply(graph, Vec::new())
    }

    /// As [`Walk::inline`], of a graph whose inputs are these.
    pub(in crate::onnx) fn apply(&mut self, graph: &GraphProto, given: Vec<Operand>) -> Made {
        if graph.input.len() != given.len() {
            let expected = format!("a graph of {} inputs", given.len());
            return Err(super::refused(expected, graph.input.len()));
        }
        let nodes = graph.node.iter().flat_map(|node| &node.output);
        let names: Vec<&String> = nodes
            .chain(graph.initializer.iter().map(|tensor| &tensor.name))
            .chain(graph.input.iter().map(|input| &input.name))
            .collect();
        let hidden: Vec<_> = names.iter().map(|name| self.scope.remove(*name)).collect();
        let inputs = graph.input.iter().zip(given);
        inputs.for_each(|(input, operand)| self.define(&input.name, operand));
        let made = self.graph(graph);
        for (name, entry) in names.into_iter().zip(hidden).rev() {
            match entry {
                Some(entry) => drop(self.scope.insert(name.clone(), entry)),
                None => drop(self.scope.remove(name)),
            }
        }
        made
    }

    /// What a name stands for, in the present graph or around it.
    pub(in crate::onnx) fn lookup(&mut self, name: &str) -> Option<Entry> {
        if let Some(entry) = self.scope.get(name) {
            return Some(entry.clone());
        }
        let at = self.outer.iter().rposition(|level| level.scope.contains_key(name))?;
        let mut entry = self.outer[at].scope.get(name)?.clone();
        for depth in at + 1..=self.outer.len() {
            if let Entry::Known(known) = &mut entry {
                known.operand = self.captured_at(depth, &known.operand);
            }
            let scope = match self.outer.get_mut(depth) {
                Some(level) => &mut level.scope,
                None => &mut self.scope,
            };
            scope.insert(name.to_string(), entry.clone());
        }
        Some(entry)
    }

    /// An operand of the graph around the present one.
    pub(super) fn capture(&mut self, operand: &Operand) -> Operand {
        self.captured_at(self.outer.len(), operand)
    }

    /// An operand of the graph around the one at `depth`, for that one.
    fn captured_at(&mut self, depth: usize, operand: &Operand) -> Operand {
        let Operand::Value(id) = *operand else { return operand.detached() };
        let Some(around) = depth.checked_sub(1).and_then(|around| self.outer.get(around)) else {
            return operand.clone();
        };
        let (fact, kind) = (around.build.graph.fact(id), around.build.kind(operand));
        let name = around.build.graph.value(id).name.clone();
        let (build, captured) = match self.outer.get_mut(depth) {
            Some(level) => (&mut level.build, &mut level.captured),
            None => (&mut self.build, &mut self.captured),
        };
        if let Some(at) = captured.iter().position(|known| *known == id) {
            let own = build.graph.inputs.len() - captured.len();
            return Operand::Value(build.graph.inputs[own + at]);
        }
        let Fact { dtype, shape } = fact;
        let inner = build.graph.input(&name, dtype, shape);
        build.note_kind(inner, kind);
        captured.push(id);
        Operand::Value(inner)
    }
}
