//! Operators that the model itself defines: each use is replaced by the function's nodes.

use super::decode::{FunctionProto, NodeProto};
use std::collections::HashMap;

/// Deepest use of functions in functions. Exporters nest two or three deep.
pub(super) const DEPTH_MAX: usize = 16;

/// Most nodes that functions may become in all, since each level can multiply them: ten times
/// what the largest published models have.
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
    let rename = |name: &String| match names.get(name.as_str()) {
        _ if name.is_empty() => String::new(),
        Some(actual) => actual.clone(),
        None => format!("{prefix}/{name}"),
    };
    let body = function.node.iter().map(|inner| NodeProto {
        input: inner.input.iter().map(rename).collect(),
        output: inner.output.iter().map(rename).collect(),
        name: format!(
            "{prefix}/{}",
            if inner.name.is_empty() { &inner.op_type } else { &inner.name }
        ),
        op_type: inner.op_type.clone(),
        domain: inner.domain.clone(),
        attribute: inner
            .attribute
            .iter()
            .filter_map(|attribute| {
                if attribute.ref_attr_name.is_empty() {
                    return Some(attribute.clone());
                }
                let given = node.attribute.iter().chain(&function.attribute_proto);
                let mut value =
                    given.into_iter().find(|a| a.name == attribute.ref_attr_name)?.clone();
                value.name.clone_from(&attribute.name);
                Some(value)
            })
            .collect(),
    });
    let identities = passed.into_iter().map(|(from, to)| NodeProto {
        input: vec![from],
        output: vec![to],
        name: prefix.to_string(),
        op_type: "Identity".to_string(),
        ..NodeProto::default()
    });
    body.chain(identities).collect()
}
