//! Graphs inside of nodes: what comes into them, and what they make.

use super::call::{Flow, List};
use super::walk::Walk;
use crate::build::{Builder, Kind, Operand};
use crate::error::Reason;
use ir::{Fact, Graph, ValueId};
use std::rc::Rc;

/// A value of the graph around a node as it comes into one inside of it.
pub(super) struct Given {
    flow: Flow,
    /// The values that are captured, with what is known of them.
    values: Vec<(ValueId, Fact, Kind)>,
}

/// A value of the present graph on its way into one inside of it.
pub(super) fn given(walk: &Walk<'_>, flow: &Flow) -> Given {
    let mut values = Vec::new();
    operands(flow, &mut |operand| {
        if let Operand::Value(id) = operand {
            values.push((*id, walk.build.fact(operand), walk.build.kind(operand)));
        }
    });
    Given { flow: flow.clone(), values }
}

/// Looks at all operands of a value.
fn operands(flow: &Flow, visit: &mut dyn FnMut(&Operand)) {
    match flow {
        Flow::Tensor(operand) => visit(operand),
        Flow::List(list) => match &**list {
            List::Stacked(operand) | List::Sequence { values: operand, .. } => visit(operand),
            List::Reserved { .. } | List::Set { .. } => {}
        },
        Flow::Handle(_) | Flow::Dead => {}
    }
}

impl Given {
    /// The value of the graph around, where it is captured.
    pub(super) fn captured(&self) -> Option<ValueId> {
        self.values.first().map(|(id, ..)| *id)
    }

    /// The value inside of the graph that is being built, as an input of it where it is computed.
    pub(super) fn enter(&self, walk: &mut Walk<'_>) -> Flow {
        let inner = match self.values.first() {
            Some((id, fact, kind)) => {
                let name = format!("captured_{}", id.0);
                let Fact { dtype, shape } = fact.clone();
                let own = walk.build.graph.input(&name, dtype, shape);
                walk.build.note_kind(own, kind.clone());
                Some(Operand::Value(own))
            }
            None => None,
        };
        let moved = |operand: &Operand| inner.clone().unwrap_or_else(|| operand.detached());
        match &self.flow {
            Flow::Tensor(operand) => Flow::Tensor(moved(operand)),
            Flow::List(list) => Flow::List(Rc::new(match &**list {
                List::Stacked(operand) => List::Stacked(moved(operand)),
                List::Sequence { values, rank } => {
                    List::Sequence { values: moved(values), rank: *rank }
                }
                List::Reserved { .. } | List::Set { .. } => return self.flow.clone(),
            })),
            Flow::Handle(_) | Flow::Dead => self.flow.clone(),
        }
    }
}

/// Builds a graph inside of the present one.
pub(super) fn inside<T>(
    walk: &mut Walk<'_>,
    name: &str,
    act: impl FnOnce(&mut Walk<'_>) -> Result<T, Reason>,
) -> Result<(T, Graph), Reason> {
    let inner = Builder::inside(&mut walk.build, name);
    let outer = std::mem::replace(&mut walk.build, inner);
    let (turned, read) = (std::mem::take(&mut walk.turned), std::mem::take(&mut walk.read));
    let made = act(walk);
    let mut inner = std::mem::replace(&mut walk.build, outer);
    let graph = std::mem::replace(&mut inner.graph, Graph::new(""));
    walk.build.leave(inner);
    (walk.turned, walk.read) = (turned, read);
    made.map(|made| (made, graph))
}

/// Makes tensors the outputs of the graph that is being built, and says what they are.
pub(super) fn materialized(
    walk: &mut Walk<'_>,
    flows: &[Flow],
) -> Result<Vec<(Fact, Kind)>, Reason> {
    let mut made = Vec::with_capacity(flows.len());
    for flow in flows {
        let Flow::Tensor(operand) = flow else {
            let (expected, found) = ("tensors".to_string(), flow.kind().to_string());
            return Err(Reason::Body { expected, found });
        };
        let id = walk.build.materialize(operand)?;
        let name = walk.build.graph.value(id).name.clone();
        walk.build.graph.output(&name, id);
        made.push((walk.build.fact(operand), walk.build.kind(operand)));
    }
    Ok(made)
}
