//! Which layers keep which precision: the guilty are named, then put back until the gate holds.

mod blame;
mod fallback;
mod pareto;
mod race;
mod slow;

pub use blame::{Blame, blame};
pub use fallback::{Found, Tested, fallback};
pub use pareto::{Candidate, front};
pub use race::{Race, race, throughput};
pub use slow::{Slow, slow_layers};

use crate::evaluate::Harm;
use crate::gate::Pairs;
use crate::{CompressError, Config};

/// Tries what a config makes.
pub trait Trial {
    /// What it does to the answers to the samples for calibration.
    fn probe(&mut self, what: &str, config: &Config) -> Result<Harm, CompressError>;

    /// The answers to the samples that only the gate sees.
    fn test(&mut self, what: &str, config: &Config) -> Result<Pairs, CompressError>;
}
