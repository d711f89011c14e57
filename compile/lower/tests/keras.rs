//! Layers and small models as Keras wrote them, with what Keras itself answers, through the naive
//! twin and through the compiled engine: `suites/keras`, whose README says how they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal. A case that
//! fails has to be listed in `expected_failures.txt` with the reason, and a listed case has to
//! fail. `BLESS=1` writes the list anew; `SCHOONER_CASES=PATH` takes cases from elsewhere.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use support::keras::{self, Case};
use support::{Compiled, Tolerance};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    let suite = testkit::repository().join("suites/keras");
    let cases = keras::cases(&suite);
    let outcomes = support::run_each(&cases, run);
    let names = cases.iter().map(|case| case.name.clone());
    testkit::hold_to_list(&suite.join("expected_failures.txt"), names.zip(outcomes).collect());
}

fn run(case: &Case) -> Result<(), String> {
    Compiled::of(case.model.clone().into())?.check(&case.inputs, &case.outputs, TOLERANCE)
}
