//! EfficientNet and EfficientNetV2, as torchvision names their layers.

use super::State;
use super::inverted::{Style, block};
use super::net::Net;
use crate::error::Reason;

/// One of them.
pub(super) struct Variant {
    pub(super) name: &'static str,
    /// Blocks of each stage.
    pub(super) stages: &'static [usize],
    /// Channels behind the last one.
    pub(super) width: usize,
}

const fn variant(name: &'static str, stages: &'static [usize], width: usize) -> Variant {
    Variant { name, stages, width }
}

/// The first version, with what torchvision does not have.
pub(super) const FIRST: &[Variant] = &[
    variant("b0", &[1, 2, 2, 3, 3, 4, 1], 320),
    variant("b1", &[2, 3, 3, 4, 4, 5, 2], 320),
    variant("b2", &[2, 3, 3, 4, 4, 5, 2], 352),
    variant("b3", &[2, 3, 3, 5, 5, 6, 2], 384),
    variant("b4", &[2, 4, 4, 6, 6, 8, 2], 448),
    variant("b5", &[3, 5, 5, 7, 7, 9, 3], 512),
    variant("b6", &[3, 6, 6, 8, 8, 11, 3], 576),
    variant("b7", &[4, 7, 7, 10, 10, 13, 4], 640),
    variant("b8", &[4, 8, 8, 11, 11, 15, 4], 704),
];

/// The second version.
pub(super) const SECOND: &[Variant] = &[
    variant("v2_s", &[2, 4, 4, 6, 9, 15], 256),
    variant("v2_m", &[3, 5, 5, 7, 14, 18, 5], 512),
    variant("v2_l", &[4, 7, 7, 10, 19, 25, 7], 640),
    variant("v2_xl", &[4, 8, 8, 16, 24, 32, 8], 640),
];

/// The stride of each stage's first block.
pub(super) const STRIDES: [i64; 7] = [1, 2, 2, 2, 1, 2, 1];

/// Those that came from TensorFlow with what it adds to variances, by the ends of their names.
const LARGE_EPSILON: [&str; 6] = ["b5", "b6", "b7", "v2_s", "v2_m", "v2_l"];

const STYLE: Style = Style { activation: "silu", gate: ["silu", "sigmoid"] };

fn found(state: &State) -> Option<&'static Variant> {
    let own = ["features.0.0.weight", "classifier.1.weight"];
    let is_one = own.iter().all(|name| state.has(name));
    FIRST.iter().chain(SECOND).find(|variant| {
        let last = state.sizes(&format!("features.{}.0.weight", variant.stages.len() + 1));
        let is_of = |(at, blocks): (usize, &usize)| {
            state.count(&format!("features.{}.", at + 1), 0, ".block.0.0.weight") == *blocks
        };
        is_one
            && last.and_then(|sizes| sizes.get(1)) == Some(&variant.width)
            && variant.stages.iter().enumerate().all(is_of)
    })
}

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    found(state).map(|variant| format!("efficientnet_{}", variant.name))
}

/// Stages of blocks, a convolution, one linear layer.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let Some(variant) = found(net.state) else { return Err(Reason::UnknownRank) };
    if LARGE_EPSILON.contains(&variant.name) {
        net.epsilon = 1e-3;
    }
    let x = net.images(None);
    let stem = ["features.0.0", "features.0.1"];
    let (mut x, mut channels) = net.layer(stem, &x, 2, 3, Some(STYLE.activation))?;
    for ((stage, blocks), stride) in (1..).zip(variant.stages).zip(STRIDES) {
        for at in 0..*blocks {
            let name = format!("features.{stage}.{at}.block");
            let stride = if at == 0 { stride } else { 1 };
            (x, channels) = block(net, &name, &x, channels, stride, &STYLE)?;
        }
    }
    let last = ["0", "1"].map(|part| format!("features.{}.{part}", variant.stages.len() + 1));
    (x, _) = net.layer([&last[0], &last[1]], &x, 1, channels, Some(STYLE.activation))?;
    x = net.pooled(&x, 1);
    x = net.linear("classifier.1", &x)?;
    net.output(&x);
    Ok(())
}
