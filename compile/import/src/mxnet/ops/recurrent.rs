//! Layers that pass a state on from step to step.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::slice;
use crate::error::Reason;
use ir::Op;
use operators::recurrent::{Activation, Cell, Direction, Recurrent};
use tensor::Dim;
use tensor::scalar::Binary;

pub(super) const ROWS: &[Row] = &[row("RNN", rnn)];

/// Most layers: no model stacks as many.
const LAYERS_MAX: usize = 64;

/// Largest state of a layer.
const STATE_MAX: usize = 1 << 20;

/// What is computed in each step, and the order in which files keep its gates, as places among
/// those of the graph's operator.
struct Form {
    cell: Cell,
    gates: &'static [usize],
    activations: &'static [Activation],
}

fn form(call: &Call<'_, '_>) -> Result<Form, Reason> {
    use Activation::{Relu, Sigmoid, Tanh};
    Ok(match call.text("mode").unwrap_or_default() {
        "rnn_relu" => Form { cell: Cell::Rnn, gates: &[0], activations: &[Relu] },
        "rnn_tanh" => Form { cell: Cell::Rnn, gates: &[0], activations: &[Tanh] },
        // Files keep `r, z, h`, the operator `z, r, h`.
        "gru" => Form {
            cell: Cell::Gru { resets_product: true },
            gates: &[1, 0, 2],
            activations: &[Sigmoid, Tanh],
        },
        // Files keep `i, f, c, o`, the operator `i, o, f, c`.
        "lstm" => Form {
            cell: Cell::Lstm { forgets_input: false },
            gates: &[0, 3, 1, 2],
            activations: &[Sigmoid, Tanh, Tanh],
        },
        other => return Err(call.refuse("mode", "rnn_relu, rnn_tanh, gru or lstm", other)),
    })
}

/// What is cut off a vector of parameters, from its beginning on.
struct Parameters {
    vector: Operand,
    start: usize,
}

impl Parameters {
    /// The next matrix of `gates * hidden` rows, or vector where `columns` is `None`, its gates in
    /// the order of the operator.
    fn next(
        &mut self,
        call: &mut Call<'_, '_>,
        form: &Form,
        hidden: usize,
        columns: Option<usize>,
    ) -> Result<Operand, Reason> {
        let (gates, width) = (form.gates.len(), columns.unwrap_or(1));
        let count = (gates * hidden).checked_mul(width).ok_or(Reason::UnknownRank)?;
        let build = call.build();
        let own = slice(build, &self.vector, 0, Dim::from(self.start), Dim::from(count))?;
        self.start = self.start.checked_add(count).ok_or(Reason::UnknownRank)?;
        let shape = [gates, hidden, width].map(Dim::from);
        let own = build.reshape(&own, shape.to_vec())?;
        let parts =
            form.gates.iter().map(|&gate| slice(build, &own, 0, Dim::from(gate), Dim::from(1)));
        let parts = parts.collect::<Result<Vec<Operand>, Reason>>()?;
        let parts: Vec<&Operand> = parts.iter().collect();
        let joined = build.emit(Op::Concat { axis: 0 }, &parts)?;
        let rows = Dim::from(gates * hidden);
        let shape = match columns {
            Some(width) => vec![rows, Dim::from(width)],
            None => vec![rows],
        };
        build.reshape(&joined, shape)
    }
}

/// Weights of one direction of one layer: `[G*H, I]`, `[G*H, H]`, `[G*H]`, `[G*H]`.
type Weights = [Operand; 4];

/// `(x[T, N, I], parameters, h[L*D, N, H], [c[L*D, N, H]])`, with all weights of all layers before
/// all biases.
fn rnn(call: &mut Call<'_, '_>) -> Made {
    let form = form(call)?;
    let (hidden, layers) = (call.count("state_size", 0)?, call.count("num_layers", 1)?);
    if !(1..=STATE_MAX).contains(&hidden) || !(1..=LAYERS_MAX).contains(&layers) {
        let expected = format!("a state of up to {STATE_MAX} in up to {LAYERS_MAX} layers");
        return Err(call.refuse("state_size", &expected, &format!("{hidden} in {layers}")));
    }
    if call.text("projection_size").is_some() || call.text("lstm_state_clip_min").is_some() {
        return Err(call.refuse("projection_size", "states of the size of the layer", "others"));
    }
    if call.flag("use_sequence_length", false)? {
        return Err(call.refuse("use_sequence_length", "False", "True"));
    }
    let ways = if call.flag("bidirectional", false)? { 2 } else { 1 };
    let (mut x, shape) = (call.of_rank(0, 3)?, call.fact(0)?.shape);
    let width = shape[2].known_size().ok_or_else(|| Reason::DataDependent {
        input: 0,
        what: "the number of features".to_string(),
    })?;
    let weights = weights(call, &form, [hidden, layers, ways, width])?;
    let states = if matches!(form.cell, Cell::Lstm { .. }) { 2 } else { 1 };
    let mut given = Vec::new();
    for at in 0..states {
        given.push(state(call, at + 2, &shape[1])?);
    }
    let mut last: Vec<Vec<Operand>> = vec![Vec::new(); states];
    for (layer, weights) in weights.chunks(ways).enumerate() {
        let own = given.iter().map(|state| {
            let (start, len) = (Dim::from(layer * ways), Dim::from(ways));
            slice(call.build(), state, 0, start, len)
        });
        let own = own.collect::<Result<Vec<Operand>, Reason>>()?;
        let made = one_layer(call, &form, hidden, weights, &x, &own)?;
        // `[T, D, N, H]` as `[T, N, D*H]`.
        let build = call.build();
        let steps = build.transpose(&made[0], vec![0, 2, 1, 3])?;
        let joined = vec![shape[0].clone(), shape[1].clone(), Dim::from(ways * hidden)];
        x = build.reshape(&steps, joined)?;
        for (last, made) in last.iter_mut().zip(&made[1..]) {
            last.push(made.clone());
        }
    }
    let mut made = vec![x];
    for parts in &last {
        let parts: Vec<&Operand> = parts.iter().collect();
        made.push(call.build().emit(Op::Concat { axis: 0 }, &parts)?);
    }
    Ok(made)
}

/// A state at the beginning. One that is made without a batch is the same for all.
fn state(call: &mut Call<'_, '_>, index: usize, batch: &Dim) -> Result<Operand, Reason> {
    let (state, mut shape) = (call.of_rank(index, 3)?, call.fact(index)?.shape);
    if shape[1].known() == Some(1) && *batch != Dim::from(1) {
        shape[1] = batch.clone();
    }
    call.build().expand(&state, shape)
}

fn weights(
    call: &mut Call<'_, '_>,
    form: &Form,
    [hidden, layers, ways, width]: [usize; 4],
) -> Result<Vec<Weights>, Reason> {
    let vector = call.of_rank(1, 1)?;
    let mut parameters = Parameters { vector, start: 0 };
    let mut matrices = Vec::new();
    for layer in 0..layers {
        let width = if layer == 0 { width } else { ways * hidden };
        for _ in 0..ways {
            let of_input = parameters.next(call, form, hidden, Some(width))?;
            matrices.push((of_input, parameters.next(call, form, hidden, Some(hidden))?));
        }
    }
    let mut made = Vec::new();
    for (of_input, of_state) in matrices {
        let bias = parameters.next(call, form, hidden, None)?;
        made.push([of_input, of_state, bias, parameters.next(call, form, hidden, None)?]);
    }
    Ok(made)
}

/// One layer in all its directions, by the graph's operator.
fn one_layer(
    call: &mut Call<'_, '_>,
    form: &Form,
    hidden: usize,
    weights: &[Weights],
    x: &Operand,
    states: &[Operand],
) -> Result<Vec<Operand>, Reason> {
    let build = call.build();
    let mut joined = Vec::new();
    for at in 0..4 {
        let parts: Vec<&Operand> = weights.iter().map(|own| &own[at]).collect();
        joined.push(build.emit(Op::Concat { axis: 0 }, &parts)?);
    }
    let (ways, rows) = (weights.len(), form.gates.len() * hidden);
    let of_input = build.transpose(&joined[0], vec![1, 0])?;
    let product = build.emit(Op::MatMul, &[x, &of_input])?;
    let product = build.binary(Binary::Add, &product, &joined[2])?;
    let of_state = [ways, rows, hidden].map(Dim::from).to_vec();
    let of_state = build.reshape(&joined[1], of_state)?;
    let of_state = build.transpose(&of_state, vec![0, 2, 1])?;
    let bias = build.reshape(&joined[3], [ways, rows].map(Dim::from).to_vec())?;
    let directions = (0..ways)
        .map(|way| Direction { is_reverse: way == 1, activations: form.activations.to_vec() });
    let operator = Recurrent {
        cell: form.cell,
        hidden,
        directions: directions.collect(),
        clip: None,
        given: [true, false, true, states.len() == 2, false],
        rounds_states: false,
    };
    let mut inputs = vec![&product, &of_state, &bias];
    inputs.extend(states);
    build.emit_all(Op::Whole(operator.into()), &inputs)
}
