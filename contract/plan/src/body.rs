//! Plans inside of steps.

use crate::Plan;
use serde::{Deserialize, Deserializer, Serialize};
use std::cell::Cell;

/// How deep plans may lie in each other, so that hostile bytes cannot exhaust the stack. Deeper
/// than the importers make them.
const DEPTH_MAX: usize = 32;

/// A plan that a step runs. Its constants lie in those of the whole plan; symbols of the plan
/// around it have their values in it too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Body(pub Box<Plan>);

thread_local! {
    /// Bodies that are being decoded, one inside the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Body, D::Error> {
        let depth = DEPTH.get();
        if depth == DEPTH_MAX {
            return Err(serde::de::Error::custom("plans lie too deep in each other"));
        }
        DEPTH.set(depth + 1);
        let plan = Plan::deserialize(deserializer);
        DEPTH.set(depth);
        Ok(Body(Box::new(plan?)))
    }
}
