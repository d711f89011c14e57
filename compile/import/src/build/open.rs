//! Sizes that a model leaves open.

use crate::Options;
use tensor::Dim;

/// The size that an input has on the axis that runs over the examples, where it is open.
const BATCH: &str = "batch";

/// The size of an open axis of an input whose first axis runs over the examples: a symbol, or what
/// it is to be fixed at.
pub(crate) fn open_size(input: &str, axis: usize, options: &Options) -> Dim {
    open_size_beside(input, axis, 0, options)
}

/// The same, where another axis runs over the examples.
pub(crate) fn open_size_beside(input: &str, axis: usize, batch: usize, options: &Options) -> Dim {
    let symbol = match axis == batch {
        true => BATCH.to_string(),
        false => format!("{}_{axis}", symbol(input)),
    };
    options.sizes.get(&symbol).copied().map_or_else(|| Dim::symbol(&symbol), Dim::from)
}

/// A name that a size may have: it begins with a letter, and has no others than these in it.
fn symbol(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let is_plain = |c: char| c.is_alphanumeric() || c == '_';
    let name: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches(|c: char| !c.is_alphabetic());
    if name.is_empty() { "input".to_string() } else { name.to_string() }
}
