//! Sizes of symbols, found by laying a signature beside the shapes that a caller gives.

use crate::{Port, Signature};
use tensor::{Bindings, Dim, DimError};

/// Why shapes do not fit a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Another number of inputs.
    #[error("expected {expected} inputs, found {found}")]
    Count {
        /// How many the model takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// A shape that the model does not take.
    #[error("input `{input}`: expected shape {expected:?}, found {found:?}")]
    Shape {
        /// The input's name.
        input: String,
        /// The shape that the model takes.
        expected: Vec<Dim>,
        /// The shape that was given.
        found: Vec<usize>,
    },
    /// One symbol stands for two sizes.
    #[error("input `{input}`: dimension `{symbol}` is {found} here but {expected} elsewhere")]
    Conflict {
        /// The input's name.
        input: String,
        /// The symbol.
        symbol: String,
        /// Its size by an earlier input or axis.
        expected: i64,
        /// Its size here.
        found: i64,
    },
    /// A size of the signature that has no value.
    #[error(transparent)]
    Dim(#[from] DimError),
}

/// The size of every symbol of the inputs' shapes, when the model is given inputs of `shapes`.
///
/// ```
/// use plan::{Port, Signature, bind};
/// use tensor::{DType, Dim};
/// let shape = vec![Dim::symbol("n"), Dim::from(3)];
/// let port = Port { name: "x".into(), dtype: DType::F32, shape };
/// let signature = Signature { inputs: vec![port], outputs: vec![] };
/// assert_eq!(bind(&signature, &[&[5, 3]]).unwrap()["n"], 5);
/// assert!(bind(&signature, &[&[5, 4]]).is_err());
/// ```
pub fn bind(signature: &Signature, shapes: &[&[usize]]) -> Result<Bindings, BindError> {
    let (expected, found) = (signature.inputs.len(), shapes.len());
    if expected != found {
        return Err(BindError::Count { expected, found });
    }
    let mut sizes = Bindings::new();
    for (port, shape) in signature.inputs.iter().zip(shapes) {
        bind_symbols(port, shape, &mut sizes)?;
    }
    // A size that is an expression can be checked only when every symbol is known.
    for (port, shape) in signature.inputs.iter().zip(shapes) {
        for (dim, &size) in port.shape.iter().zip(*shape) {
            if dim.evaluate(&sizes)? != size as i64 {
                return Err(refused(port, shape));
            }
        }
    }
    Ok(sizes)
}

fn bind_symbols(port: &Port, shape: &[usize], sizes: &mut Bindings) -> Result<(), BindError> {
    if shape.len() != port.shape.len() {
        return Err(refused(port, shape));
    }
    for (dim, &size) in port.shape.iter().zip(shape) {
        let Ok(size) = i64::try_from(size) else {
            return Err(refused(port, shape));
        };
        if let Some(symbol) = dim.as_symbol() {
            let known = *sizes.entry(symbol.to_string()).or_insert(size);
            if known != size {
                let (input, symbol) = (port.name.clone(), symbol.to_string());
                return Err(BindError::Conflict { input, symbol, expected: known, found: size });
            }
        } else if dim.known().is_some_and(|known| known != size) {
            return Err(refused(port, shape));
        }
    }
    Ok(())
}

fn refused(port: &Port, shape: &[usize]) -> BindError {
    let (input, expected) = (port.name.clone(), port.shape.clone());
    BindError::Shape { input, expected, found: shape.to_vec() }
}
