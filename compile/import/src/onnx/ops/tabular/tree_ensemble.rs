//! The ensembles of decision trees of version 5.

use super::super::{Row, ml};
use super::tree::columns;
use super::{Transform, features_as, transformed};
use crate::decompose::forest::{Ensemble, Next, Node, Test};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use operators::numbers;
use tensor::DType;
use tensor::scalar::Reduction;

pub(in crate::onnx::ops) const OPS: &[Row] = &[ml(
    "TreeEnsemble",
    &[
        "aggregate_function",
        "leaf_targetids",
        "leaf_weights",
        "membership_values",
        "n_targets",
        "nodes_falseleafs",
        "nodes_falsenodeids",
        "nodes_featureids",
        "nodes_hitrates",
        "nodes_missing_value_tracks_true",
        "nodes_modes",
        "nodes_splits",
        "nodes_trueleafs",
        "nodes_truenodeids",
        "post_transform",
        "tree_roots",
    ],
    tree_ensemble,
)];

/// ONNX ml.TreeEnsemble-5 of `f32`, `f64` and `f16`, the last computed in `f32`; a transform is
/// computed in `f32` and is none of a single target, save `PROBIT`, as in ONNX Runtime.
fn tree_ensemble(call: &mut Call<'_>) -> Made {
    let dtype = call.fact(0)?.dtype;
    if !dtype.is_float() {
        let (expected, found) = ("floats".to_string(), dtype.to_string());
        return Err(Reason::Input { input: 0, expected, found });
    }
    let reduction = match call.int("aggregate_function")?.unwrap_or(1) {
        0 => Reduction::Mean,
        1 => Reduction::Sum,
        2 => Reduction::Min,
        3 => Reduction::Max,
        other => return Err(call.refuse("aggregate_function", "0 to 3", &other.to_string())),
    };
    let transform = match call.int("post_transform")?.unwrap_or(0) {
        0 => Transform::None,
        1 => Transform::Softmax,
        2 => Transform::Logistic,
        3 => Transform::SoftmaxZero,
        4 => Transform::Probit,
        other => return Err(call.refuse("post_transform", "0 to 4", &other.to_string())),
    };
    let targets = columns(call)?;
    let ensemble = Ensemble {
        roots: roots(call)?,
        nodes: nodes(call)?,
        leaves: leaves(call)?,
        base: vec![0.0; targets],
        reduction,
    };
    let wide = if dtype == DType::F64 { dtype } else { DType::F32 };
    let (x, _) = features_as(call, wide)?;
    let mut scores = ensemble.of(call.build, &x)?;
    if targets > 1 && transform != Transform::None || transform == Transform::Probit {
        let narrow = call.build.cast(&scores, DType::F32)?;
        scores = transformed(call, &narrow, transform)?;
    }
    Ok(vec![call.build.cast(&scores, dtype)?])
}

/// The numbers of a tensor that has to be there.
fn floats(call: &Call<'_>, name: &str) -> Result<Vec<f64>, Reason> {
    let tensor = call.tensor(name)?.ok_or_else(|| call.refuse(name, "a tensor", "none"))?;
    Ok(numbers::read_floats(&tensor.view()))
}

fn index(call: &Call<'_>, name: &str, value: i64) -> Result<usize, Reason> {
    usize::try_from(value).map_err(|_| call.refuse(name, "indices", &value.to_string()))
}

fn roots(call: &Call<'_>) -> Result<Vec<Next>, Reason> {
    let roots = call.ints("tree_roots")?.unwrap_or(&[]).iter();
    roots.map(|&root| Ok(Next::Node(index(call, "tree_roots", root)?))).collect()
}

fn leaves(call: &Call<'_>) -> Result<Vec<Vec<(i64, f64)>>, Reason> {
    let weights = floats(call, "leaf_weights")?;
    let targets = call.ints("leaf_targetids")?.unwrap_or(&[]);
    if targets.len() != weights.len() {
        let (expected, found) = (format!("{} ids", weights.len()), targets.len().to_string());
        return Err(call.refuse("leaf_targetids", &expected, &found));
    }
    Ok(targets.iter().zip(weights).map(|(&target, weight)| vec![(target, weight)]).collect())
}

fn nodes(call: &Call<'_>) -> Result<Vec<Node>, Reason> {
    let modes = floats(call, "nodes_modes")?;
    let splits = floats(call, "nodes_splits")?;
    let list = |name: &str| -> Result<Vec<i64>, Reason> {
        let found = call.ints(name)?.unwrap_or(&[]);
        if found.len() == modes.len() {
            return Ok(found.to_vec());
        }
        let expected = format!("a number of each of {} nodes", modes.len());
        Err(call.refuse(name, &expected, &format!("{} numbers", found.len())))
    };
    let features = list("nodes_featureids")?;
    let (yes, yes_leaf) = (list("nodes_truenodeids")?, list("nodes_trueleafs")?);
    let (no, no_leaf) = (list("nodes_falsenodeids")?, list("nodes_falseleafs")?);
    let missing = match call.ints("nodes_missing_value_tracks_true")?.unwrap_or(&[]) {
        [] => vec![0; modes.len()],
        _ => list("nodes_missing_value_tracks_true")?,
    };
    if splits.len() != modes.len() {
        let (expected, found) = (format!("{} numbers", modes.len()), splits.len().to_string());
        return Err(call.refuse("nodes_splits", &expected, &found));
    }
    let next = |name: &str, at: i64, is_leaf: i64| {
        let at = index(call, name, at)?;
        Ok::<_, Reason>(if is_leaf != 0 { Next::Leaf(at) } else { Next::Node(at) })
    };
    let members = match call.tensor("membership_values")? {
        Some(members) => numbers::read_floats(&members.view()),
        None => Vec::new(),
    };
    // Each set ends with what is not a number.
    let mut sets = members.split(|member| member.is_nan());
    let mut nodes = Vec::with_capacity(modes.len());
    for (at, &split) in splits.iter().enumerate() {
        let test = match modes[at] as i64 {
            0 => Test::LessOrEqual(split),
            1 => Test::Less(split),
            2 => Test::GreaterOrEqual(split),
            3 => Test::Greater(split),
            4 => Test::member(&[split]),
            5 => Test::NotEqual(split),
            6 => {
                let none = || call.refuse("membership_values", "a set of each such node", "fewer");
                Test::member(sets.next().ok_or_else(none)?)
            }
            other => return Err(call.refuse("nodes_modes", "0 to 6", &other.to_string())),
        };
        nodes.push(Node {
            test,
            feature: features[at],
            missing: missing[at] != 0,
            yes: next("nodes_truenodeids", yes[at], yes_leaf[at])?,
            no: next("nodes_falsenodeids", no[at], no_leaf[at])?,
        });
    }
    Ok(nodes)
}
