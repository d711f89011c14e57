//! MobileNetV3, large and small, of any width, as torchvision names its layers.

use super::State;
use super::inverted::{Style, block};
use super::net::Net;
use crate::error::Reason;

/// What the weights do not show: name, stride of each block, blocks with a simple activation.
const ROWS: &[(&str, &[i64], usize)] = &[
    ("mobilenet_v3_large", &[1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1], 6),
    ("mobilenet_v3_small", &[2, 2, 1, 2, 1, 1, 1, 1, 2, 1, 1], 3),
];

const GATE: [&str; 2] = ["relu", "hardsigmoid"];

fn row(state: &State) -> Option<&'static (&'static str, &'static [i64], usize)> {
    let blocks = state.count("features.", 1, ".block.0.0.weight");
    let own = ["features.0.0.weight", "classifier.0.weight", "classifier.3.weight"];
    let is_one = own.iter().all(|name| state.has(name));
    ROWS.iter().find(|row| is_one && row.1.len() == blocks)
}

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    row(state).map(|row| row.0.to_string())
}

/// Blocks, some of them with a gate; two linear layers.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let Some((_, strides, simple)) = row(net.state) else { return Err(Reason::UnknownRank) };
    net.epsilon = 1e-3;
    let x = net.images(None);
    let stem = ["features.0.0", "features.0.1"];
    let (mut x, mut channels) = net.layer(stem, &x, 2, 3, Some("hardswish"))?;
    for (at, stride) in strides.iter().enumerate() {
        let activation = if at < *simple { "relu" } else { "hardswish" };
        let name = format!("features.{}.block", at + 1);
        let style = Style { activation, gate: GATE };
        (x, channels) = block(net, &name, &x, channels, *stride, &style)?;
    }
    let last = ["0", "1"].map(|part| format!("features.{}.{part}", strides.len() + 1));
    (x, _) = net.layer([&last[0], &last[1]], &x, 1, channels, Some("hardswish"))?;
    x = net.pooled(&x, 1);
    x = net.linear("classifier.0", &x)?;
    x = net.apply("hardswish", &[x]);
    x = net.linear("classifier.3", &x)?;
    net.output(&x);
    Ok(())
}
