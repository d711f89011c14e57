//! Vision transformers, and DeiT without its teacher, as timm and as torchvision name their layers.

use super::State;
use super::net::Net;
use crate::error::Reason;
use crate::pytorch::value::Value;

/// What layers are called.
struct Names {
    token: &'static str,
    position: &'static str,
    patches: &'static str,
    block: &'static str,
    /// First normalization, weights and bias of the three projections, that of the result, second
    /// normalization.
    parts: [&'static str; 5],
    /// The linear layers of a block.
    linear: [&'static str; 2],
    last: &'static str,
    head: &'static str,
}

const TIMM: Names = Names {
    token: "cls_token",
    position: "pos_embed",
    patches: "patch_embed.proj",
    block: "blocks.",
    parts: ["norm1", "attn.qkv.weight", "attn.qkv.bias", "attn.proj", "norm2"],
    linear: ["mlp.fc1", "mlp.fc2"],
    last: "norm",
    head: "head",
};

const TORCHVISION: Names = Names {
    token: "class_token",
    position: "encoder.pos_embedding",
    patches: "conv_proj",
    block: "encoder.layers.encoder_layer_",
    parts: [
        "ln_1",
        "self_attention.in_proj_weight",
        "self_attention.in_proj_bias",
        "self_attention.out_proj",
        "ln_2",
    ],
    linear: ["mlp.0", "mlp.3"],
    last: "encoder.ln",
    head: "heads.head",
};

/// The first version of torchvision's layers had other names for two of them.
const TORCHVISION_OLD: Names = Names { linear: ["mlp.linear_1", "mlp.linear_2"], ..TORCHVISION };

/// Width of a head, which the weights do not show: that of published models.
const HEAD_WIDTH: usize = 64;

/// Widths of models whose heads have another one: huge, giant and gigantic ones have 16 heads.
const LARGE: [usize; 3] = [1280, 1408, 1664];

fn heads(width: usize) -> usize {
    if LARGE.contains(&width) { 16 } else { width / HEAD_WIDTH }
}

/// Largest patch: published models have up to 32 pixels.
const PATCH_MAX: usize = 1 << 10;

fn names(state: &State) -> Option<&'static Names> {
    let all: [&Names; 3] = [&TIMM, &TORCHVISION, &TORCHVISION_OLD];
    all.into_iter().find(|names| {
        let head = format!("{}.weight", names.head);
        let linear = format!("{}0.{}.weight", names.block, names.linear[0]);
        // Of the variants with scales of layers or with a teacher's token others are true.
        let is_other = ["dist_token", "blocks.0.ls1.gamma", "fc_norm.weight", "norm_pre.weight"];
        let own = [names.token, names.position, &head, &linear];
        own.iter().all(|name| state.has(name)) && !is_other.iter().any(|name| state.has(name))
    })
}

/// Sizes that the weights show: width, patch, patches along an image.
fn sizes(state: &State, names: &Names) -> Option<[usize; 3]> {
    let [width, 3, patch, same] = state.sizes(&format!("{}.weight", names.patches))? else {
        return None;
    };
    let count = state.sizes(names.position)?.get(1)?.checked_sub(1)?;
    let along = count.isqrt();
    let is_one = patch == same
        && along * along == count
        && *width > 0
        && width % HEAD_WIDTH == 0
        && (1..=PATCH_MAX).contains(patch);
    is_one.then_some([*width, *patch, along])
}

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    let [width, patch, along] = sizes(state, names(state)?)?;
    Some(format!("vision transformer of width {width}, patch {patch}, image {}", patch * along))
}

/// Patches and a token of the class, blocks of attention and two linear layers, the class.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let found = names(net.state).and_then(|names| Some((names, sizes(net.state, names)?)));
    let Some((names, [width, patch, along])) = found else { return Err(Reason::UnknownRank) };
    let int = |value: usize| Value::int(value as i64);
    let x = net.images(Some(patch * along));
    let batch = net.apply("size", &[x.clone(), int(0)]);
    let x = net.conv(names.patches, &x, [patch as i64, 0], 3)?;
    let x = net.apply("flatten", &[x, int(2)]);
    let x = net.apply("transpose", &[x, int(1), int(2)]);
    let token = net.weights(names.token)?;
    let shape = net.walk.pool.list(vec![batch.clone(), int(1), int(width)]);
    let token = net.apply("expand", &[token, shape]);
    let both = net.walk.pool.list(vec![token, x]);
    let x = net.apply("cat", &[both, int(1)]);
    let position = net.weights(names.position)?;
    let mut x = net.apply("add", &[x, position]);
    let steps = along * along + 1;
    let count = net.state.count(names.block, 0, &format!(".{}", names.parts[1]));
    for at in 0..count {
        let name = |part: &str| format!("{}{at}.{part}", names.block);
        let [first, weight, bias, projection, second] = names.parts.map(name);
        let made = net.layer_norm(&first, &x)?;
        let made = net.linear_of(&[&weight, &bias], &made)?;
        let made = attention(net, &made, &batch, [steps, width])?;
        let made = net.linear(&projection, &made)?;
        x = net.apply("add", &[x, made]);
        let made = net.layer_norm(&second, &x)?;
        let made = net.linear(&format!("{}{at}.{}", names.block, names.linear[0]), &made)?;
        let made = net.apply("gelu", &[made]);
        let made = net.linear(&format!("{}{at}.{}", names.block, names.linear[1]), &made)?;
        x = net.apply("add", &[x, made]);
    }
    let x = net.layer_norm(names.last, &x)?;
    let x = net.apply("select", &[x, int(1), int(0)]);
    let x = net.linear(names.head, &x)?;
    net.output(&x);
    Ok(())
}

/// Attention of queries, keys and values that lie beside each other.
fn attention(
    net: &mut Net<'_>,
    x: &Value,
    batch: &Value,
    [steps, width]: [usize; 2],
) -> Result<Value, Reason> {
    let int = |value: usize| Value::int(value as i64);
    let heads = heads(width);
    let split = vec![batch.clone(), int(steps), int(3), int(heads), int(width / heads)];
    let split = net.walk.pool.list(split);
    let x = net.apply("reshape", &[x.clone(), split]);
    let order = net.walk.pool.list([2, 0, 3, 1, 4].map(int).to_vec());
    let x = net.apply("permute", &[x, order]);
    let parts = [0, 1, 2].map(|at| net.apply("select", &[x.clone(), int(0), int(at)]));
    let x = net.apply("scaled_dot_product_attention", &parts);
    let x = net.apply("transpose", &[x, int(1), int(2)]);
    let whole = net.walk.pool.list(vec![batch.clone(), int(steps), int(width)]);
    Ok(net.apply("reshape", &[x, whole]))
}
