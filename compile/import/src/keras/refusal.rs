//! What is said of a layer that cannot be imported.

use super::DOMAIN;
use super::net::Layer;
use crate::error::{Reason, Refusal};
use ir::Fact;

/// What to do about classes that are met and have no meaning without code.
const HINTS: &[(&str, &str)] = &[
    (
        "Lambda",
        "a Lambda layer holds Python code, which is not run: express it by layers (Rescaling, \
         Reshape, Multiply, Activation …) or by keras.ops, or write a layer of those",
    ),
    (
        "TFSMLayer",
        "it holds a whole TensorFlow model in another folder: build the model from its layers",
    ),
    (
        "TorchModuleWrapper",
        "it holds a PyTorch module as a pickle: build the model from layers of Keras",
    ),
];

const CUSTOM: &str = "its class is none of keras.layers, and code from a file is not run: build \
     the model from layers of Keras, or export it to ONNX";

const OPERATION: &str = "express the function by layers or by others of docs/formats.md";

/// A layer whose class is not known.
pub(super) fn unknown(layer: &Layer<'_>, name: &str) -> Refusal {
    let hint = HINTS.iter().find(|(class, _)| *class == layer.class).map(|(_, hint)| *hint);
    let other = if layer.is_operation { OPERATION } else { CUSTOM };
    Refusal {
        hint: hint.unwrap_or(other).to_string(),
        ..of_layer(layer, name, Reason::UnknownOperator, Vec::new())
    }
}

/// A layer that cannot be imported as it is set or called.
pub(super) fn of_layer(layer: &Layer<'_>, name: &str, reason: Reason, takes: Vec<Fact>) -> Refusal {
    Refusal {
        op: layer.operator().to_string(),
        domain: DOMAIN.to_string(),
        takes: takes.into_iter().map(Some).collect(),
        ..of_part("", name, reason)
    }
}

/// What is no layer.
pub(super) fn of_part(what: &str, name: &str, reason: Reason) -> Refusal {
    let hint = hint(&reason);
    Refusal::of_part(what, name, reason, hint)
}

/// What can be done about it.
fn hint(reason: &Reason) -> &'static str {
    match reason {
        Reason::Attribute { .. } | Reason::UnknownAttribute(_) => {
            "save the model with another setting of this layer"
        }
        Reason::Rule { .. } | Reason::Input { .. } | Reason::Undefined(_) | Reason::Order(_) => {
            "the description does not fit the weights or itself: save the model again"
        }
        Reason::DataDependent { .. } | Reason::UnknownRank => {
            "give the model's Input a shape of known sizes, or fix one with --size NAME=N"
        }
        Reason::Signature(_) => "build the model with keras.Input, then save it again",
        Reason::Expansion => "save the model with fewer models and calls inside of each other",
        Reason::Redefined(_) => "give each layer a name of its own, then save the model again",
        Reason::Evaluation(_) => "save the model without this layer, or with others in its place",
        Reason::Tensor { .. }
        | Reason::TooLarge { .. }
        | Reason::UnknownOperator
        | Reason::Opset { .. }
        | Reason::NotMade { .. }
        | Reason::Body { .. } => reason.hint(),
    }
}
