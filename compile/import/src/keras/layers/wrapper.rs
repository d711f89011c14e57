//! Layers around other layers.

use super::super::call::{Call, Flow, Given, Made};
use super::super::variables::slot;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{reversed, with};
use crate::error::Reason;
use ir::Op;
use serde_json::Value;
use tensor::scalar::Binary;

pub(super) const ROWS: &[Row] = &[
    row("Bidirectional", "", &[], bidirectional).in_any_type(),
    row("TimeDistributed", "", &[], time_distributed).in_any_type(),
    row(
        "SpectralNormalization",
        "the layer in it, whose weights are normalized already",
        &[slot("vector_u").untrained()],
        |call| {
            let inputs = call.inputs.clone();
            let made = inner(call, 0, inputs, Vec::new())?;
            Ok(made.into_iter().map(|flow| flow.operand).collect())
        },
    )
    .without_mask(),
];

/// What a wrapped layer makes.
fn inner<'a>(
    call: &mut Call<'_, 'a>,
    index: usize,
    inputs: Vec<Flow>,
    named: Vec<(&'a str, Given<'a>)>,
) -> Result<Vec<Flow>, Reason> {
    let layer = call.layer.inner.get(index);
    let layer = layer.ok_or_else(|| call.config().refuse("layer", "a layer"))?;
    call.walk.apply(layer, call.path, inputs, named)
}

static YES: Value = Value::Bool(true);

/// A layer that goes through the steps, and one that goes back.
fn bidirectional(call: &mut Call<'_, '_>) -> Made {
    let config = call.config();
    let mut inputs = call.inputs.clone();
    let mut states = call.tensors_given("initial_state");
    let mask = call.given("mask").cloned();
    let x = inputs.drain(..1.min(inputs.len())).collect::<Vec<_>>();
    states.extend(inputs);
    let half = states.len() / 2;
    let wrapped = call.layer.inner.first();
    let expected = "a layer that holds no Bidirectional layer";
    let wrapped = wrapped.ok_or_else(|| config.refuse("layer", expected))?;
    let returns_all = wrapped.config.flag("return_sequences", false);
    // Before version 3 the layers in it are told so, and do not say so themselves.
    let is_early = call.walk.dialect < 3;
    let mut ways = Vec::with_capacity(2);
    for way in 0..2 {
        let own = states[way * half..].iter().take(half).cloned();
        let mut named: Vec<_> = mask.iter().map(|mask| ("mask", mask.clone())).collect();
        if is_early && returns_all {
            named.push(("zero_output_for_mask", Given::Constant(&YES)));
        }
        ways.push(inner(call, way, x.iter().cloned().chain(own).collect(), named)?);
    }
    let [[forward, of_forward @ ..], [backward, of_backward @ ..]] = [&*ways[0], &*ways[1]] else {
        return Err(config.refuse("layer", "a layer that makes a tensor"));
    };
    let (a, mut b) = (forward.operand.clone(), backward.operand.clone());
    call.mask = forward.mask.clone();
    let build = &mut call.walk.build;
    let axes = if returns_all { 2 } else { 1 };
    if [&a, &b].iter().any(|x| build.fact(x).rank() < axes) {
        return Err(config.refuse("layer", &format!("a layer that makes at least {axes} axes")));
    }
    if returns_all {
        b = reversed(build, &b, 1)?;
    }
    let mut made: Vec<Operand> = match config.text("merge_mode") {
        Some("concat") => {
            let axis = build.fact(&a).rank() - 1;
            vec![build.emit(Op::Concat { axis }, &[&a, &b])?]
        }
        Some("sum") => vec![build.binary(Binary::Add, &a, &b)?],
        Some("mul") => vec![build.binary(Binary::Mul, &a, &b)?],
        Some("ave") => {
            let sum = build.binary(Binary::Add, &a, &b)?;
            vec![with(build, Binary::Mul, &sum, 0.5)?]
        }
        None => vec![a, b],
        Some(_) => return Err(config.refuse("merge_mode", "concat, sum, mul, ave or null")),
    };
    let left = of_forward.iter().chain(of_backward);
    made.extend(left.map(|flow| flow.operand.clone()));
    Ok(made)
}

/// A layer of each step: steps lie beside the examples meanwhile.
fn time_distributed(call: &mut Call<'_, '_>) -> Made {
    let inputs = call.inputs.clone();
    let mut flat = Vec::with_capacity(inputs.len());
    let mut ends = None;
    for (input, flow) in inputs.iter().enumerate() {
        let shape = call.walk.build.fact(&flow.operand).shape;
        let [examples, steps, rest @ ..] = shape.as_slice() else {
            let (expected, found) = ("[N, T, …]".to_string(), format!("{shape:?}"));
            return Err(Reason::Input { input, expected, found });
        };
        let joined = [&[examples.clone() * steps.clone()], rest].concat();
        ends = Some([examples.clone(), steps.clone()]);
        let operand = call.walk.build.reshape(&flow.operand, joined)?;
        flat.push(Flow { operand, mask: None });
    }
    let made = inner(call, 0, flat, Vec::new())?;
    let config = call.config();
    let ends = ends.ok_or_else(|| config.refuse("layer", "something to take"))?;
    let build = &mut call.walk.build;
    let split = made.into_iter().map(|flow| {
        let shape = build.fact(&flow.operand).shape;
        let rest = shape.get(1..).ok_or_else(|| config.refuse("layer", "a layer with a batch"))?;
        build.reshape(&flow.operand, [&ends, rest].concat())
    });
    split.collect()
}
