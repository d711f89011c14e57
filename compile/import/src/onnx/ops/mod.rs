//! The operators, one file for each family of `compile/ir` and more: `shape` for what is known
//! without data, `select` and `sequence` for what only turns out while the model runs, `random`,
//! `sample`, `signal` and `text` for what is computed as written, `tabular` for `ai.onnx.ml` and
//! `microsoft` for `com.microsoft`. Each file starts with its table.

mod attention;
mod conv;
mod einsum;
mod elementwise;
mod index;
mod loss;
mod matmul;
mod matrix;
mod microsoft;
mod movement;
mod norm;
pub(super) mod old;
mod pool;
mod quantize;
mod random;
mod recurrent;
mod reduce;
mod resize;
mod sample;
mod select;
mod sequence;
mod shape;
mod signal;
mod strings;
mod tabular;
mod text;
mod withdrawn;

use super::call::{Call, Made};
use super::control::{self, Control};
use super::walk::{self, Walk};

/// The domain of classical machine learning.
pub(super) const ML: &str = "ai.onnx.ml";

/// The newest version of its operators.
pub(super) const ML_NEWEST: i64 = 5;

/// The domain of what ONNX Runtime's optimizer and quantizer write.
const MICROSOFT: &str = "com.microsoft";

/// An operator that is read.
pub(super) struct Row {
    /// Its domain, `ai.onnx` for the standard one.
    pub(super) domain: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// The attributes that its import function heeds, or may leave unheeded in inference. A node
    /// with another one is refused, since what it asks for is not known.
    pub(super) attributes: &'static [&'static str],
    /// Its import function.
    pub(super) import: Import,
}

/// What imports a node.
#[derive(Clone, Copy)]
pub(super) enum Import {
    /// Looks at the node alone.
    Call(fn(&mut Call<'_>) -> Made),
    /// Walks over the graphs inside of it.
    Control(fn(&mut Walk<'_>, &Control<'_>) -> walk::Made),
}

/// The row of an operator that runs graphs.
pub(super) const fn control(
    name: &'static str,
    attributes: &'static [&'static str],
    import: fn(&mut Walk<'_>, &Control<'_>) -> walk::Made,
) -> Row {
    Row { domain: "ai.onnx", name, attributes, import: Import::Control(import) }
}

const fn row(
    name: &'static str,
    attributes: &'static [&'static str],
    import: fn(&mut Call<'_>) -> Made,
) -> Row {
    Row { domain: "ai.onnx", name, attributes, import: Import::Call(import) }
}

const fn ml(
    name: &'static str,
    attributes: &'static [&'static str],
    import: fn(&mut Call<'_>) -> Made,
) -> Row {
    Row { domain: ML, name, attributes, import: Import::Call(import) }
}

const fn microsoft(
    name: &'static str,
    attributes: &'static [&'static str],
    import: fn(&mut Call<'_>) -> Made,
) -> Row {
    Row { domain: MICROSOFT, name, attributes, import: Import::Call(import) }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("attention", attention::OPS),
    ("attention", attention::flex::OPS),
    ("attention", attention::rotary::OPS),
    ("attention", attention::state::OPS),
    ("control", control::OPS),
    ("conv", conv::OPS),
    ("conv", conv::transpose::OPS),
    ("einsum", einsum::OPS),
    ("elementwise", elementwise::OPS),
    ("elementwise", elementwise::activation::OPS),
    ("elementwise", elementwise::seldom::OPS),
    ("index", index::OPS),
    ("loss", loss::OPS),
    ("matmul", matmul::OPS),
    ("matrix", matrix::OPS),
    ("microsoft", microsoft::activation::OPS),
    ("microsoft", microsoft::attention::OPS),
    ("microsoft", microsoft::fused::OPS),
    ("microsoft", microsoft::norm::OPS),
    ("microsoft", microsoft::qlinear::OPS),
    ("microsoft", microsoft::quantized::OPS),
    ("microsoft", microsoft::recurrent::OPS),
    ("microsoft", microsoft::tokenizer::OPS),
    ("movement", movement::OPS),
    ("movement", movement::slice::OPS),
    ("norm", norm::OPS),
    ("pool", pool::OPS),
    ("quantize", quantize::OPS),
    ("random", random::OPS),
    ("recurrent", recurrent::OPS),
    ("reduce", reduce::OPS),
    ("resize", resize::OPS),
    ("sample", sample::OPS),
    ("select", select::OPS),
    ("sequence", sequence::OPS),
    ("shape", shape::OPS),
    ("signal", signal::OPS),
    ("strings", strings::OPS),
    ("tabular", tabular::OPS),
    ("tabular", tabular::encoder::OPS),
    ("tabular", tabular::features::OPS),
    ("tabular", tabular::svm::OPS),
    ("tabular", tabular::tree::OPS),
    ("tabular", tabular::tree_ensemble::OPS),
    ("text", text::OPS),
    ("withdrawn", withdrawn::OPS),
];

/// The row of an operator.
pub(super) fn find(domain: &str, name: &str) -> Option<&'static Row> {
    let mut rows = FAMILIES.iter().flat_map(|(_, rows)| rows.iter());
    rows.find(|row| row.name == name && row.domain == domain)
}

/// An operator that is read, for listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// `ai.onnx`, `ai.onnx.ml`, `ai.onnx.preview` or `com.microsoft`.
    pub domain: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The file under `onnx/ops` that imports it.
    pub family: &'static str,
}

/// Every operator that is read.
pub fn operators() -> impl Iterator<Item = Operator> {
    FAMILIES.iter().flat_map(|(family, rows)| {
        rows.iter().map(|row| Operator { domain: row.domain, name: row.name, family })
    })
}

/// What to do about operators that are often met and not read: `(domain, prefix of the name,
/// what to do)`.
const HINTS: &[(&str, &str, &str)] =
    &[(MICROSOFT, "", "this file was rewritten for ONNX Runtime: import the one it came from")];

/// What to do about an operator that is not read.
pub(super) fn hint(domain: &str, name: &str) -> Option<&'static str> {
    let row = HINTS.iter().find(|(d, prefix, _)| *d == domain && name.starts_with(prefix));
    row.map(|(_, _, hint)| *hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operator_has_two_rows() {
        let mut names: Vec<_> = operators().map(|o| (o.domain, o.name)).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    }
}
