//! What happens to a sum before it is stored.

use crate::Floats;
use crate::floats::Source;
use tensor::scalar::Unary;

/// `y = activation(rounding(sum + bias) + residual)`, each part optional, and bytes of it.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a> {
    /// One number per column (channel) of the result.
    pub bias: Option<&'a [f32]>,
    /// In the order of the result.
    pub residual: Option<Floats<'a>>,
    /// Factor of the residual.
    pub residual_scale: f32,
    /// Of sums of products of bytes: what they are rounded to before the residual is added.
    pub rounding: Option<Rounding>,
    /// Bounds cost nothing, other functions one pass over data in cache.
    pub activation: Option<Unary>,
    /// What becomes bytes behind an activation that is more than bounds: `y * factor + offset`.
    /// Bounds, and what comes before them, have this in their own numbers.
    pub steps: Option<Steps>,
}

/// Sums that are rounded to bytes and count as what these stand for:
/// `round(clamp(y)) * factor + offset`, ties to even, product and sum rounded once together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rounding {
    /// The least and the greatest byte.
    pub bounds: [f32; 2],
    /// From its steps to those of the result.
    pub factor: f32,
    /// Added last.
    pub offset: f32,
}

/// From numbers to the integers that stand for them.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    /// The inverse of their scale.
    pub factor: f32,
    /// Their zero point.
    pub offset: f32,
}

impl Default for Epilogue<'_> {
    /// Nothing.
    fn default() -> Self {
        Epilogue {
            bias: None,
            residual: None,
            residual_scale: 1.0,
            rounding: None,
            activation: None,
            steps: None,
        }
    }
}

impl Epilogue<'_> {
    /// The bias from a column on, or null.
    pub(crate) fn bias_at(&self, column: usize) -> *const f32 {
        self.bias.map_or(std::ptr::null(), |bias| bias.as_ptr().wrapping_add(column))
    }

    /// The residual from an element on.
    pub(crate) fn residual_at(&self, index: usize) -> Option<Source> {
        self.residual.map(|residual| residual.at(index))
    }

    /// # Panics
    /// When a length does not fit a result of `len` elements in rows of `columns`.
    pub(crate) fn check(&self, columns: usize, len: usize) {
        if let Some(bias) = self.bias {
            assert_eq!(bias.len(), columns, "bias: one number per column expected");
        }
        if let Some(residual) = self.residual {
            assert_eq!(residual.len(), len, "residual: the shape of the result expected");
        }
    }
}

/// An activation as the tile kernels see it: bounds, and what is left to do afterwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clamp {
    /// Lower bound.
    pub(crate) low: f32,
    /// Upper bound.
    pub(crate) high: f32,
    /// What bounds cannot express.
    pub(crate) rest: Option<Unary>,
    /// The bounds that bytes may have after they are rounded instead: where all results are numbers
    /// within the range of an `i32`.
    pub(crate) bytes: Option<[u8; 2]>,
}

impl Clamp {
    /// Splits an activation.
    pub(crate) fn of(activation: Option<Unary>) -> Clamp {
        let none = Clamp { low: f32::NEG_INFINITY, high: f32::INFINITY, rest: None, bytes: None };
        match activation {
            None => none,
            Some(Unary::Relu) => Clamp { low: 0.0, ..none },
            Some(Unary::Clip { min, max }) => Clamp { low: min, high: max, ..none },
            other => Clamp { rest: other, ..none },
        }
    }

    /// The bounds of sums of up to `depth` products of bytes by these factors.
    pub(crate) fn of_bytes(epilogue: &Epilogue<'_>, depth: usize, scales: &[f32]) -> Clamp {
        let clamp = Clamp::of(epilogue.activation);
        // Five terms of this magnitude make no number beyond an i32.
        let most = (1 << 28) as f32;
        let factor_of = |largest: usize| most / largest.max(1) as f32;
        let steps = epilogue.rounding.map_or([0.0; 2], |steps| [steps.factor, steps.offset]);
        let are_within_i32 = are_within(scales, factor_of(depth.saturating_mul(255 * 128)))
            && epilogue.bias.is_none_or(|bias| are_within(bias, most))
            && are_within(&[epilogue.residual_scale, steps[0]], factor_of(256))
            && are_within(&[steps[1]], most);
        // A bound that is no number is none.
        let byte = |bound: f32, none| if bound.is_nan() { none } else { bound.round_ties_even() };
        let bytes = [byte(clamp.low, 0.0) as u8, byte(clamp.high, 255.0) as u8];
        Clamp { bytes: are_within_i32.then_some(bytes), ..clamp }
    }
}

/// Is the magnitude of each number at most this?
fn are_within(numbers: &[f32], most: f32) -> bool {
    // Without a branch for each, which would keep it from being done by vectors.
    numbers.iter().fold(true, |are, x| are & (x.abs() <= most))
}
