//! Layers and small models as Keras wrote them, with what Keras itself answers, through the naive
//! twin and through the compiled engine: `suites/keras`, whose README says how they are made.
//!
//! Floats have to be within `1e-4 * (1 + |expected|)`; everything else has to be equal.

#[allow(dead_code, reason = "each test file uses its own part of what they share")]
mod support;

use support::suite::{self, Case};
use support::{Compiled, Tolerance};

const TOLERANCE: Tolerance = Tolerance { relative: 1e-4, absolute: 1e-4 };

#[test]
fn each_case_passes_or_is_listed_with_its_reason() {
    suite::hold("keras", &["keras2", "keras3"], run);
}

fn run(case: &Case) -> Result<(), String> {
    Compiled::of(case.model().into())?.check(&case.inputs, &case.outputs, TOLERANCE)
}
