//! The walk over the nodes that the outputs need. A node that cannot be imported is noted and the
//! walk goes on, so that one run names everything that stands in the way.

use super::call::Call;
use super::ops;
use super::symbol::{Source, Symbol};
use super::{DOMAIN, refusal};
use crate::Origin;
use crate::build::{Budget, Builder, Operand};
use crate::error::{Reason, Refusal};
use ir::ValueId;
use std::collections::BTreeMap;
use tensor::Dim;

/// Most nodes of the graph: the largest models have some thousands.
const NODES_MAX: usize = 1 << 19;

/// Most sizes that are compared with what weights say: more tell nothing new.
const WANTED_MAX: usize = 64;

/// What a node makes; `None` where that is not known.
type Outcome = Option<Vec<Operand>>;

/// The state of the walk.
pub(super) struct Walk<'a> {
    pub(super) build: Builder,
    symbol: &'a Symbol,
    /// What each node makes, of those that were visited.
    made: Vec<Outcome>,
    /// What could not be imported, in order.
    pub(super) refusals: Vec<Refusal>,
    /// Nodes of which nothing more is known than that they take what is refused.
    pub(super) unjudged: Vec<String>,
    /// What the nodes are, by their names.
    pub(super) origins: BTreeMap<String, Origin>,
    /// What refused nodes take.
    pub(super) taken: Vec<ValueId>,
    /// Sizes that depend on those of the input, and what weights say they are.
    pub(super) wanted: Vec<(Dim, usize)>,
    /// Inputs whose shapes were looked for in the layers behind them.
    pub(super) looked_for: usize,
    /// Has it been said that there are too many nodes?
    is_over: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(symbol: &'a Symbol, memory: usize) -> Walk<'a> {
        Walk {
            build: Builder::new("mxnet", Budget::new(memory)),
            symbol,
            made: vec![None; symbol.nodes.len()],
            refusals: Vec::new(),
            unjudged: Vec::new(),
            origins: BTreeMap::new(),
            taken: Vec::new(),
            wanted: Vec::new(),
            looked_for: 0,
            is_over: false,
        }
    }

    /// Notes that a size is to be what weights say.
    pub(super) fn want(&mut self, size: Dim, known: usize) {
        if self.wanted.len() < WANTED_MAX {
            self.wanted.push((size, known));
        }
    }

    /// Lets a node that is given from outside be this.
    pub(super) fn give(&mut self, node: usize, operand: Operand) {
        self.made[node] = Some(vec![operand]);
    }

    /// The value of an output of a node, where it is known.
    pub(super) fn value(&self, source: Source) -> Option<&Operand> {
        self.made[source.node].as_ref()?.get(source.output)
    }

    /// Imports a node whose inputs were visited.
    pub(super) fn visit(&mut self, at: usize) {
        let symbol = self.symbol;
        let node = &symbol.nodes[at];
        let origin = Origin { op: node.op.clone(), domain: DOMAIN.to_string(), opset: None };
        self.origins.insert(node.name.clone(), origin);
        let needed = ops::inputs_of(node);
        let given: Vec<Option<Operand>> =
            needed.iter().map(|&source| self.value(source).cloned()).collect();
        if self.build.graph.nodes.len() > NODES_MAX {
            match self.is_over {
                true => self.unjudged.push(node.name.clone()),
                false => self.refuse(at, Reason::Expansion, &given),
            }
            self.is_over = true;
            return;
        }
        let Some(row) = ops::find(&node.op).filter(|_| node.subgraphs.is_empty()) else {
            return self.refuse(at, Reason::UnknownOperator, &given);
        };
        let mut inputs = Vec::with_capacity(given.len());
        for (source, operand) in needed.iter().zip(&given) {
            match operand {
                Some(operand) => inputs.push(operand.clone()),
                None if self.made[source.node].is_some() => {
                    let maker = &symbol.nodes[source.node];
                    let (value, op) = (maker.name.clone(), maker.op.clone());
                    let reason = Reason::NotMade { value, op, index: source.output };
                    return self.refuse(at, reason, &given);
                }
                None => {
                    self.keep(&given);
                    self.unjudged.push(node.name.clone());
                    return;
                }
            }
        }
        self.build.node.clone_from(&node.name);
        let first = self.build.graph.values.len();
        let mut call = Call { node, inputs, walk: self };
        match (row.import)(&mut call) {
            Ok(made) => {
                if let Some(Operand::Value(id)) = made.first()
                    && id.0 as usize >= first
                {
                    self.build.graph.values[id.0 as usize].name.clone_from(&node.name);
                }
                self.made[at] = Some(made);
            }
            Err(reason) => self.refuse(at, reason, &given),
        }
    }

    /// Notes a node that cannot be imported, and keeps what it takes in use.
    fn refuse(&mut self, at: usize, reason: Reason, inputs: &[Option<Operand>]) {
        let node = &self.symbol.nodes[at];
        let takes = inputs.iter().map(|x| x.as_ref().map(|x| self.build.fact(x))).collect();
        self.refusals.push(refusal::of_node(&node.name, &node.op, reason, takes));
        self.keep(inputs);
    }

    fn keep(&mut self, inputs: &[Option<Operand>]) {
        let values = inputs.iter().filter_map(|operand| match operand {
            Some(Operand::Value(id)) => Some(*id),
            _ => None,
        });
        self.taken.extend(values);
    }
}
