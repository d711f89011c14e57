//! ONNX StringNormalizer-10.

use super::refused;
use crate::ComputeError;
use serde::{Deserialize, Serialize};
use tensor::Text;

/// `[C]` or `[1, C]` without certain words, in one case; one empty text when none is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Normalize {
    /// The case of the result.
    pub case: Case,
    /// Words that are left out.
    pub stop_words: Vec<String>,
    /// Does a word have to be of the same case to be left out?
    pub is_case_sensitive: bool,
}

/// The case of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// As they are.
    Kept,
    /// Small.
    Lower,
    /// Capital.
    Upper,
}

impl Normalize {
    pub(super) fn of(&self, x: &Text) -> Result<Text, ComputeError> {
        let leading: &[usize] = match x.shape() {
            [_] => &[],
            [1, _] => &[1],
            other => return Err(refused("the shape", format!("{other:?}"), "[C] or [1, C]")),
        };
        let is_same = |a: &str, b: &str| {
            if self.is_case_sensitive { a == b } else { a.to_lowercase() == b.to_lowercase() }
        };
        let is_stop_word = |word: &str| self.stop_words.iter().any(|stop| is_same(stop, word));
        let kept = x.elements().filter(|word| !is_stop_word(word));
        let mut kept: Vec<String> = kept
            .map(|word| match self.case {
                Case::Kept => word.to_string(),
                Case::Lower => word.to_lowercase(),
                Case::Upper => word.to_uppercase(),
            })
            .collect();
        // Nothing was left out of nothing.
        if kept.is_empty() && !x.is_empty() {
            kept.push(String::new());
        }
        let shape: Vec<usize> = leading.iter().copied().chain([kept.len()]).collect();
        Ok(Text::new(&shape, kept)?)
    }
}
