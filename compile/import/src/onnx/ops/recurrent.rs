//! Layers that pass a state on from step to step.

use super::{Row, row};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, SliceAxis};
use operators::recurrent::{Activation, Cell, Direction, Recurrent};
use tensor::Dim;
use tensor::scalar::Binary;

pub(super) const OPS: &[Row] = &[
    row(
        "RNN",
        &[
            "activation_alpha",
            "activation_beta",
            "activations",
            "clip",
            "direction",
            "hidden_size",
            "layout",
        ],
        |call| recurrent(call, Cell::Rnn, &["Tanh"], false),
    ),
    row(
        "GRU",
        &[
            "activation_alpha",
            "activation_beta",
            "activations",
            "clip",
            "direction",
            "hidden_size",
            "layout",
            "linear_before_reset",
        ],
        |call| {
            let resets_product = call.flag("linear_before_reset", false)?;
            recurrent(call, Cell::Gru { resets_product }, &["Sigmoid", "Tanh"], false)
        },
    ),
    row(
        "LSTM",
        &[
            "activation_alpha",
            "activation_beta",
            "activations",
            "clip",
            "direction",
            "hidden_size",
            "input_forget",
            "layout",
        ],
        |call| long_short_term_memory(call, false),
    ),
];

/// ONNX LSTM-1,7,14,22; `rounds_states` as in [`Recurrent`].
pub(super) fn long_short_term_memory(call: &mut Call<'_>, rounds_states: bool) -> Made {
    let forgets_input = call.flag("input_forget", false)?;
    recurrent(call, Cell::Lstm { forgets_input }, &["Sigmoid", "Tanh", "Tanh"], rounds_states)
}

/// ONNX RNN-1,7,14,22, GRU-1,3,7,14,22: one product for the input of all steps, then the
/// recurrence.
fn recurrent(call: &mut Call<'_>, cell: Cell, default: &[&str], rounds_states: bool) -> Made {
    let is_reverse: &[bool] = match call.text("direction")?.unwrap_or("forward") {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => {
            let expected = "forward, reverse or bidirectional";
            return Err(call.refuse("direction", expected, other));
        }
    };
    let hidden = match (call.int("hidden_size")?, call.fact(2)?.shape.last()) {
        (Some(hidden), _) => Some(hidden),
        (None, Some(size)) => size.known(),
        (None, None) => None,
    };
    let hidden = hidden.and_then(|hidden| usize::try_from(hidden).ok());
    let hidden = hidden.ok_or_else(|| call.refuse("hidden_size", "a size", "nothing"))?;
    let names = call.texts("activations")?;
    let default = default.iter().map(|name| name.to_string());
    let names =
        names.unwrap_or_else(|| default.cycle().take(cell.gates().1 * is_reverse.len()).collect());
    let activations = activations(call, &names)?;
    let mut each = activations.chunks(cell.gates().1);
    let directions = is_reverse.iter().map(|&is_reverse| Direction {
        is_reverse,
        activations: each.next().unwrap_or(&[]).to_vec(),
    });
    let given = std::array::from_fn(|at| call.optional(at + 3).is_some());
    let (directions, clip) = (directions.collect(), call.float("clip")?);
    let operator = Recurrent { cell, hidden, directions, clip, given, rounds_states };
    in_layout(call, operator)
}

/// The product of the input with its weights, for all steps at once, and what the recurrence takes
/// of weights and biases.
fn projected(call: &mut Call<'_>, x: &Operand, gates: usize) -> Result<Vec<Operand>, Reason> {
    let (w, r) = (call.input(1)?, call.input(2)?);
    let shape = call.build.fact(&w).shape;
    let [directions, rows, width] = shape.as_slice() else {
        let (expected, found) = ("[D, G*H, I]".to_string(), format!("{shape:?}"));
        return Err(Reason::Input { input: 1, expected, found });
    };
    let joined = directions.clone() * rows.clone();
    let w = call.build.reshape(&w, vec![joined.clone(), width.clone()])?;
    let w = call.build.transpose(&w, vec![1, 0])?;
    let mut product = call.build.emit(Op::MatMul, &[x, &w])?;
    let r = call.build.transpose(&r, vec![0, 2, 1])?;
    let Some(bias) = call.optional(3) else { return Ok(vec![product, r]) };
    let half = |start: usize| {
        let (start, len) = (Dim::from(start), Dim::from(gates));
        Op::Slice { axes: vec![SliceAxis { axis: 1, start, len, step: 1 }] }
    };
    let of_input = call.build.emit(half(0), &[&bias])?;
    let of_input = call.build.reshape(&of_input, vec![joined])?;
    product = call.build.binary(Binary::Add, &product, &of_input)?;
    let of_state = call.build.emit(half(gates), &[&bias])?;
    Ok(vec![product, r, of_state])
}

/// With `layout` 1 sequences come before steps in `x` and `y`, and before directions in states.
fn in_layout(call: &mut Call<'_>, operator: Recurrent) -> Made {
    let is_batch_first = call.flag("layout", false)?;
    let mut x = call.input(0)?;
    if is_batch_first {
        x = call.build.transpose(&x, vec![1, 0, 2])?;
    }
    let mut inputs = projected(call, &x, operator.cell.gates().0.saturating_mul(operator.hidden))?;
    for index in 4..8 {
        let Some(input) = call.optional(index) else { continue };
        let is_moved = is_batch_first && matches!(index, 5 | 6);
        inputs.push(if is_moved { call.build.transpose(&input, vec![1, 0, 2])? } else { input });
    }
    let inputs: Vec<&Operand> = inputs.iter().collect();
    let made = call.build.emit_all(Op::Whole(operator.into()), &inputs)?;
    if !is_batch_first {
        return Ok(made);
    }
    let moved = made.iter().enumerate().map(|(index, made)| {
        let perm = if index == 0 { vec![2, 0, 1, 3] } else { vec![1, 0, 2] };
        call.build.transpose(made, perm)
    });
    moved.collect()
}

/// The named functions, each with its parameters or their defaults. Parameters are listed for those
/// functions that have one.
fn activations(call: &Call<'_>, names: &[String]) -> Result<Vec<Activation>, Reason> {
    let mut alphas = call.floats("activation_alpha")?.unwrap_or(&[]).iter().copied();
    let mut betas = call.floats("activation_beta")?.unwrap_or(&[]).iter().copied();
    let mut made = Vec::with_capacity(names.len());
    for name in names {
        let mut alpha = |default: f32| alphas.next().unwrap_or(default);
        let mut beta = |default: f32| betas.next().unwrap_or(default);
        made.push(match name.to_ascii_lowercase().as_str() {
            "relu" => Activation::Relu,
            "tanh" => Activation::Tanh,
            "sigmoid" => Activation::Sigmoid,
            "affine" => Activation::Affine(alpha(1.0), beta(0.0)),
            "leakyrelu" => Activation::LeakyRelu(alpha(0.01)),
            "thresholdedrelu" => Activation::ThresholdedRelu(alpha(1.0)),
            "scaledtanh" => Activation::ScaledTanh(alpha(1.0), beta(1.0)),
            "hardsigmoid" => Activation::HardSigmoid(alpha(0.2), beta(0.5)),
            "elu" => Activation::Elu(alpha(1.0)),
            "softsign" => Activation::Softsign,
            "softplus" => Activation::Softplus,
            _ => return Err(call.refuse("activations", "functions of the standard", name)),
        });
    }
    Ok(made)
}
