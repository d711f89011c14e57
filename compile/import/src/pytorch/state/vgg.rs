//! VGG of 11 to 19 layers, with batch normalization or without, as torchvision and timm name its
//! layers.

use super::State;
use super::net::Net;
use crate::error::Reason;

/// The convolutions among `features`, by their places.
fn convolutions(state: &State) -> Vec<usize> {
    (0..PLACES_MAX)
        .filter(|at| {
            let sizes = state.sizes(&format!("features.{at}.weight"));
            sizes.is_some_and(|sizes| sizes.len() == 4)
        })
        .collect()
}

/// Places of `features`: the deepest, with normalization, has 53.
const PLACES_MAX: usize = 64;

/// The last layers: three linear ones, of which timm writes two as convolutions.
const HEADS: [[&str; 3]; 2] = [
    ["classifier.0", "classifier.3", "classifier.6"],
    ["pre_logits.fc1", "pre_logits.fc2", "head.fc"],
];

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    let first = state.sizes("features.0.weight")?;
    let has_head = |head: &[&str; 3]| head.iter().all(|name| state.has(&format!("{name}.weight")));
    let is_one = first == [64, 3, 3, 3] && HEADS.iter().any(has_head);
    let layers = convolutions(state).len() + HEADS[0].len();
    let normal = if state.has("features.1.running_mean") { "_bn" } else { "" };
    (is_one && [11, 13, 16, 19].contains(&layers)).then(|| format!("vgg{layers}{normal}"))
}

/// Convolutions, pooled where the places leave a gap; three linear layers.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let places = convolutions(net.state);
    let is_normal = net.state.has("features.1.running_mean");
    let usual = if is_normal { 3 } else { 2 };
    let mut x = net.images(Some(224));
    let mut channels = 3;
    for (at, place) in places.iter().enumerate() {
        let conv = format!("features.{place}");
        x = net.conv(&conv, &x, [1, 1], channels)?;
        channels = net.channels(&conv);
        if is_normal {
            x = net.batch_norm(&format!("features.{}", place + 1), &x)?;
        }
        x = net.relu(&x);
        if places.get(at + 1).is_none_or(|next| next - place > usual) {
            x = net.max_pool(&x, [2, 2, 0]);
        }
    }
    let [torchvision, timm] = HEADS;
    let is_timm = net.state.has(&format!("{}.weight", timm[0]));
    if !is_timm {
        x = net.pooled(&x, 7);
    }
    for at in 0..2 {
        x = match is_timm {
            true => {
                let taken = if at == 0 { channels } else { net.channels(timm[0]) };
                net.conv(timm[at], &x, [1, 0], taken)?
            }
            false => net.linear(torchvision[at], &x)?,
        };
        x = net.relu(&x);
    }
    if is_timm {
        x = net.pooled(&x, 1);
    }
    x = net.linear(if is_timm { timm[2] } else { torchvision[2] }, &x)?;
    net.output(&x);
    Ok(())
}
