//! Numbers, truths, texts and lists that are known ahead, up to sizes of the inputs.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::{Row, row};
use crate::build::{Operand, Sizes};
use crate::error::Reason;
use ir::Op;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("floordiv", "a b", |call| binary(call, Binary::Div)),
    row("truediv", "a b", |call| binary(call, Binary::Div)),
    row("mod", "a b", |call| binary(call, Binary::Mod)),
    row("getitem", "a b", item),
    row("__getitem__", "self idx", item),
    row("__not__", "self", |call| {
        let value = call.arg(0).cloned().unwrap_or(Value::None);
        negated(call, &value)
    }),
    row("__is__", "self obj", |call| Ok(Value::Bool(is_same(call)))),
    row("__isnot__", "self obj", |call| Ok(Value::Bool(!is_same(call)))),
    row("__contains__", "l item", |call| {
        if let Some(Value::Dict(pairs)) = call.arg(0).cloned() {
            let key = call.arg(1).cloned().unwrap_or(Value::None);
            let keys: Vec<Value> = pairs.borrow().iter().step_by(2).cloned().collect();
            return contains(call, &keys, &key);
        }
        let (items, key) = (call.items(0)?, call.arg(1).cloned().unwrap_or(Value::None));
        let items = items.borrow().clone();
        contains(call, &items, &key)
    }),
    row("len", "a", |call| match call.arg(0) {
        Some(Value::List(items) | Value::Tuple(items)) => {
            Ok(Value::int(items.borrow().len() as i64))
        }
        Some(Value::Dict(pairs)) => Ok(Value::int(pairs.borrow().len() as i64 / 2)),
        Some(Value::Text(text)) => Ok(Value::int(text.chars().count() as i64)),
        _ => match call.fact(0)?.shape.first() {
            Some(size) => Ok(Value::Int(size.clone())),
            None => Err(call.refuse(0, "a tensor with axes")),
        },
    }),
    row("append", "self el", |call| {
        let value = call.arg(1).cloned().unwrap_or(Value::None);
        grow(call, vec![value])
    }),
    row("extend", "self other", |call| {
        let more = call.items(1)?.borrow().clone();
        grow(call, more)
    }),
    row("pop", "self idx", |call| {
        let items = call.items(0)?;
        let at = place(call, items.borrow().len(), 1, -1)?;
        Ok(items.borrow_mut().remove(at))
    }),
    row("_set_item", "self idx el", |call| {
        let (items, value) = (call.items(0)?, call.arg(2).cloned().unwrap_or(Value::None));
        let at = place(call, items.borrow().len(), 1, 0)?;
        items.borrow_mut()[at] = value;
        Ok(Value::None)
    }),
    row("unchecked_unwrap_optional", "optional", |call| {
        call.arg(0).cloned().ok_or_else(|| call.refuse(0, "a value"))
    }),
    row("rangelist", "n", |call| {
        let count = call.counts(0, 1, None, 0)?[0];
        if count > ITEMS_MAX {
            return Err(Reason::Expansion);
        }
        Ok(call.pool.list((0..count as i64).map(Value::int).collect()))
    }),
    row("list", "self", |call| {
        let items = call.items(0)?.borrow().clone();
        Ok(call.pool.list(items))
    }),
    row("keys", "self", |call| half(call, 0)),
    row("values", "self", |call| half(call, 1)),
    row("Int", "a", int),
    row("Float", "a", |call| Ok(Value::Float(call.float(0, 0.0)?))),
    row("Bool", "a", |call| {
        let value = call.arg(0).cloned().unwrap_or(Value::None);
        truth(call, &value).map(Value::Bool)
    }),
    row("item", "self", int),
    row("_local_scalar_dense", "self", int),
    row("str", "a", |call| {
        let text = call.arg(0).map_or_else(String::new, Value::kind);
        call.pool.spend(text.len());
        Ok(Value::Text(text.into()))
    }),
    row("format", "self a b c d e", |call| call.text(0, "").map(Value::Text)),
    row("__range_length", "lo hi step", |call| {
        let (low, high, step) = (call.dim(0)?, call.dim(1)?, call.int(2, 1)?);
        let room = if step > 0 { high - low } else { low - high };
        match (room.known(), step) {
            (_, 0) => Err(call.refuse(2, "a step that is not 0")),
            (Some(room), _) => {
                let step = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX);
                Ok(Value::int(room.max(0).div_euclid(step) + i64::from(room.max(0) % step > 0)))
            }
            (None, _) => Ok(Value::Int(room.ceil_div(&Dim::from(step.saturating_abs())))),
        }
    }),
    row("__derive_index", "i start step", |call| {
        Ok(Value::Int(call.dim(1)? + call.dim(0)? * call.dim(2)?))
    }),
    row("sym_max", "a b", |call| extreme(call, Binary::Max)),
    row("sym_min", "a b", |call| extreme(call, Binary::Min)),
    row("sym_not", "a", |call| {
        let value = call.arg(0).cloned().unwrap_or(Value::None);
        negated(call, &value)
    }),
];

/// Items that one list may have.
const ITEMS_MAX: usize = 1 << 20;

fn grow(call: &mut Call<'_>, more: Vec<Value>) -> Made {
    let items = call.items(0)?;
    if items.borrow().len().saturating_add(more.len()) > ITEMS_MAX {
        return Err(Reason::Expansion);
    }
    call.pool.spend(more.len());
    items.borrow_mut().extend(more);
    Ok(Value::None)
}

/// Keys or values of a dictionary.
fn half(call: &mut Call<'_>, first: usize) -> Made {
    let Some(Value::Dict(pairs)) = call.arg(0).cloned() else {
        return Err(call.refuse(0, "a dictionary"));
    };
    let half: Vec<Value> = pairs.borrow().iter().skip(first).step_by(2).cloned().collect();
    Ok(call.pool.list(half))
}

/// A part of a list, given by its first place, that behind its last one, and a step.
pub(super) fn slice(call: &mut Call<'_>) -> Made {
    let items = call.items(0)?.borrow().clone();
    let (start, end) = (call.int(1, 0)?, call.int(2, i64::MAX)?);
    let step = call.counts(3, 1, Some(1), 1)?[0];
    let place = |at: i64| {
        let at = if at < 0 { at.saturating_add(items.len() as i64) } else { at };
        usize::try_from(at).unwrap_or(0).min(items.len())
    };
    let (start, end) = (place(start), place(end));
    let part = items.get(start..end).unwrap_or(&[]).iter().step_by(step).cloned().collect();
    Ok(call.pool.list(part))
}

/// A place of a list of so many.
fn place(call: &Call<'_>, len: usize, index: usize, default: i64) -> Result<usize, Reason> {
    let at = call.int(index, default)?;
    let at = if at < 0 { at.saturating_add(len as i64) } else { at };
    let found = usize::try_from(at).ok().filter(|&at| at < len);
    found.ok_or_else(|| call.refuse(index, &format!("a place of {len}")))
}

fn item(call: &mut Call<'_>) -> Made {
    match call.arg(0).cloned() {
        Some(Value::Dict(pairs)) => {
            let key = call.arg(1).cloned().unwrap_or(Value::None);
            let pairs = pairs.borrow();
            let found = pairs.chunks_exact(2).find(|pair| is_equal(&pair[0], &key) == Some(true));
            let found = found.map(|pair| pair[1].clone());
            found.ok_or_else(|| call.refuse(1, "a key of the dictionary"))
        }
        Some(Value::Tensor(_)) => super::apply(
            call.build,
            call.pool,
            "select",
            vec![
                (None, call.args[0].clone().unwrap_or(Value::None)),
                (None, Value::int(0)),
                (None, call.args[1].clone().unwrap_or(Value::None)),
            ],
        ),
        _ => {
            let items = call.items(0)?;
            let at = place(call, items.borrow().len(), 1, 0)?;
            let value = items.borrow()[at].clone();
            Ok(value)
        }
    }
}

/// Are both nothing, or the same thing?
fn is_same(call: &Call<'_>) -> bool {
    match (call.arg(0), call.arg(1)) {
        (None, None) => true,
        (Some(a), Some(b)) => is_equal(a, b) == Some(true),
        _ => false,
    }
}

/// Are values equal that are known ahead?
pub(crate) fn is_equal(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::None, Value::None) => Some(true),
        (Value::Bool(a), Value::Bool(b)) => Some(a == b),
        (Value::Text(a), Value::Text(b)) => Some(a == b),
        (Value::Float(a), Value::Float(b)) => Some(a == b),
        (Value::Int(a), Value::Int(b)) if a == b => Some(true),
        (Value::Int(a), Value::Int(b)) => Some(a.known()? == b.known()?),
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => {
            Some(a.known()? as f64 == *b)
        }
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            let (a, b) = (a.borrow(), b.borrow());
            if a.len() != b.len() {
                return Some(false);
            }
            // Only numbers and texts are compared inside of lists.
            let is_flat = |v: &Value| !matches!(v, Value::List(_) | Value::Tuple(_));
            a.iter().zip(b.iter()).try_fold(true, |all, (a, b)| {
                (is_flat(a) && is_flat(b)).then(|| is_equal(a, b))?.map(|same| all && same)
            })
        }
        (Value::Object(a), Value::Object(b)) => Some(a == b),
        (Value::Unknown, _) | (_, Value::Unknown) => None,
        (Value::Tensor(_), Value::Tensor(_)) => None,
        _ => Some(false),
    }
}

fn contains(call: &mut Call<'_>, items: &[Value], key: &Value) -> Made {
    let mut is_known = true;
    for item in items {
        match is_equal(item, key) {
            Some(true) => return Ok(Value::Bool(true)),
            Some(false) => {}
            None => is_known = false,
        }
    }
    match is_known {
        true => Ok(Value::Bool(false)),
        false => Err(undecided(call)),
    }
}

fn undecided(call: &Call<'_>) -> Reason {
    Reason::DataDependent { input: 0, what: format!("what `{}` asks for", call.op) }
}

/// The truth of a value, where it is known.
pub(crate) fn truth(call: &mut Call<'_>, value: &Value) -> Result<bool, Reason> {
    match value {
        Value::None => Ok(false),
        Value::Bool(value) => Ok(*value),
        Value::Float(value) => Ok(*value != 0.0),
        Value::Text(text) => Ok(!text.is_empty()),
        Value::List(items) | Value::Tuple(items) => Ok(!items.borrow().is_empty()),
        Value::Int(dim) => {
            let zero = size(call, Dim::default());
            let own = size(call, dim.clone());
            decided(call, Binary::Equal, &own, &zero).map(|is_zero| !is_zero)
        }
        Value::Tensor(slot) => {
            let known = slot.operand().ok();
            let known = match known {
                Some(x) if x.known().is_some() => Some(call.build.cast(&x, DType::Bool)?),
                _ => None,
            };
            let known = known.and_then(|x| x.known().cloned());
            match known.as_ref().map(|tensor| tensor.bytes()) {
                Some(&[byte]) => Ok(byte != 0),
                _ => Err(undecided(call)),
            }
        }
        Value::Dict(_) | Value::Object(_) | Value::Unknown => Err(undecided(call)),
    }
}

fn size(call: &Call<'_>, dim: Dim) -> Operand {
    call.build.sizes(Sizes::scalar(dim))
}

/// A comparison of sizes, where it holds for all inputs or none.
fn decided(
    call: &mut Call<'_>,
    function: Binary,
    a: &Operand,
    b: &Operand,
) -> Result<bool, Reason> {
    let made = call.build.binary(function, a, b)?;
    match made.known().map(|tensor| tensor.bytes()) {
        Some(&[byte]) => Ok(byte != 0),
        _ => Err(undecided(call)),
    }
}

/// The other truth.
pub(super) fn negated(call: &mut Call<'_>, value: &Value) -> Made {
    match value {
        Value::Tensor(_) => {
            let x = call.operand_of(0, value)?;
            let x = call.build.cast(&x, DType::Bool)?;
            call.emit(Op::Unary(Unary::Not), &[&x])
        }
        _ => truth(call, value).map(|value| Value::Bool(!value)),
    }
}

/// A function of one number.
pub(super) fn unary(call: &mut Call<'_>) -> Made {
    let op = call.op;
    match (call.arg(0).cloned(), op) {
        (Some(Value::Int(dim)), "neg") => Ok(Value::Int(dim * Dim::from(-1))),
        (Some(value @ Value::Int(_)), "floor" | "ceil" | "round") => Ok(value),
        (Some(Value::Int(dim)), "abs") if dim.known().is_some() => {
            Ok(Value::int(dim.known().unwrap_or(0).saturating_abs()))
        }
        (Some(_), _) => {
            let x = call.float(0, 0.0)?;
            let whole = |x: f64| Value::int(x as i64);
            Ok(match op {
                "neg" => Value::Float(-x),
                "abs" => Value::Float(x.abs()),
                "floor" => whole(x.floor()),
                "ceil" => whole(x.ceil()),
                "round" => whole(x.round_ties_even()),
                "sqrt" => Value::Float(x.sqrt()),
                "exp" => Value::Float(x.exp()),
                "log" => Value::Float(x.ln()),
                _ => return Err(call.refuse(0, "a tensor")),
            })
        }
        (None, _) => Err(call.refuse(0, "a tensor or a number")),
    }
}

/// A function of two numbers, texts or lists.
pub(super) fn binary(call: &mut Call<'_>, function: Binary) -> Made {
    let (Some(a), Some(b)) = (call.arg(0).cloned(), call.arg(1).cloned()) else {
        return match function {
            Binary::Equal => Ok(Value::Bool(is_same(call))),
            _ => Err(call.refuse(0, "two numbers")),
        };
    };
    match (&a, &b, function) {
        (Value::List(a), Value::List(b), Binary::Add) => {
            let joined = [a.borrow().as_slice(), b.borrow().as_slice()].concat();
            if joined.len() > ITEMS_MAX {
                return Err(Reason::Expansion);
            }
            Ok(call.pool.list(joined))
        }
        (Value::Text(a), Value::Text(b), Binary::Add) if a.len() + b.len() <= ITEMS_MAX => {
            call.pool.spend(a.len() + b.len());
            Ok(Value::Text(format!("{a}{b}").into()))
        }
        (Value::List(items), Value::Int(_), Binary::Mul) => {
            let (items, times) = (items.borrow().clone(), call.int(1, 0)?);
            let times = usize::try_from(times).unwrap_or(0);
            match items.len().max(1).checked_mul(times) {
                Some(..=ITEMS_MAX) => Ok(call.pool.list(vec![items; times].concat())),
                _ => Err(Reason::Expansion),
            }
        }
        (Value::Bool(a), Value::Bool(b), Binary::And) => Ok(Value::Bool(*a && *b)),
        (Value::Bool(a), Value::Bool(b), Binary::Or) => Ok(Value::Bool(*a || *b)),
        (Value::Bool(a), Value::Bool(b), Binary::Xor) => Ok(Value::Bool(a != b)),
        (Value::Float(_), _, _) | (_, Value::Float(_), _) => of_floats(call, function),
        (Value::Int(_) | Value::Bool(_), Value::Int(_) | Value::Bool(_), _) => {
            of_integers(call, function)
        }
        (_, _, Binary::Equal) => match is_equal(&a, &b) {
            Some(is_equal) => Ok(Value::Bool(is_equal)),
            None => Err(undecided(call)),
        },
        _ => Err(call.refuse(0, "two numbers")),
    }
}

fn of_floats(call: &mut Call<'_>, function: Binary) -> Made {
    let (a, b) = (call.float(0, 0.0)?, call.float(1, 0.0)?);
    let is_floor = matches!(call.op, "floordiv" | "floor_divide");
    Ok(match function {
        Binary::Add => Value::Float(a + b),
        Binary::Sub => Value::Float(a - b),
        Binary::Mul => Value::Float(a * b),
        Binary::Div if is_floor => Value::Float((a / b).floor()),
        Binary::Div => Value::Float(a / b),
        Binary::Pow => Value::Float(a.powf(b)),
        Binary::Max => Value::Float(a.max(b)),
        Binary::Min => Value::Float(a.min(b)),
        Binary::Mod => Value::Float(a - (a / b).floor() * b),
        Binary::Fmod => Value::Float(a % b),
        Binary::Equal => Value::Bool(a == b),
        Binary::Less => Value::Bool(a < b),
        Binary::LessOrEqual => Value::Bool(a <= b),
        Binary::Greater => Value::Bool(a > b),
        Binary::GreaterOrEqual => Value::Bool(a >= b),
        Binary::And | Binary::Or | Binary::Xor => return Err(call.refuse(0, "truths")),
    })
}

fn of_integers(call: &mut Call<'_>, function: Binary) -> Made {
    let (a, b) = (call.dim(0)?, call.dim(1)?);
    let is_floor = matches!(call.op, "floordiv" | "floor_divide");
    if function == Binary::Div {
        return match (a.known(), b.known()) {
            (_, Some(0)) => Err(call.refuse(1, "a number that is not 0")),
            (Some(x), Some(y)) if !is_floor => Ok(Value::Float(x as f64 / y as f64)),
            (_, Some(..0)) | (_, None) if !is_floor && a.floor_div(&b) * b.clone() != a => {
                Err(undecided(call))
            }
            // A quotient of sizes that is a whole number is one, whatever it is called.
            _ => Ok(Value::Int(a.floor_div(&b))),
        };
    }
    if function == Binary::Pow {
        let (a, b) = (call.int(0, 0)?, call.int(1, 0)?);
        let made = u32::try_from(b).ok().and_then(|b| a.checked_pow(b));
        return made.map(Value::int).ok_or_else(|| call.refuse(1, "a power of 64 bits"));
    }
    let (a, b) = (size(call, a), size(call, b));
    if function.is_predicate() {
        return decided(call, function, &a, &b).map(Value::Bool);
    }
    let made = call.build.binary(function, &a, &b)?;
    let dim = made.sizes().and_then(|sizes| sizes.dims.into_iter().next());
    dim.map(Value::Int).ok_or_else(|| undecided(call))
}

/// The larger or smaller of two numbers, or of a list.
pub(super) fn extreme(call: &mut Call<'_>, function: Binary) -> Made {
    let Some(Value::List(items) | Value::Tuple(items)) = call.arg(0).cloned() else {
        return binary(call, function);
    };
    let items = items.borrow().clone();
    let mut made: Option<Value> = None;
    for item in items {
        made = Some(match made {
            None => item,
            Some(made) => {
                call.args = vec![Some(made), Some(item)];
                binary(call, function)?
            }
        });
    }
    made.ok_or_else(|| call.refuse(0, "a list of numbers"))
}

/// The sum of a list.
pub(super) fn sum(call: &mut Call<'_>) -> Made {
    let sum = call.dims(0)?.into_iter().fold(Dim::default(), |a, b| a + b);
    match call.op {
        "sum" => Ok(Value::Int(sum)),
        _ => Err(call.refuse(0, "a tensor")),
    }
}

/// Are all of a list true, or any?
pub(super) fn truths(call: &mut Call<'_>, is_all: bool) -> Made {
    let items = call.items(0)?.borrow().clone();
    for item in &items {
        if truth(call, item)? != is_all {
            return Ok(Value::Bool(!is_all));
        }
    }
    Ok(Value::Bool(is_all))
}

/// The whole number that a value is: one that is known, or a size.
fn int(call: &mut Call<'_>) -> Made {
    let value = call.arg(0).cloned();
    if let Some(Value::Float(value)) = value {
        return Ok(Value::int(value as i64));
    }
    if let Some(Value::Text(text)) = &value {
        let number = text.trim().parse().map(Value::int);
        return number.map_err(|_| call.refuse(0, "a number"));
    }
    if let Some(Value::Tensor(_)) = value
        && call.dim(0).is_err()
    {
        let x = call.tensor(0)?;
        if call.build.fact(&x).dtype.is_float() {
            return Ok(Value::Float(call.float(0, 0.0)?));
        }
        // What is computed from data has its value once it has been computed.
        let x = call.build.reshape(&x, vec![])?;
        let measured = call.build.measure(&x)?.and_then(|sizes| sizes.dims.into_iter().next());
        return measured.map(Value::Int).ok_or_else(|| undecided(call));
    }
    Ok(Value::Int(call.dim(0)?))
}
