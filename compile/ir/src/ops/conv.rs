//! Convolution.

use crate::{Conv, Fact, RuleError};
use tensor::rule::{require_type, same_size};
use tensor::{DType, Dim};

/// The rule of [`crate::Op::Conv`].
pub fn conv(conv: &Conv, inputs: &[Fact]) -> Result<Fact, RuleError> {
    let (x, weights, bias) = match inputs {
        [x, weights] => (x, weights, None),
        [x, weights, bias] => (x, weights, Some(bias)),
        _ => return Err(RuleError::Arity { expected: "2 or 3", found: inputs.len() }),
    };
    for (input, fact) in inputs.iter().enumerate() {
        require_type(input, fact, |d| d == x.dtype && d.is_float(), DType::F32.name())?;
    }
    if x.rank() < 3 || weights.rank() != x.rank() {
        let expected = "at least 3, the same as the weights'".to_string();
        return Err(RuleError::Rank { input: 0, expected, found: x.shape.clone() });
    }
    let spatial = x.rank() - 2;
    require_entries("strides", conv.strides.len(), spatial)?;
    require_entries("dilations", conv.dilations.len(), spatial)?;
    require_entries("pads", conv.pads.len(), spatial)?;
    if conv.groups == 0 {
        return Err(at_least_one("groups"));
    }
    let groups = Dim::from(conv.groups);
    same_size("input channels", &(weights.shape[1].clone() * groups), &x.shape[1])?;
    let outputs = weights.shape[0].known_size();
    if outputs.is_some_and(|o| o % conv.groups != 0) {
        let expected = format!("a multiple of the {} groups", conv.groups);
        let found = weights.shape[0].to_string();
        return Err(RuleError::Parameter { what: "output channels", found, expected });
    }
    if let Some(bias) = bias {
        let [size] = bias.shape.as_slice() else {
            let (expected, found) = ("1".to_string(), bias.shape.clone());
            return Err(RuleError::Rank { input: 2, expected, found });
        };
        same_size("bias", &weights.shape[0], size)?;
    }
    let mut shape = vec![x.shape[0].clone(), weights.shape[0].clone()];
    for axis in 0..spatial {
        let taps = weights.shape[axis + 2].known_size().ok_or_else(|| RuleError::Parameter {
            what: "kernel size",
            found: weights.shape[axis + 2].to_string(),
            expected: "a known size".to_string(),
        })?;
        let window = Window {
            taps,
            stride: conv.strides[axis],
            dilation: conv.dilations[axis],
            pads: conv.pads[axis],
        };
        shape.push(window.count(&x.shape[axis + 2])?);
    }
    Ok(Fact { dtype: x.dtype, shape })
}

/// A window that slides over one spatial axis.
pub(crate) struct Window {
    pub(crate) taps: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) pads: (usize, usize),
}

impl Window {
    /// How many whole windows fit on an axis of `size` elements.
    pub(crate) fn count(&self, size: &Dim) -> Result<Dim, RuleError> {
        let room = self.room(size)?;
        Ok(room.floor_div(&Dim::from(self.stride)) + Dim::from(1))
    }

    /// Elements of the padded axis beyond the first window; refused when that does not fit.
    pub(crate) fn room(&self, size: &Dim) -> Result<Dim, RuleError> {
        let room = self.slack(size)?;
        if let Some(missing) = room.known().filter(|&r| r < 0) {
            let expected = size.clone() - Dim::from(missing);
            return Err(RuleError::Size { what: "spatial size", expected, found: size.clone() });
        }
        Ok(room)
    }

    /// As [`Window::room`], negative when the first window does not fit.
    pub(crate) fn slack(&self, size: &Dim) -> Result<Dim, RuleError> {
        if self.taps == 0 || self.stride == 0 || self.dilation == 0 {
            return Err(at_least_one("kernel size, stride or dilation"));
        }
        // In 32 bits, so that no position computed from them can overflow 64.
        let in_range = |what: &'static str, number: Option<usize>| {
            number.filter(|&n| n <= u32::MAX as usize).ok_or_else(|| RuleError::Parameter {
                what,
                found: format!("{:?}", (self.taps, self.stride, self.dilation, self.pads)),
                expected: "taps, stride, dilation and pads that fit in 32 bits".to_string(),
            })
        };
        in_range("stride", Some(self.stride))?;
        let span = in_range("window", (self.taps - 1).checked_mul(self.dilation))?;
        let pads = in_range("padding", self.pads.0.checked_add(self.pads.1))?;
        Ok(size.clone() + Dim::from(pads) - Dim::from(span + 1))
    }
}

pub(crate) fn require_entries(
    what: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), RuleError> {
    if found == expected {
        return Ok(());
    }
    let expected = format!("{expected} entries, one for each spatial axis");
    Err(RuleError::Parameter { what, found: format!("{found} entries"), expected })
}

fn at_least_one(what: &'static str) -> RuleError {
    RuleError::Parameter { what, found: "0".to_string(), expected: "at least 1".to_string() }
}
