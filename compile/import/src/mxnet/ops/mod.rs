//! The operators, one file for each family. Each file starts with its table.

mod activation;
mod attention;
mod conv;
mod detection;
mod elementwise;
mod image;
mod index;
mod loss;
mod matmul;
mod movement;
mod norm;
mod pool;
mod recurrent;
mod reduce;
mod shape;

use super::call::{Call, Made};
use super::symbol::{Node, Source};
use crate::Operator;

/// An operator that is read.
pub(super) struct Row {
    /// Its name.
    pub(super) name: &'static str,
    /// Does it take labels behind its first input, which only training needs?
    takes_labels: bool,
    /// Its import function.
    pub(super) import: fn(&mut Call<'_, '_>) -> Made,
}

const fn row(name: &'static str, import: fn(&mut Call<'_, '_>) -> Made) -> Row {
    Row { name, takes_labels: false, import }
}

impl Row {
    /// The same; what it takes behind its first input are labels.
    const fn with_labels(self) -> Row {
        Row { takes_labels: true, ..self }
    }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("activation", activation::ROWS),
    ("attention", attention::ROWS),
    ("conv", conv::ROWS),
    ("detection", detection::ROWS),
    ("elementwise", elementwise::ROWS),
    ("image", image::ROWS),
    ("index", index::ROWS),
    ("loss", loss::ROWS),
    ("matmul", matmul::ROWS),
    ("movement", movement::ROWS),
    ("norm", norm::ROWS),
    ("pool", pool::ROWS),
    ("recurrent", recurrent::ROWS),
    ("reduce", reduce::ROWS),
    ("shape", shape::ROWS),
];

/// The row of an operator.
pub(super) fn find(op: &str) -> Option<&'static Row> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.name == op)
}

/// What a node takes in inference.
pub(super) fn inputs_of(node: &Node) -> &[Source] {
    let takes_labels = find(&node.op).is_some_and(|row| row.takes_labels);
    let count = if takes_labels { 1 } else { node.inputs.len() };
    &node.inputs[..count.min(node.inputs.len())]
}

/// Every operator that is read.
pub fn operators() -> impl Iterator<Item = Operator> {
    crate::listing::operators(FAMILIES, |row| row.name)
}
