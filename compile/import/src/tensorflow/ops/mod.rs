//! The operators, one file for each family. Each file starts with its table.

mod activation;
mod control;
mod conv;
mod elementwise;
mod image;
mod index;
mod list;
mod matmul;
mod movement;
mod norm;
mod pool;
mod quantize;
mod reduce;
mod resource;
mod shape;
mod slice;
mod sparse;
mod text;

use super::call::{Call, Flow, Flows, Made};
use crate::Operator;
use crate::error::Reason;
pub(super) use control::unnamed;

/// An operator that is read.
pub(super) struct Row {
    /// Its name.
    pub(super) name: &'static str,
    /// The names of its outputs, where there are several.
    pub(super) outputs: &'static [&'static str],
    /// Does it look at one element of each value at a time, whatever the order of the axes?
    pub(super) is_of_elements: bool,
    /// Does it take what is not computed?
    pub(super) takes_dead: bool,
    /// Its import function.
    pub(super) import: Import,
}

/// What imports a node.
#[derive(Clone, Copy)]
pub(super) enum Import {
    /// Makes tensors.
    Tensors(fn(&mut Call<'_, '_>) -> Made),
    /// Makes tensors and more.
    Flows(fn(&mut Call<'_, '_>) -> Flows),
    /// Walks over functions, whose results may not be known.
    Graphs(fn(&mut Call<'_, '_>) -> Result<Option<Vec<Flow>>, Reason>),
}

const fn row(name: &'static str, import: fn(&mut Call<'_, '_>) -> Made) -> Row {
    let import = Import::Tensors(import);
    Row { name, outputs: &[], is_of_elements: false, takes_dead: false, import }
}

const fn flows(name: &'static str, import: fn(&mut Call<'_, '_>) -> Flows) -> Row {
    let import = Import::Flows(import);
    Row { name, outputs: &[], is_of_elements: false, takes_dead: false, import }
}

const fn graphs(
    name: &'static str,
    import: fn(&mut Call<'_, '_>) -> Result<Option<Vec<Flow>>, Reason>,
) -> Row {
    let import = Import::Graphs(import);
    Row { name, outputs: &[], is_of_elements: false, takes_dead: false, import }
}

impl Row {
    /// The same; it looks at one element of each value at a time.
    const fn of_elements(self) -> Row {
        Row { is_of_elements: true, ..self }
    }

    /// The same, with outputs of these names.
    const fn makes(self, outputs: &'static [&'static str]) -> Row {
        Row { outputs, ..self }
    }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("activation", activation::ROWS),
    ("control", control::ROWS),
    ("conv", conv::ROWS),
    ("elementwise", elementwise::ROWS),
    ("image", image::ROWS),
    ("index", index::ROWS),
    ("list", list::ROWS),
    ("matmul", matmul::ROWS),
    ("movement", movement::ROWS),
    ("norm", norm::ROWS),
    ("pool", pool::ROWS),
    ("quantize", quantize::ROWS),
    ("reduce", reduce::ROWS),
    ("resource", resource::ROWS),
    ("shape", shape::ROWS),
    ("slice", slice::ROWS),
    ("sparse", sparse::ROWS),
    ("text", text::ROWS),
];

/// The row of an operator.
pub(super) fn find(op: &str) -> Option<&'static Row> {
    FAMILIES.iter().flat_map(|(_, rows)| rows.iter()).find(|row| row.name == op)
}

/// The place of the first value of an output with this name.
pub(super) fn place_of(op: &str, output: &str) -> usize {
    let names = find(op).map_or(&[][..], |row| row.outputs);
    names.iter().position(|name| *name == output).unwrap_or(0)
}

/// Every operator that is read.
pub fn operators() -> impl Iterator<Item = Operator> {
    crate::listing::operators(FAMILIES, |row| row.name)
}
