//! Layers that pass a state on from step to step.

use super::super::call::{Call, Made};
use super::super::value::Value;
use super::matmul::projected;
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::{self, slice};
use crate::error::Reason;
use ir::Op;
use operators::recurrent::{Activation, Cell, Direction, Recurrent};
use tensor::Dim;
use tensor::scalar::{Binary, Unary};

const LAYERS: &str =
    "input hx params has_biases num_layers dropout train bidirectional batch_first";
const CELL: &str = "input hx w_ih w_hh b_ih b_hh";

pub(super) const ROWS: &[Row] = &[
    row("lstm", LAYERS, |call| layers(call, Kind::Lstm)),
    row("gru", LAYERS, |call| layers(call, Kind::Gru)),
    row("rnn_tanh", LAYERS, |call| layers(call, Kind::Rnn(Activation::Tanh))),
    row("rnn_relu", LAYERS, |call| layers(call, Kind::Rnn(Activation::Relu))),
    row("lstm_cell", CELL, lstm_cell),
    row("gru_cell", CELL, gru_cell),
    row("rnn_tanh_cell", CELL, |call| rnn_cell(call, Unary::Tanh)),
    row("rnn_relu_cell", CELL, |call| rnn_cell(call, Unary::Relu)),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Lstm,
    Gru,
    Rnn(Activation),
}

impl Kind {
    /// The places of the operator's gates among those of PyTorch: `i, o, f, c` among `i, f, c, o`,
    /// and `z, r, h` among `r, z, h`.
    const fn gates(self) -> &'static [usize] {
        match self {
            Kind::Lstm => &[0, 3, 1, 2],
            Kind::Gru => &[1, 0, 2],
            Kind::Rnn(_) => &[0],
        }
    }

    fn activations(self) -> Vec<Activation> {
        match self {
            Kind::Lstm => vec![Activation::Sigmoid, Activation::Tanh, Activation::Tanh],
            Kind::Gru => vec![Activation::Sigmoid, Activation::Tanh],
            Kind::Rnn(activation) => vec![activation],
        }
    }

    const fn cell(self) -> Cell {
        match self {
            Kind::Lstm => Cell::Lstm { forgets_input: false },
            Kind::Gru => Cell::Gru { resets_product: true },
            Kind::Rnn(_) => Cell::Rnn,
        }
    }
}

/// What layers work on.
struct Layers {
    kind: Kind,
    hidden: usize,
    directions: usize,
    has_biases: bool,
}

/// Several layers in one or both directions: `y`, the last `h`, of an LSTM the last `c`.
fn layers(call: &mut Call<'_>, kind: Kind) -> Made {
    let (has_biases, count) = (call.flag(3, true)?, call.counts(4, 1, None, 1)?[0]);
    if call.flag(6, false)? && call.float(5, 0.0)? != 0.0 {
        return Err(call.refuse(6, "a model in inference"));
    }
    let directions = 1 + usize::from(call.flag(7, false)?);
    let params = call.tensors(2)?;
    let each = if has_biases { 4 } else { 2 };
    let expected = count.checked_mul(directions).and_then(|count| count.checked_mul(each));
    if expected != Some(params.len()) {
        return Err(call.refuse(2, "weights and biases of each layer, without projections"));
    }
    let states = match call.arg(1) {
        Some(Value::Tensor(_)) => vec![call.tensor(1)?],
        _ => call.tensors(1)?,
    };
    let hidden = call.build.fact(&params[1]).shape.last().and_then(Dim::known_size);
    let hidden = hidden.ok_or_else(|| call.refuse(2, "weights of known sizes"))?;
    let mut x = call.tensor(0)?;
    let was_single = call.build.fact(&x).rank() == 2;
    let is_batch_first = call.flag(8, false)? && !was_single;
    if was_single {
        x = arithmetic::with_axis(call.build, &x, 1)?;
    }
    if is_batch_first {
        x = call.build.transpose(&x, vec![1, 0, 2])?;
    }
    let layers = Layers { kind, hidden, directions, has_biases };
    let mut last: Vec<Vec<Operand>> = vec![Vec::new(); states.len()];
    for layer in 0..count {
        let own = &params[layer * directions * each..][..directions * each];
        let mut given = Vec::with_capacity(states.len());
        for state in &states {
            let state = match was_single {
                true => arithmetic::with_axis(call.build, state, 1)?,
                false => state.clone(),
            };
            let (start, len) = (Dim::from(layer * directions), Dim::from(directions));
            given.push(slice(call.build, &state, 0, start, len)?);
        }
        let mut made = layers.run(call, &x, own, &given)?.into_iter();
        x = made.next().ok_or(Reason::UnknownRank)?;
        last.iter_mut().zip(made).for_each(|(last, made)| last.push(made));
    }
    if is_batch_first {
        x = call.build.transpose(&x, vec![1, 0, 2])?;
    }
    let mut made = vec![x];
    for parts in last {
        let parts: Vec<&Operand> = parts.iter().collect();
        made.push(call.build.emit(Op::Concat { axis: 0 }, &parts)?);
    }
    if was_single {
        for made in &mut made {
            let mut shape = call.build.fact(made).shape;
            shape.remove(1);
            *made = call.build.reshape(made, shape)?;
        }
    }
    let made = made.into_iter().map(|made| call.own(made)).collect();
    Ok(call.pool.tuple(made))
}

impl Layers {
    /// One layer: `y[S, B, D*H]` and the last states `[D, B, H]`.
    fn run(
        &self,
        call: &mut Call<'_>,
        x: &Operand,
        params: &[Operand],
        states: &[Operand],
    ) -> Result<Vec<Operand>, Reason> {
        let each = params.len() / self.directions;
        let mut sides: Vec<Vec<Operand>> = vec![Vec::new(); each];
        for own in params.chunks_exact(each) {
            for (side, param) in sides.iter_mut().zip(own) {
                side.push(self.ordered(call, param)?);
            }
        }
        let w = concat(call, &sides[0], 0)?;
        let mut bias = None;
        if self.has_biases {
            bias = Some(concat(call, &sides[2], 0)?);
        }
        let product = projected(call, x, &w, bias.as_ref())?;
        let mut inputs = vec![product];
        let mut r = Vec::with_capacity(self.directions);
        for own in &sides[1] {
            let own = call.build.transpose(own, vec![1, 0])?;
            r.push(arithmetic::with_axis(call.build, &own, 0)?);
        }
        inputs.push(concat(call, &r, 0)?);
        if self.has_biases {
            let rows = sides[3].iter().map(|own| arithmetic::with_axis(call.build, own, 0));
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            inputs.push(concat(call, &rows, 0)?);
        }
        inputs.extend(states.iter().cloned());
        let direction =
            |at: usize| Direction { is_reverse: at == 1, activations: self.kind.activations() };
        let operator = Recurrent {
            cell: self.kind.cell(),
            hidden: self.hidden,
            directions: (0..self.directions).map(direction).collect(),
            clip: None,
            given: [self.has_biases, false, true, states.len() > 1, false],
            rounds_states: false,
        };
        let inputs: Vec<&Operand> = inputs.iter().collect();
        let mut made = call.build.emit_all(Op::Whole(operator.into()), &inputs)?;
        let y = call.build.transpose(&made[0], vec![0, 2, 1, 3])?;
        let mut shape = call.build.fact(&y).shape;
        shape.truncate(2);
        shape.push(Dim::from(self.directions.saturating_mul(self.hidden)));
        made[0] = call.build.reshape(&y, shape)?;
        Ok(made)
    }

    /// The gates of a weight or bias in the order of the operator.
    fn ordered(&self, call: &mut Call<'_>, x: &Operand) -> Result<Operand, Reason> {
        let order = self.kind.gates();
        let mut parts = Vec::with_capacity(order.len());
        for &gate in order {
            let start = Dim::from(gate.saturating_mul(self.hidden));
            parts.push(slice(call.build, x, 0, start, Dim::from(self.hidden))?);
        }
        concat(call, &parts, 0)
    }
}

fn concat(call: &mut Call<'_>, parts: &[Operand], axis: usize) -> Result<Operand, Reason> {
    match parts {
        [one] => Ok(one.clone()),
        _ => call.build.emit(Op::Concat { axis }, &parts.iter().collect::<Vec<_>>()),
    }
}

/// `x W^T + b`, once of the input and once of the state, cut into gates along the last axis.
fn gates(call: &mut Call<'_>, state: &Operand, count: usize) -> Result<[Vec<Operand>; 2], Reason> {
    let x = call.tensor(0)?;
    let mut made = [Vec::new(), Vec::new()];
    for (at, side) in [x, state.clone()].iter().enumerate() {
        let (w, bias) = (call.tensor(2 + at)?, call.tensor_if(4 + at)?);
        let all = projected(call, side, &w, bias.as_ref())?;
        let shape = call.build.fact(&all).shape;
        let axis = shape.len().saturating_sub(1);
        let size = shape.last().ok_or(Reason::UnknownRank)?.floor_div(&Dim::from(count));
        for gate in 0..count {
            let start = size.clone() * Dim::from(gate);
            made[at].push(slice(call.build, &all, axis, start, size.clone())?);
        }
    }
    Ok(made)
}

fn lstm_cell(call: &mut Call<'_>) -> Made {
    let states = call.tensors(1)?;
    let [h, c] = states.as_slice() else { return Err(call.refuse(1, "two states")) };
    let [a, b] = gates(call, h, 4)?;
    let mut made = Vec::with_capacity(4);
    for (at, (a, b)) in a.iter().zip(&b).enumerate() {
        let sum = call.build.binary(Binary::Add, a, b)?;
        let function = if at == 2 { Unary::Tanh } else { Unary::Sigmoid };
        made.push(call.build.unary(function, &sum)?);
    }
    let kept = call.build.binary(Binary::Mul, &made[1], c)?;
    let added = call.build.binary(Binary::Mul, &made[0], &made[2])?;
    let c = call.build.binary(Binary::Add, &kept, &added)?;
    let h = call.build.unary(Unary::Tanh, &c)?;
    let h = call.build.binary(Binary::Mul, &made[3], &h)?;
    Ok(call.pool.tuple(vec![call.own(h), call.own(c)]))
}

fn gru_cell(call: &mut Call<'_>) -> Made {
    let h = call.tensor(1)?;
    let [a, b] = gates(call, &h, 3)?;
    let mut made = Vec::with_capacity(2);
    for at in 0..2 {
        let sum = call.build.binary(Binary::Add, &a[at], &b[at])?;
        made.push(call.build.unary(Unary::Sigmoid, &sum)?);
    }
    let reset = call.build.binary(Binary::Mul, &made[0], &b[2])?;
    let new = call.build.binary(Binary::Add, &a[2], &reset)?;
    let new = call.build.unary(Unary::Tanh, &new)?;
    let way = call.build.binary(Binary::Sub, &h, &new)?;
    let way = call.build.binary(Binary::Mul, &made[1], &way)?;
    call.emit(Op::Binary(Binary::Add), &[&new, &way])
}

fn rnn_cell(call: &mut Call<'_>, function: Unary) -> Made {
    let h = call.tensor(1)?;
    let [a, b] = gates(call, &h, 1)?;
    let sum = call.build.binary(Binary::Add, &a[0], &b[0])?;
    call.emit(Op::Unary(function), &[&sum])
}
