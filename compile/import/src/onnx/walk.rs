//! The walk over a model's nodes. A node that cannot be imported is noted and the walk goes on,
//! so that one run names everything that stands in the way.

use super::call::Call;
use super::control::{Control, Level};
use super::decode::{FunctionProto, NodeProto, TensorProto, ValueInfoProto};
use super::ops::Import;
use super::{domain_name, functions, ops, remarks, tensors};
use crate::build::{Budget, Builder, Kind, Operand};
use crate::error::{Reason, Refusal};
use crate::replace::{Own, Replacement};
use crate::{ModelMetadata, Options, Origin, Remark, Survey};
use ir::{Fact, Graph, ValueId};
use std::collections::{BTreeMap, HashMap, HashSet};
use tensor::Value;

/// Newest operator set whose rules are known.
const OPSET_NEWEST: i64 = 28;

/// What a name stands for.
#[derive(Clone)]
pub(super) enum Entry {
    /// A value that can be taken.
    Known(Known),
    /// Made by a node that was refused; who takes it cannot be judged.
    Refused,
    /// An output that the node's import does not make: `index` of operator `op`.
    NotMade { op: String, index: usize },
}

/// A value that can be taken.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) operand: Operand,
    /// Does it stand for what a refused node makes, or come from such a value? Then its type is
    /// the file's word, and its elements are not known even where they would be.
    pub(super) is_stand_in: bool,
}

/// What a node that runs graphs makes; `None` when that cannot be judged.
pub(super) type Made = Result<Option<Vec<Operand>>, Reason>;

/// How far the findings were, and what constants had taken.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    findings: [usize; 4],
    taken: (usize, usize),
}

/// What became of a node.
enum Outcome {
    /// It makes these.
    Made(Vec<Operand>, bool),
    /// It takes something of which nothing is known.
    Unjudged,
}

/// The state of the walk.
pub(super) struct Walk<'a> {
    pub(super) build: Builder,
    pub(super) scope: HashMap<String, Entry>,
    /// Values of the graph around the present one that are its last inputs.
    pub(super) captured: Vec<ValueId>,
    /// The graphs around the present one, the outermost first.
    pub(super) outer: Vec<Level>,
    /// Types of values by the file's word.
    declared: HashMap<String, Fact>,
    /// Names of what the nodes make, whether or not the walk has been there.
    announced: HashSet<&'a str>,
    /// What refused nodes take.
    taken: Vec<ValueId>,
    survey: Survey,
    opsets: BTreeMap<String, i64>,
    options: &'a Options,
    /// Weights that stand in the place of the model's own.
    pub(super) replacement: Option<Replacement>,
    functions: &'a [FunctionProto],
    /// Functions that are being expanded, one inside the other.
    depth: usize,
    /// Nodes that functions became so far, and that graphs inside of nodes had.
    pub(super) expanded: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        name: &str,
        metadata: ModelMetadata,
        functions: &'a [FunctionProto],
        options: &'a Options,
    ) -> Self {
        Walk {
            build: Builder::new(name, Budget::new(options.memory)),
            scope: HashMap::new(),
            captured: Vec::new(),
            outer: Vec::new(),
            declared: HashMap::new(),
            announced: HashSet::new(),
            taken: Vec::new(),
            opsets: metadata.opset_imports.clone(),
            survey: Survey {
                graph: Graph::new(name),
                inputs: 0,
                outputs: 0,
                metadata,
                refusals: Vec::new(),
                unjudged: Vec::new(),
                remarks: Vec::new(),
                origins: BTreeMap::new(),
            },
            options,
            replacement: None,
            functions,
            depth: 0,
            expanded: 0,
        }
    }

    /// The type of a value by the file's word.
    pub(super) fn declare(&mut self, name: &str, fact: Fact) {
        self.declared.insert(name.to_string(), fact);
    }

    /// The nodes that the walk is about to visit.
    pub(super) fn announce(&mut self, nodes: &'a [NodeProto]) {
        self.announced.extend(nodes.iter().flat_map(|n| &n.output).map(String::as_str));
    }

    /// A value that the caller gives.
    pub(super) fn input(&mut self, name: &str, fact: Fact, kind: Option<Kind>) {
        let id = self.build.graph.input(name, fact.dtype, fact.shape);
        if let Some(kind) = kind {
            self.build.note_kind(id, kind);
        }
        self.scope.insert(name.to_string(), Entry::of(Operand::Value(id)));
        self.survey.inputs += 1;
    }

    /// A value that the caller would give and cannot.
    pub(super) fn refuse_input(&mut self, name: &str, found: String, hint: &str) {
        let reason = Reason::Signature(found);
        self.refuse_part("input", name, reason);
        if let Some(refusal) = self.survey.refusals.last_mut() {
            refusal.hint = hint.to_string();
        }
        self.scope.insert(name.to_string(), Entry::Refused);
    }

    /// A weight.
    pub(super) fn initializer(&mut self, proto: TensorProto) {
        let folder = self.options.folder.as_deref();
        let read = match self.scope.contains_key(&proto.name) {
            true => Err(Reason::Redefined(proto.name.clone())),
            false => match self.replaced(&proto) {
                Some(replaced) => replaced,
                None => match tensors::read_value(&proto, folder, &self.build.budget) {
                    Ok(Value::Tensor(tensor)) => Ok(Operand::constant(&proto.name, tensor)),
                    Ok(other) => self.build.literal(&other),
                    Err(reason) => Err(reason),
                },
            },
        };
        let entry = match read {
            Ok(operand) => Entry::of(operand),
            Err(reason) => {
                self.refuse_part("initializer", &proto.name, reason);
                Entry::Refused
            }
        };
        self.scope.insert(proto.name, entry);
    }

    /// What stands in the place of a weight, where something does.
    fn replaced(&mut self, proto: &TensorProto) -> Option<Result<Operand, Reason>> {
        let replacement = self.replacement.as_mut()?;
        let dtype = tensors::element_type(i64::from(proto.data_type)).ok()?;
        let shape: Option<Vec<usize>> =
            proto.dims.iter().map(|&size| usize::try_from(size).ok()).collect();
        let own = Own { name: &proto.name, dtype, shape: &shape?, is_trained: None };
        replacement.operand(&mut self.build, &own).transpose()
    }

    /// Imports a node, or notes why it cannot be.
    pub(super) fn node(&mut self, node: &NodeProto) {
        let is_named = |f: &&FunctionProto| f.name == node.op_type && f.domain == node.domain;
        if ops::find(domain_name(&node.domain), &node.op_type).is_none()
            && let Some(function) = self.functions.iter().find(is_named)
        {
            return self.expand(function, node);
        }
        for (text, fix) in remarks::of(node) {
            self.survey.remarks.push(Remark { node: name_of(node).to_string(), text, fix });
        }
        let origin = Origin {
            op: node.op_type.clone(),
            domain: domain_name(&node.domain).to_string(),
            opset: self.opsets.get(domain_name(&node.domain)).copied(),
        };
        self.survey.origins.insert(name_of(node).to_string(), origin);
        let (made, is_stand_in) = match self.try_node(node) {
            Ok(Outcome::Made(made, is_stand_in)) => (made, is_stand_in),
            Ok(Outcome::Unjudged) => return self.skip(node),
            Err(reason) if self.is_consequence(node, &reason) => return self.skip(node),
            Err(reason) => return self.refuse(node, reason),
        };
        let mut made = made.into_iter();
        for (index, name) in node.output.iter().enumerate() {
            let entry = match made.next() {
                Some(operand) => Entry::Known(Known { operand, is_stand_in }),
                None => Entry::NotMade { op: node.op_type.clone(), index },
            };
            if name.is_empty() {
                continue;
            }
            if self.scope.contains_key(name) {
                self.note(node, Reason::Redefined(name.clone()));
            }
            self.scope.insert(name.clone(), entry);
        }
    }

    /// Imports the nodes of a function in place of a node that uses it.
    fn expand(&mut self, function: &'a FunctionProto, node: &NodeProto) {
        self.expanded = self.expanded.saturating_add(function.node.len());
        if self.depth == functions::DEPTH_MAX || self.expanded > functions::NODES_MAX {
            return self.refuse(node, Reason::Expansion);
        }
        let prefix = format!("{}#{}", name_of(node), self.expanded);
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

    /// What the node makes.
    fn try_node(&mut self, node: &NodeProto) -> Result<Outcome, Reason> {
        let domain = domain_name(&node.domain);
        let row = ops::find(domain, &node.op_type).ok_or(Reason::UnknownOperator)?;
        let opset = self.opset(domain)?;
        let is_known = |name: &str| {
            let is_old = domain == "ai.onnx" && ops::old::has_attribute(row.name, opset, name);
            is_old || row.attributes.contains(&name)
        };
        if let Some(attribute) = node.attribute.iter().find(|a| !is_known(&a.name)) {
            return Err(Reason::UnknownAttribute(attribute.name.clone()));
        }
        let mut inputs = Vec::with_capacity(node.input.len());
        let mut is_stand_in = false;
        for name in &node.input {
            inputs.push(match self.lookup(name) {
                _ if name.is_empty() => None,
                Some(Entry::Known(known)) => {
                    is_stand_in |= known.is_stand_in;
                    Some(known.operand)
                }
                Some(Entry::Refused) => return Ok(Outcome::Unjudged),
                Some(Entry::NotMade { op, index }) => {
                    return Err(Reason::NotMade { value: name.clone(), op, index });
                }
                None if self.announced.contains(name.as_str()) => {
                    return Err(Reason::Order(name.clone()));
                }
                None => return Err(Reason::Undefined(name.clone())),
            });
        }
        let named = node.output.iter().find(|name| !name.is_empty());
        self.build.node = if node.name.is_empty() { named } else { Some(&node.name) }
            .map_or_else(String::new, String::clone);
        let folder = self.options.folder.as_deref();
        let first = self.build.graph.values.len();
        let made = match row.import {
            Import::Call(import) => {
                let mut call = Call { node, opset, inputs, build: &mut self.build, folder };
                if domain == "ai.onnx" {
                    ops::old::modernize(&mut call)?;
                }
                import(&mut call)?
            }
            Import::Control(import) => match import(self, &Control { node, opset, inputs })? {
                Some(made) => made,
                None => return Ok(Outcome::Unjudged),
            },
        };
        for (operand, name) in made.iter().zip(&node.output) {
            if let Operand::Value(id) = operand
                && id.0 as usize >= first
            {
                self.build.graph.values[id.0 as usize].name = name.clone();
            }
        }
        Ok(Outcome::Made(made, is_stand_in))
    }

    /// Lets a name stand for an operand.
    pub(super) fn define(&mut self, name: &str, operand: Operand) {
        self.scope.insert(name.to_string(), Entry::of(operand));
    }

    /// How far the findings are.
    pub(super) fn mark(&self) -> Mark {
        let Survey { refusals, unjudged, remarks, .. } = &self.survey;
        let findings = [refusals.len(), unjudged.len(), remarks.len(), self.taken.len()];
        Mark { findings, taken: self.build.taken() }
    }

    /// Forgets what was found since then: it will be found again.
    pub(super) fn forget(&mut self, mark: Mark) {
        let [refusals, unjudged, remarks, taken] = mark.findings;
        self.build.give_back(mark.taken);
        self.survey.refusals.truncate(refusals);
        self.survey.unjudged.truncate(unjudged);
        self.survey.remarks.truncate(remarks);
        self.taken.truncate(taken);
    }

    /// The version of the operator set that an operator is from.
    fn opset(&self, domain: &str) -> Result<i64, Reason> {
        let oldest = 1;
        let newest = if domain == ops::ML { ops::ML_NEWEST } else { OPSET_NEWEST };
        match self.opsets.get(domain) {
            Some(&opset) if (oldest..=newest).contains(&opset) => Ok(opset),
            Some(_) | None => Err(Reason::Opset { oldest, newest }),
        }
    }

    /// Is a node refused only because it takes what stands for the value of a refused one? Such a
    /// value is not known as sizes, and the file's word for its shape may use other symbols.
    fn is_consequence(&self, node: &NodeProto, reason: &Reason) -> bool {
        let stand_in = |name: &String| match self.scope.get(name) {
            Some(Entry::Known(known)) => known.is_stand_in.then_some(&known.operand),
            Some(Entry::Refused | Entry::NotMade { .. }) | None => None,
        };
        match reason {
            Reason::DataDependent { input, .. } | Reason::Input { input, .. } => {
                let operand = node.input.get(*input).and_then(stand_in);
                operand.is_some_and(|x| !self.build.fact(x).dtype.is_float())
            }
            Reason::Rule { .. } | Reason::Evaluation(_) => {
                node.input.iter().any(|name| stand_in(name).is_some())
            }
            Reason::Signature(_)
            | Reason::UnknownOperator
            | Reason::Opset { .. }
            | Reason::UnknownAttribute(_)
            | Reason::Attribute { .. }
            | Reason::Undefined(_)
            | Reason::Order(_)
            | Reason::Redefined(_)
            | Reason::NotMade { .. }
            | Reason::Tensor { .. }
            | Reason::Expansion
            | Reason::UnknownRank
            | Reason::Body { .. }
            | Reason::TooLarge { .. } => false,
        }
    }

    /// Goes on behind a node that cannot be imported.
    fn refuse(&mut self, node: &NodeProto, reason: Reason) {
        self.note(node, reason);
        self.go_on_behind(node);
    }

    /// Goes on behind a node of which no more is known than that.
    fn skip(&mut self, node: &NodeProto) {
        self.survey.unjudged.push(name_of(node).to_string());
        self.go_on_behind(node);
    }

    /// Keeps what a node takes in use, and lets inputs of the declared types stand for what it
    /// makes.
    fn go_on_behind(&mut self, node: &NodeProto) {
        for name in &node.input {
            if let Some(Entry::Known(Known { operand: Operand::Value(id), .. })) =
                self.scope.get(name)
                && self.outer.is_empty()
            {
                self.taken.push(*id);
            }
        }
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            let entry = match self.declared.get(name) {
                Some(Fact { dtype, shape }) if self.outer.is_empty() => {
                    let id = self.build.graph.input(name, *dtype, shape.clone());
                    Entry::Known(Known { operand: Operand::Value(id), is_stand_in: true })
                }
                Some(_) | None => Entry::Refused,
            };
            self.scope.insert(name.clone(), entry);
        }
    }

    fn note(&mut self, node: &NodeProto, reason: Reason) {
        let domain = domain_name(&node.domain);
        let special = match &reason {
            Reason::UnknownOperator => ops::hint(domain, &node.op_type),
            _ => None,
        };
        let fact = |name: &String| match self.scope.get(name)? {
            Entry::Known(known) => Some(self.build.fact(&known.operand)),
            Entry::Refused | Entry::NotMade { .. } => self.declared.get(name).cloned(),
        };
        self.survey.refusals.push(Refusal {
            node: name_of(node).to_string(),
            op: node.op_type.clone(),
            domain: domain.to_string(),
            opset: self.opsets.get(domain).copied(),
            hint: special.unwrap_or(reason.hint()).to_string(),
            reason,
            takes: node.input.iter().map(fact).collect(),
            makes: node.output.iter().map(|name| self.declared.get(name).cloned()).collect(),
        });
    }

    /// Notes why something is refused that is no node.
    fn refuse_part(&mut self, what: &str, name: &str, reason: Reason) {
        self.survey.refusals.push(Refusal {
            node: name.to_string(),
            op: what.to_string(),
            domain: String::new(),
            opset: None,
            hint: reason.hint().to_string(),
            reason,
            takes: Vec::new(),
            makes: Vec::new(),
        });
    }

    /// All that was found.
    pub(super) fn finish(mut self, outputs: &[ValueInfoProto]) -> Survey {
        let mut names = HashSet::new();
        for output in outputs {
            let name = &output.name;
            let operand = match self.scope.get(name) {
                _ if !names.insert(name) => Err(Reason::Redefined(name.clone())),
                Some(Entry::Known(known)) => Ok(known.operand.clone()),
                Some(Entry::Refused) => continue,
                Some(Entry::NotMade { op, index }) => {
                    Err(Reason::NotMade { value: name.clone(), op: op.clone(), index: *index })
                }
                None => Err(Reason::Undefined(name.clone())),
            };
            self.build.node.clone_from(name);
            match operand.and_then(|operand| self.build.materialize(&operand)) {
                Ok(id) => self.build.graph.output(name, id),
                Err(reason) => self.refuse_part("output", name, reason),
            }
        }
        let Walk { build, taken, mut survey, .. } = self;
        survey.graph = build.graph;
        survey.outputs = survey.graph.outputs.len();
        survey.metadata.labels = build.labels;
        for id in taken {
            let name = survey.graph.value(id).name.clone();
            survey.graph.output(&name, id);
        }
        survey
    }
}

impl Entry {
    fn of(operand: Operand) -> Entry {
        Entry::Known(Known { operand, is_stand_in: false })
    }
}

/// The name that a node is known by: its own, or that of its first output when it has none.
fn name_of(node: &NodeProto) -> &str {
    let first = node.output.first().map_or("", String::as_str);
    if node.name.is_empty() { first } else { &node.name }
}
