//! The walk over the operators. One that cannot be imported is noted and the walk goes on, so that
//! one run names everything that stands in the way.

use super::model::{Graph, Model, Operation, Value};
use super::ops::{self, Import, Row};
use super::step::Step;
use super::{DOMAIN, quantize, refusal};
use crate::build::Operand;
use crate::error::{Reason, Refusal};
use crate::tensorflow::nodes::Nodes;
use crate::{ModelMetadata, Origin, Survey};
use ir::ValueId;
use std::collections::BTreeMap;
use tensor::DType;

/// Most operators that are imported, those of bodies of loops each as often as they run.
const OPERATORS_MAX: usize = 1 << 17;

/// Values that count as much as an operator when a graph is called.
const VALUES: usize = 16;

/// Most nodes that operators become. The largest models have some ten thousand.
const NODES_MAX: usize = 1 << 20;

/// Deepest graph in others. Converters nest some five deep.
const DEPTH_MAX: usize = 16;

/// A value that is known.
#[derive(Clone)]
struct Known {
    /// In the type that the model gives it.
    stored: Operand,
    /// The numbers that it stands for, once somebody asked.
    numbers: Option<Operand>,
    /// The same with the axes in other orders, once somebody asked.
    moved: Vec<(Vec<usize>, Operand)>,
}

/// What is known of the values of a graph.
struct Scope<'f> {
    graph: &'f Graph<'f>,
    /// Values by their place; `None` before they are made.
    values: Vec<Option<Known>>,
    /// Values of which nothing is known, since a refused operator makes them.
    unknown: Vec<bool>,
}

impl<'f> Scope<'f> {
    fn of(graph: &'f Graph<'f>) -> Scope<'f> {
        let count = graph.values.len();
        Scope { graph, values: vec![None; count], unknown: vec![false; count] }
    }
}

/// Weights of 16 bits are computed in 32.
pub(super) fn widened(nodes: &mut Nodes<'_>, x: Operand) -> Result<Operand, Reason> {
    match x.known().is_some() && nodes.fact(&x).dtype.is_half() {
        true => nodes.build().cast(&x, DType::F32),
        false => Ok(x),
    }
}

/// A graph that operators call, with what it keeps from one call to the next.
pub(super) struct Callee<'f>(Scope<'f>);

/// The state of the walk.
pub(super) struct Walk<'w, 'f> {
    pub(super) nodes: Nodes<'w>,
    model: &'f Model<'f>,
    scope: Scope<'f>,
    /// Operators so far, and graphs around the present one.
    operators: usize,
    depth: usize,
    inputs: usize,
    refusals: Vec<Refusal>,
    unjudged: Vec<String>,
    origins: BTreeMap<String, Origin>,
    /// What refused operators take.
    taken: Vec<ValueId>,
}

impl<'w, 'f> Walk<'w, 'f> {
    pub(super) fn new(
        nodes: Nodes<'w>,
        model: &'f Model<'f>,
        graph: &'f Graph<'f>,
    ) -> Walk<'w, 'f> {
        Walk {
            nodes,
            model,
            scope: Scope::of(graph),
            operators: 0,
            depth: 0,
            inputs: 0,
            refusals: Vec::new(),
            unjudged: Vec::new(),
            origins: BTreeMap::new(),
            taken: Vec::new(),
        }
    }

    /// The value at a place.
    pub(super) fn value(&self, place: i64) -> Option<(usize, &'f Value<'f>)> {
        let at = usize::try_from(place).ok()?;
        Some((at, self.scope.graph.values.get(at)?))
    }

    /// Lets a value be this one, in its own type.
    pub(super) fn define(&mut self, at: usize, stored: Operand) {
        self.scope.values[at] = Some(Known { stored, numbers: None, moved: Vec::new() });
    }

    /// Lets nothing be known of a value.
    pub(super) fn forget(&mut self, at: usize) {
        self.scope.unknown[at] = true;
    }

    /// Is it not known what a value is?
    pub(super) fn is_unknown(&self, at: usize) -> bool {
        self.scope.unknown[at]
    }

    /// Takes the inputs that the graph has by now for those of the model.
    pub(super) fn note_inputs(&mut self) {
        self.inputs = self.nodes.build().graph.inputs.len();
    }

    pub(super) fn refuse_port(&mut self, what: &str, name: &str, reason: Reason) {
        self.refusals.push(refusal::of_part(what, name, reason));
    }

    /// A value in its own type, read from the file where it is there.
    pub(super) fn stored(&mut self, at: usize) -> Result<Operand, Reason> {
        if let Some(known) = &self.scope.values[at] {
            return Ok(known.stored.clone());
        }
        let value = &self.scope.graph.values[at];
        let constant = value.constant(&self.nodes.build().budget)?;
        let constant = constant.ok_or_else(|| Reason::Undefined(value.name.clone()))?;
        let stored = Operand::constant(&value.name, constant);
        self.define(at, stored.clone());
        Ok(stored)
    }

    /// The numbers that a value stands for.
    pub(super) fn numbers(&mut self, at: usize) -> Result<Operand, Reason> {
        if let Some(Known { numbers: Some(numbers), .. }) = &self.scope.values[at] {
            return Ok(numbers.clone());
        }
        let stored = self.stored(at)?;
        let value = &self.scope.graph.values[at];
        let numbers = match &value.quantization {
            Some(quantization) if value.is_quantized() => {
                quantize::numbers(&mut self.nodes, &stored, quantization, quantization.axis)?
            }
            Some(_) | None => widened(&mut self.nodes, stored)?,
        };
        if let Some(known) = &mut self.scope.values[at] {
            known.numbers = Some(numbers.clone());
        }
        Ok(numbers)
    }

    /// A constant with its axes in another order, moved once however often it is asked for.
    pub(super) fn moved(
        &mut self,
        at: usize,
        perm: &[usize],
        act: impl FnOnce(&mut Nodes<'w>, &Operand) -> Result<Operand, Reason>,
    ) -> Result<Operand, Reason> {
        let stored = self.stored(at)?;
        let known = self.scope.values[at].iter().flat_map(|known| &known.moved);
        if let Some((_, moved)) = known.into_iter().find(|(own, _)| own == perm) {
            return Ok(moved.clone());
        }
        let moved = act(&mut self.nodes, &stored)?;
        if let Some(known) = &mut self.scope.values[at] {
            known.moved.push((perm.to_vec(), moved.clone()));
        }
        Ok(moved)
    }

    /// A graph of the model by its number.
    pub(super) fn callee(&self, graph: i64) -> Result<Callee<'f>, Reason> {
        let found = usize::try_from(graph).ok().and_then(|at| self.model.graphs.get(at));
        let undefined = || Reason::Undefined(format!("graph {graph}"));
        found.map(|graph| Callee(Scope::of(graph))).ok_or_else(undefined)
    }

    /// What a graph makes of values, in their own types; `None` where that is not known. Constants
    /// are read once, however often it is called.
    pub(super) fn call(
        &mut self,
        callee: &mut Callee<'f>,
        args: &[Operand],
    ) -> Result<Option<Vec<Operand>>, Reason> {
        let graph = callee.0.graph;
        if graph.inputs.len() != args.len() {
            let expected = format!("{} values", args.len());
            return Err(Reason::Body { expected, found: graph.inputs.len().to_string() });
        }
        let values = graph.values.len() + graph.inputs.len() + graph.outputs.len();
        self.operators += 1 + graph.operations.len() + values / VALUES;
        if self.depth == DEPTH_MAX || self.operators > OPERATORS_MAX {
            return Err(Reason::Expansion);
        }
        self.depth += 1;
        std::mem::swap(&mut self.scope, &mut callee.0);
        let node = self.nodes.build().node.clone();
        let made = self.called(graph, args);
        self.nodes.build().node = node;
        std::mem::swap(&mut self.scope, &mut callee.0);
        self.depth -= 1;
        made
    }

    fn called(
        &mut self,
        graph: &'f Graph<'f>,
        args: &[Operand],
    ) -> Result<Option<Vec<Operand>>, Reason> {
        self.scope.unknown.fill(false);
        for (&place, arg) in graph.inputs.iter().zip(args) {
            let (at, _) = self.value(place).ok_or(Reason::UnknownRank)?;
            self.define(at, arg.clone());
        }
        for operation in &graph.operations {
            self.operation(operation);
        }
        let mut made = Vec::with_capacity(graph.outputs.len());
        for &place in &graph.outputs {
            let (at, _) = self.value(place).ok_or(Reason::UnknownRank)?;
            if self.is_unknown(at) {
                return Ok(None);
            }
            made.push(self.stored(at)?);
        }
        Ok(Some(made))
    }

    /// Imports an operator, or notes why it cannot be.
    pub(super) fn operation(&mut self, operation: &'f Operation<'f>) {
        let row = ops::find(operation.code);
        let op = ops::name(operation.code, &operation.custom);
        let named = operation.outputs.first().and_then(|&place| self.value(place));
        let name = named.map_or_else(|| op.clone(), |(_, value)| value.name.clone());
        let origin = Origin { op: op.clone(), domain: DOMAIN.to_string(), opset: None };
        self.origins.insert(name.clone(), origin);
        self.nodes.build().node.clone_from(&name);
        let takes = operation.inputs.iter().filter_map(|&place| self.value(place));
        let is_judged = takes.into_iter().all(|(at, _)| !self.scope.unknown[at]);
        let made = match row {
            None => Err(Reason::UnknownOperator),
            Some(_) if !is_judged => Ok(false),
            Some(_) if self.nodes.build().graph.nodes.len() > NODES_MAX => Err(Reason::Expansion),
            Some(row) => self.import(row, operation),
        };
        match made {
            Ok(true) => {}
            Ok(false) => {
                self.unjudged.push(name);
                self.end(operation);
            }
            Err(reason) => self.refuse(&name, &op, reason, operation),
        }
    }

    /// Notes an operator that cannot be imported.
    fn refuse(&mut self, name: &str, op: &str, reason: Reason, operation: &Operation<'_>) {
        let takes = operation.inputs.iter().map(|&place| {
            let (at, _) = self.value(place)?;
            self.scope.values[at].as_ref().map(|known| self.nodes.fact(&known.stored))
        });
        let takes = takes.collect();
        self.refusals.push(refusal::of_node(name, op, reason, takes));
        self.end(operation);
    }

    /// Leaves what an operator makes unknown, and keeps what it takes in use.
    fn end(&mut self, operation: &Operation<'_>) {
        for &place in &operation.outputs {
            if let Some((at, _)) = self.value(place) {
                self.forget(at);
            }
        }
        for &place in &operation.inputs {
            let known = self.value(place).and_then(|(at, _)| self.scope.values[at].as_ref());
            if let Some(Known { stored: Operand::Value(id), .. }) = known {
                self.taken.push(*id);
            }
        }
    }

    /// Defines what an operator makes, in the types of its values. Is it known?
    fn import(&mut self, row: &Row, operation: &'f Operation<'f>) -> Result<bool, Reason> {
        let mut step = Step { operation, walk: self };
        let made = match row.import {
            Import::Same(op) => step.apply_all(op, &[])?,
            Import::By(import) => import(&mut step)?,
            Import::Graphs(import) => {
                let Some(made) = import(&mut step)? else { return Ok(false) };
                for (stored, &place) in made.into_iter().zip(&operation.outputs) {
                    if let Some((at, _)) = self.value(place) {
                        self.define(at, stored);
                    }
                }
                return Ok(true);
            }
        };
        for (operand, &place) in made.iter().zip(&operation.outputs) {
            let Some((at, value)) = self.value(place) else { continue };
            let stored = match value.is_quantized() {
                true => quantize::integers(&mut self.nodes, operand, value)?,
                false => {
                    let dtype = value.dtype()?;
                    self.nodes.of_elements(operand, |build, x| build.cast(x, dtype))?
                }
            };
            self.define(at, stored);
        }
        Ok(true)
    }

    /// What the walk has found.
    pub(super) fn survey(self, metadata: ModelMetadata) -> Survey {
        let Walk { nodes, inputs, refusals, unjudged, origins, taken, .. } = self;
        let survey = Survey::new(nodes.into_builder().graph, inputs, metadata, taken);
        Survey { refusals, unjudged, origins, ..survey }
    }
}
