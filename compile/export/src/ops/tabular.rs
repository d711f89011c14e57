//! Operators of `ai.onnx.ml`, and what they are made of.

use crate::ExportError;
use crate::call::{Call, Written};
use crate::messages::{floats, int, ints, size, sizes, tensor, text, texts};
use import::onnx::write_tensor;
use operators::lookup::Lookup;
use operators::numbers;
use operators::support_vector_classifier::SupportVectorClassifier;
use operators::tf_idf::{TfIdf, Weighting};
use tensor::scalar::Reduction;
use tensor::{DType, Tensor};

/// Most nodes and leaves of an ensemble. Where several ways lead to one node, it is written once
/// for each.
const NODES_MAX: usize = 1 << 24;

/// `(x, keys, values)`: the last value is that of what is no key.
pub(super) fn lookup(call: &mut Call<'_, '_>, lookup: &Lookup) -> Written {
    if lookup.is_strict {
        return Err(call.refuse("what is no key is an error"));
    }
    let (keys, values) = (call.known(1, "keys")?.clone(), call.known(2, "values")?.clone());
    let (count, bytes) = (keys.len(), values.dtype().size());
    let part = |shape: &[usize], range: std::ops::Range<usize>| {
        let bytes = &values.bytes()[range.start * bytes..range.end * bytes];
        Tensor::from_bytes(values.dtype(), shape, bytes)
    };
    let parts = (part(&[count], 0..count), part(&[1], count..count + 1));
    let (Ok(each), Ok(other)) = parts else {
        return Err(call.refuse("as many values as keys and one"));
    };
    call.element(keys.dtype());
    call.element(values.dtype());
    let x = call.input(0);
    let attributes = vec![
        tensor("keys_tensor", write_tensor("keys", &keys)),
        tensor("values_tensor", write_tensor("values", &each)),
        tensor("default_tensor", write_tensor("default", &other)),
    ];
    call.last("ai.onnx.ml.LabelEncoder", &[&x], attributes)
}

/// `(a, b)`: the sums of the squared differences of all pairs of rows.
pub(super) fn squared_distance(call: &mut Call<'_, '_>) -> Written {
    let (a, b) = (call.input(0), call.input(1));
    let (second, first, last) = (call.integers(&[1]), call.integers(&[0]), call.integers(&[2]));
    let a = call.step("Unsqueeze", &[&a, &second], vec![]);
    let b = call.step("Unsqueeze", &[&b, &first], vec![]);
    let differences = call.step("Sub", &[&a, &b], vec![]);
    call.last("ReduceSumSquare", &[&differences, &last], vec![int("keepdims", 0)])
}

pub(super) fn tf_idf(call: &mut Call<'_, '_>, p: &TfIdf) -> Written {
    let mode = match p.weighting {
        Weighting::Frequency => "TF",
        Weighting::Inverse => "IDF",
        Weighting::FrequencyInverse => "TFIDF",
    };
    let mut attributes = vec![
        size("min_gram_length", p.lengths[0]),
        size("max_gram_length", p.lengths[1]),
        size("max_skip_count", p.skips),
        text("mode", mode),
        sizes("ngram_counts", &p.starts),
        sizes("ngram_indexes", &p.columns),
        ints("pool_int64s", p.pool.iter().copied()),
    ];
    if !p.weights.is_empty() {
        attributes.push(floats("weights", &p.weights));
    }
    call.same("TfIdfVectorizer", attributes)
}

/// Most support vectors of a classifier, each of which is written as a row of as many numbers.
const VECTORS_MAX: usize = 4096;

/// `(kernels, coefficients, rho, [a, b])`: a classifier of the standard whose support vectors pick
/// the kernels, one each.
pub(super) fn support_vector_classifier(
    call: &mut Call<'_, '_>,
    classifier: &SupportVectorClassifier,
) -> Written {
    let count: usize = classifier.vectors.iter().sum();
    if count > VECTORS_MAX {
        return Err(call.refuse(format!("{count} support vectors, at most {VECTORS_MAX}")));
    }
    let list = |index: usize| -> Result<Vec<f32>, ExportError> {
        let wide = numbers::read_floats(&call.known(index, "numbers")?.view());
        Ok(wide.into_iter().map(|x| x as f32).collect())
    };
    let each: Vec<f32> =
        (0..count * count).map(|at| f32::from(u8::from(at / count == at % count))).collect();
    let classes = classifier.vectors.len();
    let mut attributes = vec![
        text("kernel_type", "LINEAR"),
        floats("kernel_params", &[0.0; 3]),
        text("post_transform", "NONE"),
        floats("support_vectors", &each),
        sizes("vectors_per_class", &classifier.vectors),
        floats("coefficients", &list(1)?),
        floats("rho", &list(2)?),
        ints("classlabels_ints", 0..classes as i64),
    ];
    let has_probabilities = call.inputs.len() > 3;
    if has_probabilities {
        attributes.extend([floats("prob_a", &list(3)?), floats("prob_b", &list(4)?)]);
    }
    let (kernels, op) = (call.input(0), "ai.onnx.ml.SVMClassifier");
    if has_probabilities || classes != 2 {
        return call.last(op, &[&kernels], attributes);
    }
    // The score of one duel is written for both classes.
    let both = call.writer.names.fresh(&call.node.name);
    let outputs = vec![call.outputs[0].clone(), both.clone()];
    call.writer.push(op, &[&kernels], outputs, attributes);
    let second = call.integers(&[1]);
    let score = call.outputs[1..].to_vec();
    call.writer.push("Gather", &[&both, &second], score, vec![int("axis", 1)]);
    Ok(())
}

/// The lists of an ensemble as the standard has them: a number for each node and leaf of a tree.
#[derive(Default)]
struct Lists {
    trees: Vec<i64>,
    numbers: Vec<i64>,
    features: Vec<i64>,
    modes: Vec<&'static str>,
    thresholds: Vec<f32>,
    yes: Vec<i64>,
    no: Vec<i64>,
    missing: Vec<i64>,
    target_trees: Vec<i64>,
    target_numbers: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f32>,
}

/// The inputs of the node: `(x, roots, thresholds, nodes, leaves, targets, weights, base)`.
struct Tables {
    roots: Vec<i64>,
    thresholds: Vec<f32>,
    nodes: Vec<i64>,
    leaves: Vec<i64>,
    targets: Vec<i64>,
    weights: Vec<f32>,
    base: Vec<f32>,
}

impl Tables {
    fn of(call: &Call<'_, '_>) -> Result<Tables, ExportError> {
        let integers = |index: usize| -> Result<Vec<i64>, ExportError> {
            let wide = numbers::read_integers(&call.known(index, "trees")?.view());
            Ok(wide.into_iter().map(|x| x as i64).collect())
        };
        let floats = |index: usize| -> Result<Vec<f32>, ExportError> {
            let wide = numbers::read_floats(&call.known(index, "trees")?.view());
            Ok(wide.into_iter().map(|x| x as f32).collect())
        };
        Ok(Tables {
            roots: integers(1)?,
            thresholds: floats(2)?,
            nodes: integers(3)?,
            leaves: integers(4)?,
            targets: integers(5)?,
            weights: floats(6)?,
            base: floats(7)?,
        })
    }

    /// The entries of a leaf.
    fn entries(&self, leaf: usize) -> Option<std::ops::Range<usize>> {
        if self.leaves.is_empty() {
            return Some(leaf..leaf + 1);
        }
        let place = |at: usize| usize::try_from(*self.leaves.get(at)?).ok();
        Some(place(leaf)?..place(leaf + 1)?)
    }
}

impl Lists {
    /// Adds a tree; `None` where its tables name what is not there, or have too much.
    fn add(&mut self, tree: usize, root: i64, tables: &Tables) -> Option<()> {
        let mut waiting = vec![(root, None)];
        let mut count = 0;
        while let Some((at, place)) = waiting.pop() {
            let here = self.trees.len();
            if here == NODES_MAX {
                return None;
            }
            match place {
                Some((parent, true)) => *self.yes.get_mut::<usize>(parent)? = count,
                Some((parent, false)) => *self.no.get_mut::<usize>(parent)? = count,
                None => {}
            }
            self.trees.push(tree as i64);
            self.numbers.push(count);
            self.yes.push(0);
            self.no.push(0);
            if at < 0 {
                self.leaf(tree, count, usize::try_from(!at).ok()?, tables)?;
            } else {
                let at = usize::try_from(at).ok()?;
                let &[feature, yes, no] = tables.nodes.get(at.checked_mul(3)?..)?.first_chunk()?;
                self.features.push(feature.max(!feature));
                self.missing.push(i64::from(feature < 0));
                self.modes.push("BRANCH_LEQ");
                self.thresholds.push(*tables.thresholds.get(at)?);
                waiting.extend([(no, Some((here, false))), (yes, Some((here, true)))]);
            }
            count += 1;
        }
        Some(())
    }

    fn leaf(&mut self, tree: usize, number: i64, leaf: usize, tables: &Tables) -> Option<()> {
        self.features.push(0);
        self.missing.push(0);
        self.modes.push("LEAF");
        self.thresholds.push(0.0);
        for entry in tables.entries(leaf)? {
            self.target_trees.push(tree as i64);
            self.target_numbers.push(number);
            self.targets.push(*tables.targets.get(entry)?);
            self.weights.push(*tables.weights.get(entry)?);
        }
        Some(())
    }
}

/// The standard's regressor, which makes `f32`.
pub(super) fn tree_ensemble(call: &mut Call<'_, '_>, reduction: Reduction) -> Written {
    let dtype = call.fact(0).dtype;
    if dtype != DType::F32 {
        return Err(call.refuse(format!("a regressor makes f32, found {dtype}")));
    }
    let joined = match reduction {
        Reduction::Sum => "SUM",
        Reduction::Mean => "AVERAGE",
        Reduction::Min => "MIN",
        Reduction::Max => "MAX",
        _ => return Err(call.refuse("leaves are joined by sum, mean, min or max")),
    };
    let tables = Tables::of(call)?;
    let mut lists = Lists::default();
    for (tree, &root) in tables.roots.iter().enumerate() {
        let added = lists.add(tree, root, &tables);
        added
            .ok_or_else(|| call.refuse(format!("trees of at most {NODES_MAX} nodes and leaves")))?;
    }
    let x = call.input(0);
    let attributes = vec![
        size("n_targets", tables.base.len()),
        text("aggregate_function", joined),
        text("post_transform", "NONE"),
        floats("base_values", &tables.base),
        ints("nodes_treeids", lists.trees),
        ints("nodes_nodeids", lists.numbers),
        ints("nodes_featureids", lists.features),
        texts("nodes_modes", lists.modes),
        floats("nodes_values", &lists.thresholds),
        ints("nodes_truenodeids", lists.yes),
        ints("nodes_falsenodeids", lists.no),
        ints("nodes_missing_value_tracks_true", lists.missing),
        ints("target_treeids", lists.target_trees),
        ints("target_nodeids", lists.target_numbers),
        ints("target_ids", lists.targets),
        floats("target_weights", &lists.weights),
    ];
    call.last("ai.onnx.ml.TreeEnsembleRegressor", &[&x], attributes)
}
