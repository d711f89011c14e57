//! What nobody takes is not written: products that a recurrent layer does itself, weights of such.

use import::onnx::decode::GraphProto;
use std::collections::HashSet;

/// Drops nodes of which nobody takes anything, the last ones first, and then constants.
pub(crate) fn prune(graph: &mut GraphProto) {
    let mut taken: HashSet<String> = graph.output.iter().map(|o| o.name.clone()).collect();
    let mut kept = Vec::with_capacity(graph.node.len());
    for mut node in graph.node.drain(..).rev() {
        if !node.output.iter().any(|name| taken.contains(name)) {
            continue;
        }
        for body in node.attribute.iter_mut().filter_map(|a| a.g.as_mut()) {
            prune(body);
            takes(body, &mut taken);
        }
        taken.extend(node.input.iter().cloned());
        kept.push(node);
    }
    kept.reverse();
    graph.node = kept;
    graph.initializer.retain(|tensor| taken.contains(&tensor.name));
}

/// Names that a graph inside of a node takes, its own among them, which nothing outside has.
fn takes(graph: &GraphProto, taken: &mut HashSet<String>) {
    taken.extend(graph.output.iter().map(|output| output.name.clone()));
    for node in &graph.node {
        taken.extend(node.input.iter().cloned());
        node.attribute.iter().filter_map(|a| a.g.as_ref()).for_each(|body| takes(body, taken));
    }
}
