//! Ensembles of decision trees.

use super::super::{Row, ml};
use super::{
    Transform, features_as, label, labels, largest, second_above, transform, transformed,
    two_classes,
};
use crate::build::Operand;
use crate::decompose::forest::{Ensemble, Next, Node, Test};
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use operators::numbers;
use std::collections::{HashMap, HashSet};
use tensor::DType;
use tensor::scalar::{Binary, Reduction, Unary};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    ml(
        "TreeEnsembleClassifier",
        &[
            "base_values",
            "base_values_as_tensor",
            "class_ids",
            "class_nodeids",
            "class_treeids",
            "class_weights",
            "class_weights_as_tensor",
            "classlabels_int64s",
            "classlabels_strings",
            "nodes_falsenodeids",
            "nodes_featureids",
            "nodes_hitrates",
            "nodes_hitrates_as_tensor",
            "nodes_missing_value_tracks_true",
            "nodes_modes",
            "nodes_nodeids",
            "nodes_treeids",
            "nodes_truenodeids",
            "nodes_values",
            "nodes_values_as_tensor",
            "post_transform",
        ],
        classifier,
    ),
    ml(
        "TreeEnsembleRegressor",
        &[
            "aggregate_function",
            "base_values",
            "base_values_as_tensor",
            "n_targets",
            "nodes_falsenodeids",
            "nodes_featureids",
            "nodes_hitrates",
            "nodes_hitrates_as_tensor",
            "nodes_missing_value_tracks_true",
            "nodes_modes",
            "nodes_nodeids",
            "nodes_treeids",
            "nodes_truenodeids",
            "nodes_values",
            "nodes_values_as_tensor",
            "post_transform",
            "target_ids",
            "target_nodeids",
            "target_treeids",
            "target_weights",
            "target_weights_as_tensor",
        ],
        regressor,
    ),
];

/// ONNX ml.TreeEnsembleRegressor-1,3, of `f64` in `f64`, otherwise in `f32`. A `post_transform` of
/// a single target other than `PROBIT` changes nothing, as in ONNX Runtime.
fn regressor(call: &mut Call<'_>) -> Made {
    let reduction = match call.text("aggregate_function")?.unwrap_or("SUM") {
        "SUM" => Reduction::Sum,
        "AVERAGE" => Reduction::Mean,
        "MIN" => Reduction::Min,
        "MAX" => Reduction::Max,
        other => return Err(call.refuse("aggregate_function", "SUM, AVERAGE, MIN or MAX", other)),
    };
    let targets = columns(call)?;
    let transform = transform(call)?;
    let (x, _) = features_as(call, wide(call)?)?;
    let base = base(call, targets)?;
    let entries = Entries::read(call, "target")?;
    let scores = ensemble(call, entries, base, reduction)?.of(call.build, &x)?;
    let scores = call.build.cast(&scores, DType::F32)?;
    if targets == 1 && transform != Transform::Probit {
        return Ok(vec![scores]);
    }
    Ok(vec![transformed(call, &scores, transform)?])
}

/// ONNX ml.TreeEnsembleClassifier-1,3, of `f64` in `f64`, otherwise in `f32`: the label and the
/// scores of every class. The label is that of the largest score before the transform.
///
/// Where leaves speak of one of two classes only, that is a score `s` of the second: it is the
/// label above 0.5 when no weight is negative, else above 0. If they speak of the first in name,
/// the scores are `sigmoid(-s), sigmoid(s)` for `LOGISTIC`, else `1 - s, s` when no weight is
/// negative, else `-s, s`; if they speak of the second, `0, s`, transformed. Refused: base values
/// of that form but one of the first class. Labels that are text go to the model's metadata too.
fn classifier(call: &mut Call<'_>) -> Made {
    let labels = labels(call, "classlabels_int64s")?;
    let transform = transform(call)?;
    let mut entries = Entries::read(call, "class")?;
    let (x, _) = features_as(call, wide(call)?)?;
    let first = entries.targets.first().copied();
    let is_single = labels.len() == 2 && entries.targets.iter().all(|&id| Some(id) == first);
    if !is_single {
        let spoken: Vec<bool> =
            (0..labels.len() as i64).map(|class| entries.targets.contains(&class)).collect();
        let base = base(call, labels.len())?;
        let has_base = base.iter().any(|&base| base != 0.0);
        let ensemble = ensemble(call, entries, base, Reduction::Sum)?;
        let scores = ensemble.of(call.build, &x)?;
        let index = largest_spoken(call, &scores, if has_base { &[] } else { &spoken })?;
        let scores = call.build.cast(&scores, DType::F32)?;
        let scores = transformed(call, &scores, transform)?;
        return Ok(vec![label(call, index, &labels)?, scores]);
    }
    let is_first = first == Some(0);
    let given = numbers_of(call, "base_values")?;
    if given.len() > usize::from(is_first) {
        let expected = "one, of the first class, where leaves speak of one of two classes";
        return Err(call.refuse("base_values", expected, &format!("{given:?}")));
    }
    entries.targets.fill(0);
    let is_positive = entries.weights.iter().all(|&weight| weight >= 0.0);
    let base = vec![given.first().copied().unwrap_or(0.0)];
    let score = ensemble(call, entries, base, Reduction::Sum)?.of(call.build, &x)?;
    let index = second_above(call, &score, if is_positive { 0.5 } else { 0.0 })?;
    let score = call.build.cast(&score, DType::F32)?;
    let scores = if !is_first {
        let zero = call.build.binary(Binary::Sub, &score, &score)?;
        let both = call.build.emit(Op::Concat { axis: 1 }, &[&zero, &score])?;
        transformed(call, &both, transform)?
    } else if is_positive || transform == Transform::Logistic {
        two_classes(call, &score, transform)?
    } else {
        let negative = call.build.unary(Unary::Neg, &score)?;
        call.build.emit(Op::Concat { axis: 1 }, &[&negative, &score])?
    };
    Ok(vec![label(call, index, &labels)?, scores])
}

/// The index of the largest score of each row, among the classes of which some leaf speaks.
fn largest_spoken(
    call: &mut Call<'_>,
    scores: &Operand,
    spoken: &[bool],
) -> Result<Operand, Reason> {
    if spoken.iter().all(|&is_spoken| is_spoken) || !spoken.contains(&true) {
        return largest(call, scores);
    }
    let bound = |&is_spoken: &bool| if is_spoken { f32::INFINITY } else { f32::NEG_INFINITY };
    let bounds = super::vector(call, &spoken.iter().map(bound).collect::<Vec<_>>())?;
    let bounds = call.build.cast(&bounds, call.build.fact(scores).dtype)?;
    let scores = call.build.binary(Binary::Min, scores, &bounds)?;
    largest(call, &scores)
}

/// The type that thresholds are compared in.
fn wide(call: &Call<'_>) -> Result<DType, Reason> {
    Ok(if call.fact(0)?.dtype == DType::F64 { DType::F64 } else { DType::F32 })
}

/// `n_targets`.
pub(super) fn columns(call: &Call<'_>) -> Result<usize, Reason> {
    match call.int("n_targets")?.unwrap_or(1) {
        targets @ 1..=0xffff => Ok(targets as usize),
        other => Err(call.refuse("n_targets", "1 to 65535", &other.to_string())),
    }
}

/// What is added to each of `count` numbers.
fn base(call: &Call<'_>, count: usize) -> Result<Vec<f64>, Reason> {
    let base = numbers_of(call, "base_values")?;
    match base.len() {
        0 => Ok(vec![0.0; count]),
        found if found == count => Ok(base),
        found => {
            let expected = format!("none or {count} numbers");
            Err(call.refuse("base_values", &expected, &format!("{found} numbers")))
        }
    }
}

/// A list of floats, or the tensor that takes its place.
fn numbers_of(call: &Call<'_>, name: &str) -> Result<Vec<f64>, Reason> {
    if let Some(tensor) = call.tensor(&format!("{name}_as_tensor"))? {
        return Ok(numbers::read_floats(&tensor.view()));
    }
    Ok(call.floats(name)?.unwrap_or(&[]).iter().map(|&x| f64::from(x)).collect())
}

fn list(call: &Call<'_>, name: &str) -> Result<Vec<i64>, Reason> {
    Ok(call.ints(name)?.unwrap_or(&[]).to_vec())
}

/// What the leaves give: lists of the same length.
struct Entries {
    /// Tree and node.
    places: Vec<(i64, i64)>,
    targets: Vec<i64>,
    weights: Vec<f64>,
}

impl Entries {
    fn read(call: &Call<'_>, prefix: &str) -> Result<Entries, Reason> {
        let list = |name: &str| list(call, &format!("{prefix}_{name}"));
        let (trees, nodes, targets) = (list("treeids")?, list("nodeids")?, list("ids")?);
        let weights = numbers_of(call, &format!("{prefix}_weights"))?;
        let lengths = [trees.len(), nodes.len(), targets.len()];
        if lengths.iter().any(|&length| length != weights.len()) {
            let name = format!("{prefix}_weights");
            return Err(call.refuse(&name, "as many as ids", &format!("{lengths:?}")));
        }
        Ok(Entries { places: trees.into_iter().zip(nodes).collect(), targets, weights })
    }
}

/// The ensemble, whose nodes name others by tree and number. The first node that a tree lists is
/// its root.
fn ensemble(
    call: &Call<'_>,
    entries: Entries,
    base: Vec<f64>,
    reduction: Reduction,
) -> Result<Ensemble, Reason> {
    let (trees, ids) = (list(call, "nodes_treeids")?, list(call, "nodes_nodeids")?);
    let modes = call.texts("nodes_modes")?.unwrap_or_default();
    let (features, no) = (list(call, "nodes_featureids")?, list(call, "nodes_falsenodeids")?);
    let (values, yes) = (numbers_of(call, "nodes_values")?, list(call, "nodes_truenodeids")?);
    let mut missing = list(call, "nodes_missing_value_tracks_true")?;
    missing.resize(modes.len(), 0);
    let lengths = [trees.len(), ids.len(), features.len(), values.len(), yes.len(), no.len()];
    if lengths.iter().any(|&length| length != modes.len()) {
        let expected = format!("{} entries in every list of nodes", modes.len());
        return Err(call.refuse("nodes_nodeids", &expected, &format!("{lengths:?}")));
    }
    let mut ensemble = Ensemble { roots: vec![], nodes: vec![], leaves: vec![], base, reduction };
    let mut places: HashMap<(i64, i64), Next> = HashMap::new();
    let mut is_met: HashSet<i64> = HashSet::new();
    let (mut nodes, mut leaves) = (0, 0);
    for (index, mode) in modes.iter().enumerate() {
        let (next, count) = match mode.as_str() {
            "LEAF" => (Next::Leaf(leaves), &mut leaves),
            _ => (Next::Node(nodes), &mut nodes),
        };
        *count += 1;
        places.insert((trees[index], ids[index]), next);
        if is_met.insert(trees[index]) {
            ensemble.roots.push(next);
        }
    }
    ensemble.leaves.resize(leaves, Vec::new());
    for (at, (target, weight)) in
        entries.places.iter().zip(entries.targets.iter().zip(entries.weights))
    {
        if let Some(&Next::Leaf(leaf)) = places.get(at) {
            ensemble.leaves[leaf].push((*target, weight));
        }
    }
    for (index, mode) in modes.iter().enumerate().filter(|(_, mode)| *mode != "LEAF") {
        let tree = trees[index];
        let next = |id: i64| {
            let found = || format!("node {} without its node {id}", ids[index]);
            let next = places.get(&(tree, id)).copied();
            next.ok_or_else(|| call.refuse("nodes_nodeids", "trees", &found()))
        };
        let (yes, no) = (next(yes[index])?, next(no[index])?);
        let test = test(call, mode, values[index])?;
        let missing = missing[index] != 0;
        ensemble.nodes.push(Node { test, feature: features[index], missing, yes, no });
    }
    Ok(ensemble)
}

fn test(call: &Call<'_>, mode: &str, value: f64) -> Result<Test, Reason> {
    match mode {
        "BRANCH_LEQ" => Ok(Test::LessOrEqual(value)),
        "BRANCH_LT" => Ok(Test::Less(value)),
        "BRANCH_GTE" => Ok(Test::GreaterOrEqual(value)),
        "BRANCH_GT" => Ok(Test::Greater(value)),
        "BRANCH_EQ" => Ok(Test::member(&[value])),
        "BRANCH_NEQ" => Ok(Test::NotEqual(value)),
        other => Err(call.refuse("nodes_modes", "LEAF or BRANCH_…", other)),
    }
}
