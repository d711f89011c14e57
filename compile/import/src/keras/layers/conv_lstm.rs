//! Recurrent layers whose states are images: each step is a few convolutions.

use super::super::call::{Call, Made};
use super::super::variables::{Slot, slot, slot_if};
use super::activation::applied;
use super::conv::{Window, outputs_first, spatial};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose;
use crate::decompose::arithmetic::{reversed, slice, with_axis};
use crate::decompose::{to_last, to_second};
use crate::error::Reason;
use ir::{Conv, Op};
use tensor::Dim;
use tensor::scalar::Binary;

const OF_CELL: &[Slot] = &[
    slot("kernel").of("cell"),
    slot("recurrent_kernel").of("cell"),
    slot_if("bias", |config| config.flag("use_bias", true)).of("cell"),
];

pub(super) const ROWS: &[Row] = &[
    row("ConvLSTM1D", STEPS, OF_CELL, |call| conv_lstm(call, 1)).without_mask(),
    row("ConvLSTM2D", STEPS, OF_CELL, |call| conv_lstm(call, 2)).without_mask(),
    row("ConvLSTM3D", STEPS, OF_CELL, |call| conv_lstm(call, 3)).without_mask(),
];

const STEPS: &str = "of at most 256 steps";

/// Steps that become nodes of their own: models of videos look at some tens.
const STEPS_MAX: usize = 256;

/// The input's convolution of all steps at once, then step by step that of the state.
fn conv_lstm(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let config = call.config();
    let mut x = call.input_of_rank(axes + 3)?;
    let is_last = config.is_channels_last();
    if call.inputs[0].mask.is_some() || call.given("mask").is_some() {
        let (expected, found) = ("no mask".to_string(), "one".to_string());
        return Err(Reason::Input { input: 0, expected, found });
    }
    let backwards = config.flag("go_backwards", false) != call.layer.is_flipped;
    let build = &mut call.walk.build;
    let shape = build.fact(&x).shape;
    let steps = shape[1].known_size().filter(|steps| (1..=STEPS_MAX).contains(steps));
    let steps = steps.ok_or_else(|| Reason::DataDependent {
        input: 0,
        what: format!("the number of steps, {STEPS_MAX} at most,"),
    })?;
    if backwards {
        x = reversed(build, &x, 1)?;
    }
    let flat = [&[shape[0].clone() * shape[1].clone()], &shape[2..]].concat();
    x = build.reshape(&x, flat)?;
    if is_last {
        x = build.transpose(&x, to_second(axes + 2))?;
    }
    let mut gates = of_inputs(call, &x, axes)?;
    let build = &mut call.walk.build;
    let made = build.fact(&gates).shape;
    gates = build.reshape(&gates, [&shape[..2], &made[1..]].concat())?;
    let mut all = Vec::with_capacity(steps);
    let mut state = given_state(call, axes, is_last)?;
    let recurrent = call.weight("recurrent_kernel")?;
    let kernel = spatial(call, &recurrent, axes)?;
    let weights = outputs_first(&mut call.walk.build, &recurrent)?;
    for step in 0..steps {
        let build = &mut call.walk.build;
        let own = slice(build, &gates, 1, Dim::from(step), Dim::from(1))?;
        let own = build.reshape(&own, [&shape[..1], &made[1..]].concat())?;
        let next = advance(call, own, state.as_ref(), (&weights, &kernel))?;
        all.push(next[0].clone());
        state = Some(next);
    }
    results(call, all, state, is_last)
}

/// What the input gives to the gates of all steps.
fn of_inputs(call: &mut Call<'_, '_>, x: &Operand, axes: usize) -> Result<Operand, Reason> {
    let (kernel, bias) = (call.weight("kernel")?, call.weight_if("bias"));
    let window = Window::of(call.config(), spatial(call, &kernel, axes)?)?;
    let build = &mut call.walk.build;
    let (x, pads) = window.padded(call.layer.config, build, x, 0.0)?;
    let weights = outputs_first(build, &kernel)?;
    let conv = Conv { strides: window.strides, dilations: window.dilations, pads, groups: 1 };
    decompose::convolution(build, &conv, &x, &weights, bias.as_ref())
}

/// The states that the call gives, with their channels second.
fn given_state(
    call: &mut Call<'_, '_>,
    axes: usize,
    is_last: bool,
) -> Result<Option<[Operand; 2]>, Reason> {
    let mut given = call.tensors_given("initial_state");
    if given.is_empty() {
        given = call.inputs[1..].to_vec();
    }
    let [h, c, ..] = given.as_slice() else { return Ok(None) };
    for state in [h, c] {
        call.require_rank(1, &state.operand, axes + 2)?;
    }
    let build = &mut call.walk.build;
    let [h, c] = [h, c].map(|flow| match is_last {
        true => build.transpose(&flow.operand, to_second(axes + 2)),
        false => Ok(flow.operand.clone()),
    });
    Ok(Some([h?, c?]))
}

/// The states `h` and `c` after a step, by gates `i, f, c, o`, to which the state before adds its
/// convolution.
fn advance(
    call: &mut Call<'_, '_>,
    mut gates: Operand,
    state: Option<&[Operand; 2]>,
    (weights, kernel): (&Operand, &[usize]),
) -> Result<[Operand; 2], Reason> {
    let config = call.config();
    let build = &mut call.walk.build;
    let filters = build.fact(&gates).shape[1].known_size().unwrap_or(0) / 4;
    if let Some([h, _]) = state {
        let ones = vec![1; kernel.len()];
        let sizes = build.fact(h).shape;
        let pads = decompose::same_pads(&sizes[2..], kernel, &ones, &ones);
        let conv = Conv {
            strides: ones.clone(),
            dilations: ones,
            pads: pads.unwrap_or_default(),
            groups: 1,
        };
        let own = decompose::convolution(build, &conv, h, weights, None)?;
        gates = build.binary(Binary::Add, &gates, &own)?;
    }
    let mut part =
        |gate: usize| slice(build, &gates, 1, Dim::from(gate * filters), Dim::from(filters));
    let (i, f, g, o) = (part(0)?, part(1)?, part(2)?, part(3)?);
    let (outer, inner) = (config.get("activation"), config.get("recurrent_activation"));
    let i = applied(call, inner, i)?;
    let g = applied(call, outer, g)?;
    let mut c = call.walk.build.binary(Binary::Mul, &i, &g)?;
    if let Some([_, before]) = state {
        let f = applied(call, inner, f)?;
        let kept = call.walk.build.binary(Binary::Mul, &f, before)?;
        c = call.walk.build.binary(Binary::Add, &kept, &c)?;
    }
    let o = applied(call, inner, o)?;
    let shown = applied(call, outer, c.clone())?;
    Ok([call.walk.build.binary(Binary::Mul, &o, &shown)?, c])
}

/// The last state or those of all steps, then the states that are left, where they are asked for.
fn results(
    call: &mut Call<'_, '_>,
    all: Vec<Operand>,
    state: Option<[Operand; 2]>,
    is_last: bool,
) -> Made {
    let config = call.config();
    let build = &mut call.walk.build;
    let mut placed = |x: &Operand| match is_last {
        true => {
            let rank = build.fact(x).rank();
            build.transpose(x, to_last(rank))
        }
        false => Ok(x.clone()),
    };
    let states: Vec<Operand> = state.iter().flatten().map(&mut placed).collect::<Result<_, _>>()?;
    let mut made = match config.flag("return_sequences", false) {
        false => vec![states[0].clone()],
        true => {
            let all: Vec<Operand> = all.iter().map(&mut placed).collect::<Result<_, _>>()?;
            let mut wide = Vec::with_capacity(all.len());
            for x in &all {
                wide.push(with_axis(build, x, 1)?);
            }
            vec![build.emit(Op::Concat { axis: 1 }, &wide.iter().collect::<Vec<_>>())?]
        }
    };
    if config.flag("return_state", false) {
        made.extend(states);
    }
    Ok(made)
}
