//! ResNet of 18 to 152 layers, ResNeXt and Wide ResNet, as torchvision and timm name their layers.

use super::State;
use super::net::Net;
use crate::error::Reason;
use crate::pytorch::value::Value;

/// Blocks of each stage, and what networks of them are called.
const NAMES: &[([usize; 4], bool, &str)] = &[
    ([2, 2, 2, 2], false, "resnet18"),
    ([2, 2, 2, 2], true, "resnet26"),
    ([3, 4, 6, 3], false, "resnet34"),
    ([3, 4, 6, 3], true, "resnet50"),
    ([3, 4, 23, 3], true, "resnet101"),
    ([3, 8, 36, 3], true, "resnet152"),
];

fn blocks(state: &State) -> [usize; 4] {
    [1, 2, 3, 4].map(|stage| state.count(&format!("layer{stage}."), 0, ".conv1.weight"))
}

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    let stem = state.sizes("conv1.weight")?;
    // Blocks with gates, and stems of several convolutions, are of others.
    let is_other = state.has("layer1.0.se.fc1.weight") || state.has("layer1.0.se.conv.weight");
    // Those that blur before a stride have the same names and shapes.
    let is_other =
        is_other || ["resnetblur", "resnetaa"].iter().any(|name| state.said.contains(name));
    let is_one = stem.get(1..) == Some(&[3, 7, 7]) && state.has("fc.weight") && !is_other;
    let is_deep = state.has("layer1.0.conv3.weight");
    let found = NAMES.iter().find(|row| row.0 == blocks(state) && row.1 == is_deep);
    found.filter(|_| is_one).map(|row| row.2.to_string())
}

/// `fc(pool(stages(pool(relu(bn(conv(x)))))))`
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let x = net.images(None);
    let x = net.conv("conv1", &x, [2, 3], 3)?;
    let x = net.batch_norm("bn1", &x)?;
    let x = net.relu(&x);
    let mut x = net.max_pool(&x, [3, 2, 1]);
    let mut channels = net.channels("conv1");
    for (stage, count) in (1..).zip(blocks(net.state)) {
        for at in 0..count {
            let stride = if at == 0 && stage > 1 { 2 } else { 1 };
            (x, channels) = block(net, &format!("layer{stage}.{at}"), &x, stride, channels)?;
        }
    }
    let x = net.pooled(&x, 1);
    let x = net.linear("fc", &x)?;
    net.output(&x);
    Ok(())
}

/// Two convolutions, or three with a narrow one in the middle, which has the stride.
fn block(
    net: &mut Net<'_>,
    name: &str,
    x: &Value,
    stride: i64,
    channels: usize,
) -> Result<(Value, usize), Reason> {
    let is_deep = net.state.has(&format!("{name}.conv3.weight"));
    let layers: &[(&str, i64, i64)] = match is_deep {
        true => &[("1", 1, 0), ("2", stride, 1), ("3", 1, 0)],
        false => &[("1", stride, 1), ("2", 1, 1)],
    };
    let (mut made, mut width) = (x.clone(), channels);
    for (at, (layer, stride, pad)) in layers.iter().enumerate() {
        let conv = format!("{name}.conv{layer}");
        made = net.conv(&conv, &made, [*stride, *pad], width)?;
        made = net.batch_norm(&format!("{name}.bn{layer}"), &made)?;
        width = net.channels(&conv);
        if at + 1 < layers.len() {
            made = net.relu(&made);
        }
    }
    let beside = format!("{name}.downsample.0");
    let beside = match net.state.has(&format!("{beside}.weight")) {
        true => {
            let own = net.conv(&beside, x, [stride, 0], channels)?;
            net.batch_norm(&format!("{name}.downsample.1"), &own)?
        }
        false => x.clone(),
    };
    let sum = net.apply("add", &[made, beside]);
    Ok((net.relu(&sum), width))
}
