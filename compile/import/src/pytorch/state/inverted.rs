//! Blocks that widen, convolve each channel and narrow again, as torchvision numbers their layers.

use super::net::Net;
use crate::error::Reason;
use crate::pytorch::value::Value;

/// What blocks compute, which their weights do not show.
pub(super) struct Style {
    /// Behind each convolution but the last.
    pub(super) activation: &'static str,
    /// Inside of a gate and at its end.
    pub(super) gate: [&'static str; 2],
}

/// The block of this name; what it makes, and how many channels that has.
pub(super) fn block(
    net: &mut Net<'_>,
    name: &str,
    x: &Value,
    channels: usize,
    stride: i64,
    style: &Style,
) -> Result<(Value, usize), Reason> {
    let is_gate = |net: &Net<'_>, at: usize| net.state.has(&format!("{name}.{at}.fc1.weight"));
    let is_there =
        |at: &usize| is_gate(net, *at) || net.state.has(&format!("{name}.{at}.0.weight"));
    let parts = (0..).take_while(is_there).count();
    let (mut made, mut width, mut left) = (x.clone(), channels, stride);
    for at in 0..parts {
        if is_gate(net, at) {
            let names = [format!("{name}.{at}.fc1"), format!("{name}.{at}.fc2")];
            made = net.gated([&names[0], &names[1]], &made, width, style.gate)?;
            continue;
        }
        let names = [format!("{name}.{at}.0"), format!("{name}.{at}.1")];
        // The first one that looks at more than a pixel takes the steps.
        let is_wide = net.kernel(&names[0]) > 1;
        let own = if is_wide { std::mem::replace(&mut left, 1) } else { 1 };
        let activation = (at + 1 < parts || parts == 1).then_some(style.activation);
        (made, width) = net.layer([&names[0], &names[1]], &made, own, width, activation)?;
    }
    if stride == 1 && width == channels {
        made = net.apply("add", &[made, x.clone()]);
    }
    Ok((made, width))
}
