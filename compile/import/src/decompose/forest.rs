//! The tables of [`Op::TreeEnsemble`], from trees as files describe them.

use crate::build::{Builder, Operand};
use crate::decompose::tabular;
use crate::error::Reason;
use ir::Op;
use tensor::scalar::Reduction;
use tensor::{DType, Tensor, TensorError};

/// What a node asks of its feature.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    LessOrEqual(f64),
    Less(f64),
    GreaterOrEqual(f64),
    Greater(f64),
    NotEqual(f64),
    /// Does it lie in one of these ranges, whose ends are part of them?
    Within(Vec<[f64; 2]>),
}

impl Test {
    /// Is it one of these?
    pub(crate) fn member(members: &[f64]) -> Test {
        Test::Within(members.iter().map(|&member| [member, member]).collect())
    }
}

/// Where a walk goes on: a node or a leaf, by its place in the file's list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Next {
    Node(usize),
    Leaf(usize),
}

/// A node of the file.
pub(crate) struct Node {
    pub(crate) test: Test,
    pub(crate) feature: i64,
    /// Does the walk go on at `yes`, too, where the feature is not a number?
    pub(crate) missing: bool,
    pub(crate) yes: Next,
    pub(crate) no: Next,
}

/// An ensemble of the file.
pub(crate) struct Ensemble {
    pub(crate) roots: Vec<Next>,
    pub(crate) nodes: Vec<Node>,
    /// Of each leaf, what it gives: columns and numbers.
    pub(crate) leaves: Vec<Vec<(i64, f64)>>,
    /// What is added, one number for each column.
    pub(crate) base: Vec<f64>,
    pub(crate) reduction: Reduction,
}

impl Ensemble {
    /// The joined numbers of the leaves that each row of `x` reaches, which is `f32` or `f64`.
    pub(crate) fn of(&self, build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
        let dtype = build.fact(x).dtype;
        let tables = Tables::of(self, dtype)?;
        build.budget.take(tables.bytes())?;
        let count = tables.thresholds.len();
        let constant = |tensor: Result<Tensor, TensorError>| {
            let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
            Ok::<_, Reason>(Operand::constant(&build.node, tensor))
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
            [thresholds, weights, base].map(|floats| build.cast(&floats, dtype));
        let (thresholds, weights, base) = (thresholds?, weights?, base?);
        let inputs = [x, &roots, &thresholds, &nodes, &leaves, &targets, &weights, &base];
        build.emit(Op::TreeEnsemble { reduction: self.reduction }, &inputs)
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
    fn of(ensemble: &Ensemble, dtype: DType) -> Result<Tables, Reason> {
        let mut tables = Tables::default();
        tables.entries(ensemble)?;
        let mut is_numbered = vec![false; ensemble.nodes.len()];
        for &root in &ensemble.roots {
            tables.roots.push(match root {
                Next::Node(_) => tables.next_node()?,
                Next::Leaf(leaf) => leaf_number(leaf, ensemble.leaves.len())?,
            });
            let mut waiting: Vec<(Next, Slots)> = vec![(root, Slots::new())];
            while let Some((next, slots)) = waiting.pop() {
                let number = match next {
                    Next::Leaf(leaf) => leaf_number(leaf, ensemble.leaves.len())?,
                    Next::Node(_) => tables.next_node()?,
                };
                slots.into_iter().for_each(|slot| tables.nodes[slot] = number);
                let Next::Node(at) = next else { continue };
                let refused = |what: &str| refused("trees", &format!("{what} node {at}"));
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

    fn entries(&mut self, ensemble: &Ensemble) -> Result<(), Reason> {
        self.leaves.push(0);
        for leaf in &ensemble.leaves {
            for &(target, weight) in leaf {
                let place = usize::try_from(target).ok().filter(|&at| at < ensemble.base.len());
                let Some(place) = place else {
                    let expected = format!("columns below {}", ensemble.base.len());
                    return Err(refused(&expected, &target.to_string()));
                };
                self.targets.push(place as i32);
                self.weights.push(weight);
            }
            self.leaves.push(i32::try_from(self.targets.len()).map_err(|_| too_many())?);
        }
        // The short form, for the common case.
        if ensemble.leaves.iter().all(|leaf| leaf.len() == 1) {
            self.leaves.clear();
        }
        Ok(())
    }

    /// The number of the node that is made next.
    fn next_node(&self) -> Result<i32, Reason> {
        i32::try_from(self.thresholds.len()).map_err(|_| too_many())
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
            // What is not a number differs from every threshold.
            Test::NotEqual(t) => swapped(self.within(&[[t, t]], feature, false, dtype)),
            Test::Within(ref ranges) => self.within(ranges, feature, missing, dtype),
        }
    }

    /// One comparison.
    fn at_most(&mut self, threshold: f64, feature: i32, missing: bool) -> [Slots; 2] {
        let start = self.nodes.len();
        self.nodes.extend([if missing { !feature } else { feature }, 0, 0]);
        self.thresholds.push(threshold);
        [vec![start + YES], vec![start + NO]]
    }

    /// The line is cut where ranges begin and end, and the piece found that holds the feature by
    /// halving what is left.
    fn within(
        &mut self,
        ranges: &[[f64; 2]],
        feature: i32,
        missing: bool,
        dtype: DType,
    ) -> [Slots; 2] {
        let is_one = |[from, to]: &&[f64; 2]| from <= to;
        let mut ranges: Vec<[f64; 2]> = ranges.iter().filter(is_one).copied().collect();
        ranges.sort_by(|a, b| a[0].total_cmp(&b[0]));
        // Behind an even number of cuts no range holds the feature, behind an odd number one does.
        let mut cuts: Vec<f64> = Vec::with_capacity(2 * ranges.len());
        for [from, to] in ranges {
            let from = before(from, dtype);
            match cuts.last_mut() {
                Some(end) if from <= *end => *end = end.max(to),
                _ => cuts.extend([from, to]),
            }
        }
        if cuts.is_empty() {
            return self.at_most(f64::NAN, feature, missing);
        }
        let mut found = [Slots::new(), Slots::new()];
        // What is not a number goes to a piece of its side.
        let piece = usize::from(missing);
        let mut waiting = vec![(0, cuts.len(), Slots::new())];
        while let Some((first, last, slots)) = waiting.pop() {
            if first == last {
                found[1 - first % 2].extend(slots);
                continue;
            }
            let number = self.thresholds.len() as i32;
            slots.into_iter().for_each(|slot| self.nodes[slot] = number);
            let middle = first + (last - first) / 2;
            let [up_to, above] = self.at_most(cuts[middle], feature, piece <= middle);
            waiting.extend([(middle + 1, last, above), (first, middle, up_to)]);
        }
        found
    }

    /// What the tables take; `None` when that cannot be counted.
    fn bytes(&self) -> Option<usize> {
        let integers = [&self.roots, &self.nodes, &self.leaves, &self.targets];
        let floats = [&self.thresholds, &self.weights];
        let count = |sum: usize, list: usize, size: usize| sum.checked_add(list.checked_mul(size)?);
        let sum = integers.iter().try_fold(0, |sum, list| count(sum, list.len(), 4));
        floats.iter().try_fold(sum?, |sum, list| count(sum, list.len(), 8))
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

fn leaf_number(leaf: usize, count: usize) -> Result<i32, Reason> {
    let number = i32::try_from(leaf).ok().filter(|_| leaf < count);
    let refused = || refused(&format!("leaves below {count}"), &leaf.to_string());
    number.map(|leaf| !leaf).ok_or_else(refused)
}

fn too_many() -> Reason {
    refused("fewer than 2^31 nodes", "more")
}

fn refused(expected: &str, found: &str) -> Reason {
    tabular::refused("trees", expected, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(test: &Test, missing: bool, x: f64) -> bool {
        if x.is_nan() {
            return missing;
        }
        match test {
            Test::LessOrEqual(t) => x <= *t,
            Test::Less(t) => x < *t,
            Test::GreaterOrEqual(t) => x >= *t,
            Test::Greater(t) => x > *t,
            Test::NotEqual(t) => x != *t,
            Test::Within(ranges) => ranges.iter().any(|[from, to]| *from <= x && x <= *to),
        }
    }

    /// Which of two leaves a walk through the tables reaches: is it the first?
    fn walked(tables: &Tables, x: f64) -> bool {
        let mut at = tables.roots[0];
        while at >= 0 {
            let node = &tables.nodes[at as usize * 3..][..3];
            let is_yes = x <= tables.thresholds[at as usize] || node[0] < 0 && x.is_nan();
            let next = node[if is_yes { YES } else { NO }];
            assert!(next < 0 || next > at, "walks go forward");
            at = next;
        }
        at == !0
    }

    #[test]
    fn every_test_becomes_comparisons_that_answer_alike() {
        let sets = [
            vec![],
            vec![[0.0, 0.0]],
            vec![[3.0, 4.0], [1.0, 1.0], [3.5, 6.0]],
            vec![[f64::NEG_INFINITY, -2.0], [0.5, 1.5], [1.5f64.next_up(), 2.0]],
            vec![[5.0, 2.0], [-1.0, f64::INFINITY]],
            (0..40).step_by(3).map(|x| [f64::from(x), f64::from(x) + 0.75]).collect(),
        ];
        let mut tests: Vec<Test> = sets.into_iter().map(Test::Within).collect();
        for t in [0.0, -1.5, 3.0] {
            tests.extend([Test::LessOrEqual(t), Test::Less(t), Test::NotEqual(t)]);
            tests.extend([Test::GreaterOrEqual(t), Test::Greater(t), Test::member(&[t, 7.0])]);
        }
        let mut numbers = vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for x in (-8..90).map(|x| f64::from(x) / 2.0) {
            numbers.extend([x, x.next_up(), x.next_down(), x + 0.25]);
        }
        for (test, missing) in tests.into_iter().flat_map(|t| [(t.clone(), false), (t, true)]) {
            // What is not a number differs from every threshold, whatever the file says.
            let is_missing = missing || matches!(test, Test::NotEqual(_));
            let node =
                |test| Node { test, feature: 0, missing, yes: Next::Leaf(0), no: Next::Leaf(1) };
            let ensemble = Ensemble {
                roots: vec![Next::Node(0)],
                nodes: vec![node(test.clone())],
                leaves: vec![vec![(0, 1.0)], vec![(0, 2.0)]],
                base: vec![0.0],
                reduction: Reduction::Sum,
            };
            let tables = Tables::of(&ensemble, DType::F64).unwrap();
            for &x in &numbers {
                let expected = holds(&test, is_missing, x);
                assert_eq!(walked(&tables, x), expected, "{test:?} of {x}, missing {missing}");
            }
        }
    }
}
