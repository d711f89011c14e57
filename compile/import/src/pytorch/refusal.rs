//! What is said of what cannot be imported.

use super::DOMAIN;
use crate::error::{Reason, Refusal};
use ir::Fact;

/// What to do about operators that are often met and not read: `(beginning of the name, what to
/// do)`.
const HINTS: &[(&str, &str)] = &[
    (
        "quantized::",
        "the model was quantized by PyTorch: export it before that, in floats, and let `schooner \
         compress` quantize it",
    ),
    (
        "quantize_per",
        "the model was quantized by PyTorch: export it before that, in floats, and let `schooner \
         compress` quantize it",
    ),
    (
        "torchvision::",
        "it is an operator of torchvision's detection: cut it off the model and compute it outside",
    ),
    (
        "higher_order::",
        "it holds graphs that data choose from: export the model without torch.cond and loops",
    ),
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
        Reason::Attribute { expected, .. } if expected.contains("inference") => {
            "call model.eval() before the export"
        }
        Reason::Attribute { .. } | Reason::UnknownAttribute(_) | Reason::Input { .. } => {
            "export the model with another setting of this layer"
        }
        Reason::Rule { .. } => {
            "give the sizes of the inputs with --size NAME=N, or export the model again"
        }
        Reason::Undefined(_) | Reason::Redefined(_) | Reason::Order(_) => {
            "the file is not a whole model: export it again"
        }
        Reason::DataDependent { .. } | Reason::UnknownRank | Reason::Body { .. } => {
            "export the model so that shapes and branches follow from the inputs' sizes, or fix a \
             size with --size NAME=N"
        }
        Reason::Signature(_) => "give the input's sizes with --size NAME_AXIS=N for each axis",
        Reason::Expansion => "export the model with fewer calls and loops inside of each other",
        Reason::NotMade { .. } => "call model.eval() before the export",
        Reason::Evaluation(_)
        | Reason::Tensor { .. }
        | Reason::TooLarge { .. }
        | Reason::UnknownOperator
        | Reason::Opset { .. } => reason.hint(),
    }
}
