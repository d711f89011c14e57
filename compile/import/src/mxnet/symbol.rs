//! The graph of a symbol file: nodes in an order in which they can run, and the values it makes.

use serde::Deserialize;
use std::collections::BTreeMap;

/// The file.
#[derive(Debug, Deserialize)]
pub(super) struct Symbol {
    pub(super) nodes: Vec<Node>,
    /// What the graph makes.
    pub(super) heads: Vec<Source>,
    #[serde(default)]
    attrs: Option<serde_json::Value>,
}

/// A node; one without an operator is given from outside: an input or a parameter.
#[derive(Debug, Deserialize)]
pub(super) struct Node {
    pub(super) op: String,
    pub(super) name: String,
    pub(super) inputs: Vec<Source>,
    #[serde(default)]
    attrs: Option<BTreeMap<String, String>>,
    #[serde(default)]
    attr: Option<BTreeMap<String, String>>,
    #[serde(default)]
    param: Option<BTreeMap<String, String>>,
    /// Graphs inside of the node.
    #[serde(default)]
    pub(super) subgraphs: Vec<serde::de::IgnoredAny>,
}

/// An output of a node. Old files do not say its version, which matters to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "Place")]
pub(super) struct Source {
    /// Which node.
    pub(super) node: usize,
    /// Which of its outputs.
    pub(super) output: usize,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Place {
    Of3([usize; 3]),
    Of2([usize; 2]),
}

impl From<Place> for Source {
    fn from(place: Place) -> Source {
        match place {
            Place::Of3([node, output, _]) | Place::Of2([node, output]) => Source { node, output },
        }
    }
}

/// The name of nodes that are given from outside.
const GIVEN: &str = "null";

impl Symbol {
    /// The graph of a text; what is wrong with it where it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Symbol, String> {
        let symbol: Symbol = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        for (at, node) in symbol.nodes.iter().enumerate() {
            if let Some(source) = node.inputs.iter().find(|source| source.node >= at) {
                let name = &node.name;
                return Err(format!("node {at}, `{name}`, takes node {}", source.node));
            }
        }
        let count = symbol.nodes.len();
        match symbol.heads.iter().find(|head| head.node >= count) {
            Some(head) => Err(format!("it makes node {} of {count}", head.node)),
            None => Ok(symbol),
        }
    }

    /// The version of the program that wrote it, such as 1.9.1.
    pub(super) fn version(&self) -> Option<String> {
        let number = self.attrs.as_ref()?.get("mxnet_version")?.get(1)?.as_i64()?;
        Some(format!("{}.{}.{}", number / 10_000, number / 100 % 100, number % 100))
    }
}

impl Node {
    /// Is it given from outside?
    pub(super) fn is_given(&self) -> bool {
        self.op == GIVEN
    }

    /// The text of an attribute, by whichever name this version keeps them.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let maps = [&self.attrs, &self.param, &self.attr];
        maps.into_iter().flatten().find_map(|map| map.get(name)).map(|text| text.trim())
    }
}

/// The numbers of a text such as `(3, 3)`, `[1,2]` or `7`; `None` stands for one that is open.
pub(super) fn tuple(text: &str) -> Option<Vec<Option<i64>>> {
    let text = text.trim();
    let inner = match text.as_bytes() {
        [b'(', .., b')'] | [b'[', .., b']'] => &text[1..text.len() - 1],
        _ => text,
    };
    let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
    let numbers = parts.map(|part| match part.trim_end_matches('L') {
        "None" => Some(None),
        part => part.parse().ok().map(Some),
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_are_read_as_python_writes_them() {
        assert_eq!(tuple("(3, 4)"), Some(vec![Some(3), Some(4)]));
        assert_eq!(tuple("(1L,)"), Some(vec![Some(1)]));
        assert_eq!(tuple("[2,None]"), Some(vec![Some(2), None]));
        assert_eq!(tuple("-1"), Some(vec![Some(-1)]));
        assert_eq!(tuple("()"), Some(vec![]));
        assert_eq!(tuple("(a)"), None);
    }

    #[test]
    fn nodes_of_each_version_are_read() {
        let text = r#"{"nodes": [
            {"op": "null", "name": "x", "inputs": []},
            {"op": "a", "name": "a", "param": {"k": "1"}, "inputs": [[0, 0]],
             "backward_source_id": -1},
            {"op": "b", "name": "b", "attrs": {"k": " 2"}, "inputs": [[1, 0, 0]]}],
            "heads": [[2, 0]], "attrs": {"mxnet_version": ["int", 10901]}}"#;
        let symbol = Symbol::parse(text.as_bytes()).unwrap();
        assert_eq!(symbol.version().as_deref(), Some("1.9.1"));
        assert!(symbol.nodes[0].is_given());
        let values: Vec<_> = symbol.nodes.iter().map(|node| node.attribute("k")).collect();
        assert_eq!(values, [None, Some("1"), Some("2")]);
        let ahead = text.replace("[[0, 0]]", "[[2, 0]]");
        assert!(Symbol::parse(ahead.as_bytes()).unwrap_err().contains("takes node 2"));
    }
}
