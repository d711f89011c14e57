//! Runs a whole graph, node after node.

use crate::{ReferenceError, evaluate_all};
use ir::{Graph, Node, Value};
use std::sync::Arc;
use tensor::{Bindings, Tensor};

/// The graph's outputs for these inputs, both in the order that the graph names them. A value is
/// dropped after its last use.
///
/// ```
/// use ir::{Graph, Op};
/// use tensor::{DType, Dim, Tensor, scalar::Unary};
///
/// let mut graph = Graph::new("tiny");
/// let x = graph.input("x", DType::F32, vec![Dim::symbol("n")]);
/// let y = graph.add("act", Op::Unary(Unary::Relu), &[x]).unwrap();
/// graph.output("y", y);
/// let x = Tensor::from_slice(&[3], &[-1.0f32, 0.5, 2.0]).unwrap();
/// let outputs = reference::run(&graph, &[x]).unwrap();
/// assert_eq!(outputs[0].as_slice::<f32>().unwrap(), [0.0, 0.5, 2.0]);
/// ```
pub fn run(graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>, ReferenceError> {
    let sizes = bind_sizes(graph, inputs)?;
    let mut values = given(graph, inputs);
    let mut uses = graph.use_counts();
    for node in &graph.nodes {
        let made = step(graph, node, &values, &sizes)?;
        for (id, made) in node.outputs().zip(made) {
            values[id.0 as usize] = Some(made).filter(|_| uses[id.0 as usize] > 0);
        }
        for id in &node.inputs {
            let left = &mut uses[id.0 as usize];
            *left -= 1;
            if *left == 0 {
                values[id.0 as usize] = None;
            }
        }
    }
    let output = |o: &ir::Output| {
        let value = values.get(o.value.0 as usize).and_then(Option::as_ref);
        let undefined = || ReferenceError::Undefined { node: o.name.clone(), value: o.value.0 };
        value.map(|t| t.as_ref().clone()).ok_or_else(undefined)
    };
    graph.outputs.iter().map(output).collect()
}

/// Every value of the graph for these inputs, by [`ir::ValueId`]; `None` for a value that
/// nothing makes. For finding where two ways of computing part.
pub fn run_all(
    graph: &Graph,
    inputs: &[Tensor],
) -> Result<Vec<Option<Arc<Tensor>>>, ReferenceError> {
    let sizes = bind_sizes(graph, inputs)?;
    let mut values = given(graph, inputs);
    for node in &graph.nodes {
        let made = step(graph, node, &values, &sizes)?;
        for (id, made) in node.outputs().zip(made) {
            values[id.0 as usize] = Some(made);
        }
    }
    Ok(values)
}

/// The size of each symbol by the shapes of the inputs. A symbol that stands alone somewhere is
/// bound there; every other dimension is then checked.
pub fn bind_sizes(graph: &Graph, inputs: &[Tensor]) -> Result<Bindings, ReferenceError> {
    if inputs.len() != graph.inputs.len() {
        let (expected, found) = (graph.inputs.len(), inputs.len());
        return Err(ReferenceError::InputCount { expected, found });
    }
    let mut sizes = Bindings::new();
    for (&id, tensor) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(id);
        if value.dtype != tensor.dtype() {
            let (expected, found) = (value.dtype, tensor.dtype());
            return Err(ReferenceError::InputType { name: value.name.clone(), expected, found });
        }
        if value.shape.len() != tensor.shape().len() {
            return Err(wrong_shape(value, tensor));
        }
        for (dim, &found) in value.shape.iter().zip(tensor.shape()) {
            let Some(symbol) = dim.as_symbol() else { continue };
            let size = i64::try_from(found).map_err(|_| wrong_shape(value, tensor))?;
            let bound = *sizes.entry(symbol.to_string()).or_insert(size);
            if bound != size {
                let (name, symbol) = (value.name.clone(), symbol.to_string());
                return Err(ReferenceError::SymbolConflict { name, symbol, bound, found });
            }
        }
    }
    for (&id, tensor) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(id);
        for (dim, &found) in value.shape.iter().zip(tensor.shape()) {
            if usize::try_from(dim.evaluate(&sizes)?) != Ok(found) {
                return Err(wrong_shape(value, tensor));
            }
        }
    }
    Ok(sizes)
}

fn wrong_shape(value: &Value, tensor: &Tensor) -> ReferenceError {
    let (expected, found) = (value.shape.clone(), tensor.shape().to_vec());
    ReferenceError::InputShape { name: value.name.clone(), expected, found }
}

/// The values that are there before any node runs: constants and inputs.
fn given(graph: &Graph, inputs: &[Tensor]) -> Vec<Option<Arc<Tensor>>> {
    let mut values: Vec<_> = graph.values.iter().map(|v| v.constant.clone()).collect();
    for (id, tensor) in graph.inputs.iter().zip(inputs) {
        values[id.0 as usize] = Some(Arc::new(tensor.clone()));
    }
    values
}

/// Computes one node and checks the results against what the graph records.
fn step(
    graph: &Graph,
    node: &Node,
    values: &[Option<Arc<Tensor>>],
    sizes: &Bindings,
) -> Result<Vec<Arc<Tensor>>, ReferenceError> {
    let input = |id: &ir::ValueId| {
        let value = values.get(id.0 as usize).and_then(Option::as_deref);
        let undefined = || ReferenceError::Undefined { node: node.name.clone(), value: id.0 };
        value.ok_or_else(undefined)
    };
    let inputs = node.inputs.iter().map(input).collect::<Result<Vec<_>, _>>()?;
    let at_node = |error| {
        let error = Box::new(error);
        ReferenceError::Node { node: node.name.clone(), error }
    };
    let made = evaluate_all(&node.op, &inputs, sizes).map_err(at_node)?;
    for (id, made) in node.outputs().zip(&made) {
        let value = graph.value(id);
        let expected = value.shape.iter().map(|d| Ok(usize::try_from(d.evaluate(sizes)?).ok()));
        let expected = expected.collect::<Result<Vec<_>, tensor::DimError>>()?;
        let is_recorded = made.shape().iter().map(|&d| Some(d)).eq(expected);
        if made.dtype() != value.dtype || !is_recorded {
            let expected = format!("{}{:?}", value.dtype, value.shape);
            let found = format!("{made:?}");
            return Err(ReferenceError::Fact { node: node.name.clone(), expected, found });
        }
    }
    Ok(made.into_iter().map(Arc::new).collect())
}
