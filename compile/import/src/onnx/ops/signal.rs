//! Signals and their frequencies.

use super::{Row, row};
use crate::error::Reason;
use crate::onnx::call::{self, Call, Made};
use crate::onnx::tensors;
use ir::Op;
use operators::dft::Dft;
use operators::mel_weights::MelWeights;
use operators::stft::Stft;
use operators::window::{Window, WindowForm};
use tensor::{DType, Dim};

const WINDOW: &[&str] = &["output_datatype", "periodic"];

pub(super) const OPS: &[Row] = &[
    row("BlackmanWindow", WINDOW, |call| window(call, WindowForm::Blackman)),
    row("DFT", &["axis", "inverse", "onesided"], dft),
    row("HammingWindow", WINDOW, |call| window(call, WindowForm::Hamming)),
    row("HannWindow", WINDOW, |call| window(call, WindowForm::Hann)),
    row("MelWeightMatrix", &["output_datatype"], mel_weight_matrix),
    row("STFT", &["onesided"], stft),
];

/// An input that is one size.
fn size(call: &mut Call<'_>, index: usize, what: &str) -> Result<Dim, Reason> {
    let dims = call.dims(index, what)?;
    let [size] = dims.as_slice() else {
        let (expected, found) = (format!("{what}: one number"), format!("{dims:?}"));
        return Err(Reason::Input { input: index, expected, found });
    };
    Ok(size.clone())
}

/// The type that `output_datatype` names, f32 where it is absent.
fn element_type(call: &Call<'_>) -> Result<DType, Reason> {
    let Some(number) = call.int("output_datatype")? else { return Ok(DType::F32) };
    tensors::element_type(number)
        .map_err(|name| call.refuse("output_datatype", "a number type of 8 bits or more", &name))
}

/// ONNX HannWindow-17, HammingWindow-17 and BlackmanWindow-17.
fn window(call: &mut Call<'_>, form: WindowForm) -> Made {
    let (is_periodic, dtype) = (call.flag("periodic", true)?, element_type(call)?);
    let size = size(call, 0, "the size of the window")?;
    call.emit(Op::Whole(Window { form, size, is_periodic, dtype }.into()), &[])
}

/// ONNX MelWeightMatrix-17.
fn mel_weight_matrix(call: &mut Call<'_>) -> Made {
    let dtype = element_type(call)?;
    let bins = size(call, 0, "the number of bins")?;
    let length = size(call, 1, "the length of the transform")?;
    let inputs = [call.input(2)?, call.input(3)?, call.input(4)?];
    let operator = MelWeights { bins, length, dtype };
    call.emit(Op::Whole(operator.into()), &[&inputs[0], &inputs[1], &inputs[2]])
}

/// ONNX DFT-17,20. Refused: an axis that is computed from data, unless the result has the input's
/// size whatever the axis.
fn dft(call: &mut Call<'_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let (is_inverse, is_onesided) = (call.flag("inverse", false)?, call.flag("onesided", false)?);
    let length = match call.optional(1) {
        Some(_) => Some(size(call, 1, "the length of the transform")?),
        None => None,
    };
    let default = if call.opset < 20 { 1 } else { -2 };
    let (axis, named) = match call.optional(2) {
        None => (Some(call.axis("axis", default, rank)?), None),
        Some(named) if named.sizes().is_none() && length.is_none() && !is_onesided => {
            (None, Some(named))
        }
        Some(_) => {
            let named = call.integers(2, "the axis")?;
            let axis = named.first().and_then(|&value| call::axis(value, rank));
            let axis = axis.ok_or_else(|| Reason::Input {
                input: 2,
                expected: format!("an axis of {rank} axes"),
                found: format!("{named:?}"),
            })?;
            (Some(axis), None)
        }
    };
    let operator = Op::Whole(Dft { axis, length, is_inverse, is_onesided }.into());
    match named {
        Some(named) => call.emit(operator, &[&x, &named]),
        None => call.emit(operator, &[&x]),
    }
}

/// ONNX STFT-17. Refused: steps and lengths that are computed from data.
fn stft(call: &mut Call<'_>) -> Made {
    let (signal, is_onesided) = (call.input(0)?, call.flag("onesided", true)?);
    let step = size(call, 1, "the step")?;
    let window = call.optional(2);
    let length = match (&window, call.optional(3)) {
        (_, Some(_)) => size(call, 3, "the length of a frame")?,
        (Some(window), None) => {
            call.build.fact(window).shape.first().cloned().unwrap_or(Dim::from(1))
        }
        (None, None) => call.input(3).map(|_| Dim::from(0))?,
    };
    let operator = Op::Whole(Stft { step, length, is_onesided }.into());
    match window {
        Some(window) => call.emit(operator, &[&signal, &window]),
        None => call.emit(operator, &[&signal]),
    }
}
