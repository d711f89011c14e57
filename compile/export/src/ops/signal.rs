//! Operators on signals, and numbers by chance.

use crate::call::{Call, Written};
use crate::messages::{flag, float, int};
use operators::dft::Dft;
use operators::mel_weights::MelWeights;
use operators::random::{Distribution, Random};
use operators::stft::Stft;
use operators::window::{Window, WindowForm};
use tensor::{DType, Dim};

/// `(x, [axis])`
pub(super) fn dft(call: &mut Call<'_, '_>, dft: &Dft) -> Written {
    let x = call.input(0);
    let length = match &dft.length {
        Some(length) => call.scalar(length)?,
        None => String::new(),
    };
    let axis = match dft.axis {
        Some(axis) => call.scalar(&Dim::from(axis))?,
        None => call.input(1),
    };
    let attributes = vec![flag("inverse", dft.is_inverse), flag("onesided", dft.is_onesided)];
    call.last("DFT", &[&x, &length, &axis], attributes)
}

/// `(signal, [window])`
pub(super) fn stft(call: &mut Call<'_, '_>, stft: &Stft) -> Written {
    let (signal, window) = (call.input(0), call.optional(1));
    let (step, length) = (call.scalar(&stft.step)?, call.scalar(&stft.length)?);
    let attributes = vec![flag("onesided", stft.is_onesided)];
    call.last("STFT", &[&signal, &step, &window, &length], attributes)
}

pub(super) fn window(call: &mut Call<'_, '_>, window: &Window) -> Written {
    let op = match window.form {
        WindowForm::Hann => "HannWindow",
        WindowForm::Hamming => "HammingWindow",
        WindowForm::Blackman => "BlackmanWindow",
    };
    let length = call.scalar(&window.size)?;
    let dtype = call.element(window.dtype);
    let attributes = vec![flag("periodic", window.is_periodic), int("output_datatype", dtype)];
    call.last(op, &[&length], attributes)
}

/// `(sample_rate, lower, upper)`
pub(super) fn mel_weights(call: &mut Call<'_, '_>, weights: &MelWeights) -> Written {
    let (bins, length) = (call.scalar(&weights.bins)?, call.scalar(&weights.length)?);
    let dtype = call.element(weights.dtype);
    let (rate, lower, upper) = (call.cast(0, DType::I64), call.input(1), call.input(2));
    let attributes = vec![int("output_datatype", dtype)];
    call.last("MelWeightMatrix", &[&bins, &length, &rate, &lower, &upper], attributes)
}

/// Other tools draw other numbers of the same distribution.
pub(super) fn random(call: &mut Call<'_, '_>, random: &Random) -> Written {
    let (op, mut attributes) = match random.distribution {
        Distribution::Normal(mean, scale) => {
            ("RandomNormalLike", vec![float("mean", mean), float("scale", scale)])
        }
        Distribution::Uniform(low, high) => {
            ("RandomUniformLike", vec![float("low", low), float("high", high)])
        }
        Distribution::Gumbel => {
            return Err(call.refuse("numbers of the Gumbel distribution stand alone"));
        }
    };
    attributes.push(int("dtype", call.element(random.dtype)));
    // A seed is a float; one that is none stands for the node's name.
    let seed = u32::try_from(random.seed).ok().map(f32::from_bits);
    attributes.extend(seed.map(|seed| float("seed", seed)));
    call.same(op, attributes)
}
