//! Operators that the model itself defines: each use is replaced by the function's nodes.

use super::decode::{AttributeProto, FunctionProto, GraphProto, NodeProto};
use std::collections::HashMap;

/// Deepest use of functions in functions. Exporters nest two or three deep.
pub(super) const DEPTH_MAX: usize = 16;

/// Most nodes that functions may become and graphs inside of nodes may have in all, since each
/// level can multiply them: ten times what the largest published models have.
pub(super) const NODES_MAX: usize = 1_000_000;

/// The nodes that a use of `function` stands for, with the values inside renamed so that they
/// are unique: `prefix` is another one for each use.
pub(super) fn expand(function: &FunctionProto, node: &NodeProto, prefix: &str) -> Vec<NodeProto> {
    let mut names: HashMap<&str, String> = HashMap::new();
    for (i, formal) in function.input.iter().enumerate() {
        names.insert(formal, node.input.get(i).cloned().unwrap_or_default());
    }
    // An output that is also an input is given out by the caller's name for the input, through
    // an identity at the end.
    let mut passed = Vec::new();
    for (i, formal) in function.output.iter().enumerate() {
        let actual = node.output.get(i).cloned().unwrap_or_default();
        if actual.is_empty() {
            continue;
        }
        match names.get(formal.as_str()) {
            Some(value) => passed.push((value.clone(), actual)),
            None => drop(names.insert(formal, actual)),
        }
    }
    let renaming = Renaming { function, node, prefix, names };
    let body: Vec<NodeProto> = function.node.iter().map(|inner| renaming.node(inner)).collect();
    let identities = passed.into_iter().map(|(from, to)| NodeProto {
        input: vec![from],
        output: vec![to],
        name: prefix.to_string(),
        op_type: "Identity".to_string(),
        ..NodeProto::default()
    });
    body.into_iter().chain(identities).collect()
}

/// How names and attributes inside a function become those of one use of it.
struct Renaming<'a> {
    function: &'a FunctionProto,
    node: &'a NodeProto,
    prefix: &'a str,
    /// What its inputs and outputs are called outside.
    names: HashMap<&'a str, String>,
}

impl Renaming<'_> {
    fn name(&self, name: &str) -> String {
        match self.names.get(name) {
            _ if name.is_empty() => String::new(),
            Some(actual) => actual.clone(),
            None => format!("{}/{name}", self.prefix),
        }
    }

    fn node(&self, inner: &NodeProto) -> NodeProto {
        let named = if inner.name.is_empty() { &inner.op_type } else { &inner.name };
        NodeProto {
            input: inner.input.iter().map(|name| self.name(name)).collect(),
            output: inner.output.iter().map(|name| self.name(name)).collect(),
            name: format!("{}/{named}", self.prefix),
            op_type: inner.op_type.clone(),
            domain: inner.domain.clone(),
            attribute: inner.attribute.iter().filter_map(|a| self.attribute(a)).collect(),
        }
    }

    fn attribute(&self, inner: &AttributeProto) -> Option<AttributeProto> {
        if inner.ref_attr_name.is_empty() {
            let mut own = inner.clone();
            own.g = own.g.map(|graph| Box::new(self.graph(*graph)));
            return Some(own);
        }
        let mut given = self.node.attribute.iter().chain(&self.function.attribute_proto);
        let mut value = given.find(|a| a.name == inner.ref_attr_name)?.clone();
        value.name.clone_from(&inner.name);
        Some(value)
    }

    /// A graph inside a node of the function, which may take the function's values.
    fn graph(&self, mut graph: GraphProto) -> GraphProto {
        graph.node = graph.node.iter().map(|inner| self.node(inner)).collect();
        let ports = graph.input.iter_mut().chain(&mut graph.output);
        ports.for_each(|port| port.name = self.name(&port.name));
        graph.initializer.iter_mut().for_each(|tensor| tensor.name = self.name(&tensor.name));
        graph
    }
}
