//! What is said of a node that cannot be imported.

use super::DOMAIN;
use crate::error::{Reason, Refusal};
use ir::Fact;

/// What to do about operators that are often met and not read: `(beginning of the name, what to
/// do)`.
const HINTS: &[(&str, &str)] = &[
    (
        "Custom",
        "it runs Python code, which no file holds: express it by operators of MXNet, or compute \
         it outside",
    ),
    ("_contrib_quantize", "export the model of before the quantization: schooner quantizes itself"),
    ("_contrib_quantized", "export the model of before the quantization"),
    ("_sg_", "export the model of before the optimization for a back end"),
    ("_contrib_MultiBoxTarget", "only training needs it: export the model for inference"),
    ("_contrib_box_encode", "only training needs it: export the model for inference"),
    ("_contrib_bipartite_matching", "only training needs it: export the model for inference"),
    ("_foreach", "unroll the loop before the export"),
    ("_while_loop", "unroll the loop before the export"),
    ("_cond", "export the branch that is served"),
];

/// A node that cannot be imported, of this name.
pub(super) fn of_node(name: &str, op: &str, reason: Reason, takes: Vec<Option<Fact>>) -> Refusal {
    of_part("", name, reason, None).of_node(DOMAIN, op, takes, HINTS)
}

/// What is no node.
pub(super) fn of_part(what: &str, name: &str, reason: Reason, own: Option<&str>) -> Refusal {
    let hint = own.unwrap_or_else(|| hint(&reason));
    Refusal::of_part(what, name, reason, hint)
}

/// What can be done about it.
fn hint(reason: &Reason) -> &'static str {
    match reason {
        Reason::Attribute { .. } | Reason::UnknownAttribute(_) | Reason::Input { .. } => {
            "export the model with another setting of this layer"
        }
        Reason::Rule { .. } => {
            "fix the sizes of the inputs with --size NAME=N, or export the model again"
        }
        Reason::Signature(_) => "write the input as mx.sym.var(NAME, shape=...), and export again",
        Reason::DataDependent { .. } | Reason::UnknownRank | Reason::Body { .. } => {
            "export the model with inputs of known sizes, or fix one with --size NAME=N"
        }
        Reason::NotMade { .. } => "export the model for inference, not for training",
        Reason::Undefined(_)
        | Reason::Redefined(_)
        | Reason::Order(_)
        | Reason::Expansion
        | Reason::Evaluation(_)
        | Reason::Tensor { .. }
        | Reason::TooLarge { .. }
        | Reason::UnknownOperator
        | Reason::Opset { .. } => reason.hint(),
    }
}
