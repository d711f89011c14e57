//! What is asked of tensors, and what leaves their elements as they are.

use super::super::call::{Call, Made};
use super::super::element;
use super::super::value::Value;
use super::create::type_number;
use super::{Row, row};
use crate::decompose::product;
use crate::error::Reason;
use tensor::DType;

pub(super) const ROWS: &[Row] = &[
    row("size", "self|a dim", size),
    row("sym_size", "self|a dim", size),
    row("dim", "self|a", |call| Ok(Value::int(call.fact(0)?.rank() as i64))),
    row("ndim", "self|a", |call| Ok(Value::int(call.fact(0)?.rank() as i64))),
    row("numel", "self|a", |call| Ok(Value::Int(product(&call.fact(0)?.shape)))),
    row("sym_numel", "self|a", |call| Ok(Value::Int(product(&call.fact(0)?.shape)))),
    row("_shape_as_tensor", "self", |call| {
        let shape = call.fact(0)?.shape;
        let made = call.build.sizes(crate::build::Sizes::vector(shape));
        Ok(call.own(made))
    }),
    row("dtype", "a", type_number),
    row("device", "a", |_| Ok(Value::Text("cpu".into()))),
    row("layout", "a", |_| Ok(Value::int(0))),
    row("is_floating_point", "self|a", |call| Ok(Value::Bool(call.fact(0)?.dtype.is_float()))),
    row("is_complex", "self|a", |_| Ok(Value::Bool(false))),
    row("is_cuda", "a", |_| Ok(Value::Bool(false))),
    row("requires_grad", "a", |_| Ok(Value::Bool(false))),
    row("is_grad_enabled", "", |_| Ok(Value::Bool(false))),
    row("is_nested", "a", |_| Ok(Value::Bool(false))),
    row("is_autocast_enabled", "device_type", |_| Ok(Value::Bool(false))),
    row("is_autocast_cpu_enabled", "", |_| Ok(Value::Bool(false))),
    row("type", "a", |_| Ok(Value::Text("cpu".into()))),
    row("is_scripting", "", |_| Ok(Value::Bool(true))),
    row("contiguous", "self memory_format", alias),
    row("clone", "self memory_format", same),
    row("detach", "self", alias),
    row("alias", "self", alias),
    row("lift_fresh_copy", "self", same),
    row("lift_fresh", "self", alias),
    row("data", "a", alias),
    row("requires_grad_", "self requires_grad", alias),
    row("cpu", "self", alias),
    row("cuda", "self device", alias),
    row("dropout", "input|self p train|training", dropout),
    row("feature_dropout", "input|self p train|training", dropout),
    row("alpha_dropout", "input|self p train|training", dropout),
    row("feature_alpha_dropout", "input|self p train|training", dropout),
    row("native_dropout", "input p train", |call| {
        let made = dropout(call)?;
        Ok(call.pool.tuple(vec![made, Value::Unknown]))
    }),
    row("to", "self dtype|device|other dtype|device x y z", to),
    row("_to_copy", "self dtype", to),
    row("type_as", "self other", |call| {
        let dtype = call.fact(1)?.dtype;
        cast(call, dtype)
    }),
    row("_convert_element_type", "self dtype", to),
    row("convert_element_type", "self|a dtype", to),
    row("float", "self", |call| cast(call, DType::F32)),
    row("double", "self", |call| cast(call, DType::F64)),
    row("half", "self", |call| cast(call, DType::F16)),
    row("long", "self", |call| cast(call, DType::I64)),
];

fn size(call: &mut Call<'_>) -> Made {
    let shape = call.fact(0)?.shape;
    match call.arg(1) {
        None => Ok(call.pool.list(shape.into_iter().map(Value::Int).collect())),
        Some(_) => {
            let axis = call.axis(1, 0, shape.len())?;
            Ok(Value::Int(shape.get(axis).ok_or(Reason::UnknownRank)?.clone()))
        }
    }
}

/// The tensor as one of its own.
fn same(call: &mut Call<'_>) -> Made {
    let x = call.tensor(0)?;
    Ok(call.own(x))
}

/// The tensor itself.
fn alias(call: &mut Call<'_>) -> Made {
    Ok(Value::Tensor(call.slot(0)?))
}

fn dropout(call: &mut Call<'_>) -> Made {
    match call.flag(2, false)? && call.float(1, 0.5)? != 0.0 {
        true => Err(call.refuse(2, "a model in inference")),
        false => same(call),
    }
}

fn cast(call: &mut Call<'_>, dtype: DType) -> Made {
    let x = call.tensor(0)?;
    if call.build.fact(&x).dtype == dtype && call.is_tensor(0) {
        return alias(call);
    }
    let made = call.build.cast(&x, dtype)?;
    Ok(call.own(made))
}

/// To a type, which may be that of another tensor; to a device, which says nothing of numbers.
fn to(call: &mut Call<'_>) -> Made {
    let dtype = match call.arg(1) {
        Some(Value::Tensor(_)) => Some(call.fact(1)?.dtype),
        Some(Value::Int(_)) => {
            let known = element::numbered(call.int(1, -1)?);
            Some(known.ok_or_else(|| call.refuse(1, "a type of numbers"))?)
        }
        _ if call.args.len() > 2 && matches!(call.arg(2), Some(Value::Int(_))) => {
            call.args.remove(1);
            return to(call);
        }
        _ => None,
    };
    match dtype {
        Some(dtype) => cast(call, dtype),
        None => alias(call),
    }
}
