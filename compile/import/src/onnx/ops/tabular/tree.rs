//! Ensembles of decision trees.

use super::super::{Row, ml};
use super::{
    Transform, features, label, largest, second_above, transform, transformed, two_classes,
};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::Op;
use operators::tree_ensemble::{Aggregate, Mode, TreeEnsemble};
use std::collections::{BTreeMap, HashMap};
use tensor::Tensor;
use tensor::scalar::Unary;

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    ml(
        "TreeEnsembleClassifier",
        &[
            "base_values",
            "class_ids",
            "class_nodeids",
            "class_treeids",
            "class_weights",
            "classlabels_int64s",
            "classlabels_strings",
            "nodes_falsenodeids",
            "nodes_featureids",
            "nodes_hitrates",
            "nodes_missing_value_tracks_true",
            "nodes_modes",
            "nodes_nodeids",
            "nodes_treeids",
            "nodes_truenodeids",
            "nodes_values",
            "post_transform",
        ],
        classifier,
    ),
    ml(
        "TreeEnsembleRegressor",
        &[
            "aggregate_function",
            "base_values",
            "n_targets",
            "nodes_falsenodeids",
            "nodes_featureids",
            "nodes_hitrates",
            "nodes_missing_value_tracks_true",
            "nodes_modes",
            "nodes_nodeids",
            "nodes_treeids",
            "nodes_truenodeids",
            "nodes_values",
            "post_transform",
            "target_ids",
            "target_nodeids",
            "target_treeids",
            "target_weights",
        ],
        regressor,
    ),
];

/// ONNX ml.TreeEnsembleRegressor-1,3.
fn regressor(call: &mut Call<'_>) -> Made {
    let aggregate = match call.text("aggregate_function")?.unwrap_or("SUM") {
        "SUM" => Aggregate::Sum,
        "AVERAGE" => Aggregate::Average,
        "MIN" => Aggregate::Min,
        "MAX" => Aggregate::Max,
        other => return Err(call.refuse("aggregate_function", "SUM, AVERAGE, MIN or MAX", other)),
    };
    let targets = match call.int("n_targets")?.unwrap_or(1) {
        targets @ 1..=0xffff => targets as usize,
        other => return Err(call.refuse("n_targets", "1 to 65535", &other.to_string())),
    };
    let transform = transform(call)?;
    let entries = Entries::read(call, "target")?;
    let scores = ensemble(call, &entries, targets, aggregate)?;
    Ok(vec![transformed(call, &scores, transform)?])
}

/// ONNX ml.TreeEnsembleClassifier-1,3: the label and the scores of every class. Where the leaves of
/// two classes speak of one only, that is the score of the second: a probability when no weight is
/// negative, else a number whose sign decides. Text labels become their indices, and the names go
/// to the model's metadata.
fn classifier(call: &mut Call<'_>) -> Made {
    let texts = call.texts("classlabels_strings")?.unwrap_or_default();
    let labels: Vec<i64> = match call.ints("classlabels_int64s")? {
        Some(labels) if !labels.is_empty() => labels.to_vec(),
        _ => (0..texts.len() as i64).collect(),
    };
    let transform = transform(call)?;
    let mut entries = Entries::read(call, "class")?;
    let first = entries.targets.first().copied();
    let is_single = labels.len() == 2 && entries.targets.iter().all(|&id| Some(id) == first);
    let (index, scores) = if is_single {
        entries.targets.fill(0);
        let score = ensemble(call, &entries, 1, Aggregate::Sum)?;
        if entries.weights.iter().all(|&weight| weight >= 0.0) {
            (second_above(call, &score, 0.5)?, two_classes(call, &score, Transform::None)?)
        } else if transform == Transform::Logistic {
            (second_above(call, &score, 0.0)?, two_classes(call, &score, transform)?)
        } else {
            let negative = call.build.unary(Unary::Neg, &score)?;
            let both = call.build.emit(Op::Concat { axis: 1 }, &[&negative, &score])?;
            (second_above(call, &score, 0.0)?, both)
        }
    } else {
        let scores = ensemble(call, &entries, labels.len(), Aggregate::Sum)?;
        (largest(call, &scores)?, transformed(call, &scores, transform)?)
    };
    if !texts.is_empty() {
        call.build.labels = texts;
    }
    Ok(vec![label(call, index, &labels)?, scores])
}

/// What the leaves give: lists of the same length.
struct Entries {
    /// Tree and node.
    places: Vec<(i64, i64)>,
    targets: Vec<i64>,
    weights: Vec<f32>,
}

impl Entries {
    fn read(call: &Call<'_>, prefix: &str) -> Result<Entries, Reason> {
        let list = |name: &str| -> Result<Vec<i64>, Reason> {
            Ok(call.ints(&format!("{prefix}_{name}"))?.unwrap_or(&[]).to_vec())
        };
        let (trees, nodes, targets) = (list("treeids")?, list("nodeids")?, list("ids")?);
        let weights = call.floats(&format!("{prefix}_weights"))?.unwrap_or(&[]).to_vec();
        let lengths = [trees.len(), nodes.len(), targets.len()];
        if lengths.iter().any(|&length| length != weights.len()) {
            let name = format!("{prefix}_weights");
            return Err(call.refuse(&name, "as many as ids", &format!("{lengths:?}")));
        }
        Ok(Entries { places: trees.into_iter().zip(nodes).collect(), targets, weights })
    }
}

/// The nodes of all trees, as the file lists them.
struct Nodes {
    places: Vec<(i64, i64)>,
    modes: Vec<Mode>,
    features: Vec<i64>,
    thresholds: Vec<f32>,
    yes: Vec<i64>,
    no: Vec<i64>,
    missing: Vec<i64>,
}

impl Nodes {
    fn read(call: &Call<'_>) -> Result<Nodes, Reason> {
        let list = |name: &str| -> Result<Vec<i64>, Reason> {
            Ok(call.ints(name)?.unwrap_or(&[]).to_vec())
        };
        let (trees, ids) = (list("nodes_treeids")?, list("nodes_nodeids")?);
        let modes = call.texts("nodes_modes")?.unwrap_or_default();
        let modes = modes.iter().map(|name| match name.as_str() {
            "LEAF" => Ok(Mode::Leaf),
            "BRANCH_LEQ" => Ok(Mode::LessOrEqual),
            "BRANCH_LT" => Ok(Mode::Less),
            "BRANCH_GTE" => Ok(Mode::GreaterOrEqual),
            "BRANCH_GT" => Ok(Mode::Greater),
            "BRANCH_EQ" => Ok(Mode::Equal),
            "BRANCH_NEQ" => Ok(Mode::NotEqual),
            other => Err(call.refuse("nodes_modes", "LEAF or BRANCH_…", other)),
        });
        let modes = modes.collect::<Result<Vec<_>, _>>()?;
        let (features, yes) = (list("nodes_featureids")?, list("nodes_truenodeids")?);
        let no = list("nodes_falsenodeids")?;
        let thresholds = call.floats("nodes_values")?.unwrap_or(&[]).to_vec();
        let mut missing = list("nodes_missing_value_tracks_true")?;
        missing.resize(modes.len(), 0);
        let lengths =
            [trees.len(), ids.len(), features.len(), thresholds.len(), yes.len(), no.len()];
        if lengths.iter().any(|&length| length != modes.len()) {
            let expected = format!("{} entries in every list of nodes", modes.len());
            return Err(call.refuse("nodes_nodeids", &expected, &format!("{lengths:?}")));
        }
        let places = trees.into_iter().zip(ids).collect();
        Ok(Nodes { places, modes, features, thresholds, yes, no, missing })
    }
}

/// The joined weights of the leaves that each row reaches: `[N, targets]`.
fn ensemble(
    call: &mut Call<'_>,
    entries: &Entries,
    targets: usize,
    aggregate: Aggregate,
) -> Result<Operand, Reason> {
    let (x, _) = features(call)?;
    let mut base = call.floats("base_values")?.unwrap_or(&[]).to_vec();
    base.resize(base.len().max(targets), 0.0);
    base.truncate(targets);
    let tables = Tables::of(call, &Nodes::read(call)?, entries)?;
    let constant = |tensor: Result<Tensor, tensor::TensorError>| {
        let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
        Ok::<_, Reason>(Operand::constant(&call.build.node, tensor))
    };
    let count = tables.thresholds.len();
    let nodes = constant(Tensor::from_slice(&[count, 5], &tables.nodes))?;
    let thresholds = constant(Tensor::from_slice(&[count], &tables.thresholds))?;
    let ids = constant(Tensor::from_slice(&[tables.targets.len()], &tables.targets))?;
    let weights = constant(Tensor::from_slice(&[tables.weights.len()], &tables.weights))?;
    let base = constant(Tensor::from_slice(&[targets], &base))?;
    let operator = TreeEnsemble { roots: tables.roots, targets, aggregate };
    let inputs = [&x, &nodes, &thresholds, &ids, &weights, &base];
    call.build.emit(Op::Whole(operator.into()), &inputs)
}

/// The tables of [`TreeEnsemble`].
#[derive(Default)]
struct Tables {
    roots: Vec<usize>,
    nodes: Vec<i32>,
    thresholds: Vec<f32>,
    targets: Vec<i32>,
    weights: Vec<f32>,
}

impl Tables {
    /// Numbers the nodes of each tree anew from its root, so that a walk only goes forward. The
    /// first node that a tree lists is its root.
    fn of(call: &Call<'_>, nodes: &Nodes, entries: &Entries) -> Result<Tables, Reason> {
        let mut at: HashMap<(i64, i64), usize> = HashMap::new();
        let mut roots: Vec<usize> = Vec::new();
        let mut trees: HashMap<i64, usize> = HashMap::new();
        for (index, &place) in nodes.places.iter().enumerate() {
            trees.entry(place.0).or_insert_with(|| {
                roots.push(index);
                index
            });
            at.insert(place, index);
        }
        let mut given: BTreeMap<(i64, i64), Vec<usize>> = BTreeMap::new();
        for (index, &place) in entries.places.iter().enumerate() {
            given.entry(place).or_default().push(index);
        }
        let refused = |index: usize, what: &str| {
            let (tree, node) = nodes.places[index];
            call.refuse("nodes_nodeids", "trees", &format!("{what} node {node} of tree {tree}"))
        };
        let mut tables = Tables::default();
        let mut is_numbered = vec![false; nodes.places.len()];
        for root in roots {
            tables.roots.push(tables.thresholds.len());
            // Nodes that wait for a number, each with the place where the node before it names it.
            let mut waiting: Vec<(usize, Option<usize>)> = vec![(root, None)];
            while let Some((index, named)) = waiting.pop() {
                if std::mem::replace(&mut is_numbered[index], true) {
                    return Err(refused(index, "two ways to"));
                }
                let number = tables.thresholds.len();
                if let Some(named) = named {
                    tables.nodes[named] = number as i32;
                }
                let feature = i32::try_from(nodes.features[index]).unwrap_or(-1);
                let missing = i32::from(nodes.missing[index] != 0);
                tables.nodes.extend([nodes.modes[index] as i32, feature, 0, 0, missing]);
                tables.thresholds.push(nodes.thresholds[index]);
                if nodes.modes[index] == Mode::Leaf {
                    tables.leaf(number, given.get(&nodes.places[index]), entries);
                    continue;
                }
                for (slot, next) in [(3, nodes.no[index]), (2, nodes.yes[index])] {
                    let next = at.get(&(nodes.places[index].0, next)).copied();
                    let next = next.ok_or_else(|| refused(index, "nothing behind"))?;
                    waiting.push((next, Some(number * 5 + slot)));
                }
            }
        }
        Ok(tables)
    }

    fn leaf(&mut self, number: usize, given: Option<&Vec<usize>>, entries: &Entries) {
        self.nodes[number * 5 + 2] = self.weights.len() as i32;
        for &entry in given.into_iter().flatten() {
            self.targets.push(i32::try_from(entries.targets[entry]).unwrap_or(-1));
            self.weights.push(entries.weights[entry]);
        }
        self.nodes[number * 5 + 3] = self.weights.len() as i32;
    }
}
