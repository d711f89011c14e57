//! What is made of sums of leaves, by the name of what was learned.

use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::with;
use crate::decompose::tabular::{exponential, logistic, shares};
use crate::error::Reason;
use tensor::scalar::{Binary, Unary};

/// What was learned, and what is made of the sums.
pub(super) struct Row {
    /// Its name.
    pub(super) name: &'static str,
    /// What is made of the sums.
    pub(super) transform: Transform,
}

/// What is made of sums of leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    /// They are the answer; their squares, with their signs, where the objective says `sqrt`.
    Numbers,
    /// `1 / (1 + e^(-slope x))`
    Logistic,
    /// `e^x`
    Exponential,
    /// `log(1 + e^x)`
    Softplus,
    /// Shares of classes.
    Shares,
}

const fn row(name: &'static str, transform: Transform) -> Row {
    Row { name, transform }
}

pub(super) const ROWS: &[Row] = &[
    row("binary", Transform::Logistic),
    row("cross_entropy", Transform::Logistic),
    row("cross_entropy_lambda", Transform::Softplus),
    row("custom", Transform::Numbers),
    row("fair", Transform::Numbers),
    row("gamma", Transform::Exponential),
    row("huber", Transform::Numbers),
    row("lambdarank", Transform::Numbers),
    row("mape", Transform::Numbers),
    row("multiclass", Transform::Shares),
    row("multiclassova", Transform::Logistic),
    row("none", Transform::Numbers),
    row("poisson", Transform::Exponential),
    row("quantile", Transform::Numbers),
    row("rank_xendcg", Transform::Numbers),
    row("regression", Transform::Numbers),
    row("regression_l1", Transform::Numbers),
    row("tweedie", Transform::Exponential),
];

/// What was learned, with its settings as the file says them.
pub(super) struct Objective<'t> {
    transform: Transform,
    settings: Vec<&'t str>,
}

impl<'t> Objective<'t> {
    /// Of a line such as `binary sigmoid:1`; the name where it is not known.
    pub(super) fn of(line: &'t str) -> Result<Objective<'t>, &'t str> {
        let mut words = line.split_ascii_whitespace();
        // A file without an objective was trained with a function of the caller's own.
        let name = words.next().unwrap_or("none");
        let row = ROWS.iter().find(|row| row.name == name).ok_or(name)?;
        Ok(Objective { transform: row.transform, settings: words.collect() })
    }

    fn slope(&self) -> Result<f64, Reason> {
        let slope = self.settings.iter().find_map(|word| word.strip_prefix("sigmoid:"));
        let Some(slope) = slope else { return Ok(1.0) };
        slope.parse().map_err(|_| Reason::Attribute {
            name: "sigmoid".to_string(),
            expected: "a number".to_string(),
            found: slope.chars().take(80).collect(),
        })
    }

    /// What is made of sums, `[N, columns]`.
    pub(super) fn predict(&self, build: &mut Builder, sums: &Operand) -> Result<Operand, Reason> {
        match self.transform {
            Transform::Numbers if self.settings.contains(&"sqrt") => {
                let size = build.unary(Unary::Abs, sums)?;
                build.binary(Binary::Mul, sums, &size)
            }
            Transform::Numbers => Ok(sums.clone()),
            Transform::Logistic => logistic(build, sums, self.slope()?),
            Transform::Exponential => exponential(build, sums),
            Transform::Softplus => {
                let made = exponential(build, sums)?;
                let sum = with(build, Binary::Add, &made, 1.0)?;
                build.unary(Unary::Log, &sum)
            }
            Transform::Shares => shares(build, sums),
        }
    }
}
