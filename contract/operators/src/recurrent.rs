//! ONNX RNN-7,14,22, GRU-7,14,22 and LSTM-7,14,22, with `layout` 0.

use crate::{Compute, ComputeError, numbers, require_indices};
use serde::{Deserialize, Serialize};
use tensor::rule::{Fact, RuleError, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut};

/// `(x[S, B, I], w[D, G*H, I], r[D, G*H, H], [bias[D, 2*G*H]], [lengths[B]], [h[D, B, H]],
/// [c[D, B, H]], [peepholes[D, 3*H]])`: a layer that passes a state on from step to step, in `D`
/// directions with `G` gates. Makes `y[S, D, B, H]`, the last `h[D, B, H]`, of LSTM `c[D, B, H]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recurrent {
    /// What is computed in each step.
    pub cell: Cell,
    /// Size of the state.
    pub hidden: usize,
    /// The directions.
    pub directions: Vec<Direction>,
    /// Sums are clipped to this distance from zero before an activation.
    pub clip: Option<f32>,
    /// Which of `bias`, `lengths`, `h`, `c` and `peepholes` are there.
    pub given: [bool; 5],
}

/// What is computed in each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// `h = f(w x + r h + b)`
    Rnn,
    /// Gates `z, r, h`.
    Gru {
        /// Is the reset gate applied after the product with the state, or before it?
        resets_product: bool,
    },
    /// Gates `i, o, f, c`.
    Lstm {
        /// Is the forget gate one minus the input gate?
        forgets_input: bool,
    },
}

/// One way through the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Direction {
    /// From the last step to the first?
    pub is_reverse: bool,
    /// The functions `f`, `g`, `h` of the standard, as many as the cell has.
    pub activations: Vec<Activation>,
}

/// A function of one element with its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + e^-x)`
    Sigmoid,
    /// `alpha * x + beta`
    Affine(f32, f32),
    /// `x` where it is not negative, else `alpha * x`.
    LeakyRelu(f32),
    /// `x` where it is at least `alpha`, else 0.
    ThresholdedRelu(f32),
    /// `alpha * tanh(beta * x)`
    ScaledTanh(f32, f32),
    /// `min(max(alpha * x + beta, 0), 1)`
    HardSigmoid(f32, f32),
    /// `x` where it is not negative, else `alpha * (e^x - 1)`.
    Elu(f32),
    /// `x / (1 + |x|)`
    Softsign,
    /// `log(1 + e^x)`
    Softplus,
}

impl Activation {
    fn of(self, x: f64) -> f64 {
        match self {
            Activation::Relu => x.max(0.0),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Affine(alpha, beta) => f64::from(alpha) * x + f64::from(beta),
            Activation::LeakyRelu(alpha) => {
                if x < 0.0 {
                    f64::from(alpha) * x
                } else {
                    x
                }
            }
            Activation::ThresholdedRelu(alpha) => {
                if x < f64::from(alpha) {
                    0.0
                } else {
                    x
                }
            }
            Activation::ScaledTanh(alpha, beta) => f64::from(alpha) * (f64::from(beta) * x).tanh(),
            Activation::HardSigmoid(alpha, beta) => {
                (f64::from(alpha) * x + f64::from(beta)).clamp(0.0, 1.0)
            }
            Activation::Elu(alpha) => {
                if x < 0.0 {
                    f64::from(alpha) * x.exp_m1()
                } else {
                    x
                }
            }
            Activation::Softsign => x / (1.0 + x.abs()),
            Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        }
    }
}

impl Cell {
    /// Gates, and activations of a direction.
    pub const fn gates(self) -> (usize, usize) {
        match self {
            Cell::Rnn => (1, 1),
            Cell::Gru { .. } => (3, 2),
            Cell::Lstm { .. } => (4, 3),
        }
    }
}

impl Compute for Recurrent {
    fn infer(&self, inputs: &[Fact]) -> Result<Vec<Fact>, RuleError> {
        let expected = 3 + self.given.iter().filter(|&&is_given| is_given).count();
        if inputs.len() != expected {
            return Err(RuleError::Arity { expected: "as many as are given", found: inputs.len() });
        }
        let x = &inputs[0];
        require_type(0, x, DType::is_float, "floats")?;
        let [steps, batch, _] = x.shape.as_slice() else {
            let (expected, found) = ("3".to_string(), x.shape.clone());
            return Err(RuleError::Rank { input: 0, expected, found });
        };
        let (gates, activations) = self.cell.gates();
        let is_whole = |direction: &Direction| direction.activations.len() == activations;
        if self.hidden == 0 || self.directions.is_empty() || !self.directions.iter().all(is_whole) {
            let (found, expected) = (format!("{self:?}"), format!("{activations} activations"));
            return Err(RuleError::Parameter { what: "the layer", found, expected });
        }
        let [d, h] = [self.directions.len(), self.hidden].map(Dim::from);
        let rows = Dim::from(gates) * h.clone();
        let shapes = [
            vec![d.clone(), rows.clone(), x.shape[2].clone()],
            vec![d.clone(), rows.clone(), h.clone()],
            vec![d.clone(), rows * Dim::from(2)],
            vec![batch.clone()],
            vec![d.clone(), batch.clone(), h.clone()],
            vec![d.clone(), batch.clone(), h.clone()],
            vec![d.clone(), h.clone() * Dim::from(3)],
        ];
        let is_given = |at: usize| at < 2 || self.given[at - 2];
        let expected = shapes.iter().enumerate().filter(|(at, _)| is_given(*at));
        for (input, (which, shape)) in (1..).zip(expected) {
            let fact = &inputs[input];
            if which == 3 {
                require_indices(input, fact)?;
            } else {
                require_type(input, fact, |dtype| dtype == x.dtype, x.dtype.name())?;
            }
            if fact.rank() != shape.len() {
                let (expected, found) = (shape.len().to_string(), fact.shape.clone());
                return Err(RuleError::Rank { input, expected, found });
            }
            for (expected, found) in shape.iter().zip(&fact.shape) {
                same_size("an axis of a parameter", expected, found)?;
            }
        }
        let state = vec![d.clone(), batch.clone(), h.clone()];
        let mut made = vec![vec![steps.clone(), d, batch.clone(), h], state.clone()];
        if matches!(self.cell, Cell::Lstm { .. }) {
            made.push(state);
        }
        Ok(made.into_iter().map(|shape| Fact { dtype: x.dtype, shape }).collect())
    }

    fn compute(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let parameters = Parameters::read(self, inputs);
        let [steps, batch, width] = [0, 1, 2].map(|axis| inputs[0].shape[axis]);
        let (h, d) = (self.hidden, self.directions.len());
        let mut y = vec![0.0; steps * d * batch * h];
        let mut states = [parameters.h.clone(), parameters.c.clone()];
        for (direction, b) in (0..d).flat_map(|d| (0..batch).map(move |b| (d, b))) {
            let length = parameters.length(b, steps)?;
            let at = (direction * batch + b) * h;
            let mut state = states[0][at..at + h].to_vec();
            let mut cell = states[1][at..at + h].to_vec();
            for index in 0..length {
                let is_reverse = self.directions[direction].is_reverse;
                let step = if is_reverse { length - 1 - index } else { index };
                let x = &parameters.x[(step * batch + b) * width..][..width];
                self.step(direction, &parameters, x, &mut state, &mut cell);
                y[((step * d + direction) * batch + b) * h..][..h].copy_from_slice(&state);
            }
            states[0][at..at + h].copy_from_slice(&state);
            states[1][at..at + h].copy_from_slice(&cell);
        }
        numbers::store_floats(&mut outputs[0], &y);
        for (output, state) in outputs[1..].iter_mut().zip(&states) {
            numbers::store_floats(output, state);
        }
        Ok(())
    }
}

/// The inputs as numbers; those that are not given are zeros.
struct Parameters {
    x: Vec<f64>,
    w: Vec<f64>,
    r: Vec<f64>,
    bias: Vec<f64>,
    lengths: Option<Vec<i128>>,
    h: Vec<f64>,
    c: Vec<f64>,
    peepholes: Vec<f64>,
    width: usize,
}

impl Parameters {
    fn read(layer: &Recurrent, inputs: &[View<'_>]) -> Parameters {
        let (d, h, gates) = (layer.directions.len(), layer.hidden, layer.cell.gates().0);
        let [batch, width] = [inputs[0].shape[1], inputs[0].shape[2]];
        let mut rest = inputs[3..].iter();
        let mut next = |at: usize| if layer.given[at] { rest.next() } else { None };
        let or_zeros = |x: Option<&View<'_>>, count: usize| {
            x.map_or_else(|| vec![0.0; count], numbers::read_floats)
        };
        let bias = or_zeros(next(0), d * 2 * gates * h);
        let lengths = next(1).map(numbers::read_integers);
        let state = or_zeros(next(2), d * batch * h);
        let cell = or_zeros(next(3), d * batch * h);
        let peepholes = or_zeros(next(4), d * 3 * h);
        let [x, w, r] = [0, 1, 2].map(|at| numbers::read_floats(&inputs[at]));
        Parameters { x, w, r, bias, lengths, h: state, c: cell, peepholes, width }
    }

    /// Steps of one sequence.
    fn length(&self, b: usize, steps: usize) -> Result<usize, ComputeError> {
        let Some(lengths) = &self.lengths else { return Ok(steps) };
        let length = usize::try_from(lengths[b]).ok().filter(|&length| length <= steps);
        length.ok_or_else(|| ComputeError::Element {
            what: "the length of a sequence",
            found: lengths[b].to_string(),
            expected: format!("0 to {steps}"),
        })
    }
}

impl Recurrent {
    /// One step of one sequence.
    fn step(&self, d: usize, p: &Parameters, x: &[f64], state: &mut [f64], cell: &mut [f64]) {
        let (h, gates) = (self.hidden, self.cell.gates().0);
        let rows = gates * h;
        let dot = |matrix: &[f64], row: usize, x: &[f64]| -> f64 {
            let row = &matrix[(d * rows + row) * x.len()..][..x.len()];
            row.iter().zip(x).map(|(a, b)| a * b).sum()
        };
        let from_x = |row: usize| dot(&p.w, row, x) + p.bias[d * 2 * rows + row];
        let from_state =
            |row: usize, state: &[f64]| dot(&p.r, row, state) + p.bias[(d * 2 + 1) * rows + row];
        debug_assert_eq!(x.len(), p.width);
        let f = |which: usize, x: f64| {
            let limit = self.clip.map_or(f64::INFINITY, f64::from);
            self.directions[d].activations[which].of(x.max(-limit).min(limit))
        };
        let old = state.to_vec();
        let sum = |row: usize| from_x(row) + from_state(row, &old);
        match self.cell {
            Cell::Rnn => (0..h).for_each(|i| state[i] = f(0, sum(i))),
            Cell::Gru { resets_product } => {
                let reset: Vec<f64> = (0..h).map(|i| f(0, sum(h + i))).collect();
                let kept: Vec<f64> = reset.iter().zip(&old).map(|(r, h)| r * h).collect();
                for i in 0..h {
                    let update = f(0, sum(i));
                    let row = 2 * h + i;
                    let carried = match resets_product {
                        true => reset[i] * from_state(row, &old),
                        false => from_state(row, &kept),
                    };
                    state[i] = (1.0 - update) * f(1, from_x(row) + carried) + update * old[i];
                }
            }
            Cell::Lstm { forgets_input } => {
                let peephole = |which: usize, i: usize| p.peepholes[(d * 3 + which) * h + i];
                for i in 0..h {
                    let input = f(0, sum(i) + peephole(0, i) * cell[i]);
                    let forget = match forgets_input {
                        true => 1.0 - input,
                        false => f(0, sum(2 * h + i) + peephole(2, i) * cell[i]),
                    };
                    cell[i] = forget * cell[i] + input * f(1, sum(3 * h + i));
                    let output = f(0, sum(h + i) + peephole(1, i) * cell[i]);
                    state[i] = output * self.directions[d].activations[2].of(cell[i]);
                }
            }
        }
    }
}
