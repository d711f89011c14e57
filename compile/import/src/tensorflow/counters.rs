//! What a loop does with each of its values, and how often it runs.

use super::call::{Flow, List};
use super::graph::{Named, Scope, values};
use super::proto::NodeDef;
use super::walk::Walk;
use crate::build::{Budget, Operand, Sizes};
use crate::decompose::arithmetic::with;
use crate::error::Reason;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Tensor};

/// What an argument of the functions is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// The same in each iteration.
    Constant,
    /// Starts at a number and grows by one.
    Counter(i64),
    /// A list of which each iteration fills the place of its own number.
    Filled(DType),
    /// What an iteration makes of the one before.
    State,
}

pub(super) fn refused(expected: impl Into<String>, found: impl Into<String>) -> Reason {
    Reason::Body { expected: expected.into(), found: found.into() }
}

/// What a function does with one of its arguments.
pub(super) fn role(scope: &Scope<'_>, at: usize, flow: &Flow) -> Result<Role, Reason> {
    let result = scope.result(at);
    if result.and_then(|name| scope.source(name)) == Some(Named::Argument(at)) {
        return Ok(Role::Constant);
    }
    let maker = result.and_then(|name| scope.maker(name));
    let takes = |node: &NodeDef, input: usize| {
        values(node)
            .nth(input)
            .and_then(|name| scope.source(name).map(|named| (named, name)))
            .is_some_and(|(named, _)| named == Named::Argument(at))
    };
    match flow {
        Flow::Tensor(operand) => {
            let start = operand.sizes().filter(|sizes| sizes.is_scalar);
            let start = start.and_then(|sizes| sizes.dims[0].known());
            let is_next = |node: &&NodeDef| {
                let is_sum = matches!(node.op.as_str(), "Add" | "AddV2");
                let one = |input: usize| {
                    let name = values(node).nth(input)?;
                    integer(scope.maker(name)?)
                };
                is_sum
                    && (takes(node, 0) && one(1) == Some(1) || takes(node, 1) && one(0) == Some(1))
            };
            Ok(match start.zip(maker.filter(is_next)) {
                Some((start, _)) => Role::Counter(start),
                None => Role::State,
            })
        }
        Flow::List(list) => match &**list {
            List::Reserved { dtype }
                if maker.is_some_and(|node| node.op == "TensorListSetItem" && takes(node, 0)) =>
            {
                Ok(Role::Filled(*dtype))
            }
            _ => Err(refused("a list of which each iteration fills a place", "another one")),
        },
        Flow::Handle(_) | Flow::Dead => Err(refused("the same handle", "another one")),
    }
}

/// The integer that a constant is.
fn integer(node: &NodeDef) -> Option<i64> {
    let tensor = node.attr.get("value").filter(|_| node.op == "Const")?.tensor.as_ref()?;
    let budget = Budget::new(64);
    let value = super::tensors::read(tensor, "", &budget).ok()?;
    Sizes::of_tensor(value.tensor()?)?.dims.first()?.known()
}

/// How often the body runs, where the condition is that counters are below limits.
pub(super) fn trips(
    walk: &mut Walk<'_>,
    tests: &Scope<'_>,
    args: &[Flow],
    roles: &[Role],
) -> Result<Option<(Option<Dim>, Operand)>, Reason> {
    let mut limits = Vec::new();
    let Some(result) = tests.result(0) else { return Ok(None) };
    if !below(tests, result, &mut limits) {
        return Ok(None);
    }
    let mut made: Option<(Option<Dim>, Operand)> = None;
    for (counter, limit) in limits {
        let Some(Role::Counter(start)) = roles.get(counter).copied() else { return Ok(None) };
        let limit = match limit {
            Limit::Number(number) => Operand::constant("limit", Tensor::scalar(number)),
            Limit::Argument(at) if roles.get(at) == Some(&Role::Constant) => match &args[at] {
                Flow::Tensor(operand) => walk.build.cast(operand, DType::I64)?,
                _ => return Ok(None),
            },
            Limit::Argument(_) => return Ok(None),
        };
        let limit = walk.build.reshape(&limit, vec![])?;
        let own = with(&mut walk.build, Binary::Sub, &limit, start as f64)?;
        let size = own.sizes().map(|sizes| sizes.dims[0].clone());
        made = Some(match made {
            None => (size, own),
            Some((Some(a), other)) if Some(&a) == size.as_ref() => (Some(a), other),
            Some((a, other)) => {
                let least = a.zip(size).map(|(a, b)| a.minimum(&b));
                (least, walk.build.binary(Binary::Min, &other, &own)?)
            }
        });
    }
    Ok(made)
}

/// What a counter is compared with.
enum Limit {
    Argument(usize),
    Number(i64),
}

/// Conditions that are looked at: two of them, as a rule.
const CONDITIONS_MAX: usize = 8;

/// Is a condition that counters are below limits, and which?
fn below(scope: &Scope<'_>, name: &str, limits: &mut Vec<(usize, Limit)>) -> bool {
    let Some(node) = scope.maker(name) else { return false };
    let inputs: Vec<&str> = values(node).collect();
    let (op, [a, b]) = match (node.op.as_str(), inputs.as_slice()) {
        (op, &[a, b]) if limits.len() < CONDITIONS_MAX => (op, [a, b]),
        _ => return false,
    };
    match (op, scope.source(a), scope.source(b)) {
        ("LogicalAnd", ..) => below(scope, a, limits) && below(scope, b, limits),
        ("Less", Some(Named::Argument(counter)), Some(Named::Argument(at))) => {
            limits.push((counter, Limit::Argument(at)));
            true
        }
        ("Less", Some(Named::Argument(counter)), Some(Named::Output { .. })) => {
            match scope.maker(b).and_then(integer) {
                Some(number) => {
                    limits.push((counter, Limit::Number(number)));
                    true
                }
                None => false,
            }
        }
        _ => false,
    }
}
