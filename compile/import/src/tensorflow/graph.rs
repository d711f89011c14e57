//! Nodes by their names, in the graph itself and in functions, and what names of values mean.

use super::proto::{FunctionDef, GraphDef, NodeDef};
use std::collections::HashMap;

/// Steps back from a value over nodes that pass it on.
const STEPS_MAX: usize = 16;

/// Nodes among which values are named.
pub(super) struct Scope<'a> {
    /// The nodes, in no order.
    pub(super) nodes: &'a [NodeDef],
    places: HashMap<&'a str, usize>,
    /// The function that they are of.
    pub(super) function: Option<&'a FunctionDef>,
}

/// What a name of a value means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Named<'a> {
    /// An argument of the function.
    Argument(usize),
    /// What a node makes: the output of this name, and the place behind its first value.
    Output { node: usize, output: &'a str, index: usize },
}

impl<'a> Scope<'a> {
    fn new(nodes: &'a [NodeDef], function: Option<&'a FunctionDef>) -> Scope<'a> {
        let places = nodes.iter().enumerate().map(|(at, node)| (node.name.as_str(), at));
        Scope { nodes, places: places.collect(), function }
    }

    /// The node of a name.
    pub(super) fn node(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// What a name of a value means. `None` for one that is not there.
    pub(super) fn named<'n>(&self, name: &'n str) -> Option<Named<'n>> {
        let mut parts = name.splitn(3, ':');
        let node = parts.next()?;
        let (output, index) = match (parts.next(), parts.next()) {
            (None, _) => ("", 0),
            (Some(index), None) => ("", index.parse().ok()?),
            (Some(output), Some(index)) => (output, index.parse().ok()?),
        };
        if let Some(at) = self.argument(node) {
            return Some(Named::Argument(at));
        }
        Some(Named::Output { node: self.node(node)?, output, index })
    }

    /// The value behind nodes that pass it on.
    pub(super) fn source<'s>(&'s self, name: &'s str) -> Option<Named<'s>> {
        let mut named = self.named(name)?;
        for _ in 0..STEPS_MAX {
            let Named::Output { node, .. } = named else { break };
            let node = &self.nodes[node];
            if node.op != "Identity" {
                break;
            }
            named = self.named(values(node).next()?)?;
        }
        Some(named)
    }

    /// The node that makes a value, behind those that pass it on.
    pub(super) fn maker(&self, name: &str) -> Option<&'a NodeDef> {
        match self.source(name)? {
            Named::Output { node, .. } => self.nodes.get(node),
            Named::Argument(_) => None,
        }
    }

    /// What makes a result of the function.
    pub(super) fn result(&self, index: usize) -> Option<&'a str> {
        let function = self.function?;
        let name = &function.signature.as_ref()?.output_arg.get(index)?.name;
        Some(function.ret.get(name).unwrap_or(name))
    }

    /// The place of an argument of the function.
    fn argument(&self, name: &str) -> Option<usize> {
        let signature = self.function?.signature.as_ref()?;
        signature.input_arg.iter().position(|argument| argument.name == name)
    }
}

/// Is it a node that is only waited for?
pub(super) fn is_control(input: &str) -> bool {
    input.starts_with('^')
}

/// The inputs of a node that are values.
pub(super) fn values(node: &NodeDef) -> impl Iterator<Item = &str> {
    node.input.iter().map(String::as_str).filter(|input| !is_control(input))
}

/// A graph with its functions.
pub(super) struct Model<'a> {
    /// The graph itself.
    pub(super) main: Scope<'a>,
    /// The functions by their names.
    pub(super) functions: HashMap<&'a str, Scope<'a>>,
}

impl<'a> Model<'a> {
    pub(super) fn of(graph: &'a GraphDef) -> Model<'a> {
        let library = graph.library.iter().flat_map(|library| &library.function);
        let functions = library.filter_map(|function| {
            let name = function.signature.as_ref()?.name.as_str();
            Some((name, Scope::new(&function.node_def, Some(function))))
        });
        Model { main: Scope::new(&graph.node, None), functions: functions.collect() }
    }
}

/// The function that an attribute of a node names.
pub(super) fn called<'n>(node: &'n NodeDef, attribute: &str) -> Option<&'n str> {
    Some(node.attr.get(attribute)?.func.as_ref()?.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_values_are_understood() {
        let node = NodeDef { name: "a/b".to_string(), ..NodeDef::default() };
        let graph = GraphDef { node: vec![node], ..GraphDef::default() };
        let scope = Model::of(&graph).main;
        let output = |output, index| Some(Named::Output { node: 0, output, index });
        assert_eq!(scope.named("a/b"), output("", 0));
        assert_eq!(scope.named("a/b:2"), output("", 2));
        assert_eq!(scope.named("a/b:values:1"), output("values", 1));
        assert_eq!(scope.named("a/b:x"), None);
        assert_eq!(scope.named("c"), None);
    }
}
