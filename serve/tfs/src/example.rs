//! What both forms of an example have in common.

use crate::type_name;
use plan::Port;
use server::Refusal;
use tensor::Dim;

/// Most bytes that the context's features come to, each counted as often as an example takes it.
/// 32 MiB: as much as a body has by default.
pub const CONTEXT_BYTES_MAX: usize = 32 << 20;

/// Features that all examples have which do not have their own, and what was taken of them.
#[derive(Debug)]
pub struct Context<T> {
    features: Vec<(String, T)>,
    taken: usize,
}

impl<T: Copy + AsRef<[u8]>> Context<T> {
    /// Features by their names.
    pub fn new(features: Vec<(String, T)>) -> Context<T> {
        Context { features, taken: 0 }
    }

    /// The feature for this input: the example's own, the last one that is called so, or else the
    /// context's.
    ///
    /// # Errors
    /// When there is none, or the examples together take too much of the context.
    pub fn feature(&mut self, port: &Port, own: &[(String, T)]) -> Result<T, Refusal> {
        if let Some((_, feature)) = own.iter().rev().find(|(name, _)| *name == port.name) {
            return Ok(*feature);
        }
        let shared = self.features.iter().find(|(name, _)| *name == port.name);
        let (_, feature) = shared.ok_or_else(|| missing(port))?;
        self.taken = self.taken.saturating_add(feature.as_ref().len());
        if self.taken > CONTEXT_BYTES_MAX {
            return Err(Refusal::InvalidArgument(format!(
                "'context' is more than {CONTEXT_BYTES_MAX} bytes when each example takes its \
                 features; send fewer examples at a time"
            )));
        }
        Ok(*feature)
    }
}

/// What an example lacks.
fn missing(port: &Port) -> Refusal {
    let (name, dtype) = (&port.name, type_name(port.dtype));
    Refusal::InvalidArgument(format!(
        "Feature: {name} (data type: {dtype}) is required but could not be found."
    ))
}

/// The shape that `rows` features of `count` elements each have together: the input's, where it
/// has as many.
pub fn feature_shape(port: &Port, rows: usize, count: usize) -> Vec<usize> {
    let wanted = port.shape.get(1..).unwrap_or_default();
    let sizes: Option<Vec<usize>> = wanted.iter().map(Dim::known_size).collect();
    let sizes = sizes.filter(|sizes| sizes.iter().product::<usize>() == count);
    [vec![rows], sizes.unwrap_or_else(|| vec![count])].concat()
}

/// A feature must have as many elements as those before it.
///
/// # Errors
/// When it does not.
pub fn check_row(expected: usize, found: usize) -> Result<(), Refusal> {
    if found == expected {
        return Ok(());
    }
    let text = format!("Expecting tensor size: {expected} but got: {found}");
    Err(Refusal::InvalidArgument(text))
}
