//! Operators that pick, place and order elements by index, computed as written.

use super::attention::scores::positions;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Arg, Op};
use operators::Operator;
use operators::cumulative::Cumulative;
use operators::gather_elements::GatherElements;
use operators::gather_nd::GatherNd;
use operators::one_hot::OneHot;
use operators::scatter_elements::{ScatterElements, Update};
use operators::scatter_nd::ScatterNd;
use operators::top_k::TopK;
use operators::trilu::Trilu;
use tensor::scalar::Binary;
use tensor::{DType, Dim};

const CUMULATIVE: &[&str] = &["exclusive", "reverse"];

pub(super) const OPS: &[Row] = &[
    row("CumProd", CUMULATIVE, |call| cumulative(call, true)),
    row("CumSum", CUMULATIVE, |call| cumulative(call, false)),
    row("GatherElements", &["axis"], gather_elements),
    row("GatherND", &["batch_dims"], gather_nd),
    row("OneHot", &["axis"], one_hot),
    row("Hardmax", &["axis"], hardmax),
    row("ReverseSequence", &["batch_axis", "time_axis"], reverse_sequence),
    row("Scatter", &["axis"], scatter_elements),
    row("ScatterElements", &["axis", "reduction"], scatter_elements),
    row("ScatterND", &["reduction"], scatter_nd),
    row("TopK", &["axis", "k", "largest", "sorted"], top_k),
    row("Trilu", &["upper"], trilu),
];

/// All inputs to one operator.
pub(super) fn whole(call: &mut Call<'_>, operator: impl Into<Operator>) -> Made {
    let inputs = call.variadic()?;
    let inputs: Vec<_> = inputs.iter().collect();
    call.build.emit_all(Op::Whole(operator.into()), &inputs)
}

/// ONNX CumSum-11,14 and CumProd-26.
fn cumulative(call: &mut Call<'_>, is_product: bool) -> Made {
    let is_exclusive = call.flag("exclusive", false)?;
    let is_reverse = call.flag("reverse", false)?;
    whole(call, Cumulative { is_exclusive, is_reverse, is_product })
}

/// ONNX GatherElements-11,13.
fn gather_elements(call: &mut Call<'_>) -> Made {
    let axis = call.axis("axis", 0, call.fact(0)?.rank())?;
    whole(call, GatherElements { axis })
}

/// ONNX GatherND-11,12,13.
fn gather_nd(call: &mut Call<'_>) -> Made {
    let batch_dims = match call.int("batch_dims")?.unwrap_or(0) {
        value @ 0..=0xffff => value as usize,
        other => return Err(call.refuse("batch_dims", "at least 0", &other.to_string())),
    };
    whole(call, GatherNd { batch_dims })
}

fn update(call: &Call<'_>) -> Result<Update, Reason> {
    Ok(match call.text("reduction")?.unwrap_or("none") {
        "none" => Update::Replace,
        "add" => Update::Add,
        "mul" => Update::Mul,
        "max" => Update::Max,
        "min" => Update::Min,
        other => return Err(call.refuse("reduction", "none, add, mul, max or min", other)),
    })
}

/// ONNX ScatterElements-11,13,16,18 and Scatter-9,11.
fn scatter_elements(call: &mut Call<'_>) -> Made {
    let axis = call.axis("axis", 0, call.fact(0)?.rank())?;
    let update = update(call)?;
    whole(call, ScatterElements { axis, update })
}

/// ONNX ScatterND-11,13,16,18.
fn scatter_nd(call: &mut Call<'_>) -> Made {
    let update = update(call)?;
    whole(call, ScatterNd { update })
}

/// ONNX TopK-1,10,11,24. The result is in order whatever `sorted` says, which allows it.
fn top_k(call: &mut Call<'_>) -> Made {
    let x = call.input(0)?;
    let axis = call.axis("axis", -1, call.fact(0)?.rank())?;
    let k = match call.int("k")? {
        Some(k) => vec![Dim::from(k)],
        None => call.dims(1, "k")?,
    };
    let [k] = k.as_slice() else {
        return Err(call.refuse("k", "one number", &format!("{k:?}")));
    };
    let is_largest = call.flag("largest", true)?;
    let operator = TopK { axis, k: k.clone(), is_largest };
    call.build.emit_all(Op::Whole(operator.into()), &[&x])
}

/// ONNX OneHot-9,11.
fn one_hot(call: &mut Call<'_>) -> Made {
    let (indices, values) = (call.input(0)?, call.input(2)?);
    let axis = call.axis("axis", -1, call.fact(0)?.rank() + 1)?;
    let depth = call.as_vector(1)?;
    call.inputs[1] = Some(depth);
    let depth = call.dims(1, "the depth")?;
    let [depth] = depth.as_slice() else {
        return Err(call.refuse("depth", "one number", &format!("{depth:?}")));
    };
    let indices = call.build.cast(&indices, DType::I64)?;
    let operator = OneHot { axis, depth: depth.clone() };
    call.emit(Op::Whole(operator.into()), &[&indices, &values])
}

/// ONNX Hardmax-1,11,13: 1 at the first of the largest elements along an axis, 0 elsewhere. Before
/// opset 13 all axes from `axis` on are one.
fn hardmax(call: &mut Call<'_>) -> Made {
    let (mut x, fact) = (call.input(0)?, call.fact(0)?);
    let is_old = call.opset < 13;
    let mut axis = call.axis("axis", if is_old { 1 } else { -1 }, fact.rank())?;
    let mut shape = fact.shape.clone();
    if is_old {
        let product = |dims: &[Dim]| dims.iter().cloned().fold(Dim::from(1), |a, b| a * b);
        shape = vec![product(&shape[..axis]), product(&shape[axis..])];
        axis = 1;
        x = call.build.reshape(&x, shape.clone())?;
    }
    let arg = Arg { is_max: true, axis, keepdims: true, is_last: false };
    let first = call.build.emit(Op::Arg(arg), &[&x])?;
    let places = positions(call, &shape[axis])?;
    let mut along = vec![Dim::from(1); shape.len()];
    along[axis].clone_from(&shape[axis]);
    let places = call.build.reshape(&places, along)?;
    let is_first = call.build.binary(Binary::Equal, &first, &places)?;
    let made = call.build.cast(&is_first, fact.dtype)?;
    Ok(vec![call.build.reshape(&made, fact.shape)?])
}

/// ONNX ReverseSequence-10: element `t` of a sequence of `len` is its element `len - 1 - t`, behind
/// its end the element itself.
fn reverse_sequence(call: &mut Call<'_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let time = call.axis("time_axis", 0, shape.len().min(2))?;
    let batch = call.axis("batch_axis", 1, shape.len().min(2))?;
    if time == batch || shape.len() < 2 {
        let found = format!("{batch}, with time_axis {time}, of {shape:?}");
        return Err(call.refuse("batch_axis", "the other of the first two axes", &found));
    }
    let lengths = call.input(1)?;
    Ok(vec![decompose::reversed_sequences(call.build, &x, &lengths, [time, batch])?])
}

/// ONNX Trilu-14.
fn trilu(call: &mut Call<'_>) -> Made {
    let is_upper = call.flag("upper", true)?;
    let inputs: Vec<Operand> =
        [Some(call.input(0)?), call.optional(1)].into_iter().flatten().collect();
    call.emit(Op::Whole(Trilu { is_upper }.into()), &inputs.iter().collect::<Vec<_>>())
}
