//! Layers that pass a state on from step to step.

use super::super::step::{Made, Step};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::with_axis;
use crate::error::Reason;
use ir::Op;
use operators::recurrent::{Activation, Cell, Direction, Recurrent};
use tensor::scalar::Binary;

pub(super) const ROWS: &[Row] = &[row("UNIDIRECTIONAL_SEQUENCE_LSTM", long_short_term_memory)];

/// Inputs by their place: the weights of the gates `i, f, c, o`, and what no exporter writes.
const OF_INPUT: usize = 1;
const OF_STATE: usize = 5;
const BIASES: usize = 12;
const REFUSED: [(std::ops::Range<usize>, &str); 3] =
    [(9..12, "peepholes"), (16..18, "a projection"), (20..24, "normalized gates")];

/// The gates of the format in the order of the graph's operator, `i, o, f, c`.
const GATES: [usize; 4] = [0, 3, 1, 2];

/// The bound of states that the converter writes for every LSTM. The layers that it converts have
/// none, and neither has what they become here; no gate sees a difference beyond.
const CLIP: f32 = 10.0;

/// One product for the input of all steps, then the recurrence from a state of zeros.
fn long_short_term_memory(step: &mut Step<'_, '_, '_>) -> Made {
    for (places, what) in REFUSED {
        let given = places.into_iter().find(|&place| step.value(place).is_some());
        if let Some(input) = given {
            let expected = format!("an LSTM without {what}");
            return Err(Reason::Input { input, expected, found: "one with them".to_string() });
        }
    }
    let [clip, projected] = [1, 2].map(|field| step.float(field).unwrap_or(0.0));
    if clip > 0.0 && clip < CLIP || projected > 0.0 {
        let expected = "states that are not clipped, or far from zero";
        return Err(step.refuse("cell_clip", expected, &format!("{clip}, {projected}")));
    }
    let activation = match step.choice(0) {
        0 => Activation::Affine(1.0, 0.0),
        1 => Activation::Relu,
        4 => Activation::Tanh,
        other => {
            let (name, expected) = ("fused_activation_function", "none, relu or tanh");
            return Err(step.refuse(name, expected, &format!("number {other}")));
        }
    };
    let (mut x, _) = step.of_rank(0, 3)?;
    let is_time_first = step.flag(3);
    if !is_time_first {
        x = step.build().transpose(&x, vec![1, 0, 2])?;
    }
    let kernel = gates(step, OF_INPUT)?;
    let (kernel, recurrent) = (kernel, gates(step, OF_STATE)?);
    let hidden = step.nodes().fact(&recurrent).shape[0].known_size();
    let hidden = hidden.ok_or(Reason::UnknownRank)?;
    let build = step.build();
    let mut projected = build.emit(Op::MatMul, &[&x, &kernel])?;
    let recurrent = with_axis(build, &recurrent, 0)?;
    let mut biases = Vec::with_capacity(GATES.len());
    for gate in GATES {
        biases.push(step.input(BIASES + gate)?);
    }
    let build = step.build();
    let bias = build.emit(Op::Concat { axis: 0 }, &biases.iter().collect::<Vec<_>>())?;
    projected = build.binary(Binary::Add, &projected, &bias)?;
    let operator = Recurrent {
        cell: Cell::Lstm { forgets_input: false },
        hidden,
        directions: vec![Direction {
            is_reverse: false,
            activations: vec![Activation::Sigmoid, activation, activation],
        }],
        clip: None,
        given: [false; 5],
        rounds_states: false,
    };
    let made = build.emit_all(Op::Whole(operator.into()), &[&projected, &recurrent])?;
    let shape = build.fact(&made[0]).shape;
    let all = vec![shape[0].clone(), shape[2].clone(), shape[3].clone()];
    let made = build.reshape(&made[0], all)?;
    Ok(vec![match is_time_first {
        true => made,
        false => build.transpose(&made, vec![1, 0, 2])?,
    }])
}

/// The matrices `[H, I]` of the gates beside each other, `[I, 4 * H]`.
fn gates(step: &mut Step<'_, '_, '_>, first: usize) -> Result<Operand, Reason> {
    let mut gates = Vec::with_capacity(GATES.len());
    for gate in GATES {
        let (matrix, _) = step.of_rank(first + gate, 2)?;
        gates.push(step.build().transpose(&matrix, vec![1, 0])?);
    }
    step.build().emit(Op::Concat { axis: 1 }, &gates.iter().collect::<Vec<_>>())
}
