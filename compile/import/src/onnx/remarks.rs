//! Nodes that can be imported and look like a mistake of the export.

use super::decode::NodeProto;
use crate::error::IN_EVAL_MODE;

/// A sign of a mistake: operator, what betrays it, what is odd, and what to do.
type Row = (&'static str, fn(&NodeProto) -> bool, &'static str, &'static str);

const ROWS: &[Row] = &[
    (
        "BatchNormalization",
        |node| node.attribute.iter().any(|a| a.name == "training_mode" && a.i != 0),
        "training_mode is 1: its answers depend on what else is in the batch",
        IN_EVAL_MODE,
    ),
    (
        "BatchNormalization",
        |node| {
            let is_new = node.attribute.iter().any(|a| a.name == "training_mode");
            !is_new && node.output.iter().skip(1).any(|name| !name.is_empty())
        },
        "it gives the statistics of the batch, as in training; it is computed as in inference",
        IN_EVAL_MODE,
    ),
    (
        "Dropout",
        |node| node.input.get(2).is_some_and(|name| !name.is_empty()),
        "it has a switch for training, which is off; it is left out, as in inference",
        IN_EVAL_MODE,
    ),
];

/// What is odd about a node, and what to do.
pub(super) fn of(node: &NodeProto) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_standard = node.domain.is_empty() || node.domain == "ai.onnx";
    let rows = ROWS.iter().filter(move |row| is_standard && row.0 == node.op_type && row.1(node));
    rows.map(|row| (row.2, row.3))
}
