//! The state of an import of either kind of file. An operator that cannot be imported is noted and
//! the walk goes on, so that one run names everything that stands in the way.

use super::ops::{self, Argument};
use super::value::{Pool, Value};
use super::{DOMAIN, refusal};
use crate::build::{Budget, Builder, NAME_BYTES, Operand};
use crate::error::{Reason, Refusal};
use crate::{ModelMetadata, Options, Origin, Survey};
use ir::{Fact, ValueId};
use std::collections::BTreeMap;

/// The state of the walk.
pub(super) struct Walk {
    pub(super) build: Builder,
    pub(super) pool: Pool,
    /// What could not be imported, in the order in which it was met.
    pub(super) refusals: Vec<Refusal>,
    /// Operators of which nothing more is known than that they take what is refused.
    pub(super) unjudged: Vec<String>,
    /// What the nodes are, by their names.
    origins: BTreeMap<String, Origin>,
    /// What refused operators take.
    taken: Vec<ValueId>,
    /// Was it noted that there is more than any model has?
    is_over: bool,
}

/// Values of a graph: the largest have some ten thousand.
const VALUES_MAX: usize = 1 << 19;

/// Items of a list that are looked at in the time that making one takes.
const LOOKED_AT: usize = 16;

impl Walk {
    pub(super) fn new(options: &Options) -> Walk {
        Walk {
            build: Builder::new("pytorch", Budget::new(options.memory)),
            pool: Pool::default(),
            refusals: Vec::new(),
            unjudged: Vec::new(),
            origins: BTreeMap::new(),
            taken: Vec::new(),
            is_over: false,
        }
    }

    /// What an operator makes of arguments; [`Value::Unknown`] where it cannot be imported, or what
    /// it takes could not.
    pub(super) fn apply(&mut self, name: &str, op: &str, args: Vec<Argument<'_>>) -> Value {
        self.pool.spend(1 + (name.len() + op.len()) / NAME_BYTES);
        if self.is_too_large(name) {
            return Value::Unknown;
        }
        let origin = Origin { op: op.to_string(), domain: DOMAIN.to_string(), opset: None };
        self.origins.insert(name.to_string(), origin);
        let mut tensors = Vec::new();
        let mut is_known = true;
        for (_, value) in &args {
            self.look(value, &mut tensors, &mut is_known);
        }
        // What is taken of several is known, whatever the others are.
        is_known |= matches!(op, "__getitem__" | "getitem")
            && !args.iter().any(|(_, value)| matches!(value, Value::Unknown));
        if !is_known {
            self.keep(&tensors);
            self.unjudged.push(name.to_string());
            return Value::Unknown;
        }
        self.build.node = name.to_string();
        let first = self.build.graph.values.len();
        match ops::apply(&mut self.build, &self.pool, op, args) {
            Ok(made) => {
                if let Value::Tensor(slot) = &made
                    && let Ok(Operand::Value(id)) = slot.operand()
                    && id.0 as usize >= first
                {
                    self.build.graph.values[id.0 as usize].name = name.to_string();
                }
                made
            }
            Err(reason) => {
                let takes = tensors.iter().map(|x| Some(self.build.fact(x))).collect();
                self.refusals.push(refusal::of_node(name, op, reason, takes));
                self.keep(&tensors);
                Value::Unknown
            }
        }
    }

    /// Is there more than any model has? That is noted once.
    fn is_too_large(&mut self, name: &str) -> bool {
        let is_over = self.pool.is_full() || self.build.graph.values.len() > VALUES_MAX;
        if is_over && !std::mem::replace(&mut self.is_over, true) {
            self.refusals.push(refusal::of_part("model", name, Reason::Expansion));
        }
        is_over
    }

    /// The tensors in a value, and whether all of it is known.
    fn look(&self, value: &Value, tensors: &mut Vec<Operand>, is_known: &mut bool) {
        match value {
            Value::Unknown => *is_known = false,
            Value::Tensor(slot) => tensors.extend(slot.operand().ok()),
            // Operators take lists of tensors, not lists of lists.
            Value::List(items) | Value::Tuple(items) => {
                self.pool.spend(items.borrow().len() / LOOKED_AT);
                for value in items.borrow().iter() {
                    match value {
                        Value::Unknown => *is_known = false,
                        Value::Tensor(slot) => tensors.extend(slot.operand().ok()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn keep(&mut self, tensors: &[Operand]) {
        let values = tensors.iter().filter_map(|x| match x {
            Operand::Value(id) => Some(*id),
            _ => None,
        });
        self.taken.extend(values);
    }

    /// Makes a value an output of the model.
    pub(super) fn output(&mut self, name: &str, value: &Value) {
        if let Err(reason) = ops::refresh(&mut self.build, value) {
            self.refusals.push(refusal::of_part("output", name, reason));
        }
        let made = match value {
            Value::Tensor(slot) => slot.operand().map_err(Reason::Signature),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => self.number(value),
            Value::Unknown if !self.refusals.is_empty() => return,
            Value::Unknown => {
                Err(Reason::NotMade { value: name.to_string(), op: "model".to_string(), index: 0 })
            }
            other => Err(Reason::Signature(format!("is {}", other.kind()))),
        };
        self.build.node = name.to_string();
        let made = made.and_then(|operand| self.build.materialize(&operand));
        match made {
            Ok(id) => self.build.graph.output(name, id),
            Err(reason) => self.refusals.push(refusal::of_part("output", name, reason)),
        }
    }

    fn number(&mut self, value: &Value) -> Result<Operand, Reason> {
        let args = vec![(None, value.clone())];
        match ops::apply(&mut self.build, &self.pool, "scalar_tensor", args)? {
            Value::Tensor(slot) => slot.operand().map_err(Reason::Signature),
            other => Err(Reason::Signature(format!("is {}", other.kind()))),
        }
    }

    /// An input behind the model's own, in the place of what could not be imported.
    pub(super) fn stand_in(&mut self, name: &str, fact: Fact) -> Operand {
        Operand::Value(self.build.graph.input(name, fact.dtype, fact.shape))
    }

    /// All that was found.
    pub(super) fn survey(self, inputs: usize, metadata: ModelMetadata) -> Survey {
        let Walk { build, refusals, unjudged, origins, taken, .. } = self;
        let survey = Survey::new(build.graph, inputs, metadata, taken);
        Survey { refusals, unjudged, origins, ..survey }
    }
}
