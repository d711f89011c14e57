//! What `schooner compress` is told to take away.

use clap::{Args, ValueEnum};
use compress::{Criterion, Pattern, Precision};
use std::fmt;
use std::str::FromStr;

/// Channels and weights that go before the rest is held in fewer bits.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pruning")]
pub(super) struct Pruning {
    /// Take whole channels away, so many that this share of the multiply-accumulates goes: a
    /// smaller dense model; how many of each layer is found
    #[arg(long, value_name = "SHARE", env = "SCHOONER_PRUNE_CHANNELS")]
    pub(super) prune_channels: Option<Share>,

    /// Make this share of the weights zero; how many of each layer is found
    #[arg(long, value_name = "SHARE", env = "SCHOONER_PRUNE_WEIGHTS")]
    pub(super) prune_weights: Option<Share>,

    /// Which weights become zero together: each alone, of 4 neighbors 2 are kept (2:4), or blocks
    /// of so many neighbors (block:8)
    #[arg(
        long = "prune-pattern",
        value_name = "single|N:M|block:N",
        default_value = "single",
        env = "SCHOONER_PRUNE_PATTERN",
        value_parser = pattern,
        requires = "prune_weights"
    )]
    pub(super) pattern: Pattern,

    /// Which weights go first
    #[arg(
        long = "prune-by",
        value_name = "CRITERION",
        default_value = "second-order",
        env = "SCHOONER_PRUNE_BY",
        requires = "prune_weights"
    )]
    pub(super) by: By,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum By {
    /// Those whose loss the others make up for best
    SecondOrder,
    /// The smallest
    Magnitude,
}

impl By {
    pub(super) fn criterion(self) -> Criterion {
        match self {
            By::SecondOrder => Criterion::SecondOrder,
            By::Magnitude => Criterion::Magnitude,
        }
    }
}

/// A part of a whole, between nothing and all of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share(pub(super) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let (digits, whole) = match text.strip_suffix('%') {
            Some(digits) => (digits, 100.0),
            None => (text, 1.0),
        };
        let share = digits.trim().parse::<f64>().map_err(|_| expected(text))? / whole;
        if share > 0.0 && share < 1.0 { Ok(Share(share)) } else { Err(expected(text)) }
    }
}

fn expected(found: &str) -> String {
    format!("expected a share above 0 and below 1, as 0.5 or 50%, found `{found}`")
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0 * 100.0)
    }
}

/// Neighbors that a pattern speaks of, at most: as many as a vector register holds.
const NEIGHBORS_MAX: usize = 64;

fn pattern(text: &str) -> Result<Pattern, String> {
    let refused = || {
        format!(
            "expected `single`, two numbers as in 2:4, the first one less, or block:N, of at most \
             {NEIGHBORS_MAX}, found `{text}`"
        )
    };
    let number = |text: &str| {
        text.parse().ok().filter(|number| (1..=NEIGHBORS_MAX).contains(number)).ok_or_else(refused)
    };
    match text.split_once(':') {
        None if text == "single" => Ok(Pattern::Single),
        Some(("block", size)) => Ok(Pattern::Block(number(size)?)),
        Some((kept, of)) => match (number(kept)?, number(of)?) {
            (kept, of) if kept < of => Ok(Pattern::Among { kept, of }),
            _ => Err(refused()),
        },
        None => Err(refused()),
    }
}

impl Pruning {
    /// What is done to a model, as reports name it.
    pub(super) fn describe(&self, precision: Precision) -> String {
        let channels =
            self.prune_channels.map(|share| format!("channels of {share} of the arithmetic"));
        let weights = self.prune_weights.map(|share| format!("{share} of the weights"));
        let gone: Vec<String> = channels.into_iter().chain(weights).collect();
        match gone.is_empty() {
            true => precision.name().to_string(),
            false => format!("without {}, {}", gone.join(" and "), precision.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_patterns_are_read_or_refused() {
        assert_eq!("50%".parse(), Ok(Share(0.5)));
        assert_eq!("0.75".parse(), Ok(Share(0.75)));
        for wrong in ["0", "1", "100%", "-5%", "half", "NaN", ""] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
        assert_eq!(pattern("2:4"), Ok(Pattern::Among { kept: 2, of: 4 }));
        assert_eq!(pattern("block:8"), Ok(Pattern::Block(8)));
        assert_eq!(pattern("single"), Ok(Pattern::Single));
        for wrong in ["4:2", "4:4", "0:4", "block:0", "block:1000", "double", "2:x"] {
            assert!(pattern(wrong).is_err(), "{wrong}");
        }
    }
}
