//! The text of a model: lines `name=value`, those of the whole model first, then those of each
//! tree behind `Tree=<number>`.

use std::collections::HashMap;
use std::str::FromStr;

/// What ends the trees; the parameters of the training follow.
const END: &str = "end of trees";

/// What begins a tree.
const TREE: &str = "Tree=";

/// The text, in parts.
pub(super) struct Document<'t> {
    /// Of the whole model.
    pub(super) head: Part<'t>,
    /// Of each tree.
    pub(super) trees: Vec<Part<'t>>,
    /// Did the trees come to their end?
    pub(super) is_whole: bool,
}

/// Values by their names; empty where a line is a name alone.
#[derive(Default)]
pub(super) struct Part<'t> {
    values: HashMap<&'t str, &'t str>,
}

impl<'t> Document<'t> {
    /// The parts of a text.
    pub(super) fn of(text: &'t str) -> Document<'t> {
        let mut document = Document { head: Part::default(), trees: vec![], is_whole: false };
        for line in text.lines().map(str::trim) {
            if line == END {
                document.is_whole = true;
                break;
            }
            if line.starts_with(TREE) {
                document.trees.push(Part::default());
                continue;
            }
            let part = document.trees.last_mut().unwrap_or(&mut document.head);
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            part.values.insert(name, value);
        }
        document
    }
}

impl<'t> Part<'t> {
    /// The value of a name.
    pub(super) fn get(&self, name: &str) -> Option<&'t str> {
        self.values.get(name).copied()
    }

    /// The number of a name; what the value is when it is none.
    pub(super) fn number<T: FromStr>(&self, name: &'static str) -> Result<T, Wrong> {
        let value = self.get(name).unwrap_or_default();
        value.trim().parse().map_err(|_| Wrong::new(name, "a number", value))
    }

    /// The numbers of a name, of which there have to be so many.
    pub(super) fn numbers<T: FromStr>(
        &self,
        name: &'static str,
        count: usize,
    ) -> Result<Vec<T>, Wrong> {
        let values = self.get(name).unwrap_or_default().split_ascii_whitespace();
        let numbers =
            values.map(|value| value.parse().map_err(|_| Wrong::new(name, "a number", value)));
        let numbers = numbers.collect::<Result<Vec<T>, Wrong>>()?;
        if numbers.len() != count {
            let (expected, found) = (format!("{count} numbers"), numbers.len().to_string());
            return Err(Wrong { name, expected, found });
        }
        Ok(numbers)
    }
}

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) name: &'static str,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Wrong {
    /// A value that is another than expected.
    pub(super) fn new(name: &'static str, expected: &str, found: &str) -> Wrong {
        // A damaged file may have lines of any length.
        let found = found.chars().take(80).collect();
        Wrong { name, expected: expected.to_string(), found }
    }
}
