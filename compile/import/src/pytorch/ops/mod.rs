//! The operators, one file for each family, for both kinds of files. Each file starts with its
//! table.

mod activation;
mod angle;
mod attention;
mod conv;
mod create;
mod elementwise;
mod index;
mod matmul;
mod movement;
mod norm;
mod number;
mod pool;
mod recurrent;
mod reduce;
mod resize;
mod shape;
mod slice;

use super::call::{Call, Made};
use super::value::{Pool, Value};
use crate::Operator;
use crate::build::Builder;
use crate::error::Reason;

/// An operator that is read.
pub(super) struct Row {
    /// Its name, of `aten` where it says no other.
    pub(super) name: &'static str,
    /// Its parameters in order. Overloads share places; names of one place stand side by side with
    /// `|` between them.
    parameters: &'static str,
    /// Its import function.
    import: fn(&mut Call<'_>) -> Made,
}

const fn row(
    name: &'static str,
    parameters: &'static str,
    import: fn(&mut Call<'_>) -> Made,
) -> Row {
    Row { name, parameters, import }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("activation", activation::ROWS),
    ("angle", angle::ROWS),
    ("attention", attention::ROWS),
    ("conv", conv::ROWS),
    ("create", create::ROWS),
    ("elementwise", elementwise::ROWS),
    ("index", index::ROWS),
    ("matmul", matmul::ROWS),
    ("movement", movement::ROWS),
    ("norm", norm::ROWS),
    ("number", number::ROWS),
    ("pool", pool::ROWS),
    ("recurrent", recurrent::ROWS),
    ("reduce", reduce::ROWS),
    ("resize", resize::ROWS),
    ("shape", shape::ROWS),
    ("slice", slice::ROWS),
];

fn find(name: &str) -> Option<&'static Row> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.name == name)
}

/// An argument: its parameter's name, where it is given by one, and its value.
pub(super) type Argument<'a> = (Option<&'a str>, Value);

/// What an operator makes of arguments. One whose name ends in `_` changes its first one in place.
pub(super) fn apply(build: &mut Builder, pool: &Pool, name: &str, args: Vec<Argument<'_>>) -> Made {
    let plain = || name.strip_suffix('_').filter(|plain| !plain.starts_with('_')).and_then(find);
    let (row, is_in_place) = match find(name) {
        Some(row) => (row, false),
        None => (plain().ok_or(Reason::UnknownOperator)?, true),
    };
    for (_, value) in &args {
        refresh(build, value)?;
    }
    let args = bound(row, args)?;
    let mut call = Call { op: row.name, parameters: row.parameters, args, build, pool };
    let made = (row.import)(&mut call)?;
    if !is_in_place {
        return Ok(made);
    }
    let slot = call.slot(0)?;
    let (before, after) = match &made {
        Value::Tensor(after) => (call.fact(0)?, after.operand()),
        _ => return Err(Reason::UnknownOperator),
    };
    let after = after.map_err(|_| Reason::UnknownOperator)?;
    let after = call.build.cast(&after, before.dtype)?;
    let after = call.build.expand(&after, before.shape)?;
    slot.write(call.build, &after)?;
    Ok(Value::Tensor(slot))
}

/// Lets views show what they are views of, also those in a list.
pub(super) fn refresh(build: &mut Builder, value: &Value) -> Result<(), Reason> {
    match value {
        Value::Tensor(slot) => slot.refresh(build),
        Value::List(items) | Value::Tuple(items) => {
            items.borrow().iter().try_for_each(|value| match value {
                Value::Tensor(slot) => slot.refresh(build),
                _ => Ok(()),
            })
        }
        _ => Ok(()),
    }
}

/// The arguments by the places of the parameters.
fn bound(row: &Row, args: Vec<Argument<'_>>) -> Result<Vec<Option<Value>>, Reason> {
    let parameters: Vec<&str> = row.parameters.split(' ').collect();
    let mut made: Vec<Option<Value>> = vec![None; parameters.len()];
    let mut next = 0;
    for (name, value) in args {
        let at = match name {
            // Overloads may have the same name at two places: the first that is free is meant.
            Some(name) => (0..parameters.len())
                .find(|&at| made[at].is_none() && parameters[at].split('|').any(|own| own == name)),
            None => Some(next).filter(|&at| at < parameters.len()),
        };
        // What is told of devices, layouts and memory says nothing of numbers.
        let is_idle = |name: &str| IDLE.contains(&name);
        match (at, name) {
            (Some(at), _) => {
                made[at] = Some(value);
                next = at + 1;
            }
            (None, Some(name)) if is_idle(name) => {}
            (None, _) if matches!(value, Value::None) => {}
            (None, name) => {
                let name = name.map_or_else(|| format!("number {next}"), str::to_string);
                return Err(Reason::UnknownAttribute(name));
            }
        }
    }
    Ok(made)
}

const IDLE: [&str; 9] = [
    "device",
    "layout",
    "pin_memory",
    "memory_format",
    "non_blocking",
    "copy",
    "requires_grad",
    "generator",
    "implicit",
];

/// Every operator that is read.
pub fn operators() -> impl Iterator<Item = Operator> {
    crate::listing::operators(FAMILIES, |row| row.name)
}
