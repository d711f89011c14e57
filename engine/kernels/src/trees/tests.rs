//! Trees against a walk of one row through one tree after another.

use super::*;
use crate::testing::{Random, run};

/// Trees with their tables.
struct Grown {
    roots: Vec<i32>,
    thresholds: Vec<f32>,
    nodes: Vec<[i32; 3]>,
    leaves: Vec<i32>,
    targets: Vec<i32>,
    weights: Vec<f32>,
    base: Vec<f32>,
}

impl Grown {
    /// With `is_short`, each leaf has one entry, and the table of leaves is empty.
    fn new(random: &mut Random, [trees, features, targets]: [usize; 3], is_short: bool) -> Grown {
        let (base, leaves) = (random.floats(targets), vec![0]);
        let (thresholds, nodes) = (Vec::new(), Vec::new());
        let mut grown = Grown {
            roots: Vec::new(),
            thresholds,
            nodes,
            leaves,
            targets: Vec::new(),
            weights: Vec::new(),
            base,
        };
        for _ in 0..trees {
            let root = grown.grow(random, features, 5, is_short);
            grown.roots.push(root);
        }
        if is_short {
            grown.leaves.clear();
        }
        grown
    }

    fn grow(&mut self, random: &mut Random, features: usize, depth: usize, is_short: bool) -> i32 {
        if depth == 0 || random.below(5) == 0 {
            for _ in 0..if is_short { 1 } else { random.below(3) } {
                self.targets.push(random.below(self.base.len()) as i32);
                self.weights.extend(random.floats(1));
            }
            self.leaves.push(self.targets.len() as i32);
            return !(self.leaves.len() as i32 - 2);
        }
        let at = self.nodes.len();
        let feature = random.below(features) as i32;
        let feature = if random.flip() { feature } else { !feature };
        self.nodes.push([feature, 0, 0]);
        self.thresholds.extend(random.floats(1));
        for side in [1, 2] {
            self.nodes[at][side] = self.grow(random, features, depth - 1, is_short);
        }
        at as i32
    }

    fn forest(&self) -> Forest<'_, f32> {
        Forest {
            roots: &self.roots,
            thresholds: &self.thresholds,
            nodes: &self.nodes,
            leaves: &self.leaves,
            targets: &self.targets,
            weights: &self.weights,
            base: &self.base,
        }
    }

    /// The numbers of one row.
    fn naive(&self, reduction: Reduction, x: &[f32]) -> Vec<f32> {
        let mut joined: Vec<Option<f32>> = vec![None; self.base.len()];
        for &root in &self.roots {
            let mut at = root;
            while at >= 0 {
                let [feature, yes, no] = self.nodes[at as usize];
                let x = x[if feature < 0 { !feature } else { feature } as usize];
                let holds = x <= self.thresholds[at as usize] || feature < 0 && x.is_nan();
                at = if holds { yes } else { no };
            }
            let leaf = !at as usize;
            let short = [leaf as i32, leaf as i32 + 1];
            let bounds = if self.leaves.is_empty() { &short } else { &self.leaves[leaf..][..2] };
            for entry in bounds[0] as usize..bounds[1] as usize {
                let (target, weight) = (self.targets[entry] as usize, self.weights[entry]);
                joined[target] = Some(joined[target].map_or(weight, |joined| match reduction {
                    Reduction::Min => joined.min(weight),
                    Reduction::Max => joined.max(weight),
                    _ => joined + weight,
                }));
            }
        }
        let trees = if reduction == Reduction::Mean { self.roots.len() as f32 } else { 1.0 };
        let joined = joined.iter().map(|joined| joined.unwrap_or(0.0) / trees);
        joined.zip(&self.base).map(|(joined, base)| joined + base).collect()
    }
}

#[test]
fn trees_give_the_answers_of_one_walk_after_another_in_any_batch() {
    let mut random = Random::new(70);
    let sizes = [[0, 1, 1], [1, 1, 1], [7, 3, 2], [20, 5, 1], [33, 4, 3]];
    for (sizes, is_short) in sizes.into_iter().flat_map(|sizes| [(sizes, false), (sizes, true)]) {
        let [trees, features, targets] = sizes;
        let grown = Grown::new(&mut random, sizes, is_short);
        for rows in [0, 1, 3, 8, 9, 130, 5000] {
            let mut x = random.floats(rows * features);
            x.iter_mut().step_by(7).for_each(|x| *x = f32::NAN);
            for reduction in [Reduction::Sum, Reduction::Mean, Reduction::Min, Reduction::Max] {
                let mut made = vec![f32::NAN; rows * targets];
                let (forest, out) = (grown.forest(), SharedMut::from(&mut made[..]));
                let call = TreeEnsemble::new(reduction, forest, [rows, features], &x, out);
                run(&call);
                assert!(!call.is_broken());
                let naive = x.chunks_exact(features).flat_map(|x| grown.naive(reduction, x));
                // The mean over no tree is not a number.
                let same = made.iter().zip(naive).all(|(a, b)| *a == b || trees == 0);
                assert!(same, "{trees} trees, {rows} rows, {reduction:?}");
            }
        }
    }
}

#[test]
fn a_walk_that_leaves_the_tables_or_does_not_end_is_seen() {
    let good = |nodes: &[[i32; 3]], leaves: &[i32], targets: &[i32]| {
        let (mut made, x) = ([0.0], [0.5]);
        let (thresholds, weights) = (vec![0.0; nodes.len()], vec![1.0; targets.len()]);
        let (roots, base) = ([0], [0.0]);
        let forest = Forest {
            roots: &roots,
            thresholds: &thresholds,
            nodes,
            leaves,
            targets,
            weights: &weights,
            base: &base,
        };
        let out = SharedMut::from(&mut made[..]);
        let call = TreeEnsemble::new(Reduction::Sum, forest, [1, 1], &x, out);
        run(&call);
        !call.is_broken()
    };
    assert!(good(&[[0, -1, -1]], &[0, 1], &[0]));
    assert!(good(&[[!0, -1, -2]], &[0, 1, 1], &[0]));
    for nodes in [vec![], vec![[0, 0, 0]], vec![[0, 9, 9]], vec![[1, -1, -1]], vec![[0, -1, -3]]] {
        assert!(!good(&nodes, &[0, 1], &[0]), "{nodes:?}");
    }
    assert!(!good(&[[0, 1, 1], [0, 0, 0]], &[0, 1], &[0]), "a circle");
    assert!(good(&[[0, -1, -1]], &[], &[0]) && !good(&[[0, -2, -2]], &[], &[0]));
    for leaves in [vec![0], vec![0, 2], vec![1, 0], vec![-1, 1]] {
        assert!(!good(&[[0, -1, -1]], &leaves, &[0]), "{leaves:?}");
    }
    assert!(!good(&[[0, -1, -1]], &[0, 1], &[1]) && !good(&[[0, -1, -1]], &[0, 1], &[-1]));
}
