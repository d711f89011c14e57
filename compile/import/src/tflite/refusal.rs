//! What is said of an operator that cannot be imported.

use super::DOMAIN;
use crate::error::{Reason, Refusal};
use ir::Fact;

/// What to do about operators that are met and not read: `(beginning of the name, what to do)`.
const HINTS: &[(&str, &str)] = &[
    (
        "Flex",
        "it is an operator of TensorFlow that TensorFlow Lite does not have: serve the SavedModel \
         that the file was made from",
    ),
    (
        "TFLite_Detection_PostProcess",
        "take the boxes and scores in front of it as outputs, with --model-output, and choose \
         among them outside",
    ),
    (
        "STABLEHLO",
        "convert the model anew with TensorFlow's own operators, or serve the SavedModel that the \
         file was made from",
    ),
    (
        "",
        "serve the Keras file or SavedModel that the file was made from, or convert \
     it without this operator",
    ),
];

/// An operator that cannot be imported, of this name.
pub(super) fn of_node(name: &str, op: &str, reason: Reason, takes: Vec<Option<Fact>>) -> Refusal {
    of_part("", name, reason).of_node(DOMAIN, op, takes, HINTS)
}

/// What is no operator.
pub(super) fn of_part(what: &str, name: &str, reason: Reason) -> Refusal {
    let hint = hint(&reason);
    Refusal::of_part(what, name, reason, hint)
}

/// What can be done about it.
fn hint(reason: &Reason) -> &'static str {
    match reason {
        Reason::Attribute { .. } | Reason::UnknownAttribute(_) | Reason::Input { .. } => {
            "convert the model with another setting of this layer"
        }
        Reason::Rule { .. } | Reason::Undefined(_) | Reason::Redefined(_) | Reason::Order(_) => {
            "the graph does not fit itself: convert the model again"
        }
        Reason::DataDependent { .. } | Reason::UnknownRank | Reason::Body { .. } => {
            "convert the model with inputs of known sizes, or fix one with --size NAME=N"
        }
        Reason::Signature(_) => "convert the model with tensors of numbers as inputs",
        Reason::Expansion => {
            "convert the model with fewer steps, or with fewer graphs in each other"
        }
        Reason::Evaluation(_)
        | Reason::NotMade { .. }
        | Reason::Opset { .. }
        | Reason::Tensor { .. }
        | Reason::TooLarge { .. }
        | Reason::UnknownOperator => reason.hint(),
    }
}
