//! What a model's first layers say of the pixels that it takes.

use super::layers::is_for_training;
use super::net::{Layer, Net};
use super::walk::Walk;
use crate::build::Operand;
use crate::pixels::{Framing, Pixels, Scale};
use std::collections::HashMap;

/// Layers before the scaling of pixels that leave their levels as they are.
const BEFORE_SCALING: [&str; 3] = ["InputLayer", "ZeroPadding2D", "Permute"];

/// Rescaling by less than this takes levels: those in use are 1/255 and 1/127.5, and 1 and more for
/// what is from 0 to 1.
const SCALE_OF_LEVELS_MAX: f64 = 0.1;

/// Normalization by a variance above this takes levels: theirs is some thousands, that of what is
/// from 0 to 1 a tenth.
const VARIANCE_OF_UNIT_MAX: f64 = 2.0;

/// The number of the variance among the weights of a Normalization.
const VARIANCE: usize = 1;

/// What the model begins with, when it takes one input. Layers for training do nothing.
pub(super) fn of(net: &Net<'_>, walk: &Walk<'_>) -> Option<Pixels> {
    let mut pixels =
        Pixels { origin: "the model's first layers", channels: None, framing: None, scale: None };
    look(net, walk, &mut pixels);
    (pixels.framing.is_some() || pixels.scale.is_some()).then_some(pixels)
}

fn look(net: &Net<'_>, walk: &Walk<'_>, pixels: &mut Pixels) {
    let [input] = net.inputs.as_slice() else { return };
    // The first layer that takes what another one gives.
    let mut takers: HashMap<usize, usize> = HashMap::new();
    for (at, layer) in net.layers.iter().enumerate() {
        for place in layer.calls.iter().flat_map(|call| call.places()) {
            takers.entry(place.layer).or_insert(at);
        }
    }
    let mut at = input.layer;
    for _ in 0..net.layers.len() {
        let Some(&next) = takers.get(&at) else { return };
        let layer = &net.layers[next];
        match layer.class {
            "Rescaling" => return pixels.scale = rescaled(layer),
            "Normalization" => return pixels.scale = normalized(layer, walk),
            "Resizing" | "CenterCrop" => pixels.framing = Some(Framing::AsItIs),
            class if BEFORE_SCALING.contains(&class) || is_for_training(class) => {}
            _ => return layer.net.iter().for_each(|net| look(net, walk, pixels)),
        }
        at = next;
    }
}

/// What a layer takes that multiplies by a scale.
fn rescaled(layer: &Layer<'_>) -> Option<Scale> {
    let scales = layer.config.floats("scale").ok()??;
    let largest = scales.iter().fold(0.0, |most: f64, scale| most.max(scale.abs()));
    Some(if largest < SCALE_OF_LEVELS_MAX { Scale::levels() } else { Scale::unit() })
}

/// What a layer takes that divides by a deviation, by its configuration or its weights.
fn normalized(layer: &Layer<'_>, walk: &Walk<'_>) -> Option<Scale> {
    if layer.config.flag("invert", false) {
        // It makes levels of what somebody else has normalized.
        return None;
    }
    let variances: Vec<f64> = match layer.config.floats("variance").ok()? {
        Some(variances) => variances,
        None => match walk.weight_of(layer, VARIANCE)? {
            Operand::Constant(constant) => {
                let elements = constant.tensor.as_slice::<f32>().ok()?;
                elements.iter().map(|&x| f64::from(x)).collect()
            }
            Operand::Value(_) | Operand::Sizes(_) => return None,
        },
    };
    let largest = variances.iter().fold(0.0, |most: f64, variance| most.max(*variance));
    Some(if largest > VARIANCE_OF_UNIT_MAX { Scale::levels() } else { Scale::unit() })
}
