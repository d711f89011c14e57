//! DenseNet of 121 to 201 layers, as torchvision and timm name its layers.

use super::State;
use super::net::Net;
use crate::error::Reason;
use crate::pytorch::value::Value;

fn layers(state: &State) -> [usize; 4] {
    [1, 2, 3, 4].map(|block| {
        state.count(&format!("features.denseblock{block}.denselayer"), 1, ".conv1.weight")
    })
}

/// Most layers of a block: the largest that is published has 48.
const LAYERS_MAX: usize = 64;

/// Which of them weights are of.
pub(super) fn name(state: &State) -> Option<String> {
    let layers = layers(state);
    let is_one = state.has("features.conv0.weight")
        && layers.iter().all(|count| (1..=LAYERS_MAX).contains(count));
    let count = 2 * layers.iter().sum::<usize>() + layers.len() + 1;
    (is_one && state.has("classifier.weight")).then(|| format!("densenet{count}"))
}

fn activated(net: &mut Net<'_>, name: &str, x: &Value) -> Result<Value, Reason> {
    let x = net.batch_norm(name, x)?;
    Ok(net.relu(&x))
}

/// Each layer takes all that those before it in its block made.
pub(super) fn build(net: &mut Net<'_>) -> Result<(), Reason> {
    let x = net.images(None);
    let x = net.conv("features.conv0", &x, [2, 3], 3)?;
    let x = activated(net, "features.norm0", &x)?;
    let mut x = net.max_pool(&x, [3, 2, 1]);
    for (block, count) in (1..).zip(layers(net.state)) {
        let mut parts = vec![x.clone()];
        for at in 1..=count {
            let name = format!("features.denseblock{block}.denselayer{at}");
            let all = net.walk.pool.list(parts.clone());
            let all = net.apply("cat", &[all, Value::int(1)]);
            let made = activated(net, &format!("{name}.norm1"), &all)?;
            let taken = net.channels(&format!("{name}.norm1"));
            let made = net.conv(&format!("{name}.conv1"), &made, [1, 0], taken)?;
            let made = activated(net, &format!("{name}.norm2"), &made)?;
            let taken = net.channels(&format!("{name}.norm2"));
            parts.push(net.conv(&format!("{name}.conv2"), &made, [1, 1], taken)?);
        }
        let all = net.walk.pool.list(parts);
        x = net.apply("cat", &[all, Value::int(1)]);
        let name = format!("features.transition{block}");
        if net.state.has(&format!("{name}.conv.weight")) {
            x = activated(net, &format!("{name}.norm"), &x)?;
            let taken = net.channels(&format!("{name}.norm"));
            x = net.conv(&format!("{name}.conv"), &x, [1, 0], taken)?;
            x = net.apply("avg_pool2d", &[x, Value::int(2), Value::int(2)]);
        }
    }
    let x = activated(net, "features.norm5", &x)?;
    let x = net.pooled(&x, 1);
    let x = net.linear("classifier", &x)?;
    net.output(&x);
    Ok(())
}
