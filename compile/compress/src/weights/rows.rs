//! Weights of a layer, output channel by output channel.

use crate::CompressError;
use crate::layers::Site;
use tensor::{Element, Tensor};

/// Rows of `depth` numbers, one for each output channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rows {
    pub(crate) depth: usize,
    pub(crate) numbers: Vec<f32>,
}

impl Rows {
    /// The weights of a layer of floats.
    pub(crate) fn of(site: &Site) -> Result<Rows, CompressError> {
        let numbers = in_rows(site, site.stored.as_slice::<f32>()?);
        Ok(Rows { depth: site.depth(), numbers })
    }

    /// Each row.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.depth)
    }

    /// Each row, to be written.
    pub(crate) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = &mut [f32]> {
        self.numbers.chunks_exact_mut(self.depth)
    }

    /// As the layer's node takes them.
    pub(crate) fn tensor(&self, site: &Site) -> Result<Tensor, CompressError> {
        Ok(Tensor::from_slice(&site.shape, &as_taken(site, &self.numbers))?)
    }
}

/// Elements as the layer's node takes them, row after row.
pub(crate) fn in_rows<T: Element>(site: &Site, taken: &[T]) -> Vec<T> {
    match site.groups {
        Some(_) => taken.to_vec(),
        None => transposed(taken, site.shape[1]),
    }
}

/// The reverse of [`in_rows`].
pub(crate) fn as_taken<T: Element>(site: &Site, rows: &[T]) -> Vec<T> {
    match site.groups {
        Some(_) => rows.to_vec(),
        None => transposed(rows, site.shape[0]),
    }
}

/// The transpose of a matrix of so many columns.
fn transposed<T: Copy>(matrix: &[T], columns: usize) -> Vec<T> {
    let rows = matrix.len() / columns.max(1);
    (0..columns).flat_map(|c| (0..rows).map(move |r| matrix[r * columns + c])).collect()
}
