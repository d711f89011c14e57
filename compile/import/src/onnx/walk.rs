//! The walk over a model's nodes. A node that cannot be imported is noted and the walk goes on,
//! so that one run names everything that stands in the way.

use super::call::Call;
use super::decode::{FunctionProto, NodeProto, TensorProto, ValueInfoProto};
use super::{domain_name, functions, ops, tensors};
use crate::build::{Builder, Operand};
use crate::error::{ImportError, Reason, Refusal};
use crate::{Options, build};
use ir::Graph;
use std::collections::{BTreeMap, HashMap};
use tensor::{DType, Dim};

/// Oldest operator set whose rules are known: since version 7 broadcasting is NumPy's.
const OPSET_OLDEST: i64 = 7;

/// Newest operator set whose rules are known.
const OPSET_NEWEST: i64 = 28;

/// What a name stands for.
enum Entry {
    /// A value that can be taken.
    Known(Operand),
    /// Made by a node that was refused; who takes it cannot be judged.
    Refused,
    /// An output that the node's import does not make: `index` of operator `op`.
    NotMade { op: String, index: usize },
}

/// The state of the walk.
pub(super) struct Walk<'a> {
    build: Builder,
    scope: HashMap<String, Entry>,
    refusals: Vec<Refusal>,
    opsets: BTreeMap<String, i64>,
    options: &'a Options,
    functions: &'a [FunctionProto],
    /// Functions that are being expanded, one inside the other.
    depth: usize,
    /// Nodes that functions became so far.
    expanded: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        name: &str,
        opsets: &BTreeMap<String, i64>,
        functions: &'a [FunctionProto],
        options: &'a Options,
    ) -> Self {
        Walk {
            build: Builder::new(name),
            scope: HashMap::new(),
            refusals: Vec::new(),
            opsets: opsets.clone(),
            options,
            functions,
            depth: 0,
            expanded: 0,
        }
    }

    /// A value that the caller gives.
    pub(super) fn input(&mut self, name: &str, dtype: DType, shape: Vec<Dim>) {
        let id = self.build.graph.input(name, dtype, shape);
        self.scope.insert(name.to_string(), Entry::Known(Operand::Value(id)));
    }

    /// A weight.
    pub(super) fn initializer(&mut self, proto: TensorProto) {
        let entry = match tensors::read(&proto, self.options.folder.as_deref()) {
            Ok(tensor) => Entry::Known(Operand::constant(&proto.name, tensor)),
            Err(reason) => {
                let hint = reason.hint().to_string();
                self.refusals.push(Refusal {
                    node: proto.name.clone(),
                    op: "initializer".to_string(),
                    domain: domain_name("").to_string(),
                    opset: self.opsets.get(domain_name("")).copied(),
                    reason,
                    hint,
                });
                Entry::Refused
            }
        };
        self.scope.insert(proto.name, entry);
    }

    /// Imports a node, or notes why it cannot be.
    pub(super) fn node(&mut self, node: &NodeProto) {
        let is_named = |f: &&FunctionProto| f.name == node.op_type && f.domain == node.domain;
        if ops::find(domain_name(&node.domain), &node.op_type).is_none()
            && let Some(function) = self.functions.iter().find(is_named)
        {
            return self.expand(function, node);
        }
        let made = match self.try_node(node) {
            Ok(Some(made)) => made,
            Ok(None) => return self.refuse_outputs(node),
            Err(reason) => {
                self.refuse(node, reason);
                return self.refuse_outputs(node);
            }
        };
        let mut made = made.into_iter();
        for (index, name) in node.output.iter().enumerate() {
            let entry = match made.next() {
                Some(operand) => Entry::Known(operand),
                None => Entry::NotMade { op: node.op_type.clone(), index },
            };
            if name.is_empty() {
                continue;
            }
            if self.scope.contains_key(name) {
                self.refuse(node, Reason::Redefined(name.clone()));
            }
            self.scope.insert(name.clone(), entry);
        }
    }

    /// Imports the nodes of a function in place of a node that uses it.
    fn expand(&mut self, function: &'a FunctionProto, node: &NodeProto) {
        self.expanded = self.expanded.saturating_add(function.node.len());
        if self.depth == functions::DEPTH_MAX || self.expanded > functions::NODES_MAX {
            self.refuse(node, Reason::Expansion);
            return self.refuse_outputs(node);
        }
        let first = node.output.first().map_or("", String::as_str);
        let prefix = if node.name.is_empty() { first } else { &node.name };
        let prefix = format!("{prefix}#{}", self.expanded);
        let nodes = functions::expand(function, node, &prefix);
        let imports = function.opset_import.iter();
        let own = imports.map(|o| (domain_name(&o.domain).to_string(), o.version)).collect();
        let outer = std::mem::replace(&mut self.opsets, own);
        self.depth += 1;
        for node in &nodes {
            self.node(node);
        }
        self.depth -= 1;
        self.opsets = outer;
    }

    /// What the node makes; `None` when it takes something that was refused before.
    fn try_node(&mut self, node: &NodeProto) -> Result<Option<Vec<Operand>>, Reason> {
        let domain = domain_name(&node.domain);
        let row = ops::find(domain, &node.op_type).ok_or(Reason::UnknownOperator)?;
        let opset = self.opset(domain)?;
        let is_known = |name: &str| row.attributes.contains(&name);
        if let Some(attribute) = node.attribute.iter().find(|a| !is_known(&a.name)) {
            return Err(Reason::UnknownAttribute(attribute.name.clone()));
        }
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            inputs.push(match self.scope.get(name) {
                _ if name.is_empty() => None,
                Some(Entry::Known(operand)) => Some(operand.clone()),
                Some(Entry::Refused) => return Ok(None),
                Some(Entry::NotMade { op, index }) => {
                    let (value, op, index) = (name.clone(), op.clone(), *index);
                    return Err(Reason::NotMade { value, op, index });
                }
                None => return Err(Reason::Undefined(name.clone())),
            });
        }
        let named = node.output.iter().find(|name| !name.is_empty());
        self.build.node = if node.name.is_empty() { named } else { Some(&node.name) }
            .map_or_else(String::new, String::clone);
        let folder = self.options.folder.as_deref();
        let first = self.build.graph.values.len();
        let mut call = Call { node, opset, inputs, build: &mut self.build, folder };
        let made = (row.import)(&mut call)?;
        for (operand, name) in made.iter().zip(&node.output) {
            if let Operand::Value(id) = operand
                && id.0 as usize >= first
            {
                self.build.graph.values[id.0 as usize].name = name.clone();
            }
        }
        Ok(Some(made))
    }

    /// The version of the operator set of a domain.
    fn opset(&self, domain: &str) -> Result<i64, Reason> {
        let (oldest, newest) = match domain {
            "ai.onnx" => (OPSET_OLDEST, OPSET_NEWEST),
            _ => (1, OPSET_NEWEST),
        };
        match self.opsets.get(domain) {
            Some(&opset) if (oldest..=newest).contains(&opset) => Ok(opset),
            Some(_) | None => Err(Reason::Opset { oldest, newest }),
        }
    }

    fn refuse(&mut self, node: &NodeProto, reason: Reason) {
        let domain = domain_name(&node.domain);
        let first = node.output.first().map_or("", String::as_str);
        let name = if node.name.is_empty() { first } else { &node.name };
        let special = match &reason {
            Reason::UnknownOperator => ops::hint(domain, &node.op_type),
            _ => None,
        };
        self.refusals.push(Refusal {
            node: name.to_string(),
            op: node.op_type.clone(),
            domain: domain.to_string(),
            opset: self.opsets.get(domain).copied(),
            hint: special.unwrap_or(reason.hint()).to_string(),
            reason,
        });
    }

    fn refuse_outputs(&mut self, node: &NodeProto) {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            self.scope.insert(name.clone(), Entry::Refused);
        }
    }

    /// The graph with its outputs, and the names of its classes.
    pub(super) fn finish(
        mut self,
        outputs: &[ValueInfoProto],
    ) -> Result<(Graph, Vec<String>), ImportError> {
        for output in outputs {
            let refused = |found: String| ImportError::Signature {
                side: "output",
                name: output.name.clone(),
                found,
                hint: "export the model for inference, in eval mode".to_string(),
            };
            let operand = match self.scope.get(&output.name) {
                Some(Entry::Known(operand)) => operand.clone(),
                Some(Entry::Refused) => continue,
                Some(Entry::NotMade { op, index }) => {
                    let found = format!("output {index} of a {op} is not made in inference");
                    return Err(refused(found));
                }
                None => return Err(refused("no node makes it".to_string())),
            };
            self.build.node.clone_from(&output.name);
            let id = self
                .build
                .materialize(&operand)
                .map_err(|reason: Reason| refused(reason.to_string()))?;
            self.build.graph.output(&output.name, id);
        }
        if !self.refusals.is_empty() {
            return Err(ImportError::Unsupported(self.refusals));
        }
        let build::Builder { graph, labels, .. } = self.build;
        Ok((graph, labels))
    }
}
