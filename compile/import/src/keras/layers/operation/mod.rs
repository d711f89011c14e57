//! Functions that stand among the layers: `keras.ops` of Keras 3, and TensorFlow's in the versions
//! before. What they take beside tensors is in the configuration, or given by position or name.

mod movement;
mod numbers;
mod parameters;

use super::super::call::{Call, Made};
use super::super::net::Layer;
use super::super::signature;
use super::activation::function;
use super::preprocessing::one_hot;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::decompose::arithmetic::{axis, moments, reduce, unit};
use crate::error::Reason;
use ir::{Arg, Op};
use numbers::{binary, choice, logical, quotient, unary};
use parameters::{all, integers, number, operand, parameter, refused, understood};
use serde_json::Value;
use tensor::DType;
use tensor::scalar::{Binary, Reduction, Unary};

/// The row of an operation: its class, the names of what it reads beside tensors, and its import
/// function. Operations pass no masks on, and whatever else is named is refused.
macro_rules! op {
    ($class:literal, [$($name:literal),*], $import:expr) => {
        row($class, "", &[], |call| {
            let import: fn(&mut Call<'_, '_>) -> Made = $import;
            understood(call, &[$($name),*])?;
            import(call)
        })
        .without_mask()
        .in_any_type()
    };
}

/// The operations, by the names of Keras 3.
pub(super) const ROWS: &[Row] = &[
    op!("Add", [], |call| binary(call, Binary::Add)),
    op!("Subtract", [], |call| binary(call, Binary::Sub)),
    op!("Multiply", [], |call| binary(call, Binary::Mul)),
    op!("Divide", [], quotient),
    op!("TrueDivide", [], quotient),
    op!("Maximum", [], |call| binary(call, Binary::Max)),
    op!("Minimum", [], |call| binary(call, Binary::Min)),
    op!("Power", [], |call| binary(call, Binary::Pow)),
    op!("Mod", [], |call| binary(call, Binary::Mod)),
    op!("Equal", [], |call| binary(call, Binary::Equal)),
    op!("NotEqual", [], |call| {
        let is_equal = binary(call, Binary::Equal)?;
        Ok(vec![call.walk.build.unary(Unary::Not, &is_equal[0])?])
    }),
    op!("Any", ["axis", "keepdims"], |call| of_truths(call, Reduction::Max)),
    op!("All", ["axis", "keepdims"], |call| of_truths(call, Reduction::Min)),
    op!("OnesLike", ["dtype"], |call| filled(call, 1.0)),
    op!("ZerosLike", ["dtype"], |call| filled(call, 0.0)),
    op!("Greater", [], |call| binary(call, Binary::Greater)),
    op!("GreaterEqual", [], |call| binary(call, Binary::GreaterOrEqual)),
    op!("Less", [], |call| binary(call, Binary::Less)),
    op!("LessEqual", [], |call| binary(call, Binary::LessOrEqual)),
    op!("LogicalAnd", [], |call| logical(call, Binary::And)),
    op!("LogicalOr", [], |call| logical(call, Binary::Or)),
    op!("LogicalNot", [], |call| {
        let x = operand(call, 0)?;
        let x = call.walk.build.cast(&x, DType::Bool)?;
        Ok(vec![call.walk.build.unary(Unary::Not, &x)?])
    }),
    op!("Absolute", [], |call| unary(call, Unary::Abs)),
    op!("Abs", [], |call| unary(call, Unary::Abs)),
    op!("Negative", [], |call| unary(call, Unary::Neg)),
    op!("Exp", [], |call| unary(call, Unary::Exp)),
    op!("Log", [], |call| unary(call, Unary::Log)),
    op!("Sqrt", [], |call| unary(call, Unary::Sqrt)),
    op!("Reciprocal", [], |call| unary(call, Unary::Reciprocal)),
    op!("Floor", [], |call| unary(call, Unary::Floor)),
    op!("Ceil", [], |call| unary(call, Unary::Ceil)),
    op!("Round", ["decimals"], round),
    op!("Sign", [], |call| unary(call, Unary::Sign)),
    op!("Sin", [], |call| unary(call, Unary::Sin)),
    op!("Cos", [], |call| unary(call, Unary::Cos)),
    op!("Erf", [], |call| unary(call, Unary::Erf)),
    op!("Square", [], |call| {
        let x = call.input()?;
        Ok(vec![call.walk.build.binary(Binary::Mul, &x, &x)?])
    }),
    op!("Rsqrt", [], |call| {
        let x = call.input()?;
        let root = call.walk.build.unary(Unary::Sqrt, &x)?;
        Ok(vec![call.walk.build.unary(Unary::Reciprocal, &root)?])
    }),
    op!("Relu", [], |call| activation(call, "relu")),
    op!("Relu6", [], |call| activation(call, "relu6")),
    op!("Sigmoid", [], |call| activation(call, "sigmoid")),
    op!("Tanh", [], |call| activation(call, "tanh")),
    op!("Silu", [], |call| activation(call, "silu")),
    op!("Swish", [], |call| activation(call, "silu")),
    op!("HardSilu", [], |call| activation(call, "hard_silu")),
    op!("HardSigmoid", [], |call| activation(call, "hard_sigmoid")),
    op!("Selu", [], |call| activation(call, "selu")),
    op!("Softplus", [], |call| activation(call, "softplus")),
    op!("Softsign", [], |call| activation(call, "softsign")),
    op!("LogSigmoid", [], |call| activation(call, "log_sigmoid")),
    op!("Elu", ["alpha"], |call| {
        let alpha = number(call, "alpha", 1).unwrap_or(1.0) as f32;
        unary(call, Unary::Elu { alpha })
    }),
    op!("LeakyRelu", ["negative_slope", "alpha"], |call| {
        let slope = number(call, "negative_slope", 1).or(number(call, "alpha", 1));
        unary(call, Unary::LeakyRelu { alpha: slope.unwrap_or(0.2) as f32 })
    }),
    op!("Gelu", ["approximate"], |call| {
        let approximates = parameter(call, "approximate", 1).and_then(|v| v.as_bool());
        // The versions before 3 give it by name only, as do later ones.
        let is_tanh = approximates.unwrap_or(call.walk.dialect >= 3);
        unary(call, if is_tanh { Unary::GeluTanh } else { Unary::Gelu })
    }),
    op!("Softmax", ["axis"], |call| along(call, |axis| Op::Softmax { axis })),
    op!("LogSoftmax", ["axis"], |call| along(call, |axis| Op::LogSoftmax { axis })),
    op!("Mean", ["axis", "keepdims"], |call| reduction(call, Reduction::Mean)),
    op!("Sum", ["axis", "keepdims"], |call| reduction(call, Reduction::Sum)),
    op!("Max", ["axis", "keepdims"], |call| reduction(call, Reduction::Max)),
    op!("Min", ["axis", "keepdims"], |call| reduction(call, Reduction::Min)),
    op!("Prod", ["axis", "keepdims"], |call| reduction(call, Reduction::Prod)),
    op!("Clip", ["x_min", "x_max", "clip_value_min", "clip_value_max"], clip),
    op!("Cast", ["dtype"], cast),
    op!("ConvertToTensor", ["dtype"], |call| match parameter(call, "dtype", 1) {
        Some(_) => cast(call),
        None => Ok(vec![operand(call, 0)?]),
    }),
    op!("Var", ["axis", "keepdims"], |call| variance(call, false)),
    op!("Std", ["axis", "keepdims"], |call| variance(call, true)),
    op!("Argmax", ["axis", "keepdims", "output_type"], |call| arg(call, true)),
    op!("Argmin", ["axis", "keepdims", "output_type"], |call| arg(call, false)),
    op!("Normalize", ["axis", "order", "epsilon"], normalize),
    op!("OneHot", ["num_classes", "depth", "axis", "dtype"], one_hot_of),
    op!("Reshape", ["newshape", "shape"], movement::reshape),
    op!("Transpose", ["axes", "perm"], movement::transpose),
    op!("Swapaxes", ["axis1", "axis2"], movement::swap_axes),
    op!("ExpandDims", ["axis"], movement::expand_dims),
    op!("Squeeze", ["axis"], movement::squeeze),
    op!("Concatenate", ["axis"], movement::concatenate),
    op!("Stack", ["axis"], movement::stack),
    op!("GetItem", ["key", "slice_spec"], movement::get_item),
    op!("Split", ["indices_or_sections", "num_or_size_splits", "axis"], split),
    op!("Repeat", ["repeats", "axis"], movement::repeat),
    op!("Tile", ["repeats", "multiples"], movement::tile),
    op!("Pad", ["pad_width", "paddings", "mode", "constant_values"], movement::pad),
    op!("Flip", ["axis"], movement::flip),
    op!("Take", ["indices", "axis"], movement::take),
    op!("Matmul", ["transpose_a", "transpose_b", "adjoint_a", "adjoint_b"], matmul),
    op!("Einsum", ["subscripts", "equation"], einsum),
    op!("Where", [], choice),
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
    let mut x = operand(call, 0)?;
    let axes = axes(call, &x)?;
    let keepdims = parameter(call, "keepdims", 9).and_then(Value::as_bool).unwrap_or(false);
    let is_of_3 = call.walk.dialect >= 3;
    let build = &mut call.walk.build;
    let dtype = build.fact(&x).dtype;
    // Keras 3 sums narrow integers in wider ones, and means of integers are fractions.
    let wide = match (reduction, dtype) {
        (Reduction::Mean, _) if !dtype.is_float() => DType::F32,
        (Reduction::Sum | Reduction::Prod, DType::Bool | DType::I8 | DType::I16) => DType::I32,
        (Reduction::Sum | Reduction::Prod, DType::U8 | DType::U16) => DType::U32,
        _ => dtype,
    };
    if is_of_3 {
        x = build.cast(&x, wide)?;
    }
    Ok(vec![reduce(build, reduction, &x, &axes, keepdims)?])
}

/// The axes that an operation works along: those that are named, or all.
fn axes(call: &Call<'_, '_>, x: &Operand) -> Result<Vec<usize>, Reason> {
    let rank = call.walk.build.fact(x).rank();
    let axes = match integers(call, "axis", 1) {
        Some(axes) => axes.iter().map(|&value| axis(value, rank)).collect(),
        None => Some((0..rank).collect()),
    };
    axes.ok_or_else(|| refused(call, "axis", "axes"))
}

/// Is any of some truths one, or are all?
fn of_truths(call: &mut Call<'_, '_>, kind: Reduction) -> Made {
    let x = operand(call, 0)?;
    let axes = axes(call, &x)?;
    let keepdims = parameter(call, "keepdims", 9).and_then(Value::as_bool).unwrap_or(false);
    let build = &mut call.walk.build;
    // Fractions are true, so that the truths come first and are counted as numbers.
    let truths = build.cast(&x, DType::Bool)?;
    let wide = build.cast(&truths, DType::F32)?;
    let made = reduce(build, kind, &wide, &axes, keepdims)?;
    Ok(vec![build.cast(&made, DType::Bool)?])
}

/// Parts of an axis. TensorFlow's lists are of sizes, not of places as Keras' are.
fn split(call: &mut Call<'_, '_>) -> Made {
    if parameter(call, "num_or_size_splits", 9).is_some_and(Value::is_array) {
        return Err(refused(call, "num_or_size_splits", "a number of equal parts"));
    }
    movement::split(call)
}

/// Numbers rounded to whole ones, which is all that there is an operator for.
fn round(call: &mut Call<'_, '_>) -> Made {
    if number(call, "decimals", 1).is_some_and(|decimals| decimals != 0.0) {
        return Err(refused(call, "decimals", "0"));
    }
    unary(call, Unary::Round)
}

/// A product of matrices, each turned first if it is said to be.
fn matmul(call: &mut Call<'_, '_>) -> Made {
    let mut pair = [operand(call, 0)?, operand(call, 1)?];
    let names = [["transpose_a", "adjoint_a"], ["transpose_b", "adjoint_b"]];
    for (x, names) in pair.iter_mut().zip(names) {
        let is_asked = |name: &&str| parameter(call, name, 9).is_some_and(|v| *v == true);
        let rank = call.walk.build.fact(x).rank();
        if names.iter().any(is_asked) && rank >= 2 {
            let perm = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
            *x = call.walk.build.transpose(x, perm)?;
        }
    }
    Ok(vec![call.walk.build.emit(Op::MatMul, &[&pair[0], &pair[1]])?])
}

/// A number in the shape of a value, and in its type where no other is named.
fn filled(call: &mut Call<'_, '_>, value: f64) -> Made {
    let x = operand(call, 0)?;
    let named = named_type(call)?;
    let build = &mut call.walk.build;
    let fact = build.fact(&x);
    let number = build.number(named.unwrap_or(fact.dtype), value)?;
    Ok(vec![build.expand(&number, fact.shape)?])
}

fn clip(call: &mut Call<'_, '_>) -> Made {
    let mut x = operand(call, 0)?;
    let bound =
        |names: [&str; 2], position| names.iter().find_map(|name| parameter(call, name, position));
    let bounds = [bound(["x_min", "clip_value_min"], 1), bound(["x_max", "clip_value_max"], 2)];
    if bounds.iter().flatten().any(|bound| !bound.is_number()) {
        return Err(refused(call, "x_min", "numbers as bounds"));
    }
    let build = &mut call.walk.build;
    // Between fractions integers become fractions too.
    if bounds.iter().flatten().any(|bound| bound.is_f64()) && !build.fact(&x).dtype.is_float() {
        x = build.cast(&x, DType::F32)?;
    }
    let [min, max] = bounds.map(|bound| bound.and_then(Value::as_f64).map(|bound| bound as f32));
    let (min, max) = (min.unwrap_or(f32::NEG_INFINITY), max.unwrap_or(f32::INFINITY));
    Ok(vec![build.unary(Unary::Clip { min, max }, &x)?])
}

fn cast(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let dtype = named_type(call)?.unwrap_or(DType::F32);
    Ok(vec![call.walk.build.cast(&x, dtype)?])
}

/// The type that `dtype` names, with halves as what they are computed in.
fn named_type(call: &Call<'_, '_>) -> Result<Option<DType>, Reason> {
    let Some(name) = parameter(call, "dtype", 1) else { return Ok(None) };
    let dtype = name.as_str().and_then(|name| signature::element_type(name).ok());
    match dtype.ok_or_else(|| refused(call, "dtype", "a type of numbers"))? {
        DType::F16 | DType::BF16 => Ok(Some(DType::F32)),
        dtype => Ok(Some(dtype)),
    }
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
    let mut x = operand(call, 0)?;
    // The mean of integers is a fraction.
    if !call.walk.build.fact(&x).dtype.is_float() {
        x = call.walk.build.cast(&x, DType::F32)?;
    }
    let axes = axes(call, &x)?;
    let shape = call.walk.build.fact(&x).shape;
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

/// `x / sqrt(max(sum(x^2), floor))` along axes; other orders of the norm are refused.
fn normalize(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let rank = call.walk.build.fact(&x).rank();
    if number(call, "order", 9).is_some_and(|order| order != 2.0) {
        return Err(refused(call, "order", "2"));
    }
    let axes = integers(call, "axis", 1).unwrap_or_else(|| vec![-1]);
    let axes = axes.iter().map(|&value| axis(value, rank)).collect::<Option<Vec<_>>>();
    let axes = axes.ok_or_else(|| refused(call, "axis", "axes"))?;
    // Keras bounds the norm itself, TensorFlow its square.
    let epsilon = number(call, "epsilon", 9);
    let floor = match call.walk.dialect >= 3 {
        true => epsilon.unwrap_or(1e-7).powi(2),
        false => epsilon.unwrap_or(1e-12),
    };
    Ok(vec![unit(&mut call.walk.build, &x, &axes, floor)?])
}

fn one_hot_of(call: &mut Call<'_, '_>) -> Made {
    let x = operand(call, 0)?;
    let depth = number(call, "num_classes", 1).or(number(call, "depth", 1));
    let depth = depth.filter(|n| n.fract() == 0.0 && (0.0..1e9).contains(n));
    let depth = depth.ok_or_else(|| refused(call, "num_classes", "a size"))?;
    if integers(call, "axis", 9).is_some_and(|axes| axes != [-1]) {
        return Err(refused(call, "axis", "-1"));
    }
    let dtype = named_type(call)?.unwrap_or(DType::F32);
    Ok(vec![one_hot(&mut call.walk.build, &x, depth as usize, dtype)?])
}
