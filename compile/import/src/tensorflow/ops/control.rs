//! What passes values on, functions, branches and loops.

use super::super::call::{Call, Flow, Flows};
use super::super::graph::called;
use super::super::inside::{Given, given, inside, materialized};
use super::{Row, flows, graphs, row};
use crate::build::Kind;
use crate::error::Reason;
use ir::{Fact, Op, ValueId};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    flows("Identity", pass),
    flows("IdentityN", |call| Ok(call.inputs.clone())),
    flows("StopGradient", pass),
    flows("PreventGradient", pass),
    flows("Snapshot", pass),
    flows("CheckNumerics", pass),
    flows("CheckNumericsV2", pass),
    flows("DebugIdentity", pass),
    flows("DebugIdentityV2", pass),
    row("NoOp", |_| Ok(Vec::new())),
    row("Assert", |_| Ok(Vec::new())),
    graphs("PartitionedCall", call_function),
    graphs("StatefulPartitionedCall", call_function),
    graphs("If", branch),
    graphs("StatelessIf", branch),
    graphs("While", super::super::repeat::repeat),
    graphs("StatelessWhile", super::super::repeat::repeat),
    flows("Switch", switch).makes(&["output_false", "output_true"]),
    Row { takes_dead: true, ..flows("Merge", merge).makes(&["output", "value_index"]) },
];

fn pass(call: &mut Call<'_, '_>) -> Flows {
    Ok(vec![call.flow(0)?])
}

fn call_function(call: &mut Call<'_, '_>) -> Result<Option<Vec<Flow>>, Reason> {
    let function = called(call.node, "f").ok_or_else(|| unnamed(call, "f"))?;
    call.walk.function(function, call.inputs.clone())
}

/// The refusal of a node that names no function.
pub(in super::super) fn unnamed(call: &Call<'_, '_>, attribute: &str) -> Reason {
    call.refuse(attribute, "the name of a function", "nothing")
}

/// Is a condition known, and what is it?
fn known_truth(call: &mut Call<'_, '_>, index: usize) -> Result<Option<bool>, Reason> {
    let x = call.input(index)?;
    if call.walk.fact(&x).dtype == DType::String || x.known().is_none() {
        return Ok(None);
    }
    let truth = call.build().cast(&x, DType::Bool)?;
    Ok(truth.known().and_then(|truth| truth.bytes().first().map(|&byte| byte != 0)))
}

/// One side of a switch whose condition is known; the other one is not computed.
fn switch(call: &mut Call<'_, '_>) -> Flows {
    let x = call.flow(0)?;
    match known_truth(call, 1)? {
        Some(true) => Ok(vec![Flow::Dead, x]),
        Some(false) => Ok(vec![x, Flow::Dead]),
        None => Err(Reason::DataDependent { input: 1, what: "the side of a switch".to_string() }),
    }
}

fn merge(call: &mut Call<'_, '_>) -> Flows {
    let alive = call.inputs.iter().position(|flow| !matches!(flow, Flow::Dead));
    let Some(at) = alive else { return Ok(vec![Flow::Dead, Flow::Dead]) };
    let index = call.walk.build.number(DType::I32, at as f64)?;
    Ok(vec![call.flow(at)?, Flow::Tensor(index)])
}

/// One of two functions, by a condition.
fn branch(call: &mut Call<'_, '_>) -> Result<Option<Vec<Flow>>, Reason> {
    let [then, otherwise] = ["then_branch", "else_branch"];
    let then = called(call.node, then).ok_or_else(|| unnamed(call, then))?.to_string();
    let otherwise =
        called(call.node, otherwise).ok_or_else(|| unnamed(call, otherwise))?.to_string();
    let args = call.inputs.get(1..).unwrap_or_default().to_vec();
    if let Some(is_true) = known_truth(call, 0)? {
        return call.walk.function(if is_true { &then } else { &otherwise }, args);
    }
    let condition = call.of_rank(0, 0)?;
    let condition = call.build().cast(&condition, DType::Bool)?;
    let since = call.walk.build.measured();
    let walk = &mut *call.walk;
    let args: Vec<Given> = args.iter().map(|flow| given(walk, flow)).collect();
    let mut bodies = Vec::with_capacity(2);
    let mut sides: Vec<Vec<(Fact, Kind)>> = Vec::with_capacity(2);
    for function in [&then, &otherwise] {
        let made = inside(walk, function, |walk| {
            let own = args.iter().map(|arg| arg.enter(walk)).collect();
            let Some(made) = walk.function(function, own)? else { return Ok(None) };
            materialized(walk, &made).map(Some)
        })?;
        let (Some(made), body) = made else { return Ok(None) };
        bodies.push(body);
        sides.push(made);
    }
    let [a, b] = [&sides[0], &sides[1]];
    let differ = |expected: String, found: String| Reason::Body { expected, found };
    if a.len() != b.len() || a.is_empty() {
        let expected = "branches that make as many values".to_string();
        return Err(differ(expected, format!("{} and {}", a.len(), b.len())));
    }
    let (mut made, mut kinds) = (Vec::new(), Vec::new());
    for ((a, kind), (b, other)) in a.iter().zip(b) {
        let is_alike = a.rank() == b.rank() && a.dtype == b.dtype;
        let joined = kind.join(other).filter(|_| is_alike);
        kinds.push(
            joined.ok_or_else(|| {
                differ(format!("{kind:?} of both branches"), format!("{other:?}"))
            })?,
        );
        let size = |(a, b): (&Dim, &Dim)| {
            let is_same = a == b && !walk.build.is_new(a, since);
            if is_same { a.clone() } else { walk.build.fresh() }
        };
        let shape = a.shape.iter().zip(&b.shape).map(size).collect();
        made.push(Fact { dtype: a.dtype, shape });
    }
    let condition = walk.build.materialize(&condition)?;
    let captured = args.iter().filter_map(Given::captured);
    let inputs: Vec<ValueId> = std::iter::once(condition).chain(captured).collect();
    let made = walk.build.run(Op::If { made }, &inputs, bodies, kinds)?;
    Ok(Some(made.into_iter().map(Flow::Tensor).collect()))
}
