//! A sensible size for each symbol of a signature: what warm-up, self-test and listings take
//! when the caller has not said otherwise.

use plan::{Port, Signature};
use std::collections::BTreeMap;
use tensor::Dim;

/// Side of an image when the model takes any: what most classifiers were trained on.
const IMAGE_SIDE: i64 = 224;

/// Length of a sequence when the model takes any: the middle of what text encoders see.
const SEQUENCE_LENGTH: i64 = 128;

/// The first axis is the batch, and one by default; the last two of an image are its sides.
pub fn sizes(signature: &Signature) -> BTreeMap<String, i64> {
    let mut sizes = BTreeMap::new();
    for port in &signature.inputs {
        for (axis, dim) in port.shape.iter().enumerate() {
            dim.for_each_symbol(&mut |name| {
                sizes.entry(name.to_string()).or_insert(size(port, axis));
            });
        }
    }
    sizes
}

fn size(port: &Port, axis: usize) -> i64 {
    match (port.shape.len(), axis) {
        (_, 0) => 1,
        (4, axis) if is_image_side(port, axis) => IMAGE_SIDE,
        (4, _) => 3,
        _ => SEQUENCE_LENGTH,
    }
}

/// Height or width: axes 2 and 3, or 1 and 2 when the last axis has the size of channels.
fn is_image_side(port: &Port, axis: usize) -> bool {
    let is_channels = |dim: &Dim| matches!(dim.known(), Some(1 | 3 | 4));
    let is_channels_last = is_channels(&port.shape[3]) && !is_channels(&port.shape[1]);
    if is_channels_last { axis == 1 || axis == 2 } else { axis >= 2 }
}
