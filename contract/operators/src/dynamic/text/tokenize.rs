//! Tokenizer of `com.microsoft`.

use super::refused;
use crate::ComputeError;
use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use tensor::{Text, TextRow};

/// The tokens of each element along a new last axis, as many as the element with most has; what is
/// missing is filled up. Without any token that axis has no size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokenize {
    /// What tokens are made by.
    pub by: By,
    /// Fewest characters of a token; shorter ones are left out.
    pub characters_min: usize,
    /// Stands where there is no token.
    pub padding: String,
    /// Do tokens stand between the marks of a text's begin and end, 2 and 3?
    pub has_marks: bool,
}

/// What tokens are made by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Tokens are what this regular expression matches.
    Match(String),
    /// Tokens are what stands between matches of these, one after the other; an empty one parts
    /// all characters.
    Separators(Vec<String>),
}

/// What marks the begin and the end of a text.
const MARKS: [&str; 2] = ["\u{2}", "\u{3}"];

impl Tokenize {
    pub(super) fn of(&self, x: &Text, bytes_max: usize) -> Result<Text, ComputeError> {
        let tokenizer = Tokenizer::new(&self.by)?;
        let mut rows: Vec<Vec<&str>> = Vec::with_capacity(x.len());
        let mut room = bytes_max / size_of::<&str>();
        for text in x.elements() {
            let mut row = tokenizer.tokens(text, room).ok_or_else(|| {
                let needed = bytes_max.saturating_add(size_of::<&str>());
                ComputeError::Memory { needed, limit: bytes_max }
            })?;
            room -= row.len();
            row.retain(|token| token.chars().nth(self.characters_min.saturating_sub(1)).is_some());
            rows.push(row);
        }
        let mut width = rows.iter().map(Vec::len).max().unwrap_or(0);
        if self.has_marks && width > 0 {
            width += MARKS.len();
            for row in &mut rows {
                row.insert(0, MARKS[0]);
                row.push(MARKS[1]);
            }
        }
        let padding = self.padding.len().saturating_add(size_of::<usize>());
        let needed = rows.len().saturating_mul(width).saturating_mul(padding);
        if needed > bytes_max {
            return Err(ComputeError::Memory { needed, limit: bytes_max });
        }
        let mut tokens = TextRow::default();
        for row in &rows {
            tokens.extend(row);
            tokens.extend(std::iter::repeat_n(&self.padding, width - row.len()));
        }
        let shape: Vec<usize> = x.shape().iter().copied().chain([width]).collect();
        Ok(tokens.shaped(&shape)?)
    }
}

/// The expressions, ready to be used.
enum Tokenizer {
    Match(Regex),
    /// `None` parts all characters.
    Separators(Vec<Option<Regex>>),
}

impl Tokenizer {
    fn new(by: &By) -> Result<Tokenizer, ComputeError> {
        let regex = |pattern: &String| {
            Regex::new(pattern).map_err(|error| refused("the pattern", error, "an expression"))
        };
        Ok(match by {
            By::Match(pattern) => Tokenizer::Match(regex(pattern)?),
            By::Separators(patterns) => {
                let separators = patterns.iter().map(|pattern| match pattern.is_empty() {
                    true => Ok(None),
                    false => regex(pattern).map(Some),
                });
                Tokenizer::Separators(separators.collect::<Result<_, _>>()?)
            }
        })
    }

    /// The tokens of a text, empty ones among them. `None` when there are more than `most`.
    fn tokens<'x>(&self, x: &'x str, most: usize) -> Option<Vec<&'x str>> {
        let separators = match self {
            Tokenizer::Match(regex) => {
                return bounded(regex.find_iter(x).map(|found| found.as_str()), most);
            }
            Tokenizer::Separators(separators) => separators,
        };
        let mut pieces = vec![x];
        for separator in separators {
            pieces = match separator {
                Some(regex) => bounded(pieces.into_iter().flat_map(|x| regex.split(x)), most),
                None => bounded(pieces.into_iter().flat_map(characters), most),
            }?;
        }
        Some(pieces)
    }
}

/// All of them, unless there are more than `most`.
fn bounded<'x>(tokens: impl Iterator<Item = &'x str>, most: usize) -> Option<Vec<&'x str>> {
    let found: Vec<&str> = tokens.take(most.saturating_add(1)).collect();
    (found.len() <= most).then_some(found)
}

fn characters(x: &str) -> impl Iterator<Item = &str> {
    x.char_indices().map(|(at, character)| &x[at..at + character.len_utf8()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(by: By, characters_min: usize, has_marks: bool, x: [&str; 2], expected: [&str; 2]) {
        let tokenize = Tokenize { by, characters_min, padding: "#".to_string(), has_marks };
        let made = tokenize.of(&Text::new(&[2], x).unwrap(), 1 << 20).unwrap();
        let width = made.shape()[1];
        let row = |at: usize| {
            (0..width).map(|i| made.element(at * width + i)).collect::<Vec<_>>().join("|")
        };
        assert_eq!([row(0), row(1)], expected);
    }

    /// As ONNX Runtime 1.32 has it.
    #[test]
    fn tokens_are_those_of_onnx_runtime() {
        let words = || By::Match("[a-z]+".to_string());
        let apart = |all: &[&str]| By::Separators(all.iter().map(|s| s.to_string()).collect());
        check(words(), 1, false, ["ab c d", ""], ["ab|c|d", "#|#|#"]);
        check(words(), 1, true, ["ab c", ""], ["\u{2}|ab|c|\u{3}", "\u{2}|\u{3}|#|#"]);
        check(words(), 1, true, [".", ""], ["", ""]);
        check(words(), 2, false, ["ab c d", "xyz  w"], ["ab", "xyz"]);
        check(apart(&[" "]), 1, false, ["ab c", "xyz  w"], ["ab|c", "xyz|w"]);
        check(apart(&[" ", "y"]), 1, false, ["ab c d", "xyz  w"], ["ab|c|d", "x|z|w"]);
        check(apart(&["[0-9]+", "b"]), 1, false, ["a1b22c", "b"], ["a|c", "#|#"]);
        check(apart(&["."]), 1, false, ["a.b..c", "b"], ["", ""]);
        check(apart(&[""]), 1, false, ["ö é", "ab"], ["ö| |é", "a|b|#"]);
        check(By::Match("a*".to_string()), 1, false, ["aab", "b"], ["aa", "#"]);
        check(By::Match("\\w+".to_string()), 2, false, ["größe é", "ab"], ["gr", "ab"]);
    }
}
