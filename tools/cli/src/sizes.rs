//! Sizes that a model runs with, where the usual ones are none.
//!
//! A model with branches may take only some sizes: a voice detector so many samples that one frame
//! is left of them. Nothing in its file says which. They are tried, once, when it is compiled.

use plan::{Operation, Plan};
use runtime::{Constants, Model, RunError};
use std::collections::BTreeMap;
use tensor::Value;

/// What a size may be, the likeliest first: a batch of one, the lengths of frames and sequences.
const LADDER: [i64; 7] = [1, 128, 256, 512, 64, 32, 1024];

/// The most runs that are tried; one that fails for its sizes takes next to no time.
const TRIES_MAX: usize = 64;

/// Gives a plan of several stages, or one that was made for some sizes only, sizes of its symbols
/// for which it runs, when the present ones are none.
pub(crate) fn settle(plan: &mut Plan, constants: &Constants) {
    let is_required = |step: &plan::Step| {
        matches!(&step.operation, Operation::Whole(operators::Operator::Require(_)))
    };
    let is_choosy = !plan.is_single_stage() || plan.steps.iter().any(is_required);
    if !is_choosy || plan.defaults.is_empty() || runs(plan, constants) != Some(false) {
        return;
    }
    let usual = plan.defaults.clone();
    for sizes in candidates(&usual) {
        plan.defaults = sizes;
        if runs(plan, constants) == Some(true) {
            return;
        }
    }
    plan.defaults = usual;
}

/// Does the plan run on zeros of its sizes? `None` when it fails for something else.
fn runs(plan: &Plan, constants: &Constants) -> Option<bool> {
    let model = Model::new(plan.clone(), constants.clone()).ok()?;
    let run = |inputs: Vec<Value>| model.run_values(&inputs);
    match model.default_inputs().and_then(run) {
        Ok(_) => Some(true),
        Err(RunError::Size { .. } | RunError::Bind(_)) => Some(false),
        Err(_) => None,
    }
}

/// Sizes to try: those of one stay, the others go up and down the ladder, each on its own.
fn candidates(usual: &BTreeMap<String, i64>) -> Vec<BTreeMap<String, i64>> {
    let mut all = vec![usual.clone()];
    for (name, _) in usual.iter().filter(|(_, size)| **size != 1) {
        let varied = all.iter().flat_map(|sizes| {
            LADDER.map(|size| {
                let mut sizes = sizes.clone();
                sizes.insert(name.clone(), size);
                sizes
            })
        });
        all = varied.take(TRIES_MAX).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounded_number_of_sizes_is_tried() {
        let usual = |sizes: &[(&str, i64)]| {
            sizes.iter().map(|&(name, size)| (name.to_string(), size)).collect()
        };
        let two = candidates(&usual(&[("batch", 1), ("length", 128), ("state", 128)]));
        assert_eq!(two.len(), 49);
        assert!(two.iter().all(|sizes| sizes["batch"] == 1));
        assert!(two.contains(&usual(&[("batch", 1), ("length", 512), ("state", 1)])));
        let names: Vec<String> = (0..9).map(|i| format!("n{i}")).collect();
        let many: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 2)).collect();
        assert_eq!(candidates(&usual(&many)).len(), TRIES_MAX);
    }
}
