//! MobileNetV2, of any width, as torchvision names its layers.

use super::State;
use super::net::Net;
use crate::error::Reason;
use crate::pytorch::value::Value;

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

/// A convolution, its normalization and an activation that ends at 6.
fn layer(
    net: &mut Net<'_>,
    [conv, norm]: [&str; 2],
    x: &Value,
    window: [i64; 2],
    channels: usize,
) -> Result<Value, Reason> {
    let x = net.conv(conv, x, window, channels)?;
    let x = net.batch_norm(norm, &x)?;
    Ok(net.apply("relu6", &[x]))
}

/// Blocks that widen, convolve each channel and narrow again; beside them goes the input.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let x = net.images(None);
    let mut x = layer(net, ["features.0.0", "features.0.1"], &x, [2, 1], 3)?;
    let mut channels = net.channels("features.0.0");
    for (at, stride) in (1..).zip(STRIDES) {
        let name = |part: &str| format!("features.{at}.conv.{part}");
        let is_wide = net.state.has(&name("2.weight")) && net.state.has(&name("1.0.weight"));
        let (mut made, mut width) = (x.clone(), channels);
        let depth = if is_wide { "1" } else { "0" };
        if is_wide {
            made = layer(net, [&name("0.0"), &name("0.1")], &made, [1, 0], width)?;
            width = net.channels(&name("0.0"));
        }
        let conv = [name(&format!("{depth}.0")), name(&format!("{depth}.1"))];
        made = layer(net, [&conv[0], &conv[1]], &made, [stride, 1], width)?;
        let last = if is_wide { ["2", "3"] } else { ["1", "2"] };
        made = net.conv(&name(last[0]), &made, [1, 0], width)?;
        made = net.batch_norm(&name(last[1]), &made)?;
        let out = net.channels(&name(last[0]));
        if stride == 1 && out == channels {
            made = net.apply("add", &[x, made]);
        }
        (x, channels) = (made, out);
    }
    let last = [format!("features.{LAST}.0"), format!("features.{LAST}.1")];
    x = layer(net, [&last[0], &last[1]], &x, [1, 0], channels)?;
    x = net.pooled(&x, 1);
    x = net.linear("classifier.1", &x)?;
    net.output(&x);
    Ok(())
}
