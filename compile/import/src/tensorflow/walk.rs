//! The walk over the nodes that the outputs need. A node that cannot be imported is noted and the
//! walk goes on, so that one run names everything that stands in the way.

use super::call::{Call, Flow};
use super::graph::{Model, Named, Scope, values};
use super::ops::{self, Import, Row};
use super::proto::NodeDef;
use super::resources::Resources;
use super::{DOMAIN, refusal};
use crate::build::{Budget, Builder, NAME_BYTES, Operand};
use crate::decompose::{Turned, to_second};
use crate::error::{Reason, Refusal};
use crate::{Options, Origin};
use ir::{Fact, ValueId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use tensor::Dim;

/// Most nodes that are imported, those of functions each as often as they are called. The largest
/// graphs have some ten thousand.
const NODES_MAX: usize = 1 << 19;

/// Deepest call of functions in each other. Exporters nest some five deep.
const DEPTH_MAX: usize = 32;

/// What a node makes; `None` where that is not known.
type Outcome = Option<Rc<[Flow]>>;

/// Nodes of a scope on their way to values.
pub(super) struct Frame<'a> {
    scope: &'a Scope<'a>,
    args: Vec<Flow>,
    made: HashMap<usize, Outcome>,
    /// What names of nodes begin with.
    prefix: String,
}

impl<'a> Frame<'a> {
    pub(super) fn of(scope: &'a Scope<'a>) -> Frame<'a> {
        Frame { scope, args: Vec::new(), made: HashMap::new(), prefix: String::new() }
    }

    /// Lets a node make these values, whatever it is.
    pub(super) fn define(&mut self, node: usize, flows: Option<Vec<Flow>>) {
        self.made.insert(node, flows.map(Rc::from));
    }

    /// What a node has made.
    fn outcome(&self, node: usize) -> Outcome {
        self.made.get(&node).cloned().flatten()
    }
}

/// The state of the walk.
pub(super) struct Walk<'a> {
    pub(super) build: Builder,
    pub(super) model: &'a Model<'a>,
    pub(super) resources: &'a Resources<'a>,
    /// What could not be imported, in the order in which it was met.
    pub(super) refusals: Vec<Refusal>,
    /// Nodes of which nothing more is known than that they take what is refused.
    pub(super) unjudged: Vec<String>,
    /// What the nodes are, by their names.
    pub(super) origins: BTreeMap<String, Origin>,
    /// What refused nodes take.
    pub(super) taken: Vec<ValueId>,
    pub(super) turned: Turned,
    /// Variables that were read.
    pub(super) read: HashMap<Rc<str>, Operand>,
    depth: usize,
    nodes: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        name: &str,
        model: &'a Model<'a>,
        resources: &'a Resources<'a>,
        options: &Options,
    ) -> Walk<'a> {
        Walk {
            build: Builder::new(name, Budget::new(options.memory)),
            model,
            resources,
            refusals: Vec::new(),
            unjudged: Vec::new(),
            origins: BTreeMap::new(),
            taken: Vec::new(),
            turned: Turned::default(),
            read: HashMap::new(),
            depth: 0,
            nodes: 0,
        }
    }

    /// The value of a name; `None` where it is not known.
    pub(super) fn value(
        &mut self,
        frame: &mut Frame<'a>,
        name: &str,
    ) -> Result<Option<Flow>, Reason> {
        if let Some(Named::Output { node, .. }) = frame.scope.named(name) {
            self.visit(frame, node);
        }
        self.made(frame, name)
    }

    /// The value of a name whose node was visited.
    fn made(&self, frame: &Frame<'a>, name: &str) -> Result<Option<Flow>, Reason> {
        let undefined = || Reason::Undefined(name.to_string());
        match frame.scope.named(name).ok_or_else(undefined)? {
            Named::Argument(at) => frame.args.get(at).cloned().map(Some).ok_or_else(undefined),
            Named::Output { node: at, output, index } => {
                if !frame.made.contains_key(&at) {
                    return Err(Reason::Order(name.to_string()));
                }
                let Some(made) = frame.outcome(at) else { return Ok(None) };
                let node = &frame.scope.nodes[at];
                let first = match output {
                    "" => 0,
                    output => ops::place_of(&node.op, output),
                };
                let index = index.saturating_add(first);
                made.get(index).cloned().map(Some).ok_or_else(|| Reason::NotMade {
                    value: name.to_string(),
                    op: node.op.clone(),
                    index,
                })
            }
        }
    }

    /// Imports a node, and before it all that it needs.
    fn visit(&mut self, frame: &mut Frame<'a>, node: usize) {
        let mut open: HashSet<usize> = HashSet::new();
        let mut stack = vec![(node, false)];
        while let Some((at, is_ready)) = stack.pop() {
            if frame.made.contains_key(&at) {
                continue;
            }
            if is_ready {
                let made = self.node(frame, at);
                frame.made.insert(at, made);
                continue;
            }
            if !open.insert(at) {
                continue;
            }
            stack.push((at, true));
            let needed =
                values(&frame.scope.nodes[at]).filter_map(|name| match frame.scope.named(name) {
                    Some(Named::Output { node, .. }) => Some(node),
                    Some(Named::Argument(_)) | None => None,
                });
            stack.extend(needed.filter(|at| !open.contains(at)).map(|at| (at, false)));
        }
    }

    /// Counts nodes. What has more than any model is refused once, and the walk ends.
    fn is_over(&mut self, name: &str) -> bool {
        let was_over = self.nodes > NODES_MAX;
        self.nodes = self.nodes.saturating_add(1 + name.len() / NAME_BYTES);
        let is_over = self.nodes > NODES_MAX;
        if is_over && !was_over {
            self.refusals.push(refusal::of_part("model", name, Reason::Expansion));
        }
        is_over
    }

    /// What a node makes.
    fn node(&mut self, frame: &mut Frame<'a>, at: usize) -> Outcome {
        let node = &frame.scope.nodes[at];
        let name = format!("{}{}", frame.prefix, node.name);
        if self.is_over(&name) {
            return None;
        }
        let origin = Origin { op: node.op.clone(), domain: DOMAIN.to_string(), opset: None };
        self.origins.insert(name.clone(), origin);
        let mut inputs = Vec::new();
        for input in values(node) {
            match self.made(frame, input) {
                Ok(flow) => inputs.push(flow),
                Err(reason) => return self.refuse(&name, node, reason, &inputs),
            }
        }
        let Some(row) = ops::find(&node.op) else {
            return self.refuse(&name, node, Reason::UnknownOperator, &inputs);
        };
        let Some(given) = inputs.iter().cloned().collect::<Option<Vec<Flow>>>() else {
            self.keep(&inputs);
            self.unjudged.push(name);
            return None;
        };
        if !row.takes_dead && given.iter().any(|flow| matches!(flow, Flow::Dead)) {
            return Some(Rc::from([Flow::Dead]));
        }
        self.build.node.clone_from(&name);
        match self.import(row, node, given) {
            Ok(made) => made.map(Rc::from),
            Err(reason) => self.refuse(&name, node, reason, &inputs),
        }
    }

    /// Notes a node that cannot be imported, and keeps what it takes in use.
    fn refuse(
        &mut self,
        name: &str,
        node: &NodeDef,
        reason: Reason,
        inputs: &[Option<Flow>],
    ) -> Outcome {
        let takes = inputs.iter().map(|flow| match flow {
            Some(Flow::Tensor(operand)) => Some(self.build.fact(operand)),
            _ => None,
        });
        let takes = takes.collect();
        self.refusals.push(refusal::of_node(name, &node.op, reason, takes));
        self.keep(inputs);
        None
    }

    fn keep(&mut self, inputs: &[Option<Flow>]) {
        if self.depth > 0 {
            return;
        }
        let values = inputs.iter().filter_map(|flow| match flow {
            Some(Flow::Tensor(Operand::Value(id))) => Some(*id),
            _ => None,
        });
        self.taken.extend(values);
    }

    /// What an operator makes of what it is given.
    pub(super) fn import(
        &mut self,
        row: &Row,
        node: &NodeDef,
        mut inputs: Vec<Flow>,
    ) -> Result<Option<Vec<Flow>>, Reason> {
        let is_turned = row.is_of_elements && self.turn_back(&mut inputs)?;
        let first = self.build.graph.values.len();
        let name = self.build.node.clone();
        let mut call = Call { node, inputs, walk: self };
        let made: Option<Vec<Flow>> = match row.import {
            Import::Tensors(import) => {
                Some(import(&mut call)?.into_iter().map(Flow::Tensor).collect())
            }
            Import::Flows(import) => Some(import(&mut call)?),
            Import::Graphs(import) => import(&mut call)?,
        };
        let Some(mut made) = made else { return Ok(None) };
        if is_turned {
            for flow in &mut made {
                if let Flow::Tensor(x) = flow {
                    *x = self.turned.channels_last(&mut self.build, x.clone())?;
                }
            }
        }
        if let Some(Flow::Tensor(Operand::Value(id))) = made.first()
            && id.0 as usize >= first
        {
            self.build.graph.values[id.0 as usize].name = name;
        }
        Ok(Some(made))
    }

    /// Takes all values as they were before their channels were moved, if one was and the others
    /// can be taken so as well.
    fn turn_back(&mut self, inputs: &mut [Flow]) -> Result<bool, Reason> {
        let mut rank = None;
        let mut before = Vec::with_capacity(inputs.len());
        for flow in inputs.iter() {
            let Flow::Tensor(x) = flow else { return Ok(false) };
            let turned = self.turned.before(x);
            if let Some(turned) = &turned {
                rank = rank.or(Some(self.build.fact(turned).rank()));
            }
            before.push(turned);
        }
        let Some(rank) = rank else { return Ok(false) };
        for (flow, before) in inputs.iter().zip(&mut before) {
            let Flow::Tensor(x) = flow else { return Ok(false) };
            let shape = self.build.fact(before.as_ref().unwrap_or(x)).shape;
            if before.is_some() && shape.len() == rank {
                continue;
            }
            let is_spread = shape.iter().rev().skip(1).all(|size| size.known() == Some(1));
            if before.is_some() || shape.len() > rank || !(x.known().is_some() || is_spread) {
                return Ok(false);
            }
            *before = Some(match shape.len() {
                0 => x.clone(),
                own => {
                    let wide = std::iter::repeat_n(Dim::from(1), rank - own).chain(shape).collect();
                    let wide = self.build.reshape(x, wide)?;
                    self.build.transpose(&wide, to_second(rank))?
                }
            });
        }
        inputs.iter_mut().zip(before.into_iter().flatten()).for_each(|(flow, before)| {
            *flow = Flow::Tensor(before);
        });
        Ok(true)
    }

    /// What a function makes of values; `None` where that is not known.
    pub(super) fn function(
        &mut self,
        name: &str,
        args: Vec<Flow>,
    ) -> Result<Option<Vec<Flow>>, Reason> {
        let undefined = || Reason::Undefined(name.to_string());
        let scope = self.model.functions.get(name).ok_or_else(undefined)?;
        let signature = scope.function.and_then(|function| function.signature.as_ref());
        let (function, signature) = scope.function.zip(signature).ok_or_else(undefined)?;
        if signature.input_arg.len() != args.len() {
            let found = format!("{} values", args.len());
            let expected = format!("{} for function {name}", signature.input_arg.len());
            return Err(Reason::Body { expected, found });
        }
        if self.depth == DEPTH_MAX {
            return Err(Reason::Expansion);
        }
        let own = self.build.node.clone();
        let mut frame = Frame { args, prefix: format!("{own}/"), ..Frame::of(scope) };
        self.depth += 1;
        let mut made = Vec::with_capacity(signature.output_arg.len());
        let mut outcome = Ok(());
        for output in &signature.output_arg {
            let by = function.ret.get(&output.name).map_or(output.name.as_str(), String::as_str);
            match self.value(&mut frame, by) {
                Ok(flow) => made.push(flow),
                Err(reason) => outcome = Err(reason),
            }
        }
        self.depth -= 1;
        self.build.node = own;
        outcome.map(|()| made.into_iter().collect())
    }

    /// The values of names among the nodes of a function of which these are the arguments.
    pub(super) fn inside(
        &mut self,
        scope: &'a Scope<'a>,
        args: Vec<Flow>,
        names: &[&str],
    ) -> Result<Option<Vec<Flow>>, Reason> {
        let mut frame = Frame { args, ..Frame::of(scope) };
        names.iter().map(|name| self.value(&mut frame, name)).collect()
    }

    /// Type and shape of a tensor.
    pub(super) fn fact(&self, x: &Operand) -> Fact {
        self.build.fact(x)
    }
}
