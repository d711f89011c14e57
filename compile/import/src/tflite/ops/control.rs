//! Branches and loops.

use super::super::step::Step;
use super::{Row, graphs};
use crate::build::Operand;
use crate::error::Reason;
use ir::Op;
use tensor::DType;

pub(super) const ROWS: &[Row] = &[graphs("IF", branch), graphs("WHILE", repeat)];

/// The truth that a condition is known to be.
fn truth(condition: &Operand) -> Option<bool> {
    let known = condition.known().filter(|known| known.dtype() == DType::Bool)?;
    known.bytes().first().map(|&byte| byte != 0)
}

/// One of two graphs, by a condition. Of one that is not known both are computed.
fn branch(step: &mut Step<'_, '_, '_>) -> Result<Option<Vec<Operand>>, Reason> {
    let condition = step.input(0)?;
    let args = step.stored(1)?;
    let [then, otherwise] = [step.int(0), step.int(1)];
    if let Some(is_true) = truth(&condition) {
        let mut callee = step.walk.callee(if is_true { then } else { otherwise })?;
        return step.walk.call(&mut callee, &args);
    }
    let mut sides = Vec::with_capacity(2);
    for graph in [then, otherwise] {
        let mut callee = step.walk.callee(graph)?;
        let Some(made) = step.walk.call(&mut callee, &args)? else { return Ok(None) };
        sides.push(made);
    }
    let build = step.build();
    let condition = build.reshape(&condition, vec![])?;
    let pairs = sides[0].iter().zip(&sides[1]).map(|(a, b)| {
        let [own, other] = [a, b].map(|x| build.fact(x));
        if own != other {
            let (expected, found) = (format!("{own:?} of both branches"), format!("{other:?}"));
            return Err(Reason::Body { expected, found });
        }
        build.emit(Op::Select, &[&condition, a, b])
    });
    pairs.collect::<Result<Vec<Operand>, Reason>>().map(Some)
}

/// `while condition(state…) { state… = body(state…) }`, one iteration behind the other: how many
/// there are has to be known, as it is where a layer runs over steps.
fn repeat(step: &mut Step<'_, '_, '_>) -> Result<Option<Vec<Operand>>, Reason> {
    let mut states = step.stored(0)?;
    let (mut test, mut body) = (step.walk.callee(step.int(0))?, step.walk.callee(step.int(1))?);
    loop {
        let Some(made) = step.walk.call(&mut test, &states)? else { return Ok(None) };
        let goes_on = made.first().and_then(truth).ok_or_else(|| Reason::DataDependent {
            input: 0,
            what: "the number of iterations".to_string(),
        })?;
        if !goes_on {
            return Ok(Some(states));
        }
        match step.walk.call(&mut body, &states)? {
            Some(made) if made.len() == states.len() => states = made,
            Some(made) => {
                let expected = format!("{} states", states.len());
                return Err(Reason::Body { expected, found: made.len().to_string() });
            }
            None => return Ok(None),
        }
    }
}
