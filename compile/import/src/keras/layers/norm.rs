//! Normalizations.

use super::super::call::{Call, Made};
use super::super::config::Config;
use super::super::variables::{Slot, slot, slot_if};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::{axis, moments, reduce, unit, with};
use crate::error::Reason;
use ir::Op;
use tensor::Dim;
use tensor::scalar::{Binary, Reduction, Unary};

const GAMMA: Slot = slot_if("gamma", |config| config.flag("scale", true));
const BETA: Slot = slot_if("beta", |config| config.flag("center", true));

pub(super) const ROWS: &[Row] = &[
    row(
        "BatchNormalization",
        "as in inference",
        &[GAMMA, BETA, slot("moving_mean").untrained(), slot("moving_variance").untrained()],
        batch_normalization,
    ),
    row("LayerNormalization", "", LAYER, layer_normalization),
    row("GroupNormalization", "", &[GAMMA, BETA], group_normalization),
    row("RMSNormalization", "", &[slot("scale")], rms_normalization).without_mask(),
    row("UnitNormalization", "", &[], unit_normalization),
];

const LAYER: &[Slot] = &[
    slot_if("gamma", |config| config.flag("scale", true) || config.flag("rms_scaling", false)),
    slot_if("beta", |config| config.flag("center", true) && !config.flag("rms_scaling", false)),
];

/// The axes that a configuration names.
fn axes(config: Config<'_>, default: i64, rank: usize) -> Result<Vec<usize>, Reason> {
    let named = config.integers("axis")?.unwrap_or_else(|| vec![default]);
    let axes: Option<Vec<usize>> = named.iter().map(|&value| axis(value, rank)).collect();
    let mut axes = axes.ok_or_else(|| config.refuse("axis", &format!("axes of {rank}")))?;
    axes.sort_unstable();
    axes.dedup();
    Ok(axes)
}

/// A weight of some axes in the shape in which it broadcasts over all.
fn along(
    build: &mut Builder,
    weight: &Operand,
    axes: &[usize],
    rank: usize,
) -> Result<Operand, Reason> {
    let sizes = build.fact(weight).shape;
    let mut shape = vec![Dim::from(1); rank];
    match sizes.len() == axes.len() {
        true => axes.iter().zip(sizes).for_each(|(&axis, size)| shape[axis] = size),
        // Some versions keep one vector for all axes.
        false => return Ok(weight.clone()),
    }
    build.reshape(weight, shape)
}

/// `sqrt(x + epsilon)`
fn deviation(build: &mut Builder, variance: &Operand, epsilon: f64) -> Result<Operand, Reason> {
    let sum = with(build, Binary::Add, variance, epsilon)?;
    build.unary(Unary::Sqrt, &sum)
}

/// `x * s + (beta - mean * s)` with `s = gamma / sqrt(variance + epsilon)`.
fn batch_normalization(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let (gamma, beta) = (call.weight_if("gamma"), call.weight_if("beta"));
    let (mean, variance) = (call.weight("moving_mean")?, call.weight("moving_variance")?);
    let config = call.config();
    let epsilon = config.float("epsilon")?.unwrap_or(1e-3);
    let rank = call.walk.build.fact(&x).rank();
    let mut axes = axes(config, -1, rank)?;
    let before = call.walk.before_turn(&x).filter(|_| axes == [rank - 1]);
    let is_turned = before.is_some();
    let x = before.unwrap_or(x);
    if is_turned {
        axes = vec![1];
    }
    let build = &mut call.walk.build;
    let [mean, variance] = [mean, variance].map(|weight| along(build, &weight, &axes, rank));
    let (mean, deviation) = (mean?, deviation(build, &variance?, epsilon)?);
    let factor = match gamma {
        Some(gamma) => {
            let gamma = along(build, &gamma, &axes, rank)?;
            build.binary(Binary::Div, &gamma, &deviation)?
        }
        None => build.unary(Unary::Reciprocal, &deviation)?,
    };
    let shift = build.binary(Binary::Mul, &mean, &factor)?;
    let shift = match beta {
        Some(beta) => {
            let beta = along(build, &beta, &axes, rank)?;
            build.binary(Binary::Sub, &beta, &shift)?
        }
        None => build.unary(Unary::Neg, &shift)?,
    };
    let scaled = build.binary(Binary::Mul, &x, &factor)?;
    let made = build.binary(Binary::Add, &scaled, &shift)?;
    Ok(vec![if is_turned { call.walk.channels_last(made)? } else { made }])
}

fn layer_normalization(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let (gamma, beta) = (call.weight_if("gamma"), call.weight_if("beta"));
    let config = call.config();
    let epsilon = config.float("epsilon")?.unwrap_or(1e-3);
    let is_rms = config.flag("rms_scaling", false);
    let build = &mut call.walk.build;
    let fact = build.fact(&x);
    let rank = fact.rank();
    let axes = axes(config, -1, rank)?;
    let first = axes.first().copied().unwrap_or(0);
    let is_tail = axes.iter().copied().eq(first..rank) && rank > 0;
    if is_tail && !is_rms {
        let shape = fact.shape[first..].to_vec();
        let scale = match gamma {
            Some(gamma) => build.reshape(&gamma, shape.clone())?,
            None => {
                let one = build.number(fact.dtype, 1.0)?;
                build.expand(&one, shape.clone())?
            }
        };
        let beta = beta.map(|beta| build.reshape(&beta, shape)).transpose()?;
        let inputs: Vec<&Operand> = [&x, &scale].into_iter().chain(&beta).collect();
        let op = Op::LayerNorm { axis: first, epsilon: epsilon as f32 };
        return Ok(vec![build.emit(op, &inputs)?]);
    }
    let [centered, variance] = moments(build, &x, &axes)?;
    let deviation = deviation(build, &variance, epsilon)?;
    let made = match is_rms {
        // This setting leaves the mean in.
        true => build.binary(Binary::Div, &x, &deviation)?,
        false => build.binary(Binary::Div, &centered, &deviation)?,
    };
    Ok(vec![weighted(build, made, [gamma, beta], &axes, rank)?])
}

/// The elements times `gamma` plus `beta`, as far as there are these, along the axes.
fn weighted(
    build: &mut Builder,
    mut x: Operand,
    [gamma, beta]: [Option<Operand>; 2],
    axes: &[usize],
    rank: usize,
) -> Result<Operand, Reason> {
    for (function, weight) in [(Binary::Mul, gamma), (Binary::Add, beta)] {
        if let Some(weight) = weight {
            let weight = along(build, &weight, axes, rank)?;
            x = build.binary(function, &x, &weight)?;
        }
    }
    Ok(x)
}

/// Each group of channels normalized together, then a scale and a bias of each channel.
fn group_normalization(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let (gamma, beta) = (call.weight_if("gamma"), call.weight_if("beta"));
    let config = call.config();
    let epsilon = config.float("epsilon")?.unwrap_or(1e-3);
    let groups = config.integer("groups")?.unwrap_or(32);
    let build = &mut call.walk.build;
    let fact = build.fact(&x);
    let rank = fact.rank();
    let axes = axes(config, -1, rank)?;
    let refused = |name: &str| config.refuse(name, &format!("a part of {:?}", fact.shape));
    let [channel] = *axes else { return Err(refused("axis")) };
    let channels = fact.shape[channel].known().filter(|_| channel > 0);
    let channels = channels.ok_or_else(|| refused("axis"))?;
    let groups = if groups == -1 { channels } else { groups };
    if groups < 1 || channels % groups != 0 {
        return Err(refused("groups"));
    }
    let split = [Dim::from(groups), Dim::from(channels / groups)];
    let grouped = [&fact.shape[..channel], &split, &fact.shape[channel + 1..]].concat();
    let grouped = build.reshape(&x, grouped)?;
    let together: Vec<usize> = (1..rank + 1).filter(|&axis| axis != channel).collect();
    let [centered, variance] = moments(build, &grouped, &together)?;
    let deviation = deviation(build, &variance, epsilon)?;
    let normal = build.binary(Binary::Div, &centered, &deviation)?;
    let made = build.reshape(&normal, fact.shape.clone())?;
    Ok(vec![weighted(build, made, [gamma, beta], &axes, rank)?])
}

/// `x / sqrt(mean(x^2) + epsilon) * scale`
fn rms_normalization(call: &mut Call<'_, '_>) -> Made {
    let (x, scale) = (call.input()?, call.weight("scale")?);
    let config = call.config();
    let epsilon = config.float("epsilon")?.unwrap_or(1e-6);
    let build = &mut call.walk.build;
    let rank = build.fact(&x).rank();
    let axes = axes(config, -1, rank)?;
    let squares = build.binary(Binary::Mul, &x, &x)?;
    let mean = reduce(build, Reduction::Mean, &squares, &axes, true)?;
    let root = deviation(build, &mean, epsilon)?;
    let normal = build.binary(Binary::Div, &x, &root)?;
    let scale = along(build, &scale, &axes, rank)?;
    Ok(vec![build.binary(Binary::Mul, &normal, &scale)?])
}

/// `x / sqrt(max(sum(x^2), 1e-12))`
fn unit_normalization(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let build = &mut call.walk.build;
    let axes = axes(config, -1, build.fact(&x).rank())?;
    Ok(vec![unit(build, &x, &axes, 1e-12)?])
}
