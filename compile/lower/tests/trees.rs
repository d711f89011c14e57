//! Models of XGBoost and LightGBM as these wrote them, with what their own `predict` answers,
//! through the naive twin and through the compiled engine: `suites/trees`, whose README says how
//! they are made.
//!
//! The engine's answers have to be those of the frameworks to the last bit, save where [`ROUNDED`]
//! says why not. The naive twin, which sums in `f64`, has to be within `1e-5 * (1 + |expected|)`,
//! as has what is rounded.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use support::suite::{self, Case};
use support::{Compiled, Tolerance};
use tensor::Value;

const TOLERANCE: Tolerance = Tolerance { relative: 1e-5, absolute: 1e-5 };

/// Cases whose answers may differ by rounding: the beginning of the name, and why.
const ROUNDED: &[(&str, &str)] = &[
    ("xgboost_linear", "a product of matrices adds in another order"),
    ("xgboost_old_linear", "a product of matrices adds in another order"),
    ("xgboost_softprob", "the C library's `expf` does not always give the nearest float"),
    ("lightgbm_cross_entropy_lambda", "log(1 + e^x) is rounded in between"),
];

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("trees", &["xgboost", "xgboost_old", "lightgbm"], run);
}

fn run(case: &Case) -> Result<(), String> {
    let compiled = Compiled::of(case.model().into())?;
    compiled.check(&case.inputs, &case.outputs, TOLERANCE)?;
    if ROUNDED.iter().any(|(prefix, _)| case.name.starts_with(prefix)) {
        return Ok(());
    }
    let made = compiled.run(&case.inputs)?;
    for (made, expected) in made.iter().zip(&case.outputs) {
        let (Value::Tensor(made), Value::Tensor(expected)) = (made, expected) else {
            return Err("it makes no tensor".to_string());
        };
        if made.bytes() != expected.bytes() {
            let size = made.dtype().size();
            let pairs = made.bytes().chunks(size).zip(expected.bytes().chunks(size));
            let count = pairs.filter(|(made, expected)| made != expected).count();
            return Err(format!("{count} of {} numbers differ in their last bits", made.len()));
        }
    }
    Ok(())
}
