//! The self-test of a built library: what it answers where it is loaded, held against what it
//! answered where it was built.

use crate::compare::{self, Tolerance};
use crate::error::Error;
use crate::inputs;
use package::{Expected, Golden};
use plan::Plan;
use runtime::Model;
use tensor::{DType, Value};

/// How far a float may be off, relative to the largest element of its output. Instruction sets
/// differ in the order of sums of floats, and bf16 and bytes turn that into other roundings.
fn tolerance_of(plan: &Plan) -> f64 {
    let is_rounded = plan.multiplied().iter().any(|dtype| matches!(dtype, DType::I8 | DType::BF16));
    if is_rounded { 5e-2 } else { 1e-3 }
}

/// What the model answers to its made-up input; none when it has no finite answer to it, which
/// could not be told from a wrong one.
pub(crate) fn of(model: &Model) -> Option<Golden> {
    let outputs = answer(model).ok()?;
    let is_finite = outputs.iter().all(compare::is_finite);
    let tolerance = tolerance_of(model.plan());
    let outputs = outputs.iter().map(Expected::of).collect();
    is_finite.then_some(Golden { tolerance, outputs })
}

/// Does the model still answer what it answered when it was built?
pub(crate) fn check(model: &Model, golden: &Golden) -> Result<(), Error> {
    let outputs = answer(model)?;
    let failed = |reason: String| {
        let name = model.name();
        let reason = format!("self-test of `{name}`: {reason}");
        Error::Failure(format!("{reason}; build it again, or report it with the library"))
    };
    let ports = &model.signature().outputs;
    if outputs.len() != golden.outputs.len() {
        let (expected, found) = (golden.outputs.len(), outputs.len());
        return Err(failed(format!("expected {expected} golden outputs, found {found}")));
    }
    for ((port, expected), found) in ports.iter().zip(&golden.outputs).zip(&outputs) {
        if expected.shape != found.shape() {
            let (expected, found) = (&expected.shape, found.shape());
            return Err(failed(format!("`{}`: expected {expected:?}, found {found:?}", port.name)));
        }
        let numbers = compare::numbers(&expected.first);
        let largest = numbers.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let tolerance = Tolerance { rtol: Some(0.0), atol: Some(golden.tolerance * largest) };
        let found = Expected::of(found).first;
        let compared = compare::compare(&port.name, &expected.first, &found, tolerance);
        if !compared.agrees {
            return Err(failed(format!("it answers otherwise than when it was built: {compared}")));
        }
    }
    Ok(())
}

fn answer(model: &Model) -> Result<Vec<Value>, Error> {
    let inputs = inputs::made_up(model, &[])?;
    Ok(model.run_values(&inputs)?)
}
