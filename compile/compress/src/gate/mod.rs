//! The gate: a compressed model passes only when a test on pairs of answers says, with a stated
//! confidence, that its true loss is inside the budget.
//!
//! Both models answer the same samples. A sample is *lost* when only the original is right, and
//! *gained* when only the compressed model is; the true drop is the probability of the one less
//! that of the other. The gate gives an upper bound of it that holds for every number of samples
//! and every rate of differing answers; nothing in it is an approximation by a normal distribution.
//!
//! ```
//! use compress::gate::{Budget, Gate, Pairs, Verdict};
//! let gate = Gate { budget: "0.5pp".parse().unwrap(), confidence: 0.99 };
//! let pairs = Pairs { samples: 10_000, lost: 40, gained: 38 };
//! assert!(matches!(gate.judge(&pairs), Verdict::Ship { .. }));
//! let few = Pairs { samples: 150, lost: 1, gained: 0 };
//! assert!(matches!(gate.judge(&few), Verdict::NotEnough { .. }));
//! # assert_eq!("1pp".parse::<Budget>().unwrap().share(), 0.01);
//! ```

mod binomial;
mod bound;
mod budget;
mod needed;

pub use budget::{Budget, BudgetError};
pub use needed::{POWER, needed};

use serde::{Deserialize, Serialize};

/// The answers of two models to the same samples, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pairs {
    /// Samples that both have answered.
    pub samples: u64,
    /// Those that only the original has right. Without labels: those on which the two disagree.
    pub lost: u64,
    /// Those that only the compressed model has right. Without labels there are none.
    pub gained: u64,
}

impl Pairs {
    /// The drop on these samples, as a share of them.
    pub fn drop(&self) -> f64 {
        self.share(self.lost) - self.share(self.gained)
    }

    /// The share of samples on which exactly one of the two is right.
    pub fn discordance(&self) -> f64 {
        self.share(self.lost + self.gained)
    }

    fn share(&self, count: u64) -> f64 {
        count as f64 / self.samples.max(1) as f64
    }
}

/// What is tested.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The drop that is allowed.
    pub budget: Budget,
    /// How sure to be that the true drop is inside it: 0.99 lets one of a hundred models pass whose
    /// drop is just above the budget, and fewer of those that are worse.
    pub confidence: f64,
}

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The bound is inside the budget.
    Ship {
        /// Upper bound of the true drop.
        bound: f64,
    },
    /// The drop may be inside the budget or not; so many samples would tell.
    NotEnough {
        /// Upper bound of the true drop.
        bound: f64,
        /// Samples with which a model of half the budget's drop passes at least 95 times of 100,
        /// when its answers differ as often as was seen.
        needed: u64,
    },
    /// The drop is not inside the budget, or too near to it for any such number of samples.
    Refuse {
        /// Upper bound of the true drop.
        bound: f64,
    },
}

impl Verdict {
    /// Does the model pass?
    pub fn is_ship(&self) -> bool {
        matches!(self, Verdict::Ship { .. })
    }

    /// Upper bound of the true drop.
    pub fn bound(&self) -> f64 {
        let (Verdict::Ship { bound }
        | Verdict::NotEnough { bound, .. }
        | Verdict::Refuse { bound }) = *self;
        bound
    }
}

impl Gate {
    /// Holds the counts against the budget.
    pub fn judge(&self, pairs: &Pairs) -> Verdict {
        let bound = bound::upper(pairs, self.error());
        if self.passes(pairs) {
            return Verdict::Ship { bound };
        }
        // First, because it is quick: to find what a model would need whose answers nearly all
        // differ is not.
        if self.is_surely_worse(pairs) {
            return Verdict::Refuse { bound };
        }
        match needed(self, pairs.discordance()) {
            needed if pairs.samples >= needed => Verdict::Refuse { bound },
            needed => Verdict::NotEnough { bound, needed },
        }
    }

    /// Is the bound inside the budget? Never when what was seen is not.
    pub fn passes(&self, pairs: &Pairs) -> bool {
        pairs.drop() < self.budget.share()
            && bound::p_value(pairs, self.budget.share(), self.error()) <= self.error()
    }

    /// Could a model pass on so many samples at all? It could if no answer differed.
    pub fn is_possible(&self, samples: u64) -> bool {
        self.passes(&Pairs { samples, lost: 0, gained: 0 })
    }

    /// How often a model that is just too bad may pass.
    pub fn error(&self) -> f64 {
        1.0 - self.confidence
    }

    /// The same gate with this part of its error: several tests whose parts add up to one are
    /// together as sure as the gate.
    pub fn with_part(&self, part: f64) -> Gate {
        Gate { confidence: 1.0 - self.error() * part, ..*self }
    }

    /// Is the true drop above the budget, as surely as the gate is sure of anything?
    fn is_surely_worse(&self, pairs: &Pairs) -> bool {
        let Pairs { samples, lost, gained } = *pairs;
        let turned = Pairs { samples, lost: gained, gained: lost };
        bound::p_value(&turned, -self.budget.share(), self.error()) <= self.error()
    }
}
