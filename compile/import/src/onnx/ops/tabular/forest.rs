//! The tables of [`Op::TreeEnsemble`], from trees as files describe them.

use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::Call;
use ir::Op;
use tensor::scalar::Reduction;
use tensor::{DType, Tensor, TensorError};

/// What a node asks of its feature.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    LessOrEqual(f64),
    Less(f64),
    GreaterOrEqual(f64),
    Greater(f64),
    Equal(f64),
    NotEqual(f64),
    /// Is it one of these?
    Member(Vec<f64>),
}

/// Where a walk goes on: a node or a leaf, by its place in the file's list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Next {
    Node(usize),
    Leaf(usize),
}

/// A node of the file.
pub(super) struct Node {
    pub(super) test: Test,
    pub(super) feature: i64,
    /// Does the walk go on at `yes`, too, where the feature is not a number?
    pub(super) missing: bool,
    pub(super) yes: Next,
    pub(super) no: Next,
}

/// An ensemble of the file.
pub(super) struct Ensemble {
    pub(super) roots: Vec<Next>,
    pub(super) nodes: Vec<Node>,
    /// Of each leaf, what it gives: columns and numbers.
    pub(super) leaves: Vec<Vec<(i64, f64)>>,
    /// What is added, one number for each column.
    pub(super) base: Vec<f64>,
    pub(super) reduction: Reduction,
}

impl Ensemble {
    /// The joined numbers of the leaves that each row of `x` reaches, which is `f32` or `f64`.
    pub(super) fn of(&self, call: &mut Call<'_>, x: &Operand) -> Result<Operand, Reason> {
        let dtype = call.build.fact(x).dtype;
        let tables = Tables::of(call, self, dtype)?;
        let count = tables.thresholds.len();
        let constant = |tensor: Result<Tensor, TensorError>| {
            let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
            Ok::<_, Reason>(Operand::constant(&call.build.node, tensor))
        };
        let integers = |list: &[i32]| constant(Tensor::from_slice(&[list.len()], list));
        let floats = |list: &[f64]| constant(Tensor::from_slice(&[list.len()], list));
        let roots = integers(&tables.roots)?;
        let thresholds = floats(&tables.thresholds)?;
        let nodes = constant(Tensor::from_slice(&[count, 3], &tables.nodes))?;
        let leaves = integers(&tables.leaves)?;
        let targets = integers(&tables.targets)?;
        let (weights, base) = (floats(&tables.weights)?, floats(&self.base)?);
        let [thresholds, weights, base] =
            [thresholds, weights, base].map(|floats| call.build.cast(&floats, dtype));
        let (thresholds, weights, base) = (thresholds?, weights?, base?);
        let inputs = [x, &roots, &thresholds, &nodes, &leaves, &targets, &weights, &base];
        call.build.emit(Op::TreeEnsemble { reduction: self.reduction }, &inputs)
    }
}

#[derive(Default)]
struct Tables {
    roots: Vec<i32>,
    thresholds: Vec<f64>,
    nodes: Vec<i32>,
    leaves: Vec<i32>,
    targets: Vec<i32>,
    weights: Vec<f64>,
}

/// The places of the tables that name a node or a leaf once it has a number.
type Slots = Vec<usize>;

/// Places of a node's two ways among its three numbers.
const YES: usize = 1;
const NO: usize = 2;

impl Tables {
    /// Numbers the nodes of each tree anew from its root, so that a walk only goes forward.
    fn of(call: &Call<'_>, ensemble: &Ensemble, dtype: DType) -> Result<Tables, Reason> {
        let mut tables = Tables::default();
        tables.entries(call, ensemble)?;
        let mut is_numbered = vec![false; ensemble.nodes.len()];
        for &root in &ensemble.roots {
            tables.roots.push(match root {
                Next::Node(_) => tables.next_node(call)?,
                Next::Leaf(leaf) => leaf_number(call, leaf, ensemble.leaves.len())?,
            });
            let mut waiting: Vec<(Next, Slots)> = vec![(root, Slots::new())];
            while let Some((next, slots)) = waiting.pop() {
                let number = match next {
                    Next::Leaf(leaf) => leaf_number(call, leaf, ensemble.leaves.len())?,
                    Next::Node(_) => tables.next_node(call)?,
                };
                slots.into_iter().for_each(|slot| tables.nodes[slot] = number);
                let Next::Node(at) = next else { continue };
                let refused = |what: &str| {
                    call.refuse("nodes_truenodeids", "trees", &format!("{what} node {at}"))
                };
                let node = ensemble.nodes.get(at).ok_or_else(|| refused("nothing as"))?;
                if std::mem::replace(&mut is_numbered[at], true) {
                    return Err(refused("two ways to"));
                }
                let feature = i32::try_from(node.feature).ok().filter(|&feature| feature >= 0);
                let feature = feature.ok_or_else(|| refused("no feature of"))?;
                let [yes, no] = tables.test(&node.test, feature, node.missing, dtype);
                waiting.extend([(node.no, no), (node.yes, yes)]);
            }
        }
        Ok(tables)
    }

    fn entries(&mut self, call: &Call<'_>, ensemble: &Ensemble) -> Result<(), Reason> {
        self.leaves.push(0);
        for leaf in &ensemble.leaves {
            for &(target, weight) in leaf {
                let place = usize::try_from(target).ok().filter(|&at| at < ensemble.base.len());
                let Some(place) = place else {
                    let expected = format!("ids below {}", ensemble.base.len());
                    return Err(call.refuse("the ids of targets", &expected, &target.to_string()));
                };
                self.targets.push(place as i32);
                self.weights.push(weight);
            }
            self.leaves.push(i32::try_from(self.targets.len()).map_err(|_| too_many(call))?);
        }
        // The short form, for the common case.
        if ensemble.leaves.iter().all(|leaf| leaf.len() == 1) {
            self.leaves.clear();
        }
        Ok(())
    }

    /// The number of the node that is made next.
    fn next_node(&self, call: &Call<'_>) -> Result<i32, Reason> {
        i32::try_from(self.thresholds.len()).map_err(|_| too_many(call))
    }

    /// Makes the nodes of one test out of comparisons by `<=` alone, and gives the places that
    /// lead on where it holds and where not.
    ///
    /// `x < t` is `x <= p`, `p` being the float before `t`, and `x = t` is `x <= t` without
    /// `x <= p`. The opposite of a test has the two ways exchanged, also for what is not a number.
    fn test(&mut self, test: &Test, feature: i32, missing: bool, dtype: DType) -> [Slots; 2] {
        let before = |threshold: f64| before(threshold, dtype);
        match *test {
            Test::LessOrEqual(t) => self.at_most(t, feature, missing),
            Test::Less(t) => self.at_most(before(t), feature, missing),
            // Nothing is beyond what is not a number, and nothing is up to it either.
            Test::Greater(t) | Test::GreaterOrEqual(t) if t.is_nan() => {
                self.at_most(t, feature, missing)
            }
            Test::Greater(t) => swapped(self.at_most(t, feature, !missing)),
            Test::GreaterOrEqual(t) => swapped(self.at_most(before(t), feature, !missing)),
            Test::Equal(t) => self.member(&[t], feature, missing, dtype),
            // What is not a number differs from every threshold.
            Test::NotEqual(t) => swapped(self.member(&[t], feature, false, dtype)),
            Test::Member(ref members) => self.member(members, feature, missing, dtype),
        }
    }

    /// One comparison.
    fn at_most(&mut self, threshold: f64, feature: i32, missing: bool) -> [Slots; 2] {
        let start = self.nodes.len();
        self.nodes.extend([if missing { !feature } else { feature }, 0, 0]);
        self.thresholds.push(threshold);
        [vec![start + YES], vec![start + NO]]
    }

    /// Is it one of these? Asked one after another.
    fn member(&mut self, members: &[f64], feature: i32, missing: bool, dtype: DType) -> [Slots; 2] {
        if members.is_empty() {
            return self.at_most(f64::NAN, feature, missing);
        }
        let (mut found, mut further) = (Slots::new(), Slots::new());
        for &member in members {
            let number = self.thresholds.len() as i32;
            further.drain(..).for_each(|slot| self.nodes[slot] = number);
            let [within, above] = self.at_most(member, feature, missing);
            let number = self.thresholds.len() as i32;
            within.into_iter().for_each(|slot| self.nodes[slot] = number);
            let [below, equal] = self.at_most(before(member, dtype), feature, false);
            found.extend(equal);
            further.extend(above.into_iter().chain(below));
        }
        [found, further]
    }
}

fn swapped([yes, no]: [Slots; 2]) -> [Slots; 2] {
    [no, yes]
}

/// The largest float of a type below another one; before the least there is none.
fn before(threshold: f64, dtype: DType) -> f64 {
    if threshold == f64::NEG_INFINITY {
        return f64::NAN;
    }
    match dtype {
        DType::F64 => threshold.next_down(),
        _ => f64::from((threshold as f32).next_down()),
    }
}

fn leaf_number(call: &Call<'_>, leaf: usize, count: usize) -> Result<i32, Reason> {
    let number = i32::try_from(leaf).ok().filter(|_| leaf < count);
    number.map(|leaf| !leaf).ok_or_else(|| {
        call.refuse("nodes_truenodeids", &format!("leaves below {count}"), &leaf.to_string())
    })
}

fn too_many(call: &Call<'_>) -> Reason {
    call.refuse("nodes_featureids", "fewer than 2^31 nodes", "more")
}
