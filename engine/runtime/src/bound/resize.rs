//! Interpolation to another size.

use super::window::images;
use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::resize::{self, Taps};
use operators::resize::{Coordinates, Resize as Operator};
use simd::Isa;
use tensor::DType;
use tensor::rule::Fact;

pub(crate) struct Resize {
    /// `[N, H, W, C]`
    shape: [usize; 4],
    rows: Table,
    columns: Table,
}

/// The taps of one axis.
struct Table {
    starts: Vec<u32>,
    places: Vec<u32>,
    weights: Vec<f32>,
}

/// Most taps for each element of an axis, old or new: cubic interpolation that is made wider where
/// the result is smaller has four.
const TAPS_MAX: usize = 8;

impl Resize {
    pub(crate) fn bind(operator: &Operator, facts: &Facts<'_>) -> Result<Resize, RunError> {
        facts.require_types(DType::F32)?;
        let (shape, output) = images(facts)?;
        let operator = operator.bound(facts.sizes).map_err(|e| RunError::size(facts.name, &e))?;
        let is_planar = operator.axes.iter().all(|resized| matches!(resized.axis, 1 | 2));
        facts.require(is_planar, "other axes than rows and columns are resized")?;
        let is_crop = operator.coordinates == Coordinates::Crop;
        facts.require(!is_crop, "regions of interest have no kernel")?;
        let fact = |shape: &[usize]| Fact {
            dtype: DType::F32,
            shape: shape.iter().map(|&size| size.into()).collect(),
        };
        let made = operator.made_of(&fact(&shape)).map_err(|e| facts.refuse(e.to_string()))?;
        facts.require(made == fact(&output), "the operator makes something else")?;
        let is_empty = |shape: &[usize; 4]| shape.contains(&0);
        let is_possible = is_empty(&output) || !is_empty(&shape);
        facts.require(is_possible, "nothing to interpolate between")?;
        let table = |axis: usize| match is_empty(&output) {
            true => Ok(Table { starts: vec![0], places: vec![], weights: vec![] }),
            false => Table::new(&operator, axis, [shape[axis], output[axis]], facts),
        };
        Ok(Resize { shape, rows: table(1)?, columns: table(2)? })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let (input, output) = (operands.input(0), operands.output());
        if output.is_empty() {
            return;
        }
        let taps = [self.rows.taps(), self.columns.taps()];
        execute(&resize::Resize::new(isa, self.shape, taps, input, output));
    }
}

impl Table {
    fn new(
        operator: &Operator,
        axis: usize,
        [old, new]: [usize; 2],
        facts: &Facts<'_>,
    ) -> Result<Table, RunError> {
        facts.require(old.max(new) < 1 << 28, "an axis has 2^28 elements or more")?;
        let mut made = Table { starts: vec![0], places: vec![], weights: vec![] };
        for element in 0..new {
            let taps = operator.taps(axis, [old, new], element);
            made.places.extend(taps.iter().map(|&(place, _)| place as u32));
            made.weights.extend(taps.iter().map(|&(_, weight)| weight as f32));
            let is_bounded = made.places.len() <= TAPS_MAX * (old + new);
            facts.require(is_bounded, "too many elements are interpolated between")?;
            made.starts.push(made.places.len() as u32);
        }
        Ok(made)
    }

    fn taps(&self) -> Taps<'_> {
        Taps { starts: &self.starts, places: &self.places, weights: &self.weights }
    }
}
