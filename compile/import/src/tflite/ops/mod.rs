//! The operators, one file for each family. Each file starts with its table.

mod activation;
mod control;
mod conv;
mod elementwise;
mod image;
mod index;
mod matmul;
mod movement;
mod names;
mod norm;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod shape;
mod slice;

use super::step::{Made, Step};
use crate::Operator;
use crate::build::Operand;
use crate::error::Reason;
use names::NAMES;

/// An operator that is read.
pub(super) struct Row {
    /// Its name.
    name: &'static str,
    /// What imports it.
    pub(super) import: Import,
}

/// What imports an operator.
#[derive(Clone, Copy)]
pub(super) enum Import {
    /// It is an operator of TensorFlow without attributes.
    Same(&'static str),
    /// Its own function.
    By(fn(&mut Step<'_, '_, '_>) -> Made),
    /// Its own function, which calls graphs. What it makes is in the types of the values.
    Graphs(fn(&mut Step<'_, '_, '_>) -> Result<Option<Vec<Operand>>, Reason>),
}

const fn row(name: &'static str, import: fn(&mut Step<'_, '_, '_>) -> Made) -> Row {
    Row { name, import: Import::By(import) }
}

const fn graphs(
    name: &'static str,
    import: fn(&mut Step<'_, '_, '_>) -> Result<Option<Vec<Operand>>, Reason>,
) -> Row {
    Row { name, import: Import::Graphs(import) }
}

const fn same(name: &'static str, op: &'static str) -> Row {
    Row { name, import: Import::Same(op) }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("activation", activation::ROWS),
    ("control", control::ROWS),
    ("conv", conv::ROWS),
    ("elementwise", elementwise::ROWS),
    ("image", image::ROWS),
    ("index", index::ROWS),
    ("matmul", matmul::ROWS),
    ("movement", movement::ROWS),
    ("norm", norm::ROWS),
    ("pool", pool::ROWS),
    ("quantize", quantize::ROWS),
    ("recurrent", recurrent::ROWS),
    ("reduce", reduce::ROWS),
    ("shape", shape::ROWS),
    ("slice", slice::ROWS),
];

/// The operator of a number for what is none of the format's own.
const CUSTOM: &str = "CUSTOM";

/// The row of an operator.
pub(super) fn find(code: usize) -> Option<&'static Row> {
    let name = NAMES.get(code)?;
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.name == *name)
}

/// What an operator is called.
pub(super) fn name(code: usize, custom: &str) -> String {
    match NAMES.get(code) {
        Some(&CUSTOM) if !custom.is_empty() => custom.to_string(),
        Some(name) => (*name).to_string(),
        None => format!("operator {code}"),
    }
}

/// Every operator that is read.
pub fn operators() -> impl Iterator<Item = Operator> {
    crate::listing::operators(FAMILIES, |row| row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_has_one_row_and_a_number() {
        let mut names: Vec<_> = operators().map(|operator| operator.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
        assert!(names.iter().all(|name| NAMES.contains(name)), "{names:?}");
    }
}
