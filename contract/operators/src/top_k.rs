//! ONNX TopK-1,10,11,24.

use crate::numbers::{self, Numbers};
use crate::{Compute, ComputeError, around};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use tensor::rule::{Fact, RuleError, exactly, require_axis};
use tensor::{Bindings, DType, Dim, DimError, View, ViewMut};

/// `(x)`: the `k` largest or smallest elements along an axis in order, and their `i64` indices. Of
/// equal elements those with lower indices come first; NaN counts as the largest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopK {
    /// The axis.
    pub axis: usize,
    /// How many elements.
    pub k: Dim,
    /// Are the largest sought, or the smallest?
    pub is_largest: bool,
}

impl Compute for TopK {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let [x] = exactly(inputs, "1")?;
        require_axis(self.axis, x)?;
        let is_beyond = |k: i64| k < 0 || x.shape[self.axis].known().is_some_and(|size| k > size);
        if self.k.known().is_some_and(is_beyond) {
            let expected = format!("at most {}", x.shape[self.axis]);
            return Err(RuleError::Parameter { what: "k", found: self.k.to_string(), expected });
        }
        let mut shape = x.shape.clone();
        shape[self.axis] = self.k.clone();
        Ok(vec![Fact { dtype: x.dtype, shape: shape.clone() }, Fact { dtype: DType::I64, shape }])
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let sizes = around(inputs[0].shape, self.axis);
        let k = outputs[0].shape[self.axis];
        let order = match numbers::read(&inputs[0]) {
            Numbers::Float(x) => {
                let compare = |a: usize, b: usize| match (x[a].is_nan(), x[b].is_nan()) {
                    (false, false) => x[a].partial_cmp(&x[b]).unwrap_or(Ordering::Equal),
                    (a, b) => a.cmp(&b),
                };
                self.order(sizes, k, compare)
            }
            Numbers::Integer(x) => self.order(sizes, k, |a, b| x[a].cmp(&x[b])),
        };
        let [_, size, inner] = sizes;
        let bytes = inputs[0].dtype.size();
        let indices = order.iter().map(|&at| (at / inner % size) as i128).collect::<Vec<_>>();
        for (place, at) in outputs[0].bytes.chunks_exact_mut(bytes).zip(order) {
            place.copy_from_slice(&inputs[0].bytes[at * bytes..][..bytes]);
        }
        numbers::store_integers(&mut outputs[1], &indices);
        Ok(())
    }

    fn bind(&self, sizes: &Bindings) -> Result<TopK, DimError> {
        Ok(TopK { k: Dim::from(self.k.evaluate(sizes)?), ..self.clone() })
    }
}

impl TopK {
    /// The places of the picked elements, in the order of the result.
    fn order(
        &self,
        [outer, size, inner]: [usize; 3],
        k: usize,
        compare: impl Fn(usize, usize) -> Ordering,
    ) -> Vec<usize> {
        let mut made = vec![0; outer * k * inner];
        for (o, i) in (0..outer).flat_map(|o| (0..inner).map(move |i| (o, i))) {
            let mut places: Vec<usize> = (0..size).map(|j| (o * size + j) * inner + i).collect();
            let in_order = |a: &usize, b: &usize| {
                let order = compare(*a, *b);
                if self.is_largest { order.reverse() } else { order }
            };
            places.sort_by(in_order);
            for (j, &place) in places.iter().take(k).enumerate() {
                made[(o * k + j) * inner + i] = place;
            }
        }
        made
    }
}
