//! The recurrence of ONNX RNN-7,14,22, GRU-7,14,22 and LSTM-7,14,22, with `layout` 0: what is left
//! when the input has been multiplied by its weights for all steps at once.

use crate::real::Real;
use crate::{Compute, ComputeError, numbers, require_indices};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use tensor::rule::{Fact, RuleError, require_type, same_size};
use tensor::{DType, Dim, View, ViewMut};

/// `(x[S, B, D*G*H], r[D, H, G*H], [bias[D, G*H]], [lengths[B]], [h[D, B, H]], [c[D, B, H]],
/// [peepholes[D, 3*H]])`: a layer that passes a state on from step to step, in `D` directions with
/// `G` gates. `x` is the input times its weights, with their bias; the other bias is that of the
/// state's weights `r`. Makes `y[S, D, B, H]`, the last `h[D, B, H]`, of LSTM `c[D, B, H]`.
///
/// In `f32`, sums over the state run in order, so that their relative error is at most `H * 2^-24`
/// of the sum of the absolute products.
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
    /// Is each state of a sequence rounded to 256 steps over its range before its product with the
    /// weights? So does `com.microsoft` DynamicQuantizeLSTM.
    pub rounds_states: bool,
}

/// What is computed in each step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// `h = f(x + r h + b)`
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
    fn of<T: Real>(self, x: T) -> T {
        let (zero, one) = (T::ZERO, T::ONE);
        match self {
            Activation::Relu => x.max(zero),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => one / (one + (-x).exp()),
            Activation::Affine(alpha, beta) => T::of(alpha) * x + T::of(beta),
            Activation::LeakyRelu(alpha) => {
                if x < zero {
                    T::of(alpha) * x
                } else {
                    x
                }
            }
            Activation::ThresholdedRelu(alpha) => {
                if x < T::of(alpha) {
                    zero
                } else {
                    x
                }
            }
            Activation::ScaledTanh(alpha, beta) => T::of(alpha) * (T::of(beta) * x).tanh(),
            Activation::HardSigmoid(alpha, beta) => {
                (T::of(alpha) * x + T::of(beta)).max(zero).min(one)
            }
            Activation::Elu(alpha) => {
                if x < zero {
                    T::of(alpha) * x.exp_m1()
                } else {
                    x
                }
            }
            Activation::Softsign => x / (one + x.abs()),
            Activation::Softplus => x.max(zero) + (-x.abs()).exp().ln_1p(),
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
        let expected = 2 + self.given.iter().filter(|&&is_given| is_given).count();
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
        same_size("the last axis", &(d.clone() * rows.clone()), &x.shape[2])?;
        let shapes = [
            vec![d.clone(), h.clone(), rows.clone()],
            vec![d.clone(), rows],
            vec![batch.clone()],
            vec![d.clone(), batch.clone(), h.clone()],
            vec![d.clone(), batch.clone(), h.clone()],
            vec![d.clone(), h.clone() * Dim::from(3)],
        ];
        let is_given = |at: usize| at == 0 || self.given[at - 1];
        let expected = shapes.iter().enumerate().filter(|(at, _)| is_given(*at));
        for (input, (which, shape)) in (1..).zip(expected) {
            let fact = &inputs[input];
            if which == 2 {
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
        match inputs[0].dtype {
            DType::F32 => self.run::<f32>(inputs, outputs),
            _ => self.run::<f64>(inputs, outputs),
        }
    }
}

/// The inputs as numbers; those that are not given are zeros.
struct Parameters<'a, T: Real> {
    /// `[S, B, D, G*H]`
    x: Cow<'a, [T]>,
    r: Cow<'a, [T]>,
    bias: Cow<'a, [T]>,
    lengths: Option<Vec<i128>>,
    h: Cow<'a, [T]>,
    c: Cow<'a, [T]>,
    peepholes: Cow<'a, [T]>,
}

impl<'a, T: Real> Parameters<'a, T> {
    fn read(layer: &Recurrent, inputs: &[View<'a>]) -> Parameters<'a, T> {
        let (d, h, gates) = (layer.directions.len(), layer.hidden, layer.cell.gates().0);
        let batch = inputs[0].shape[1];
        let mut rest = inputs[2..].iter();
        let mut next = |at: usize| if layer.given[at] { rest.next() } else { None };
        let or_zeros = |x: Option<&View<'a>>, count: usize| {
            x.map_or_else(|| Cow::Owned(vec![T::ZERO; count]), T::read)
        };
        let bias = or_zeros(next(0), d * gates * h);
        let lengths = next(1).map(numbers::read_integers);
        let state = or_zeros(next(2), d * batch * h);
        let cell = or_zeros(next(3), d * batch * h);
        let peepholes = or_zeros(next(4), d * 3 * h);
        let [x, r] = [0, 1].map(|at| T::read(&inputs[at]));
        Parameters { x, r, bias, lengths, h: state, c: cell, peepholes }
    }

    /// Steps of each sequence.
    fn lengths(&self, batch: usize, steps: usize) -> Result<Vec<usize>, ComputeError> {
        let Some(lengths) = &self.lengths else { return Ok(vec![steps; batch]) };
        let length = |&length: &i128| {
            let fitting = usize::try_from(length).ok().filter(|&length| length <= steps);
            fitting.ok_or_else(|| ComputeError::Element {
                what: "the length of a sequence",
                found: length.to_string(),
                expected: format!("0 to {steps}"),
            })
        };
        lengths.iter().map(length).collect()
    }
}

impl Recurrent {
    fn run<T: Real>(
        &self,
        inputs: &[View<'_>],
        outputs: &mut [ViewMut<'_>],
    ) -> Result<(), ComputeError> {
        let parameters = Parameters::<T>::read(self, inputs);
        let [steps, batch] = [0, 1].map(|axis| inputs[0].shape[axis]);
        let (h, d, rows) = (self.hidden, self.directions.len(), self.cell.gates().0 * self.hidden);
        let lengths = parameters.lengths(batch, steps)?;
        let mut y = vec![T::ZERO; steps * d * batch * h];
        let (mut states, mut cells) = (parameters.h.to_vec(), parameters.c.to_vec());
        let (mut sums, mut kept) = (vec![T::ZERO; batch * rows], vec![T::ZERO; batch * h]);
        for (direction, index) in (0..d).flat_map(|d| (0..steps).map(move |index| (d, index))) {
            let running: Vec<usize> = (0..batch).filter(|&b| index < lengths[b]).collect();
            let at = direction * batch * h;
            let (states, cells) = (&mut states[at..][..batch * h], &mut cells[at..][..batch * h]);
            let layer = Layer { recurrent: self, direction, parameters: &parameters };
            let mut multiplied = &*states;
            if self.rounds_states {
                for &b in &running {
                    let places = b * h..(b + 1) * h;
                    rounded(&states[places.clone()], &mut kept[places]);
                }
                multiplied = &kept;
            }
            layer.products(0..self.at_once(), &running, multiplied, &mut sums);
            if self.at_once() < rows {
                // What the state makes of the last gate is known when the reset gate is.
                for &b in &running {
                    let step = self.step(direction, index, lengths[b]);
                    let x = layer.input(step * batch + b);
                    for i in 0..h {
                        let reset = layer.activation(0, x[h + i] + sums[b * rows + h + i]);
                        kept[b * h + i] = reset * states[b * h + i];
                    }
                }
                layer.products(self.at_once()..rows, &running, &kept, &mut sums);
            }
            for &b in &running {
                let step = self.step(direction, index, lengths[b]);
                let (x, sums) = (layer.input(step * batch + b), &sums[b * rows..][..rows]);
                let (state, cell) = (&mut states[b * h..][..h], &mut cells[b * h..][..h]);
                layer.step(x, sums, state, cell);
                y[((step * d + direction) * batch + b) * h..][..h].copy_from_slice(state);
            }
        }
        T::store(&mut outputs[0], &y);
        for (output, state) in outputs[1..].iter_mut().zip([&states, &cells]) {
            T::store(output, state);
        }
        Ok(())
    }

    /// Rows of gates whose products with the state need nothing else.
    fn at_once(&self) -> usize {
        match self.cell {
            Cell::Gru { resets_product: false } => 2 * self.hidden,
            Cell::Rnn | Cell::Gru { resets_product: true } | Cell::Lstm { .. } => {
                self.cell.gates().0 * self.hidden
            }
        }
    }

    /// The step of a sequence that comes at some place in a direction.
    fn step(&self, direction: usize, index: usize, length: usize) -> usize {
        if self.directions[direction].is_reverse { length - 1 - index } else { index }
    }
}

/// Elements as near as 256 equal steps over their range, which has 0 in it, come to them; 0 is one
/// of the steps. As ONNX DynamicQuantizeLinear-11 and back.
fn rounded<T: Real>(x: &[T], made: &mut [T]) {
    let low = x.iter().fold(T::ZERO, |least, &x| least.min(x));
    let high = x.iter().fold(T::ZERO, |most, &x| most.max(x));
    let (step, most) = ((high - low) / T::of(255.0), T::of(255.0));
    if step > T::ZERO {
        let zero = (-low / step).round_ties_even().max(T::ZERO).min(most);
        for (x, made) in x.iter().zip(made) {
            let place = ((*x / step).round_ties_even() + zero).max(T::ZERO).min(most);
            *made = (place - zero) * step;
        }
    } else {
        made.copy_from_slice(x);
    }
}

/// One direction of the layer.
struct Layer<'l, T: Real> {
    recurrent: &'l Recurrent,
    direction: usize,
    parameters: &'l Parameters<'l, T>,
}

impl<T: Real> Layer<'_, T> {
    /// What the input gives to the gates, for one step of one sequence.
    fn input(&self, place: usize) -> &[T] {
        let (recurrent, x) = (self.recurrent, &self.parameters.x);
        let rows = recurrent.cell.gates().0 * recurrent.hidden;
        &x[(place * recurrent.directions.len() + self.direction) * rows..][..rows]
    }

    /// What the states give to some of the gates, for the sequences that are running. Each element
    /// of a state is multiplied by all its weights, so that those are read in order, and once for
    /// all sequences.
    fn products(
        &self,
        columns: std::ops::Range<usize>,
        running: &[usize],
        states: &[T],
        sums: &mut [T],
    ) {
        let (h, d) = (self.recurrent.hidden, self.direction);
        let rows = self.recurrent.cell.gates().0 * h;
        let of = |b: usize| b * rows + columns.start..b * rows + columns.end;
        for &b in running {
            let bias = &self.parameters.bias[d * rows..][columns.clone()];
            sums[of(b)].copy_from_slice(bias);
        }
        for k in 0..h {
            let weights = &self.parameters.r[(d * h + k) * rows..][columns.clone()];
            for &b in running {
                let state = states[b * h + k];
                for (sum, &weight) in sums[of(b)].iter_mut().zip(weights) {
                    *sum = *sum + state * weight;
                }
            }
        }
    }

    /// One of the direction's functions, of a sum that is clipped before.
    fn activation(&self, which: usize, x: T) -> T {
        let x = match self.recurrent.clip {
            Some(limit) => x.max(T::of(-limit)).min(T::of(limit)),
            None => x,
        };
        self.recurrent.directions[self.direction].activations[which].of(x)
    }

    /// One step of one sequence: `x` and `sums` are what input and state give to the gates.
    fn step(&self, x: &[T], sums: &[T], state: &mut [T], cell: &mut [T]) {
        let (h, one) = (self.recurrent.hidden, T::ONE);
        let f = |which: usize, x: T| self.activation(which, x);
        let sum = |row: usize| x[row] + sums[row];
        match self.recurrent.cell {
            Cell::Rnn => (0..h).for_each(|i| state[i] = f(0, sum(i))),
            Cell::Gru { resets_product } => {
                for (i, state) in state.iter_mut().enumerate() {
                    let (update, row) = (f(0, sum(i)), 2 * h + i);
                    let carried = match resets_product {
                        true => f(0, sum(h + i)) * sums[row],
                        false => sums[row],
                    };
                    *state = (one - update) * f(1, x[row] + carried) + update * *state;
                }
            }
            Cell::Lstm { forgets_input } => {
                let peepholes = &self.parameters.peepholes[self.direction * 3 * h..][..3 * h];
                let last = self.recurrent.directions[self.direction].activations[2];
                for i in 0..h {
                    let input = f(0, sum(i) + peepholes[i] * cell[i]);
                    let forget = match forgets_input {
                        true => one - input,
                        false => f(0, sum(2 * h + i) + peepholes[2 * h + i] * cell[i]),
                    };
                    cell[i] = forget * cell[i] + input * f(1, sum(3 * h + i));
                    let output = f(0, sum(h + i) + peepholes[h + i] * cell[i]);
                    state[i] = output * last.of(cell[i]);
                }
            }
        }
    }
}
