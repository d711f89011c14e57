//! Symbols get their sizes from shapes that have turned out.

use crate::{Bindings, Dim, DimError};

/// Why a shape is not the one that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Another size or number of axes.
    #[error("expected shape {expected:?}, found {found:?}")]
    Shape {
        /// What was expected.
        expected: Vec<Dim>,
        /// What there is.
        found: Vec<usize>,
    },
    /// A size of the expected shape that has no value.
    #[error(transparent)]
    Dim(#[from] DimError),
}

/// Gives each symbol of `expected` that has no size yet and stands alone the size at its place in
/// `found`, and requires all other sizes to be those of `found`.
///
/// ```
/// use tensor::{Bindings, Dim, bind_shape};
/// let mut sizes = Bindings::from([("n".to_string(), 2)]);
/// bind_shape(&[Dim::symbol("n"), Dim::symbol("m")], &[2, 5], &mut sizes).unwrap();
/// assert_eq!(sizes["m"], 5);
/// assert!(bind_shape(&[Dim::symbol("m")], &[4], &mut sizes).is_err());
/// ```
pub fn bind_shape(
    expected: &[Dim],
    found: &[usize],
    sizes: &mut Bindings,
) -> Result<(), ShapeError> {
    let refused = || ShapeError::Shape { expected: expected.to_vec(), found: found.to_vec() };
    if expected.len() != found.len() {
        return Err(refused());
    }
    for (dim, &size) in expected.iter().zip(found) {
        let size = i64::try_from(size).map_err(|_| refused())?;
        if let Some(symbol) = dim.as_symbol() {
            sizes.entry(symbol.to_string()).or_insert(size);
        }
    }
    for (dim, &size) in expected.iter().zip(found) {
        if usize::try_from(dim.evaluate(sizes)?) != Ok(size) {
            return Err(refused());
        }
    }
    Ok(())
}
