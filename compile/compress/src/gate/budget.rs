//! How much may be lost.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A drop in percentage points, of accuracy or of agreement.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Budget {
    points: f64,
}

/// Why a text is no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// A percentage could be one of the original's accuracy, or points.
    #[error("`{0}` may mean points or a share of the original's accuracy; write points: `0.5pp`")]
    Percent(String),
    /// No number, or one that is no budget.
    #[error("expected points more than 0 and less than 100, as `0.5pp`; found `{0}`")]
    Number(String),
}

impl Budget {
    /// A budget in percentage points.
    pub fn points(points: f64) -> Result<Budget, BudgetError> {
        let is_budget = points > 0.0 && points < 100.0;
        is_budget.then_some(Budget { points }).ok_or(BudgetError::Number(points.to_string()))
    }

    /// As a share of the samples: 0.005 of `0.5pp`.
    pub fn share(&self) -> f64 {
        self.points / 100.0
    }
}

impl FromStr for Budget {
    type Err = BudgetError;

    fn from_str(text: &str) -> Result<Budget, BudgetError> {
        let trimmed = text.trim();
        if trimmed.ends_with('%') {
            return Err(BudgetError::Percent(text.to_string()));
        }
        let number = trimmed.strip_suffix("pp").unwrap_or(trimmed).trim_end();
        let points = number.parse().map_err(|_| BudgetError::Number(text.to_string()))?;
        Budget::points(points).map_err(|_| BudgetError::Number(text.to_string()))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}pp", self.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_and_percentages_are_not() {
        for (text, points) in [("0.5pp", 0.5), ("1", 1.0), (" 2.25 pp ", 2.25), ("1e-1pp", 0.1)] {
            assert_eq!(text.parse::<Budget>(), Ok(Budget { points }), "{text}");
        }
        assert_eq!("1%".parse::<Budget>(), Err(BudgetError::Percent("1%".to_string())));
        for text in ["", "pp", "0pp", "-1pp", "100", "NaN", "inf", "0.5 points"] {
            let found = text.parse::<Budget>();
            assert_eq!(found, Err(BudgetError::Number(text.to_string())), "{text}");
        }
        assert_eq!("0.5pp".parse::<Budget>().unwrap().to_string(), "0.5pp");
    }
}
