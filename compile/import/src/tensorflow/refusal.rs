//! What is said of a node that cannot be imported.

use super::DOMAIN;
use crate::error::{Reason, Refusal};
use ir::Fact;

/// What to do about operators that are often met and not read: `(beginning of the name, what to
/// do)`.
const HINTS: &[(&str, &str)] = &[
    (
        "PyFunc",
        "it runs Python code, which no file holds: express it by operators of TensorFlow, or \
         compute it outside",
    ),
    (
        "EagerPyFunc",
        "it runs Python code, which no file holds: express it by operators of TensorFlow, or \
         compute it outside",
    ),
    ("Decode", "give the model the decoded tensor: schooner decodes images by its recipe"),
    ("ParseExample", "export a signature that takes tensors, not tf.train.Example"),
    ("ParseSingleExample", "export a signature that takes tensors, not tf.train.Example"),
    ("Enter", "write the model with TensorFlow 2, whose loops are functions"),
    ("RestoreV2", "export the model as a SavedModel or frozen graph"),
    ("XlaCallModule", "the model is compiled already: export it from Keras, or to ONNX"),
    ("Iterator", "export the model's own graph, without the pipeline that feeds it"),
];

/// A node that cannot be imported, of this name.
pub(super) fn of_node(name: &str, op: &str, reason: Reason, takes: Vec<Option<Fact>>) -> Refusal {
    of_part("", name, reason).of_node(DOMAIN, op, takes, HINTS)
}

/// What is no node.
pub(super) fn of_part(what: &str, name: &str, reason: Reason) -> Refusal {
    let hint = hint(&reason);
    Refusal::of_part(what, name, reason, hint)
}

/// What can be done about it.
fn hint(reason: &Reason) -> &'static str {
    match reason {
        Reason::Attribute { .. } | Reason::UnknownAttribute(_) | Reason::Input { .. } => {
            "export the model with another setting of this layer"
        }
        Reason::Rule { .. } => "the graph does not fit itself: export the model again",
        Reason::Undefined(_) | Reason::Redefined(_) | Reason::Order(_) => {
            "the file is not a whole graph: export it again"
        }
        Reason::DataDependent { .. } | Reason::UnknownRank | Reason::Body { .. } => {
            "export the model with inputs of known sizes, or fix one with --size NAME=N"
        }
        Reason::Signature(_) => "export the model with tensors of known rank as inputs",
        Reason::Expansion => "export the model with fewer functions inside of each other",
        Reason::NotMade { .. } => "export the model for inference, not for training",
        Reason::Evaluation(_)
        | Reason::Tensor { .. }
        | Reason::TooLarge { .. }
        | Reason::UnknownOperator
        | Reason::Opset { .. } => reason.hint(),
    }
}
