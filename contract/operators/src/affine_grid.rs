//! ONNX AffineGrid-20.

use crate::{Compute, ComputeError, numbers};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, exactly, require_type, same_size};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(theta[N, A, A + 1])`: the places `[N, sizes…, A]` where [`crate::grid_sample`] reads an image
/// of `A` axes that `theta` moves, the last axis first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AffineGrid {
    /// Sizes of the axes.
    pub sizes: Vec<Dim>,
    /// Do -1 and 1 name the centers of the first and last elements, or their outer edges?
    pub aligns_corners: bool,
}

impl Compute for AffineGrid {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [theta] = exactly(inputs, "1")?;
        require_type(0, theta, DType::is_float, "floats")?;
        let [batch, rows, columns] = theta.shape.as_slice() else {
            let (expected, found) = ("3".to_string(), theta.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        };
        let axes = self.sizes.len();
        same_size("the rows of theta", &Dim::from(axes), rows)?;
        same_size("the columns of theta", &Dim::from(axes + 1), columns)?;
        let sizes = self.sizes.iter().cloned();
        let shape = [batch.clone()].into_iter().chain(sizes).chain([Dim::from(axes)]).collect();
        Ok(vec![Fact { dtype: theta.dtype, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let theta = numbers::read_floats(&inputs[0]);
        let axes = self.sizes.len();
        let sizes = &outputs[0].shape[1..=axes];
        let places: usize = sizes.iter().product();
        let mut made = Vec::with_capacity(outputs[0].len());
        for (n, place) in (0..inputs[0].shape[0]).flat_map(|n| (0..places).map(move |p| (n, p))) {
            // The coordinates of the place, the last axis first, and the 1 that is moved by.
            let mut rest = place;
            let mut homogeneous = Vec::with_capacity(axes + 1);
            for &size in sizes.iter().rev() {
                homogeneous.push(self.coordinate(rest % size, size));
                rest /= size;
            }
            homogeneous.push(1.0);
            let rows = theta[n * axes * (axes + 1)..][..axes * (axes + 1)].chunks(axes + 1);
            made.extend(
                rows.map(|row| row.iter().zip(&homogeneous).map(|(a, b)| a * b).sum::<f64>()),
            );
        }
        numbers::store_floats(&mut outputs[0], &made);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<AffineGrid, DimError> {
        Ok(AffineGrid { sizes: crate::bound(&self.sizes, sizes)?, ..self.clone() })
    }
}

impl AffineGrid {
    /// Where an element lies between -1 and 1.
    fn coordinate(&self, index: usize, size: usize) -> f64 {
        let (index, size) = (index as f64, size as f64);
        match self.aligns_corners {
            true => 2.0 * index / (size - 1.0).max(1.0) - 1.0,
            false => (2.0 * index + 1.0) / size - 1.0,
        }
    }
}
