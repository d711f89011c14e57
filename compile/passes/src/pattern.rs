//! Patterns that read like the formula they find: `x() * sigmoid(x())` matches that product with
//! its factors in either order.
//!
//! Sums and products match in every order and grouping, and numbers in them are gathered:
//! `x() * erf(x() * 0.7) * 0.5` finds `(0.5 * x) * erf(x / 1.43)` as well. A name stands for one
//! value: where it occurs twice, both places must hold the same.

use crate::known::number;
use crate::rewrite::Rewriter;
use ir::{Op, ValueId};
use std::ops::{Add, Div, Index, Mul, Sub};
use tensor::scalar::{Binary, Unary};

/// How far a number in a graph may lie from that of a pattern, relatively. Exporters round to
/// 32 bits (6e-8) or to seven decimals; a model whose factor is meant to be another one differs
/// by more.
const NEAR: f64 = 1e-6;

/// Nested sums or products that are looked through, so that a chain of thousands costs no time.
const DEPTH_MAX: usize = 6;

/// A formula with names in it.
#[derive(Clone)]
pub(crate) enum Pattern {
    /// Any value, and the name it goes by.
    Any(&'static str),
    /// A constant whose elements are all one number.
    Number(&'static str),
    /// A constant whose elements are all this number.
    Value(f64),
    /// An operator that the function accepts, with these inputs in this order.
    Apply(fn(&Op) -> bool, Vec<Pattern>),
    /// A function of two elements that commutes.
    Commutative(Binary, Box<[Pattern; 2]>),
    /// A number times factors.
    Product(f64, Vec<Pattern>),
    /// A number plus terms.
    Sum(f64, Vec<Pattern>),
    /// Any of these.
    Either(Vec<Pattern>),
}

/// The values that the names of a pattern stand for.
#[derive(Clone, Default)]
pub(crate) struct Match(Vec<(&'static str, ValueId)>);

impl Pattern {
    /// The first way in which a value is computed by this formula.
    pub(crate) fn find(&self, graph: &Rewriter<'_>, id: ValueId) -> Option<Match> {
        self.ways(graph, id, Match::default()).into_iter().next()
    }

    /// All ways in which the names so far can be completed.
    fn ways(&self, graph: &Rewriter<'_>, id: ValueId, so_far: Match) -> Vec<Match> {
        match self {
            Pattern::Any(name) => so_far.with(name, id).into_iter().collect(),
            Pattern::Number(name) if number(graph, id).is_some() => {
                so_far.with(name, id).into_iter().collect()
            }
            Pattern::Number(_) => Vec::new(),
            Pattern::Value(value) => {
                let is_it = number(graph, id).is_some_and(|x| is_near(x, *value));
                if is_it { vec![so_far] } else { Vec::new() }
            }
            Pattern::Apply(is_taken, inputs) => match graph.node(id) {
                Some(node) if is_taken(&node.op) => {
                    in_order(graph, inputs, &node.inputs, vec![so_far])
                }
                Some(_) | None => Vec::new(),
            },
            Pattern::Commutative(function, operands) => match graph.node(id) {
                Some(node) if node.op == Op::Binary(*function) => {
                    let [a, b] = [node.inputs[0], node.inputs[1]];
                    let mut ways = in_order(graph, &**operands, &[a, b], vec![so_far.clone()]);
                    ways.extend(in_order(graph, &**operands, &[b, a], vec![so_far]));
                    ways
                }
                Some(_) | None => Vec::new(),
            },
            Pattern::Product(scale, factors) => {
                let splits = factors_of(graph, id, factors.len(), DEPTH_MAX);
                in_any_order(graph, (*scale, factors), splits, &so_far)
            }
            Pattern::Sum(offset, terms) => {
                let splits = terms_of(graph, id, terms.len(), DEPTH_MAX);
                in_any_order(graph, (*offset, terms), splits, &so_far)
            }
            Pattern::Either(patterns) => {
                patterns.iter().flat_map(|p| p.ways(graph, id, so_far.clone())).collect()
            }
        }
    }
}

impl Match {
    /// This match with one more name, unless the name already stands for another value.
    fn with(&self, name: &'static str, id: ValueId) -> Option<Match> {
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, known)) => (*known == id).then(|| self.clone()),
            None => Some(Match([self.0.as_slice(), &[(name, id)]].concat())),
        }
    }
}

impl Index<&str> for Match {
    type Output = ValueId;

    fn index(&self, name: &str) -> &ValueId {
        let found = self.0.iter().find(|(known, _)| *known == name);
        &found.expect("a name of the pattern").1
    }
}

/// A number, and the values that it is multiplied by or added to.
type Split = (f64, Vec<ValueId>);

/// The ways to write a value as a number times at most `most` values.
fn factors_of(graph: &Rewriter<'_>, id: ValueId, most: usize, depth: usize) -> Vec<Split> {
    if let Some(number) = number(graph, id) {
        return vec![(number, Vec::new())];
    }
    let mut splits = vec![(1.0, vec![id])];
    let Some(node) = graph.node(id).filter(|_| depth > 0) else { return splits };
    let below = |id| factors_of(graph, id, most, depth - 1);
    if let (Op::Binary(Binary::Mul), [a, b]) = (&node.op, node.inputs.as_slice()) {
        splits.extend(pairs(below(*a), below(*b), most, |x, y| x * y));
    } else if let (Op::Binary(Binary::Div), [a, b]) = (&node.op, node.inputs.as_slice())
        && let Some(divisor) = number(graph, *b)
    {
        splits.extend(below(*a).into_iter().map(|(x, ids)| (x / divisor, ids)));
    } else if let (Op::Unary(Unary::Neg), [a]) = (&node.op, node.inputs.as_slice()) {
        splits.extend(below(*a).into_iter().map(|(x, ids)| (-x, ids)));
    }
    splits
}

/// The ways to write a value as a number plus at most `most` values.
fn terms_of(graph: &Rewriter<'_>, id: ValueId, most: usize, depth: usize) -> Vec<Split> {
    if let Some(number) = number(graph, id) {
        return vec![(number, Vec::new())];
    }
    let mut splits = vec![(0.0, vec![id])];
    let Some(node) = graph.node(id).filter(|_| depth > 0) else { return splits };
    let below = |id| terms_of(graph, id, most, depth - 1);
    if let (Op::Binary(Binary::Add), [a, b]) = (&node.op, node.inputs.as_slice()) {
        splits.extend(pairs(below(*a), below(*b), most, |x, y| x + y));
    } else if let (Op::Binary(Binary::Sub), [a, b]) = (&node.op, node.inputs.as_slice())
        && let Some(number) = number(graph, *b)
    {
        splits.extend(below(*a).into_iter().map(|(x, ids)| (x - number, ids)));
    }
    splits
}

/// Every split of the left operand with every split of the right one.
fn pairs(
    left: Vec<Split>,
    right: Vec<Split>,
    most: usize,
    join: fn(f64, f64) -> f64,
) -> Vec<Split> {
    let mut splits = Vec::new();
    for (x, a) in &left {
        for (y, b) in right.iter().filter(|(_, b)| a.len() + b.len() <= most) {
            splits.push((join(*x, *y), [a.as_slice(), b].concat()));
        }
    }
    splits
}

fn in_order(
    graph: &Rewriter<'_>,
    patterns: &[Pattern],
    ids: &[ValueId],
    so_far: Vec<Match>,
) -> Vec<Match> {
    if patterns.len() != ids.len() {
        return Vec::new();
    }
    patterns.iter().zip(ids).fold(so_far, |ways, (pattern, &id)| {
        ways.into_iter().flat_map(|way| pattern.ways(graph, id, way)).collect()
    })
}

fn in_any_order(
    graph: &Rewriter<'_>,
    (number, patterns): (f64, &[Pattern]),
    splits: Vec<Split>,
    so_far: &Match,
) -> Vec<Match> {
    let fits = |(x, ids): &Split| ids.len() == patterns.len() && is_near(*x, number);
    let splits = splits.into_iter().filter(fits);
    splits.flat_map(|(_, ids)| permuted(graph, patterns, &ids, so_far.clone())).collect()
}

/// The first pattern takes each of the values in turn, the others share what is left.
fn permuted(
    graph: &Rewriter<'_>,
    patterns: &[Pattern],
    ids: &[ValueId],
    so_far: Match,
) -> Vec<Match> {
    let Some((first, others)) = patterns.split_first() else { return vec![so_far] };
    let mut ways = Vec::new();
    for at in 0..ids.len() {
        let rest = [&ids[..at], &ids[at + 1..]].concat();
        for way in first.ways(graph, ids[at], so_far.clone()) {
            ways.extend(permuted(graph, others, &rest, way));
        }
    }
    ways
}

fn is_near(x: f64, expected: f64) -> bool {
    (x - expected).abs() <= NEAR * expected.abs()
}

// === The words of formulas ===

/// Any value, by the name `x`.
pub(crate) fn x() -> Pattern {
    Pattern::Any("x")
}

/// A constant number, by its name.
pub(crate) fn constant(name: &'static str) -> Pattern {
    Pattern::Number(name)
}

/// `e^a`
pub(crate) fn exp(a: Pattern) -> Pattern {
    Pattern::Apply(|op| *op == Op::Unary(Unary::Exp), vec![a])
}

/// The error function.
pub(crate) fn erf(a: Pattern) -> Pattern {
    Pattern::Apply(|op| *op == Op::Unary(Unary::Erf), vec![a])
}

/// Hyperbolic tangent.
pub(crate) fn tanh(a: Pattern) -> Pattern {
    Pattern::Apply(|op| *op == Op::Unary(Unary::Tanh), vec![a])
}

/// `1 / (1 + e^-a)`
pub(crate) fn sigmoid(a: Pattern) -> Pattern {
    Pattern::Apply(|op| *op == Op::Unary(Unary::Sigmoid), vec![a])
}

/// `1 / a`, as a function or as a quotient.
pub(crate) fn reciprocal(a: Pattern) -> Pattern {
    let function = Pattern::Apply(|op| *op == Op::Unary(Unary::Reciprocal), vec![a.clone()]);
    Pattern::Either(vec![function, Pattern::Value(1.0) / a])
}

/// `a` to the power of a number.
pub(crate) fn power(a: Pattern, exponent: f64) -> Pattern {
    let is_power = |op: &Op| *op == Op::Binary(Binary::Pow);
    Pattern::Apply(is_power, vec![a, Pattern::Value(exponent)])
}

/// `a * a`, as a product or as a power.
pub(crate) fn square(a: Pattern) -> Pattern {
    Pattern::Either(vec![a.clone() * a.clone(), power(a, 2.0)])
}

/// An operator whose parameters the function accepts.
pub(crate) fn apply(is_taken: fn(&Op) -> bool, a: Pattern) -> Pattern {
    Pattern::Apply(is_taken, vec![a])
}

/// `a + b` with exactly these two operands.
pub(crate) fn plus(a: Pattern, b: Pattern) -> Pattern {
    Pattern::Commutative(Binary::Add, Box::new([a, b]))
}

/// `a * b` with exactly these two operands.
pub(crate) fn times(a: Pattern, b: Pattern) -> Pattern {
    Pattern::Commutative(Binary::Mul, Box::new([a, b]))
}

impl Mul for Pattern {
    type Output = Pattern;

    fn mul(self, other: Pattern) -> Pattern {
        let split = |pattern| match pattern {
            Pattern::Product(scale, factors) => (scale, factors),
            other => (1.0, vec![other]),
        };
        let ((a, left), (b, right)) = (split(self), split(other));
        Pattern::Product(a * b, [left, right].concat())
    }
}

impl Mul<f64> for Pattern {
    type Output = Pattern;

    fn mul(self, scale: f64) -> Pattern {
        self * Pattern::Product(scale, Vec::new())
    }
}

impl Add for Pattern {
    type Output = Pattern;

    fn add(self, other: Pattern) -> Pattern {
        let split = |pattern| match pattern {
            Pattern::Sum(offset, terms) => (offset, terms),
            other => (0.0, vec![other]),
        };
        let ((a, left), (b, right)) = (split(self), split(other));
        Pattern::Sum(a + b, [left, right].concat())
    }
}

impl Add<f64> for Pattern {
    type Output = Pattern;

    fn add(self, offset: f64) -> Pattern {
        self + Pattern::Sum(offset, Vec::new())
    }
}

impl Sub for Pattern {
    type Output = Pattern;

    fn sub(self, other: Pattern) -> Pattern {
        Pattern::Apply(|op| *op == Op::Binary(Binary::Sub), vec![self, other])
    }
}

impl Div for Pattern {
    type Output = Pattern;

    fn div(self, other: Pattern) -> Pattern {
        Pattern::Apply(|op| *op == Op::Binary(Binary::Div), vec![self, other])
    }
}
