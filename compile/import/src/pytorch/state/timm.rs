//! EfficientNet, lite, EfficientNetV2, MobileNetV2, MobileNetV3 and MnasNet, as timm names their
//! layers. Those that came from TensorFlow, `tf_…`, have the same names and shapes and are padded
//! in another way: the model's name tells them.

use super::State;
use super::efficientnet::{FIRST, SECOND, STRIDES};
use super::net::Net;
use crate::Remark;
use crate::error::Reason;
use crate::pytorch::value::Value;

/// What weights do not show of a family.
struct Family {
    /// Stride of each stage's first block.
    strides: &'static [i64],
    /// Stages whose activation is a simple one.
    simple: usize,
    activation: &'static str,
    /// Inside of gates and at their ends.
    gate: [&'static str; 2],
    /// Are there those that came from TensorFlow, and others?
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Either,
    TensorFlow,
    Other,
}

const EFFICIENT: Family = Family {
    strides: &STRIDES,
    simple: 0,
    activation: "silu",
    gate: ["silu", "sigmoid"],
    origin: Origin::Either,
};
const TINY: Family = Family { origin: Origin::Other, ..EFFICIENT };
const TENSORFLOW: Family = Family { origin: Origin::TensorFlow, ..EFFICIENT };
const LITE: Family = Family { activation: "relu6", ..EFFICIENT };
const MOBILE: Family = Family { origin: Origin::Other, ..LITE };
const MNAS: Family = Family { activation: "relu", gate: ["relu", "sigmoid"], ..TINY };
const LARGE: Family = Family {
    strides: &STRIDES,
    simple: 3,
    activation: "hardswish",
    gate: ["relu", "hardsigmoid"],
    origin: Origin::Either,
};
const SMALL: Family = Family { strides: &[2, 2, 2, 1, 2, 1], simple: 2, ..LARGE };
const LARGE_MINIMAL: Family = Family { activation: "relu", origin: Origin::TensorFlow, ..LARGE };
const SMALL_MINIMAL: Family = Family { activation: "relu", origin: Origin::TensorFlow, ..SMALL };

/// A network, told by its stages.
struct Row {
    name: &'static str,
    family: &'static Family,
    stages: &'static [usize],
    /// Channels behind the last stage; 0 for any.
    width: usize,
    /// Has it gates?
    is_gated: bool,
    /// Is the image pooled before the last convolution?
    pools_first: bool,
}

const fn row(
    name: &'static str,
    family: &'static Family,
    stages: &'static [usize],
    width: usize,
) -> Row {
    Row { name, family, stages, width, is_gated: true, pools_first: false }
}

/// The same without gates.
const fn plain(row: Row) -> Row {
    Row { is_gated: false, ..row }
}

/// The same that is pooled before the last convolution.
const fn early(row: Row) -> Row {
    Row { pools_first: true, ..row }
}

const ROWS: &[Row] = &[
    plain(row("efficientnet_lite0", &LITE, &[1, 2, 2, 3, 3, 4, 1], 320)),
    plain(row("efficientnet_lite1", &LITE, &[1, 3, 3, 4, 4, 5, 1], 320)),
    plain(row("efficientnet_lite2", &LITE, &[1, 3, 3, 4, 4, 5, 1], 352)),
    plain(row("efficientnet_lite3", &LITE, &[1, 3, 3, 5, 5, 6, 1], 384)),
    plain(row("efficientnet_lite4", &LITE, &[1, 4, 4, 6, 6, 8, 1], 448)),
    row("efficientnetv2_rw_t", &TINY, &[2, 4, 4, 6, 9, 14], 208),
    row("efficientnetv2_rw_s", &TINY, &[2, 4, 4, 6, 9, 15], 272),
    row("efficientnetv2_rw_m", &TINY, &[3, 5, 5, 8, 15, 24], 328),
    row("tf_efficientnetv2_b0", &TENSORFLOW, &[1, 2, 2, 3, 5, 8], 192),
    row("tf_efficientnetv2_b1", &TENSORFLOW, &[2, 3, 3, 4, 6, 9], 192),
    row("tf_efficientnetv2_b2", &TENSORFLOW, &[2, 3, 3, 4, 6, 10], 208),
    row("tf_efficientnetv2_b3", &TENSORFLOW, &[2, 3, 3, 5, 7, 12], 232),
    row("tinynet_a", &TINY, &[1, 2, 2, 4, 4, 5, 1], 320),
    row("tinynet_b", &TINY, &[1, 2, 2, 3, 3, 4, 1], 240),
    row("tinynet_c", &TINY, &[1, 2, 2, 3, 3, 3, 1], 176),
    row("tinynet_d", &TINY, &[1, 1, 1, 2, 2, 3, 1], 176),
    row("tinynet_e", &TINY, &[1, 1, 1, 2, 2, 2, 1], 160),
    plain(row("mobilenetv2", &MOBILE, &[1, 2, 3, 4, 3, 3, 1], 0)),
    plain(row("mobilenetv2_110d", &MOBILE, &[1, 3, 4, 5, 4, 4, 1], 352)),
    plain(row("mobilenetv2_120d", &MOBILE, &[1, 3, 5, 6, 5, 5, 1], 384)),
    plain(row("mnasnet", &MNAS, &[1, 3, 3, 3, 2, 4, 1], 0)),
    row("semnasnet", &MNAS, &[1, 2, 3, 4, 2, 3, 1], 0),
    plain(row("spnasnet_100", &MNAS, &[1, 3, 4, 4, 4, 4, 1], 320)),
    plain(row("fbnetc_100", &MNAS, &[1, 3, 4, 4, 4, 4, 1], 352)),
    early(row("mobilenetv3_large", &LARGE, &[1, 2, 3, 4, 2, 3, 1], 0)),
    early(row("mobilenetv3_small", &SMALL, &[1, 2, 3, 2, 3, 1], 0)),
    early(plain(row("tf_mobilenetv3_large_minimal", &LARGE_MINIMAL, &[1, 2, 3, 4, 2, 3, 1], 0))),
    early(plain(row("tf_mobilenetv3_small_minimal", &SMALL_MINIMAL, &[1, 2, 3, 2, 3, 1], 0))),
];

/// What is called as one of these and is not computed as it: pixels are blurred before a stride.
const OTHERS: [&str; 2] = ["blur", "aa"];

fn found(state: &State) -> Option<(String, Row)> {
    let own = ["conv_stem.weight", "bn1.running_mean", "classifier.weight"];
    if !own.iter().all(|name| state.has(name)) || state.is_said_to_be(&OTHERS) {
        return None;
    }
    let width = *state.sizes("conv_head.weight")?.get(1)?;
    let stages: Vec<usize> =
        (0..).map(|stage| blocks(state, stage)).take_while(|&count| count > 0).collect();
    let last = stages.len().checked_sub(1)?;
    let gates =
        (0..last).any(|stage| state.has(&format!("blocks.{stage}.0.se.conv_reduce.weight")));
    let first = FIRST.iter().map(|own| (format!("efficientnet_{}", own.name), own));
    let second = SECOND.iter().map(|own| (format!("efficientnet{}", own.name), own));
    let efficient = first
        .chain(second)
        .map(|(name, own)| (name, row(own.name, &EFFICIENT, own.stages, own.width)));
    let others = ROWS.iter().map(|own| (own.name.to_string(), Row { ..*own }));
    let (name, row) = efficient.chain(others).find(|(_, row)| {
        row.stages == stages
            && [0, width].contains(&row.width)
            && row.is_gated == gates
            && row.pools_first == state.has("conv_head.bias")
            && (row.pools_first || is_regular(state, &stages))
    })?;
    let is_twin = row.family.origin == Origin::Either && is_of_tensorflow(state, &row);
    Some((if is_twin { format!("tf_{name}") } else { name }, row))
}

/// What the first convolution of a block may be called.
const FIRST_LAYERS: [&str; 4] = ["conv_pw", "conv_exp", "conv_dw", "conv"];

fn blocks(state: &State, stage: usize) -> usize {
    let is_there = |at: &usize| {
        FIRST_LAYERS.iter().any(|layer| state.has(&format!("blocks.{stage}.{at}.{layer}.weight")))
    };
    (0..).take_while(is_there).count()
}

/// Do blocks widen by whole factors? Those of networks that were pruned do not, and these came from
/// TensorFlow.
fn is_regular(state: &State, stages: &[usize]) -> bool {
    let is_whole = |name: String| {
        state.sizes(&name).is_none_or(|sizes| {
            sizes
                .first()
                .zip(sizes.get(1))
                .is_some_and(|(&wide, &narrow)| narrow > 0 && wide.is_multiple_of(narrow))
        })
    };
    (1..).zip(stages.iter().skip(1)).all(|(stage, &count)| {
        (0..count).all(|at| is_whole(format!("blocks.{stage}.{at}.conv_pw.weight")))
    })
}

fn is_of_tensorflow(state: &State, row: &Row) -> bool {
    match row.family.origin {
        Origin::TensorFlow => true,
        Origin::Other => false,
        Origin::Either => state.is_said_to_be(&["tf"]),
    }
}

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    found(state).map(|(name, _)| name)
}

/// Stages of blocks, a convolution, one linear layer.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let Some((name, row)) = found(net.state) else { return Err(Reason::UnknownRank) };
    let Row { family, stages, .. } = row;
    if is_of_tensorflow(net.state, &row) {
        (net.epsilon, net.pads_behind) = (1e-3, true);
    } else if family.origin == Origin::Either && !net.state.is_said_to_be(&[&name]) {
        net.remarks.push(Remark {
            node: name,
            text: "the weights do not show whether they came from TensorFlow, whose padding is \
                   another: it is taken that they did not",
            fix: "name the file after the model, as timm does (tf_efficientnet_b0.safetensors), or \
                  put timm's config.json beside it",
        });
    }
    let x = net.images(None);
    let activation = Some(family.activation);
    let (mut x, mut channels) = net.layer(["conv_stem", "bn1"], &x, 2, 3, activation)?;
    for ((stage, count), stride) in stages.iter().enumerate().zip(family.strides) {
        let activation = if stage < family.simple { "relu" } else { family.activation };
        for at in 0..*count {
            let name = format!("blocks.{stage}.{at}");
            let stride = if at == 0 { *stride } else { 1 };
            let own = [activation, family.gate[0], family.gate[1]];
            (x, channels) = block(net, &name, &x, channels, stride, own)?;
        }
    }
    if row.pools_first {
        x = net.apply("adaptive_avg_pool2d", &[x, Value::int(1)]);
        x = net.conv("conv_head", &x, [1, 0], channels)?;
        x = net.apply(family.activation, &[x]);
        x = net.apply("flatten", &[x, Value::int(1)]);
    } else {
        (x, _) = net.layer(["conv_head", "bn2"], &x, 1, channels, activation)?;
        x = net.pooled(&x, 1);
    }
    x = net.linear("classifier", &x)?;
    net.output(&x);
    Ok(())
}

/// The convolutions of each kind of block, in their order, of which the first with wide windows
/// takes the steps; the gate stands before the last one.
fn block(
    net: &mut Net<'_>,
    name: &str,
    x: &Value,
    channels: usize,
    stride: i64,
    [activation, inside, gate]: [&str; 3],
) -> Result<(Value, usize), Reason> {
    let has = |net: &Net<'_>, part: &str| net.state.has(&format!("{name}.{part}.weight"));
    let layers: &[&str] = match [has(net, "conv_exp"), has(net, "conv_dw"), has(net, "conv_pw")] {
        [true, _, _] => &["conv_exp", "conv_pwl"],
        [false, true, _] if has(net, "conv_pwl") => &["conv_pw", "conv_dw", "conv_pwl"],
        [false, true, _] => &["conv_dw", "conv_pw"],
        [false, false, _] => &["conv"],
    };
    let (mut made, mut width, mut left) = (x.clone(), channels, stride);
    for (at, layer) in layers.iter().enumerate() {
        let is_last = at + 1 == layers.len();
        if is_last && has(net, "se.conv_reduce") {
            let names = ["se.conv_reduce", "se.conv_expand"].map(|part| format!("{name}.{part}"));
            made = net.gated([&names[0], &names[1]], &made, width, [inside, gate])?;
        }
        let names = [format!("{name}.{layer}"), format!("{name}.bn{}", at + 1)];
        let is_wide = net.kernel(&names[0]) > 1;
        let own = if is_wide { std::mem::replace(&mut left, 1) } else { 1 };
        let own_activation = (!is_last || layers.len() == 1).then_some(activation);
        (made, width) = net.layer([&names[0], &names[1]], &made, own, width, own_activation)?;
    }
    if stride == 1 && width == channels {
        made = net.apply("add", &[made, x.clone()]);
    }
    Ok((made, width))
}
