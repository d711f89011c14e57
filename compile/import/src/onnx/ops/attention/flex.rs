//! Attention with graphs of the model's own inside.

use super::super::{Import, Row};
use super::scores::{self, Heads};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::Call;
use crate::onnx::control::Control;
use crate::onnx::walk::{Made, Walk};
use ir::Op;

pub(in crate::onnx::ops) const OPS: &[Row] = &[Row {
    domain: "ai.onnx.preview",
    name: "FlexAttention",
    attributes: &["prob_mod", "scale", "score_mod", "softmax_precision"],
    import: Import::Control(flex_attention),
}];

/// ONNX ai.onnx.preview.FlexAttention-1: `score_mod` takes the scores, `prob_mod` the
/// probabilities, both in the type that the softmax is computed in, f32 or f64. Refused: graphs
/// that make another shape.
fn flex_attention(walk: &mut Walk<'_>, control: &Control<'_>) -> Made {
    let mut call = called(walk, control);
    let dtype = call.fact(0)?.dtype;
    super::require_precision(&call, dtype)?;
    let mut operands = [call.input(0)?, call.input(1)?, call.input(2)?];
    for (index, operand) in operands.iter_mut().enumerate() {
        if call.build.fact(operand).rank() != 4 {
            let expected = "[batch, heads, sequence, size]".to_string();
            let found = format!("{:?}", call.build.fact(operand).shape);
            return Err(Reason::Input { input: index, expected, found });
        }
        *operand = scores::widened(&mut call, operand)?;
    }
    let [query, key, value] = operands;
    let heads = Heads { query, key, value }.grouped(&mut call)?;
    let scale = call.float("scale")?.map_or_else(|| heads.default_scale(&call), Ok)?;
    let scores = scores::product(&mut call, &heads, scale)?;
    let Some(scores) = modified(walk, control, "score_mod", scores)? else { return Ok(None) };
    let probabilities = walk.build.emit(Op::Softmax { axis: 3 }, &[&scores])?;
    let Some(weights) = modified(walk, control, "prob_mod", probabilities)? else {
        return Ok(None);
    };
    let made = walk.build.emit(Op::MatMul, &[&weights, &heads.value])?;
    Ok(Some(vec![walk.build.cast(&made, dtype)?]))
}

/// The node as one that holds no graphs.
fn called<'c>(walk: &'c mut Walk<'_>, control: &Control<'c>) -> Call<'c> {
    let (opset, inputs) = (control.opset, control.inputs.clone());
    Call { node: control.node, opset, inputs, build: &mut walk.build, folder: None }
}

/// What the graph of an attribute, where there is one, makes of a value.
fn modified(
    walk: &mut Walk<'_>,
    control: &Control<'_>,
    name: &str,
    x: Operand,
) -> Result<Option<Operand>, Reason> {
    let Some(graph) = control.optional_graph(name)? else { return Ok(Some(x)) };
    let node = walk.build.node.clone();
    let expected = walk.build.fact(&x);
    let made = walk.apply(graph, vec![x])?;
    walk.build.node = node;
    let Some(made) = made else { return Ok(None) };
    match made.as_slice() {
        [one] if walk.build.fact(one) == expected => Ok(Some(one.clone())),
        other => {
            let facts: Vec<_> = other.iter().map(|one| walk.build.fact(one)).collect();
            let (expected, found) = (format!("{expected:?}"), format!("{facts:?}"));
            Err(Reason::Attribute { name: name.to_string(), expected, found })
        }
    }
}
