//! What is made of sums of leaves, by the name of what was learned.

use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::with;
use crate::decompose::tabular::{exponential, largest, logistic, shares};
use crate::error::Reason;
use tensor::DType;
use tensor::scalar::Binary;

/// Beyond this the exponential of an `f32` overflows; the logistic function goes no further.
const LOGISTIC_MAX: f64 = 88.7_f32 as f64;

/// What was learned.
pub(super) struct Row {
    /// Its name.
    pub(super) name: &'static str,
    /// What the file's base score is among sums of leaves.
    pub(super) margin: fn(f32) -> f32,
    /// What is made of the sums.
    pub(super) transform: Transform,
}

/// What is made of sums of leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    /// They are the answer.
    None,
    /// The logistic function.
    Logistic,
    /// `e^x`
    Exponential,
    /// Is it above 0?
    Step,
    /// Shares of classes.
    Shares,
    /// The place of the largest.
    Largest,
}

const fn row(name: &'static str, margin: fn(f32) -> f32, transform: Transform) -> Row {
    Row { name, margin, transform }
}

fn same(score: f32) -> f32 {
    score
}

fn logit(score: f32) -> f32 {
    -(1.0 / score - 1.0).ln()
}

pub(super) const ROWS: &[Row] = &[
    row("binary:hinge", same, Transform::Step),
    row("binary:logistic", logit, Transform::Logistic),
    row("binary:logitraw", same, Transform::None),
    row("count:poisson", f32::ln, Transform::Exponential),
    row("multi:softmax", same, Transform::Largest),
    row("multi:softprob", same, Transform::Shares),
    row("rank:map", same, Transform::None),
    row("rank:ndcg", same, Transform::None),
    row("rank:pairwise", same, Transform::None),
    row("reg:absoluteerror", same, Transform::None),
    row("reg:gamma", f32::ln, Transform::Exponential),
    row("reg:linear", same, Transform::None),
    row("reg:logistic", logit, Transform::Logistic),
    row("reg:pseudohubererror", same, Transform::None),
    row("reg:quantileerror", same, Transform::None),
    row("reg:squarederror", same, Transform::None),
    row("reg:squaredlogerror", same, Transform::None),
    row("reg:tweedie", f32::ln, Transform::Exponential),
    row("survival:aft", f32::ln, Transform::Exponential),
    row("survival:cox", f32::ln, Transform::Exponential),
];

impl Transform {
    /// What is made of sums, `[N, columns]`.
    pub(super) fn of(self, build: &mut Builder, sums: &Operand) -> Result<Operand, Reason> {
        match self {
            Transform::None => Ok(sums.clone()),
            Transform::Logistic => {
                let bounded = with(build, Binary::Max, sums, -LOGISTIC_MAX)?;
                logistic(build, &bounded, 1.0)
            }
            Transform::Exponential => exponential(build, sums),
            Transform::Step => {
                let is_above = with(build, Binary::Greater, sums, 0.0)?;
                build.cast(&is_above, DType::F32)
            }
            Transform::Shares => shares(build, sums),
            Transform::Largest => largest(build, sums),
        }
    }
}
