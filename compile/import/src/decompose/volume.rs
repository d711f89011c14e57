//! Convolution over three axes and more, as sums of convolutions over two.

use crate::build::{Builder, Operand};
use crate::error::Reason;
use ir::{Conv, Op, PadMode, SliceAxis};
use tensor::Dim;
use tensor::scalar::Binary;

/// Most taps on the first of three or more axes: models have up to 7, and each becomes a
/// convolution of its own.
const TAPS_MAX: usize = 64;

/// The convolution of `x[N, C, spatial…]`. One over three axes or more becomes a sum over the
/// taps on the first of them: each is a convolution over the others, of all slices that the tap
/// sees.
pub(crate) fn convolution(
    build: &mut Builder,
    conv: &Conv,
    x: &Operand,
    weights: &Operand,
    bias: Option<&Operand>,
) -> Result<Operand, Reason> {
    let inputs: Vec<&Operand> = [x, weights].into_iter().chain(bias).collect();
    let facts: Vec<_> = inputs.iter().map(|x| build.fact(x)).collect();
    let op = Op::Conv(conv.clone());
    let made =
        op.infer_all(&facts).map_err(|error| Reason::Rule { error, inputs: facts.clone() })?;
    let (given, out, kernel) = (&facts[0].shape, &made[0].shape, &facts[1].shape);
    let taps = kernel[2].known_size().filter(|&taps| given.len() > 4 && taps <= TAPS_MAX);
    let Some(taps) = taps else { return build.emit(op, &inputs) };
    let (rank, one) = (given.len(), Dim::from(1));
    // The channels lie last meanwhile, as convolutions take and give them.
    let to_last: Vec<usize> = [0].into_iter().chain(2..rank).chain([1]).collect();
    let mut x = build.transpose(x, to_last)?;
    if conv.pads[0] != (0, 0) {
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        (before[1], after[1]) = (conv.pads[0].0 as i64, conv.pads[0].1 as i64);
        x = build.emit(Op::Pad { before, after, mode: PadMode::Constant(0.0) }, &[&x])?;
    }
    let rest = Conv {
        strides: conv.strides[1..].to_vec(),
        dilations: conv.dilations[1..].to_vec(),
        pads: conv.pads[1..].to_vec(),
        groups: conv.groups,
    };
    let flat =
        |shape: &[Dim]| [&[shape[0].clone() * out[2].clone()], &shape[1..2], &shape[3..]].concat();
    let mut sum: Option<Operand> = None;
    for tap in 0..taps {
        let seen = SliceAxis {
            axis: 1,
            start: Dim::from(tap * conv.dilations[0]),
            len: out[2].clone(),
            step: conv.strides[0] as i64,
        };
        let seen = build.emit(Op::Slice { axes: vec![seen] }, &[&x])?;
        let seen = build.reshape(&seen, moved(&flat(given), 1, rank - 2))?;
        let seen = build.transpose(&seen, to_second(rank - 1))?;
        let own = SliceAxis { axis: 2, start: Dim::from(tap), len: one.clone(), step: 1 };
        let own = build.emit(Op::Slice { axes: vec![own] }, &[weights])?;
        let own = build.reshape(&own, [&kernel[..2], &kernel[3..]].concat())?;
        let bias = bias.filter(|_| tap == 0);
        let made = convolution(build, &rest, &seen, &own, bias)?;
        sum = Some(match sum {
            Some(sum) => build.binary(Binary::Add, &made, &sum)?,
            None => made,
        });
    }
    let Some(sum) = sum else { return build.emit(op, &inputs) };
    let to_last = [0].into_iter().chain(2..rank - 1).chain([1]).collect();
    let made = build.transpose(&sum, to_last)?;
    let made = build.reshape(&made, moved(out, 1, rank - 1))?;
    build.transpose(&made, to_second(rank))
}

/// The order that moves the last axis to the second place.
fn to_second(rank: usize) -> Vec<usize> {
    [0, rank - 1].into_iter().chain(1..rank - 1).collect()
}

/// A shape with one of its axes moved.
fn moved(shape: &[Dim], from: usize, to: usize) -> Vec<Dim> {
    let mut shape = shape.to_vec();
    let size = shape.remove(from);
    shape.insert(to, size);
    shape
}
