//! The trees, as those of the graph.

use super::text::{Part, Wrong};
use crate::build::Budget;
use crate::decompose::forest::{Ensemble, Next, Node, Test};
use crate::error::Reason;
use tensor::scalar::Reduction;

/// What is within this of 0 counts as 0.
const ZERO: f64 = 1e-35_f32 as f64;

/// Bytes that a category may take while trees are read: a range, its cuts and the nodes that ask
/// for them.
const CATEGORY_BYTES: usize = 256;

/// Numbers from one end to another, both among them.
type Ranges = Vec<[f64; 2]>;

/// Bits of a node's `decision_type`.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// What a node takes for missing.
#[derive(Clone, Copy, PartialEq)]
enum Missing {
    /// Nothing: what is not a number counts as 0.
    None,
    /// 0, and what is not a number.
    Zero,
    /// What is not a number.
    NotANumber,
}

/// The trees of a model, which count for `columns` in turn.
pub(super) fn ensemble(
    trees: &[Part<'_>],
    features: usize,
    columns: usize,
    budget: &Budget,
) -> Result<Ensemble, Reason> {
    let mut made = Ensemble {
        roots: vec![],
        nodes: vec![],
        leaves: vec![],
        base: vec![0.0; columns],
        reduction: Reduction::Sum,
    };
    // The sets of all trees are there at once, until they are tables.
    let before = budget.taken();
    for (at, tree) in trees.iter().enumerate() {
        let column = (at % columns) as i64;
        let read = Read { tree, column, features, budget };
        read.tree(&mut made).map_err(|wrong| match wrong {
            Failed::Wrong(Wrong { name, expected, found }) => {
                Reason::Attribute { name: format!("tree {at}, {name}"), expected, found }
            }
            Failed::Reason(reason) => reason,
        })?;
    }
    budget.set_taken(before);
    Ok(made)
}

enum Failed {
    Wrong(Wrong),
    Reason(Reason),
}

impl From<Wrong> for Failed {
    fn from(wrong: Wrong) -> Failed {
        Failed::Wrong(wrong)
    }
}

struct Read<'t> {
    tree: &'t Part<'t>,
    column: i64,
    features: usize,
    budget: &'t Budget,
}

impl Read<'_> {
    fn tree(&self, made: &mut Ensemble) -> Result<(), Failed> {
        let leaves: usize = self.tree.number("num_leaves")?;
        if self.tree.get("is_linear").is_some_and(|flag| flag.trim() != "0") {
            let expected = "leaves of one number; linear models in leaves are not read";
            return Err(Wrong::new("is_linear", expected, "1").into());
        }
        let values: Vec<f64> = self.tree.numbers("leaf_value", leaves.max(1))?;
        let first = [made.nodes.len(), made.leaves.len()];
        made.leaves.extend(values.iter().map(|&value| vec![(self.column, value)]));
        if leaves <= 1 {
            made.roots.push(Next::Leaf(first[1]));
            return Ok(());
        }
        made.roots.push(Next::Node(first[0]));
        let count = leaves - 1;
        let features: Vec<i64> = self.tree.numbers("split_feature", count)?;
        let thresholds: Vec<f64> = self.tree.numbers("threshold", count)?;
        let decisions: Vec<i16> = self.tree.numbers("decision_type", count)?;
        let left: Vec<i64> = self.tree.numbers("left_child", count)?;
        let right: Vec<i64> = self.tree.numbers("right_child", count)?;
        let mut sets = self.categories()?;
        let next = |name, at: i64| {
            // A leaf is named by the complement of its number.
            let place = usize::try_from(if at < 0 { !at } else { at }).ok();
            let limit = if at < 0 { leaves } else { count };
            let place = place.filter(|&place| place < limit);
            let place = place.ok_or_else(|| Wrong::new(name, "a node or leaf", &at.to_string()))?;
            Ok::<_, Wrong>(match at < 0 {
                true => Next::Leaf(first[1] + place),
                false => Next::Node(first[0] + place),
            })
        };
        for node in 0..count {
            let feature = features[node];
            if !usize::try_from(feature).is_ok_and(|feature| feature < self.features) {
                let expected = format!("features below {}", self.features);
                return Err(Wrong::new("split_feature", &expected, &feature.to_string()).into());
            }
            let (test, missing) = test(thresholds[node], decisions[node] as u8, &mut sets)?;
            let yes = next("left_child", left[node])?;
            let no = next("right_child", right[node])?;
            made.nodes.push(Node { test, feature, missing, yes, no });
        }
        Ok(())
    }

    /// The sets of categories, as ranges of the numbers that are cut off to them.
    fn categories(&self) -> Result<Vec<Option<Ranges>>, Failed> {
        let count = match self.tree.get("num_cat") {
            Some(_) => self.tree.number::<usize>("num_cat")?,
            None => 0,
        };
        if count == 0 {
            return Ok(vec![]);
        }
        let ends = count.saturating_add(1);
        let ends: Vec<usize> = self.tree.numbers("cat_boundaries", ends)?;
        let words = ends.last().copied().unwrap_or(0);
        let words: Vec<u32> = self.tree.numbers("cat_threshold", words)?;
        let set = words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        self.budget.take(set.checked_mul(CATEGORY_BYTES)).map_err(Failed::Reason)?;
        let pairs = ends.windows(2).map(|pair| {
            let words = words.get(pair[0]..pair[1]);
            words.map(members).map(Some).ok_or_else(|| {
                Wrong::new("cat_boundaries", "numbers that do not fall", &format!("{pair:?}"))
            })
        });
        Ok(pairs.collect::<Result<_, Wrong>>()?)
    }
}

/// The numbers that are cut off to a category whose bit is set.
fn members(words: &[u32]) -> Ranges {
    let bits = (0..words.len() * 32).filter(|bit| words[bit / 32] >> (bit % 32) & 1 == 1);
    let held_by = |bit: usize| match bit {
        // What lies between -1 and 0 is cut off to 0.
        0 => [(-1.0_f64).next_up(), 1.0_f64.next_down()],
        bit => [bit as f64, (bit as f64 + 1.0).next_down()],
    };
    bits.map(held_by).collect()
}

/// What a node asks, and whether what is not a number goes left.
fn test(threshold: f64, decision: u8, sets: &mut [Option<Ranges>]) -> Result<(Test, bool), Wrong> {
    let goes_left = decision & DEFAULT_LEFT != 0;
    if decision & CATEGORICAL != 0 {
        // The threshold is the number of a set, which no other node asks for; what is not a number
        // belongs to none.
        let is_number = threshold >= 0.0 && threshold < sets.len() as f64;
        let set = if is_number { sets[threshold as usize].take() } else { None };
        let wrong = || Wrong::new("threshold", "the number of a set", &threshold.to_string());
        return Ok((Test::Within(set.ok_or_else(wrong)?), false));
    }
    let missing = match decision >> 2 & 3 {
        0 => Missing::None,
        1 => Missing::Zero,
        2 => Missing::NotANumber,
        other => {
            return Err(Wrong::new("decision_type", "a missing type to 2", &other.to_string()));
        }
    };
    // Before anything is compared, what counts as zero is made 0.
    let zero_goes_left = if missing == Missing::Zero { goes_left } else { 0.0 <= threshold };
    let is_left = if missing == Missing::NotANumber { goes_left } else { zero_goes_left };
    Ok((beside_zero(threshold, zero_goes_left), is_left))
}

/// Is it at most the threshold, or does it count as zero, which goes its own way?
fn beside_zero(threshold: f64, goes_left: bool) -> Test {
    let below = threshold.min((-ZERO).next_down());
    match (goes_left, threshold > ZERO, threshold < -ZERO) {
        (true, true, _) | (false, _, true) => Test::LessOrEqual(threshold),
        (true, _, false) => Test::LessOrEqual(ZERO),
        (false, false, false) => Test::LessOrEqual(below),
        (true, false, true) => Test::Within(vec![[f64::NEG_INFINITY, threshold], [-ZERO, ZERO]]),
        (false, true, false) => {
            Test::Within(vec![[f64::NEG_INFINITY, below], [ZERO.next_up(), threshold]])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(test: &Test, x: f64) -> bool {
        match test {
            Test::LessOrEqual(threshold) => x <= *threshold,
            Test::Within(ranges) => ranges.iter().any(|[from, to]| *from <= x && x <= *to),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn zeros_go_their_own_way_and_other_numbers_theirs() {
        let numbers = [0.0, ZERO, ZERO.next_up(), 1e-40, 1.0, 2.0, f64::INFINITY];
        let numbers = numbers.iter().flat_map(|&x| [x, -x, x.next_up(), x.next_down()]);
        let numbers: Vec<f64> = numbers.collect();
        for (&threshold, &x) in numbers.iter().flat_map(|t| numbers.iter().map(move |x| (t, x))) {
            for goes_left in [false, true] {
                let is_zero = (-ZERO..=ZERO).contains(&x);
                let expected = if is_zero { goes_left } else { x <= threshold };
                let test = beside_zero(threshold, goes_left);
                assert_eq!(holds(&test, x), expected, "{x:e} <= {threshold:e}, {goes_left}");
            }
        }
    }
}
