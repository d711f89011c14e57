//! Runs a whole graph, node after node.

use crate::{BYTES_MAX, ReferenceError, evaluate_all};
use ir::{Fact, Graph, Node, Op};
use operators::dynamic::control;
use std::cell::Cell;
use tensor::{Bindings, Tensor, Value, bind_shape};

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
    let inputs: Vec<Value> = inputs.iter().map(|t| t.clone().into()).collect();
    run_values(graph, &inputs)?.into_iter().map(number).collect()
}

/// The graph's outputs for inputs of any kind, as [`run`].
pub fn run_values(graph: &Graph, inputs: &[Value]) -> Result<Vec<Value>, ReferenceError> {
    run_inside(graph, inputs, Bindings::new(), &Cell::new(0))
}

/// The outputs of a graph around which symbols have these sizes. `done` counts the iterations of
/// all loops.
fn run_inside(
    graph: &Graph,
    inputs: &[Value],
    mut sizes: Bindings,
    done: &Cell<i64>,
) -> Result<Vec<Value>, ReferenceError> {
    bind_sizes(graph, inputs, &mut sizes)?;
    let mut values = given(graph, inputs);
    let mut uses = graph.use_counts();
    for node in &graph.nodes {
        let made = step(graph, node, &values, &mut sizes, done)?;
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
        let value = values.get(o.value.0 as usize).cloned().flatten();
        let undefined = || ReferenceError::Undefined { node: o.name.clone(), value: o.value.0 };
        value.ok_or_else(undefined)
    };
    graph.outputs.iter().map(output).collect()
}

/// The tensor of numbers that a value is.
pub(crate) fn number(value: Value) -> Result<Tensor, ReferenceError> {
    match value {
        Value::Tensor(tensor) => Ok(std::sync::Arc::unwrap_or_clone(tensor)),
        Value::Text(_) | Value::Sequence(_) | Value::Optional(_) => {
            Err(ReferenceError::NotNumbers { found: value.dtype() })
        }
    }
}

/// The size of each symbol by the shapes of the inputs. A symbol that stands alone somewhere is
/// bound there; every other dimension is then checked.
fn bind_sizes(graph: &Graph, inputs: &[Value], sizes: &mut Bindings) -> Result<(), ReferenceError> {
    if inputs.len() != graph.inputs.len() {
        let (expected, found) = (graph.inputs.len(), inputs.len());
        return Err(ReferenceError::InputCount { expected, found });
    }
    for (&id, input) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(id);
        if value.dtype != input.dtype() {
            let (expected, found) = (value.dtype, input.dtype());
            return Err(ReferenceError::InputType { name: value.name.clone(), expected, found });
        }
        if value.shape.len() != input.shape().len() {
            return Err(wrong_shape(value, input));
        }
        for (dim, &found) in value.shape.iter().zip(input.shape()) {
            let Some(symbol) = dim.as_symbol() else { continue };
            let size = i64::try_from(found).map_err(|_| wrong_shape(value, input))?;
            let bound = *sizes.entry(symbol.to_string()).or_insert(size);
            if bound != size {
                let (name, symbol) = (value.name.clone(), symbol.to_string());
                return Err(ReferenceError::SymbolConflict { name, symbol, bound, found });
            }
        }
    }
    for (&id, input) in graph.inputs.iter().zip(inputs) {
        let value = graph.value(id);
        for (dim, &found) in value.shape.iter().zip(input.shape()) {
            if usize::try_from(dim.evaluate(sizes)?) != Ok(found) {
                return Err(wrong_shape(value, input));
            }
        }
    }
    Ok(())
}

fn wrong_shape(value: &ir::Value, input: &Value) -> ReferenceError {
    let (expected, found) = (value.shape.clone(), input.shape().to_vec());
    ReferenceError::InputShape { name: value.name.clone(), expected, found }
}

/// The values that are there before any node runs: constants and inputs.
fn given(graph: &Graph, inputs: &[Value]) -> Vec<Option<Value>> {
    let constants = graph.values.iter().map(|v| v.constant.clone().map(Value::Tensor));
    let mut values: Vec<_> = constants.collect();
    for (id, input) in graph.inputs.iter().zip(inputs) {
        values[id.0 as usize] = Some(input.clone());
    }
    values
}

/// Computes one node and checks the results against what the graph records.
fn step(
    graph: &Graph,
    node: &Node,
    values: &[Option<Value>],
    sizes: &mut Bindings,
    done: &Cell<i64>,
) -> Result<Vec<Value>, ReferenceError> {
    let input = |id: &ir::ValueId| {
        let value = values.get(id.0 as usize).cloned().flatten();
        let undefined = || ReferenceError::Undefined { node: node.name.clone(), value: id.0 };
        value.ok_or_else(undefined)
    };
    let inputs = node.inputs.iter().map(input).collect::<Result<Vec<_>, _>>()?;
    let at_node = |error| {
        let error = Box::new(error);
        ReferenceError::Node { node: node.name.clone(), error }
    };
    let made = if node.op.is_staged() {
        staged(node, &inputs, sizes, done)
    } else {
        let numbers = inputs.iter().map(|value| {
            let found = value.dtype();
            value.tensor().map(AsRef::as_ref).ok_or(ReferenceError::NotNumbers { found })
        });
        let numbers: Result<Vec<&Tensor>, _> = numbers.collect();
        let made = numbers.and_then(|inputs| evaluate_all(&node.op, &inputs, sizes));
        made.map(|made| made.into_iter().map(Value::from).collect())
    };
    let made = made.map_err(at_node)?;
    for (id, made) in node.outputs().zip(&made) {
        let value = graph.value(id);
        let is_recorded = bind_shape(&value.shape, made.shape(), sizes).is_ok();
        if made.dtype() != value.dtype || !is_recorded {
            let expected = format!("{}{:?}", value.dtype, value.shape);
            let found = format!("{made:?}");
            return Err(ReferenceError::Fact { node: node.name.clone(), expected, found });
        }
    }
    Ok(made)
}

/// What an operator makes that runs between the stages of a plan.
fn staged(
    node: &Node,
    inputs: &[Value],
    sizes: &mut Bindings,
    done: &Cell<i64>,
) -> Result<Vec<Value>, ReferenceError> {
    match (&node.op, node.bodies.as_slice()) {
        (Op::Dynamic(dynamic), []) => {
            let made = dynamic.operator.evaluate(inputs, BYTES_MAX)?;
            if let Some(elements) = made.first().and_then(Value::tensor)
                && !dynamic.elements.is_empty()
            {
                let elements = elements.as_slice::<i64>()?.iter().copied();
                sizes.extend(dynamic.elements.iter().cloned().zip(elements));
            }
            Ok(made)
        }
        (Op::If { .. }, [then, otherwise]) if !inputs.is_empty() => {
            let body = if control::condition(&inputs[0])? { then } else { otherwise };
            run_inside(body, &inputs[1..], sizes.clone(), done)
        }
        (Op::Loop(p), [body]) => {
            let outputs = body.outputs.iter().skip(1 + p.iteration.states);
            let scanned: Vec<Fact> = outputs.map(|o| body.fact(o.value)).collect();
            p.iteration.run(inputs, &scanned, sizes, BYTES_MAX, done, |given| {
                run_inside(body, given, sizes.clone(), done)
            })
        }
        (op, _) => Err(ReferenceError::NoBody { op: op.name() }),
    }
}
