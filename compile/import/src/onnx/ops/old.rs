//! Nodes of the operator sets before version 7, read as nodes of today: broadcasting was asked for
//! by attributes, and some of what are inputs now were attributes.

use crate::error::Reason;
use crate::onnx::call::Call;
use tensor::{DType, Dim};

const BROADCAST: &[&str] = &["axis", "broadcast"];

/// Attributes that an operator had before a version and has no more.
const ATTRIBUTES: &[(&str, i64, &[&str])] = &[
    ("Add", 7, BROADCAST),
    ("And", 7, BROADCAST),
    // What a model does in inference is what it is run for.
    ("BatchNormalization", 7, &["is_test"]),
    ("Div", 7, BROADCAST),
    ("Dropout", 7, &["is_test"]),
    ("Equal", 7, BROADCAST),
    ("GRU", 7, &["output_sequence"]),
    // Its third operand broadcasts as the flag says where that is needed.
    ("Gemm", 7, &["broadcast"]),
    ("Greater", 7, BROADCAST),
    ("LSTM", 7, &["output_sequence"]),
    ("Less", 7, BROADCAST),
    ("Mul", 7, BROADCAST),
    ("Or", 7, BROADCAST),
    ("Pad", 2, &["paddings"]),
    ("Pow", 7, BROADCAST),
    ("RNN", 7, &["output_sequence"]),
    ("Reshape", 5, &["shape"]),
    ("Sub", 7, BROADCAST),
    ("Upsample", 7, &["height_scale", "width_scale"]),
    ("Xor", 7, BROADCAST),
];

/// Did the operator have the attribute in this operator set, and is it heeded, or without meaning?
pub(in crate::onnx) fn has_attribute(op: &str, opset: i64, name: &str) -> bool {
    // Said which inputs might be overwritten.
    let is_advice = name == "consumed_inputs" && opset < 6;
    let mut rows = ATTRIBUTES.iter().filter(|(of, before, _)| *of == op && opset < *before);
    is_advice || rows.any(|(.., names)| names.contains(&name))
}

/// Makes the inputs of an old node those that it would have today.
pub(in crate::onnx) fn modernize(call: &mut Call<'_>) -> Result<(), Reason> {
    let (op, opset) = (call.node.op_type.as_str(), call.opset);
    let had_broadcast = |(of, before, names): &(&str, i64, &[&str])| {
        *of == op && opset < *before && *names == BROADCAST
    };
    match op {
        _ if ATTRIBUTES.iter().any(had_broadcast) => align(call),
        "PRelu" if opset < 7 => align_channels(call),
        "Reshape" if opset < 5 => {
            let shape = call.ints("shape")?.map(<[i64]>::to_vec);
            let shape = shape.ok_or_else(|| call.refuse("shape", "sizes", "nothing"))?;
            let shape = call.vector(&shape)?;
            call.inputs.truncate(1);
            call.inputs.push(Some(shape));
            Ok(())
        }
        "Tile" if opset < 6 => repeat(call),
        _ => Ok(()),
    }
}

/// The axes of the second operand are those of the first from `axis` on, or its last ones.
fn align(call: &mut Call<'_>) -> Result<(), Reason> {
    if !call.flag("broadcast", false)? || call.int("axis")?.is_none() {
        return Ok(());
    }
    let rank = call.fact(0)?.rank();
    let (axis, b) = (call.axis("axis", 0, rank)?, call.input(1)?);
    let mut shape = call.build.fact(&b).shape;
    if axis + shape.len() > rank {
        let found = format!("{axis} for shape {shape:?} beside {rank} axes");
        return Err(call.refuse("axis", "one from which on all axes are there", &found));
    }
    shape.resize(rank - axis, Dim::from(1));
    call.inputs[1] = Some(call.build.reshape(&b, shape)?);
    Ok(())
}

/// Slopes are one, or one for each channel.
fn align_channels(call: &mut Call<'_>) -> Result<(), Reason> {
    let (rank, slope) = (call.fact(0)?.rank(), call.input(1)?);
    let mut shape = call.build.fact(&slope).shape;
    if shape.len() == 1 && rank > 1 && shape[0].known() != Some(1) {
        shape.resize(rank - 1, Dim::from(1));
        call.inputs[1] = Some(call.build.reshape(&slope, shape)?);
    }
    Ok(())
}

/// One axis was repeated.
fn repeat(call: &mut Call<'_>) -> Result<(), Reason> {
    let rank = call.fact(0)?.rank();
    for index in [1, 2] {
        let x = call.input(index)?;
        call.inputs[index] = Some(call.build.cast(&x, DType::I64)?);
    }
    let tiles = call.integers(1, "the number of tiles")?;
    let axis = call.integers(2, "the axis")?;
    let (&[tiles], &[axis]) = (tiles.as_slice(), axis.as_slice()) else {
        let found = format!("{tiles:?} and {axis:?}");
        return Err(call.refuse("tiles", "one number of tiles and one axis", &found));
    };
    let place = usize::try_from(axis).ok().filter(|&axis| axis < rank);
    let place = place.ok_or_else(|| {
        call.refuse("axis", &format!("an axis of {rank} axes"), &axis.to_string())
    })?;
    let repeats: Vec<i64> = (0..rank).map(|axis| if axis == place { tiles } else { 1 }).collect();
    let repeats = call.vector(&repeats)?;
    call.inputs.truncate(1);
    call.inputs.push(Some(repeats));
    Ok(())
}

/// The number of an element type that Cast-1 names.
pub(super) fn element_number(name: &str) -> Option<i64> {
    const NAMES: [&str; 13] = [
        "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16",
        "DOUBLE", "UINT32", "UINT64",
    ];
    let place = NAMES.iter().position(|of| of.eq_ignore_ascii_case(name))?;
    i64::try_from(place + 1).ok()
}
