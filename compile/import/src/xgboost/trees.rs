//! The trees, as those of the graph.

use super::model::{Model, Tree};
use crate::build::Budget;
use crate::decompose::forest::{Ensemble, Next, Node, Test};
use crate::decompose::tabular;
use crate::error::Reason;
use tensor::scalar::Reduction;

/// A category from here on is none: beyond it not every integer is a float.
const CATEGORIES: i64 = 1 << 24;

/// Bytes that a category may take while trees are read: a range, its cuts and the nodes that ask
/// for them.
const CATEGORY_BYTES: usize = 256;

/// The trees of a model, of which each counts as much as `weights` say, on top of what every row
/// begins with.
pub(super) fn ensemble(
    model: &Model,
    weights: &[f32],
    margins: &[f32],
    features: usize,
    budget: &Budget,
) -> Result<Ensemble, Reason> {
    let count = model.trees.len();
    let is_dropped = !weights.is_empty();
    if model.tree_info.len() != count || is_dropped && weights.len() != count {
        let found = format!("{} and {}", model.tree_info.len(), weights.len());
        return Err(refused(&format!("a column and a weight of each of {count} trees"), &found));
    }
    // Sums begin with the margin, so that it is the leaf of a first tree without nodes.
    let begin = margins.iter().enumerate();
    let mut made = Ensemble {
        roots: vec![Next::Leaf(0)],
        nodes: vec![],
        leaves: vec![begin.map(|(at, &margin)| (at as i64, f64::from(margin))).collect()],
        base: vec![0.0; margins.len()],
        reduction: Reduction::Sum,
    };
    // The sets of all trees are there at once, until they are tables.
    let before = budget.taken();
    for (at, tree) in model.trees.iter().enumerate() {
        let weight = weights.get(at).copied().unwrap_or(1.0);
        let column = model.tree_info[at];
        let reader = TreeReader { tree, column, weight, features, columns: margins.len(), budget };
        reader.read(&mut made).map_err(|reason| match reason {
            Reason::Attribute { expected, found, .. } => {
                Reason::Attribute { name: format!("tree {at}"), expected, found }
            }
            other => other,
        })?;
    }
    budget.set_taken(before);
    Ok(made)
}

struct TreeReader<'t> {
    tree: &'t Tree,
    column: i64,
    weight: f32,
    features: usize,
    columns: usize,
    budget: &'t Budget,
}

impl TreeReader<'_> {
    fn read(&self, made: &mut Ensemble) -> Result<(), Reason> {
        let tree = self.tree;
        let count = tree.left_children.len();
        let lengths = [
            tree.right_children.len(),
            tree.split_indices.len(),
            tree.split_conditions.len(),
            tree.default_left.len(),
        ];
        if count == 0 || lengths.iter().any(|&length| length != count) {
            let expected = format!("{count} entries in every list, at least one");
            return Err(refused(&expected, &format!("{lengths:?}")));
        }
        let mut places = Vec::with_capacity(count);
        let (mut nodes, mut leaves) = (made.nodes.len(), made.leaves.len());
        for node in 0..count {
            let next = match self.is_leaf(node) {
                true => (Next::Leaf(leaves), &mut leaves),
                false => (Next::Node(nodes), &mut nodes),
            };
            *next.1 += 1;
            places.push(next.0);
        }
        self.check_leaves(leaves - made.leaves.len())?;
        let mut sets = self.categories()?;
        made.roots.push(places[0]);
        for node in 0..count {
            if self.is_leaf(node) {
                made.leaves.push(self.leaf(node)?);
            } else {
                let set = sets.get_mut(node).and_then(Option::take);
                made.nodes.push(self.node(node, &places, set)?);
            }
        }
        Ok(())
    }

    fn is_leaf(&self, node: usize) -> bool {
        self.tree.left_children[node] < 0
    }

    fn has_vectors(&self) -> bool {
        let size = self.tree.tree_param.size_leaf_vector.as_deref();
        !matches!(size.unwrap_or("0"), "0" | "1")
    }

    /// Leaves that name the same numbers again would take more room than the file has.
    fn check_leaves(&self, count: usize) -> Result<(), Reason> {
        let room = self.tree.leaf_weights.len();
        let needed = count.saturating_mul(self.columns);
        if self.has_vectors() && room > 0 && needed > room {
            return Err(self.of_leaves(room));
        }
        Ok(())
    }

    fn of_leaves(&self, found: usize) -> Reason {
        refused(&format!("{} numbers of each leaf", self.columns), &format!("{found} in all"))
    }

    /// What a leaf gives: its own number, or one for each column.
    fn leaf(&self, node: usize) -> Result<Vec<(i64, f64)>, Reason> {
        let tree = self.tree;
        if !self.has_vectors() {
            return Ok(vec![(self.column, f64::from(tree.split_conditions[node].0 * self.weight))]);
        }
        let (list, at) = match tree.leaf_weights.is_empty() {
            true => (&tree.base_weights, i64::try_from(node).unwrap_or(-1)),
            false => (&tree.leaf_weights, tree.right_children[node]),
        };
        let size = tree.tree_param.size_leaf_vector.as_deref().and_then(|size| size.parse().ok());
        let size = size.filter(|&size| size == self.columns);
        let start = usize::try_from(at).ok().zip(size).and_then(|(at, size)| at.checked_mul(size));
        let numbers = start.zip(size).and_then(|(at, size)| list.get(at..)?.get(..size));
        let numbers = numbers.ok_or_else(|| self.of_leaves(list.len()))?;
        let columns = numbers.iter().enumerate();
        Ok(columns.map(|(at, &x)| (at as i64, f64::from(x * self.weight))).collect())
    }

    fn node(
        &self,
        node: usize,
        places: &[Next],
        categories: Option<Vec<[f64; 2]>>,
    ) -> Result<Node, Reason> {
        let tree = self.tree;
        let next = |at: i64| {
            let next = usize::try_from(at).ok().and_then(|at| places.get(at));
            let expected = format!("nodes below {}", places.len());
            next.copied().ok_or_else(|| refused(&expected, &at.to_string()))
        };
        let (left, right) = (next(tree.left_children[node])?, next(tree.right_children[node])?);
        let feature = tree.split_indices[node];
        if usize::try_from(feature).is_ok_and(|feature| feature >= self.features) {
            let expected = format!("features below {}", self.features);
            return Err(refused(&expected, &feature.to_string()));
        }
        let goes_left = tree.default_left[node].0;
        Ok(match categories {
            // What belongs to the set goes right.
            Some(set) => {
                Node { test: Test::Within(set), feature, missing: !goes_left, yes: right, no: left }
            }
            None => Node {
                test: Test::Less(f64::from(tree.split_conditions[node].0)),
                feature,
                missing: goes_left,
                yes: left,
                no: right,
            },
        })
    }

    /// The set of each node that asks for one: a category holds the numbers that are cut off to it.
    fn categories(&self) -> Result<Vec<Option<Vec<[f64; 2]>>>, Reason> {
        let tree = self.tree;
        if tree.categories_nodes.is_empty() {
            return match tree.split_type.iter().any(|&kind| kind != 0) {
                true => Err(refused("the categories of each node that asks for some", "none")),
                false => Ok(vec![]),
            };
        }
        self.budget.take(tree.categories.len().checked_mul(CATEGORY_BYTES))?;
        let mut sets = vec![None; tree.left_children.len()];
        let bounds = tree.categories_segments.iter().zip(&tree.categories_sizes);
        let mut left = tree.categories.len();
        for (&node, (&start, &size)) in tree.categories_nodes.iter().zip(bounds) {
            let place = usize::try_from(node).ok().and_then(|node| sets.get_mut(node));
            let range = usize::try_from(start).ok().zip(usize::try_from(size).ok());
            let set = range.and_then(|(at, size)| tree.categories.get(at..)?.get(..size));
            // Sets that lie over each other could be more than the file holds.
            left = set.and_then(|set| left.checked_sub(set.len())).ok_or_else(|| {
                let expected = format!("sets of {} categories in all", tree.categories.len());
                refused(&expected, &format!("{size} from {start} on"))
            })?;
            let place = place.ok_or_else(|| refused("categories of a node", &node.to_string()))?;
            *place = set.map(|set| set.iter().filter_map(|&category| held_by(category)).collect());
        }
        let mut kinds = tree.split_type.iter().zip(&sets);
        match kinds.all(|(&kind, set)| (kind == 1) == set.is_some()) {
            true => Ok(sets),
            false => Err(refused("the categories of each node that asks for some", "others")),
        }
    }
}

/// The numbers that are cut off to a category.
fn held_by(category: i64) -> Option<[f64; 2]> {
    let is_one = (0..CATEGORIES).contains(&category);
    let from = category as f32;
    // Below 0 there are no categories, though -0.5 is cut off to 0.
    is_one.then(|| [f64::from(from), f64::from((from + 1.0).next_down())])
}

fn refused(expected: &str, found: &str) -> Reason {
    tabular::refused("trees", expected, found)
}
