//! The operators, one file for each family of `compile/ir` and two more: `shape` for what is
//! known without data, `tabular` for `ai.onnx.ml`. Each file starts with its table.

mod conv;
mod elementwise;
mod index;
mod loss;
mod matmul;
mod movement;
mod norm;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod shape;
mod tabular;

use super::call::{Call, Made};

/// The domain of classical machine learning.
const ML: &str = "ai.onnx.ml";

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
    pub(super) import: fn(&mut Call<'_>) -> Made,
}

const fn row(
    name: &'static str,
    attributes: &'static [&'static str],
    import: fn(&mut Call<'_>) -> Made,
) -> Row {
    Row { domain: "ai.onnx", name, attributes, import }
}

const fn ml(
    name: &'static str,
    attributes: &'static [&'static str],
    import: fn(&mut Call<'_>) -> Made,
) -> Row {
    Row { domain: ML, name, attributes, import }
}

const FAMILIES: &[(&str, &[Row])] = &[
    ("conv", conv::OPS),
    ("elementwise", elementwise::OPS),
    ("elementwise", elementwise::activation::OPS),
    ("elementwise", elementwise::seldom::OPS),
    ("index", index::OPS),
    ("loss", loss::OPS),
    ("matmul", matmul::OPS),
    ("movement", movement::OPS),
    ("movement", movement::slice::OPS),
    ("norm", norm::OPS),
    ("pool", pool::OPS),
    ("quantize", quantize::OPS),
    ("recurrent", recurrent::OPS),
    ("reduce", reduce::OPS),
    ("resize", resize::OPS),
    ("shape", shape::OPS),
    ("tabular", tabular::OPS),
    ("tabular", tabular::tree::OPS),
];

/// The row of an operator.
pub(super) fn find(domain: &str, name: &str) -> Option<&'static Row> {
    let mut rows = FAMILIES.iter().flat_map(|(_, rows)| rows.iter());
    rows.find(|row| row.name == name && row.domain == domain)
}

/// An operator that is read, for listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// `ai.onnx` or `ai.onnx.ml`.
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
const HINTS: &[(&str, &str, &str)] = &[
    (ML, "SVM", "support vector machines are not read yet: serve a linear model or a network"),
    ("ai.onnx", "If", "fix the condition at export, so that only one branch is left"),
    ("ai.onnx", "Loop", "unroll the loop at export"),
    ("ai.onnx", "Scan", "unroll the scan at export"),
    ("ai.onnx", "NonMaxSuppression", "cut the model before it and select the boxes outside"),
    ("com.microsoft", "", "this file was rewritten for ONNX Runtime: import the one it came from"),
];

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
