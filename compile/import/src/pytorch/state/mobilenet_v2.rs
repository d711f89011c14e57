//! MobileNetV2, of any width, as torchvision names its layers.

use super::State;
use super::net::Net;
use crate::error::Reason;

/// Strides of the blocks, which the weights do not show.
const STRIDES: [i64; 17] = [1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1];

/// The place of the last convolution, behind the first one and the blocks.
const LAST: usize = STRIDES.len() + 1;

/// Is it one?
pub(super) fn name(state: &State) -> Option<String> {
    let is_one = state.has("features.0.0.weight")
        && state.count("features.", 1, ".conv.2.weight") == STRIDES.len()
        && state.has("features.1.conv.0.0.weight")
        && state.has(&format!("features.{LAST}.0.weight"))
        && state.has("classifier.1.weight");
    is_one.then(|| "mobilenet_v2".to_string())
}

/// Blocks that widen, convolve each channel and narrow again; beside them goes the input.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let activation = Some("relu6");
    let x = net.images(None);
    let (mut x, mut channels) =
        net.layer(["features.0.0", "features.0.1"], &x, 2, 3, activation)?;
    for (at, stride) in (1..).zip(STRIDES) {
        let name = |part: &str| format!("features.{at}.conv.{part}");
        let is_wide = net.state.has(&name("2.weight")) && net.state.has(&name("1.0.weight"));
        let (mut made, mut width) = (x.clone(), channels);
        let depth = if is_wide { "1" } else { "0" };
        if is_wide {
            let names = [name("0.0"), name("0.1")];
            (made, width) = net.layer([&names[0], &names[1]], &made, 1, width, activation)?;
        }
        let names = [name(&format!("{depth}.0")), name(&format!("{depth}.1"))];
        (made, width) = net.layer([&names[0], &names[1]], &made, stride, width, activation)?;
        let last = match is_wide {
            true => [name("2"), name("3")],
            false => [name("1"), name("2")],
        };
        let (mut made, out) = net.layer([&last[0], &last[1]], &made, 1, width, None)?;
        if stride == 1 && out == channels {
            made = net.apply("add", &[x, made]);
        }
        (x, channels) = (made, out);
    }
    let last = [format!("features.{LAST}.0"), format!("features.{LAST}.1")];
    (x, _) = net.layer([&last[0], &last[1]], &x, 1, channels, activation)?;
    x = net.pooled(&x, 1);
    x = net.linear("classifier.1", &x)?;
    net.output(&x);
    Ok(())
}
