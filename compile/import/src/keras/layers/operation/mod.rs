//! Functions that stand among the layers: `keras.ops` of Keras 3, and TensorFlow's in the versions
//! before. What they take beside tensors is in the configuration, or given by position or name.

mod movement;
mod parameters;

use super::super::call::{Call, Made};
use super::super::net::Layer;
use super::super::signature;
use super::activation::function;
use super::arithmetic::{axis, moments, reduce, with};
use super::preprocessing::one_hot;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use ir::{Arg, Op};
use parameters::{all, integers, number, operand, parameter, refused};
use serde_json::Value;
use tensor::DType;
use tensor::scalar::{Binary, Reduction, Unary};

/// The operations, by the names of Keras 3.
pub(super) const ROWS: &[Row] = &[
    op("Add", |call| binary(call, Binary::Add)),
    op("Subtract", |call| binary(call, Binary::Sub)),
    op("Multiply", |call| binary(call, Binary::Mul)),
    op("Divide", |call| binary(call, Binary::Div)),
    op("TrueDivide", |call| binary(call, Binary::Div)),
    op("Maximum", |call| binary(call, Binary::Max)),
    op("Minimum", |call| binary(call, Binary::Min)),
    op("Power", |call| binary(call, Binary::Pow)),
    op("Mod", |call| binary(call, Binary::Mod)),
    op("Equal", |call| binary(call, Binary::Equal)),
    op("NotEqual", |call| {
        let is_equal = binary(call, Binary::Equal)?;
        Ok(vec![call.walk.build.unary(Unary::Not, &is_equal[0])?])
    }),
    op("Any", |call| of_truths(call, Reduction::Max)),
    op("All", |call| of_truths(call, Reduction::Min)),
    op("OnesLike", |call| filled(call, 1.0)),
    op("ZerosLike", |call| filled(call, 0.0)),
    op("Greater", |call| binary(call, Binary::Greater)),
    op("GreaterEqual", |call| binary(call, Binary::GreaterOrEqual)),
    op("Less", |call| binary(call, Binary::Less)),
    op("LessEqual", |call| binary(call, Binary::LessOrEqual)),
    op("LogicalAnd", |call| binary(call, Binary::And)),
    op("LogicalOr", |call| binary(call, Binary::Or)),
    op("LogicalNot", |call| unary(call, Unary::Not)),
    op("Absolute", |call| unary(call, Unary::Abs)),
    op("Abs", |call| unary(call, Unary::Abs)),
    op("Negative", |call| unary(call, Unary::Neg)),
    op("Exp", |call| unary(call, Unary::Exp)),
    op("Log", |call| unary(call, Unary::Log)),
    op("Sqrt", |call| unary(call, Unary::Sqrt)),
    op("Reciprocal", |call| unary(call, Unary::Reciprocal)),
    op("Floor", |call| unary(call, Unary::Floor)),
    op("Ceil", |call| unary(call, Unary::Ceil)),
    op("Round", |call| unary(call, Unary::Round)),
    op("Sign", |call| unary(call, Unary::Sign)),
    op("Sin", |call| unary(call, Unary::Sin)),
    op("Cos", |call| unary(call, Unary::Cos)),
    op("Erf", |call| unary(call, Unary::Erf)),
    op("Square", |call| {
        let x = call.input()?;
        Ok(vec![call.walk.build.binary(Binary::Mul, &x, &x)?])
    }),
    op("Rsqrt", |call| {
        let x = call.input()?;
        let root = call.walk.build.unary(Unary::Sqrt, &x)?;
        Ok(vec![call.walk.build.unary(Unary::Reciprocal, &root)?])
    }),
    op("Relu", |call| activation(call, "relu")),
    op("Relu6", |call| activation(call, "relu6")),
    op("Sigmoid", |call| activation(call, "sigmoid")),
    op("Tanh", |call| activation(call, "tanh")),
    op("Silu", |call| activation(call, "silu")),
    op("Swish", |call| activation(call, "silu")),
    op("HardSilu", |call| activation(call, "hard_silu")),
    op("HardSigmoid", |call| activation(call, "hard_sigmoid")),
    op("Selu", |call| activation(call, "selu")),
    op("Softplus", |call| activation(call, "softplus")),
    op("Softsign", |call| activation(call, "softsign")),
    op("LogSigmoid", |call| activation(call, "log_sigmoid")),
    op("Elu", |call| {
        let alpha = number(call, "alpha", 1).unwrap_or(1.0) as f32;
        unary(call, Unary::Elu { alpha })
    }),
    op("LeakyRelu", |call| {
        let slope = number(call, "negative_slope", 1).or(number(call, "alpha", 1));
        unary(call, Unary::LeakyRelu { alpha: slope.unwrap_or(0.2) as f32 })
    }),
    op("Gelu", |call| {
        let approximates = parameter(call, "approximate", 1).and_then(|v| v.as_bool());
        // The versions before 3 give it by name only, as do later ones.
        let is_tanh = approximates.unwrap_or(call.walk.dialect >= 3);
        unary(call, if is_tanh { Unary::GeluTanh } else { Unary::Gelu })
    }),
    op("Softmax", |call| along(call, |axis| Op::Softmax { axis })),
    op("LogSoftmax", |call| along(call, |axis| Op::LogSoftmax { axis })),
    op("Mean", |call| reduction(call, Reduction::Mean)),
    op("Sum", |call| reduction(call, Reduction::Sum)),
    op("Max", |call| reduction(call, Reduction::Max)),
    op("Min", |call| reduction(call, Reduction::Min)),
    op("Prod", |call| reduction(call, Reduction::Prod)),
    op("Clip", clip),
    op("Cast", cast),
    op("Var", |call| variance(call, false)),
    op("Std", |call| variance(call, true)),
    op("Argmax", |call| arg(call, true)),
    op("Argmin", |call| arg(call, false)),
    op("Normalize", normalize),
    op("OneHot", one_hot_of),
    op("Reshape", movement::reshape),
    op("Transpose", movement::transpose),
    op("Swapaxes", movement::swap_axes),
    op("ExpandDims", movement::expand_dims),
    op("Squeeze", movement::squeeze),
    op("Concatenate", movement::concatenate),
    op("Stack", movement::stack),
    op("GetItem", movement::get_item),
    op("Split", movement::split),
    op("Repeat", movement::repeat),
    op("Tile", movement::tile),
    op("Pad", movement::pad),
    op("Flip", movement::flip),
    op("Take", movement::take),
    op("Matmul", |call| {
        let (a, b) = (operand(call, 0)?, operand(call, 1)?);
        Ok(vec![call.walk.build.emit(Op::MatMul, &[&a, &b])?])
    }),
    op("Einsum", einsum),
    op("Where", |call| {
        let [c, a, b] = [operand(call, 0)?, operand(call, 1)?, operand(call, 2)?];
        Ok(vec![call.walk.build.emit(Op::Select, &[&c, &a, &b])?])
    }),
];

/// What TensorFlow's functions are called here.
const TENSORFLOW: &[(&str, &str)] = &[
    ("__operators__.add", "Add"),
    ("math.add", "Add"),
    ("math.subtract", "Subtract"),
    ("math.multiply", "Multiply"),
    ("multiply", "Multiply"),
    ("math.divide", "Divide"),
    ("math.truediv", "Divide"),
    ("math.maximum", "Maximum"),
    ("math.minimum", "Minimum"),
    ("math.pow", "Power"),
    ("math.abs", "Abs"),
    ("math.negative", "Negative"),
    ("math.exp", "Exp"),
    ("math.log", "Log"),
    ("math.sqrt", "Sqrt"),
    ("math.rsqrt", "Rsqrt"),
    ("math.square", "Square"),
    ("math.sigmoid", "Sigmoid"),
    ("math.tanh", "Tanh"),
    ("math.sin", "Sin"),
    ("math.cos", "Cos"),
    ("math.reduce_mean", "Mean"),
    ("math.reduce_sum", "Sum"),
    ("math.reduce_max", "Max"),
    ("math.reduce_min", "Min"),
    ("math.greater", "Greater"),
    ("math.less", "Less"),
    ("math.equal", "Equal"),
    ("math.softplus", "Softplus"),
    ("nn.relu", "Relu"),
    ("nn.relu6", "Relu6"),
    ("nn.silu", "Silu"),
    ("nn.swish", "Silu"),
    ("nn.gelu", "Gelu"),
    ("nn.elu", "Elu"),
    ("nn.selu", "Selu"),
    ("nn.leaky_relu", "LeakyRelu"),
    ("nn.softmax", "Softmax"),
    ("nn.log_softmax", "LogSoftmax"),
    ("nn.sigmoid", "Sigmoid"),
    ("nn.tanh", "Tanh"),
    ("nn.softsign", "Softsign"),
    ("clip_by_value", "Clip"),
    ("cast", "Cast"),
    ("reshape", "Reshape"),
    ("transpose", "Transpose"),
    ("expand_dims", "ExpandDims"),
    ("squeeze", "Squeeze"),
    ("concat", "Concatenate"),
    ("stack", "Stack"),
    ("linalg.matmul", "Matmul"),
    ("einsum", "Einsum"),
    ("where", "Where"),
    ("math.argmax", "Argmax"),
    ("argmax", "Argmax"),
    ("math.l2_normalize", "Normalize"),
    ("nn.l2_normalize", "Normalize"),
    ("one_hot", "OneHot"),
    ("split", "Split"),
    ("tile", "Tile"),
    ("repeat", "Repeat"),
    ("pad", "Pad"),
    ("reverse", "Flip"),
    ("gather", "Take"),
];

const fn op(class: &'static str, import: fn(&mut Call<'_, '_>) -> Made) -> Row {
    row(class, "", &[], import).in_any_type()
}

/// The row of an operation.
pub(super) fn find(layer: &Layer<'_>) -> Option<&'static Row> {
    let name = match layer.class.ends_with("OpLambda") {
        true if layer.class == "SlicingOpLambda" => "GetItem",
        true => {
            let function = layer.config.text("function")?.trim_start_matches("compat.v1.");
            TENSORFLOW.iter().find(|(known, _)| *known == function)?.1
        }
        false => layer.class,
    };
    ROWS.iter().find(|row| row.class == name)
}

fn binary(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let (a, b) = (operand(call, 0)?, operand(call, 1)?);
    let build = &mut call.walk.build;
    let (of_a, of_b) = (build.fact(&a).dtype, build.fact(&b).dtype);
    // Numbers of unlike types become floats, as far as one is.
    let dtype = match (of_a.is_float(), of_b.is_float()) {
        (false, true) => of_b,
        _ => of_a,
    };
    let (a, b) = (build.cast(&a, dtype)?, build.cast(&b, dtype)?);
    Ok(vec![build.binary(function, &a, &b)?])
}

fn unary(call: &mut Call<'_, '_>, function: Unary) -> Made {
    let x = operand(call, 0)?;
    Ok(vec![call.walk.build.unary(function, &x)?])
}

fn activation(call: &mut Call<'_, '_>, name: &str) -> Made {
    let (x, dialect) = (operand(call, 0)?, call.walk.dialect);
    let made = function(&mut call.walk.build, name, &x, dialect);
    Ok(vec![made.unwrap_or_else(|| Err(refused(call, "name", "a function")))?])
}

fn along(call: &mut Call<'_, '_>, op: fn(usize) -> Op) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let named = integers(call, "axis", 1).and_then(|axes| axes.first().copied());
    let axis = axis(named.unwrap_or(-1), rank);
    let axis = axis.ok_or_else(|| refused(call, "axis", "an axis"))?;
    Ok(vec![call.walk.build.emit(op(axis), &[&x])?])
}

fn reduction(call: &mut Call<'_, '_>, reduction: Reduction) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let axes = match integers(call, "axis", 1) {
        Some(axes) => axes.iter().map(|&value| axis(value, rank)).collect::<Option<Vec<_>>>(),
        None => Some((0..rank).collect()),
    };
    let axes = axes.ok_or_else(|| refused(call, "axis", "axes"))?;
    let keepdims = parameter(call, "keepdims", 9).and_then(Value::as_bool).unwrap_or(false);
    Ok(vec![reduce(&mut call.walk.build, reduction, &x, &axes, keepdims)?])
}

/// Is any of some truths one, or are all?
fn of_truths(call: &mut Call<'_, '_>, kind: Reduction) -> Made {
    let x = operand(call, 0)?;
    let wide = call.walk.build.cast(&x, DType::F32)?;
    let rank = call.walk.build.fact(&x).rank();
    let axes = match integers(call, "axis", 1) {
        Some(axes) => axes.iter().map(|&value| axis(value, rank)).collect::<Option<Vec<_>>>(),
        None => Some((0..rank).collect()),
    };
    let axes = axes.ok_or_else(|| refused(call, "axis", "axes"))?;
    let keepdims = parameter(call, "keepdims", 9).and_then(Value::as_bool).unwrap_or(false);
    let build = &mut call.walk.build;
    let made = reduce(build, kind, &wide, &axes, keepdims)?;
    Ok(vec![build.cast(&made, DType::Bool)?])
}

/// A number in the shape of a value, and in its type where no other is named.
fn filled(call: &mut Call<'_, '_>, value: f64) -> Made {
    let x = operand(call, 0)?;
    let named = parameter(call, "dtype", 1).and_then(Value::as_str);
    let named = named.and_then(|name| signature::element_type(name).ok());
    let build = &mut call.walk.build;
    let fact = build.fact(&x);
    let number = build.number(named.unwrap_or(fact.dtype), value)?;
    Ok(vec![build.expand(&number, fact.shape)?])
}

fn clip(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let bound = |names: [&str; 2], position| {
        names.iter().find_map(|name| number(call, name, position)).map(|bound| bound as f32)
    };
    let min = bound(["x_min", "clip_value_min"], 1).unwrap_or(f32::NEG_INFINITY);
    let max = bound(["x_max", "clip_value_max"], 2).unwrap_or(f32::INFINITY);
    Ok(vec![call.walk.build.unary(Unary::Clip { min, max }, &x)?])
}

fn cast(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let name = parameter(call, "dtype", 1).and_then(Value::as_str).unwrap_or("float32");
    let dtype = signature::element_type(name);
    let dtype = dtype.map_err(|_| refused(call, "dtype", "a type of numbers"))?;
    let dtype = if matches!(dtype, DType::F16 | DType::BF16) { DType::F32 } else { dtype };
    Ok(vec![call.walk.build.cast(&x, dtype)?])
}

fn einsum(call: &mut Call<'_, '_>) -> Made {
    let equation = ["subscripts", "equation"];
    let equation = equation.iter().find_map(|name| parameter(call, name, 0));
    let refusal = || refused(call, "subscripts", "an equation of these values");
    let equation = equation.and_then(Value::as_str).ok_or_else(refusal)?;
    let inputs = all(call);
    let inputs: Vec<&Operand> = inputs.iter().collect();
    let made = decompose::einsum(&mut call.walk.build, equation, &inputs)?;
    Ok(vec![made.ok_or_else(|| refused(call, "subscripts", "an equation of these values"))?])
}

fn variance(call: &mut Call<'_, '_>, is_root: bool) -> Made {
    let x = operand(call, 0)?;
    let shape = call.walk.build.fact(&x).shape;
    let axes = match integers(call, "axis", 1) {
        Some(axes) => axes.iter().map(|&value| axis(value, shape.len())).collect(),
        None => Some((0..shape.len()).collect::<Vec<_>>()),
    };
    let axes = axes.ok_or_else(|| refused(call, "axis", "axes"))?;
    let keepdims = parameter(call, "keepdims", 9).and_then(Value::as_bool).unwrap_or(false);
    let build = &mut call.walk.build;
    let [_, mut made] = moments(build, &x, &axes)?;
    if is_root {
        made = build.unary(Unary::Sqrt, &made)?;
    }
    if !keepdims {
        let kept = shape.into_iter().enumerate().filter(|(at, _)| !axes.contains(at));
        made = build.reshape(&made, kept.map(|(_, size)| size).collect())?;
    }
    Ok(vec![made])
}

fn arg(call: &mut Call<'_, '_>, is_max: bool) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    let named = integers(call, "axis", 1).and_then(|axes| axes.first().copied());
    let axis = named.and_then(|named| axis(named, rank));
    let axis = axis.ok_or_else(|| refused(call, "axis", "an axis"))?;
    let keepdims = parameter(call, "keepdims", 9).and_then(Value::as_bool).unwrap_or(false);
    let dtype = match parameter(call, "output_type", 9).and_then(Value::as_str) {
        Some("int64") => DType::I64,
        None if call.walk.dialect < 3 => DType::I64,
        Some(_) | None => DType::I32,
    };
    let build = &mut call.walk.build;
    let arg = Arg { is_max, axis, keepdims, is_last: false };
    let made = build.emit(Op::Arg(arg), &[&x])?;
    Ok(vec![build.cast(&made, dtype)?])
}

/// `x / sqrt(max(sum(x^2), 1e-12))` along axes; other orders of the norm are refused.
fn normalize(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    if number(call, "order", 9).is_some_and(|order| order != 2.0) {
        return Err(refused(call, "order", "2"));
    }
    let axes = integers(call, "axis", 1).unwrap_or_else(|| vec![-1]);
    let axes = axes.iter().map(|&value| axis(value, rank)).collect::<Option<Vec<_>>>();
    let axes = axes.ok_or_else(|| refused(call, "axis", "axes"))?;
    let build = &mut call.walk.build;
    let squares = build.binary(Binary::Mul, &x, &x)?;
    let sum = reduce(build, Reduction::Sum, &squares, &axes, true)?;
    let sum = with(build, Binary::Max, &sum, 1e-12)?;
    let norm = build.unary(Unary::Sqrt, &sum)?;
    Ok(vec![build.binary(Binary::Div, &x, &norm)?])
}

fn one_hot_of(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let depth = number(call, "num_classes", 1).or(number(call, "depth", 1));
    let depth = depth.filter(|n| n.fract() == 0.0 && (0.0..1e9).contains(n));
    let depth = depth.ok_or_else(|| refused(call, "num_classes", "a size"))?;
    if integers(call, "axis", 9).is_some_and(|axes| axes != [-1]) {
        return Err(refused(call, "axis", "-1"));
    }
    Ok(vec![one_hot(&mut call.walk.build, &x, depth as usize, DType::F32)?])
}
