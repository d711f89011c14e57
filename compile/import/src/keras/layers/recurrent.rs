//! Layers that pass a state on from step to step.

use super::super::call::{Call, Flow, Made};
use super::super::config::Config;
use super::super::net::Layer;
use super::super::variables::{Slot, part, slot, slot_if};
use super::{Row, activation, row};
use crate::build::{Builder, Operand, Sizes};
use crate::decompose::arithmetic::{reduce, reversed, slice, with, with_axis};
use crate::error::Reason;
use ir::Op;
use operators::cumulative::Cumulative;
use operators::gather_elements::GatherElements;
use operators::range::Range;
use operators::recurrent::{Activation, Cell, Direction, Recurrent};
use operators::top_k::TopK;
use serde_json::Value;
use tensor::scalar::{Binary, Reduction};
use tensor::{DType, Dim, Tensor};

/// The weights of a cell, where it is the layer itself.
const OWN: &[Slot] = &[slot("kernel"), slot("recurrent_kernel"), BIAS];

/// The weights of a layer's cell.
const OF_CELL: &[Slot] =
    &[slot("kernel").of("cell"), slot("recurrent_kernel").of("cell"), BIAS.of("cell")];

const BIAS: Slot = slot_if("bias", |config| config.flag("use_bias", true));

pub(super) const ROWS: &[Row] = &[
    row("SimpleRNN", "", OF_CELL, layer),
    row("LSTM", "", OF_CELL, layer),
    row("GRU", "both forms of the reset", OF_CELL, layer),
    row("CuDNNLSTM", "", OWN, layer),
    row("CuDNNGRU", "", OWN, layer),
    row("RNN", "of the cells below", &[], cells),
    row("SimpleRNNCell", "in an RNN", OWN, alone),
    row("LSTMCell", "in an RNN", OWN, alone),
    row("GRUCell", "in an RNN", OWN, alone),
    row("StackedRNNCells", "in an RNN", &[], alone),
];

/// Values with steps, and which of them count.
struct Sequence {
    /// `[N, T, I]`
    x: Operand,
    mask: Option<Operand>,
    initial: Vec<Operand>,
}

/// What a layer makes of a sequence.
struct Answers {
    /// The state after each step, `[N, T, H]`.
    all: Operand,
    /// The last that counts, `[N, H]`.
    last: Operand,
    /// The states that are left.
    states: Vec<Operand>,
}

/// A cell by itself, which nothing runs over steps.
fn alone(call: &mut Call<'_, '_>) -> Made {
    let expected = "an RNN layer around it".to_string();
    Err(Reason::Input { input: 0, expected, found: format!("a {} alone", call.layer.class) })
}

/// What the call takes, in the order in which the layer goes through it.
fn sequence(call: &mut Call<'_, '_>) -> Result<Sequence, Reason> {
    let mut x = call.input_of_rank(3)?;
    let given = call.tensors_given("mask").into_iter().next().map(|flow| flow.operand);
    let mut mask = given.or_else(|| call.inputs[0].mask.clone());
    let mut initial: Vec<Flow> = call.tensors_given("initial_state");
    if initial.is_empty() {
        initial = call.inputs[1..].to_vec();
    }
    if let Some(mask) = &mask {
        call.require_rank(1, mask, 2)?;
    }
    let build = &mut call.walk.build;
    if call.layer.config.flag("time_major", false) {
        x = build.transpose(&x, vec![1, 0, 2])?;
        mask = mask.map(|mask| build.transpose(&mask, vec![1, 0])).transpose()?;
    }
    if call.layer.config.flag("go_backwards", false) != call.layer.is_flipped {
        x = reversed(build, &x, 1)?;
        mask = mask.map(|mask| reversed(build, &mask, 1)).transpose()?;
    }
    Ok(Sequence { x, mask, initial: initial.into_iter().map(|flow| flow.operand).collect() })
}

/// One cell over all steps.
fn layer(call: &mut Call<'_, '_>) -> Made {
    let sequence = sequence(call)?;
    let weights = std::mem::take(&mut call.weights);
    let mut answers = run(call, call.layer, &weights, &sequence)?;
    zero_where_masked(call, &mut answers, &sequence)?;
    made(call, answers)
}

/// Cells over each other's results; each goes through all steps before the next.
fn cells(call: &mut Call<'_, '_>) -> Made {
    let mut sequence = sequence(call)?;
    let cell = call.layer.inner.first().ok_or_else(|| call.config().refuse("cell", "a cell"))?;
    let path = part(call.path, &cell.key);
    let stacked: Vec<(&Layer<'_>, String)> = match cell.class {
        "StackedRNNCells" => {
            cell.inner.iter().map(|inner| (inner, part(&path, &inner.key))).collect()
        }
        _ => vec![(cell, path)],
    };
    let mut initial = std::mem::take(&mut sequence.initial).into_iter();
    let mut all: Option<Answers> = None;
    for (cell, path) in stacked {
        let weights = call.walk.weights_of(cell, &path)?;
        let states = if cell.class == "LSTMCell" { 2 } else { 1 };
        sequence.initial = initial.by_ref().take(states).collect();
        let mut answers = run(call, cell, &weights, &sequence)?;
        sequence.x = answers.all.clone();
        if let Some(before) = all {
            answers.states = before.states.into_iter().chain(answers.states).collect();
        }
        all = Some(answers);
    }
    let mut answers = all.ok_or_else(|| call.config().refuse("cell", "at least one cell"))?;
    zero_where_masked(call, &mut answers, &sequence)?;
    made(call, answers)
}

/// The results that the configuration asks for.
fn made(call: &mut Call<'_, '_>, answers: Answers) -> Made {
    let config = call.config();
    let mut first = answers.last;
    match config.flag("return_sequences", false) {
        true => {
            first = answers.all;
            if config.flag("time_major", false) {
                first = call.walk.build.transpose(&first, vec![1, 0, 2])?;
            }
        }
        false => call.mask = None,
    }
    let mut made = vec![first];
    if config.flag("return_state", false) {
        made.extend(answers.states);
    }
    Ok(made)
}

/// The step's result is zero where the step does not count, when the configuration says so; it is
/// otherwise that of the step before.
fn zero_where_masked(
    call: &mut Call<'_, '_>,
    answers: &mut Answers,
    sequence: &Sequence,
) -> Result<(), Reason> {
    let setting = "zero_output_for_mask";
    let is_zero = call.config().flag(setting, false) || call.is_asked(setting);
    let Some(mask) = sequence.mask.as_ref().filter(|_| is_zero) else { return Ok(()) };
    let build = &mut call.walk.build;
    let zero = build.number(build.fact(&answers.all).dtype, 0.0)?;
    let mask = build.cast(mask, DType::Bool)?;
    let steps = with_axis(build, &mask, 2)?;
    answers.all = build.emit(Op::Select, &[&steps, &answers.all, &zero])?;
    let len = build.fact(&mask).shape[1].clone();
    let last = slice(build, &mask, 1, len - Dim::from(1), Dim::from(1))?;
    answers.last = build.emit(Op::Select, &[&last, &answers.last, &zero])?;
    Ok(())
}

/// The weights of a cell in the order of the graph's operator: gates `z, r, h`, or `i, o, f, c`.
struct Weights {
    cell: Cell,
    hidden: usize,
    kernel: Operand,
    recurrent: Operand,
    /// That of the product with the input.
    bias: Option<Operand>,
    /// That of the product with the state.
    state_bias: Option<Operand>,
    activations: Vec<Activation>,
}

impl Weights {
    fn of(
        call: &mut Call<'_, '_>,
        layer: &Layer<'_>,
        given: &[(&'static str, Operand)],
    ) -> Result<Weights, Reason> {
        let weight = |name: &str| {
            let found = given.iter().find(|(known, _)| *known == name);
            found.map(|(_, weight)| weight.clone())
        };
        let missing = |name: &str| Reason::Tensor {
            name: name.to_string(),
            reason: "is not in the file".to_string(),
        };
        let mut kernel = weight("kernel").ok_or_else(|| missing("kernel"))?;
        let recurrent = weight("recurrent_kernel");
        let mut recurrent = recurrent.ok_or_else(|| missing("recurrent_kernel"))?;
        let mut bias = weight("bias");
        let hidden = hidden_size(call, layer, [&kernel, &recurrent], bias.as_ref())?;
        let (dialect, config) = (call.walk.dialect, layer.config);
        let build = &mut call.walk.build;
        let is_fused = layer.class.starts_with("CuDNN");
        if is_fused {
            let gates = gates_of(layer.class);
            kernel = columns_first(build, &kernel, hidden, gates)?;
            recurrent = columns_first(build, &recurrent, hidden, gates)?;
        }
        let mut state_bias = None;
        let cell = match layer.class {
            "LSTM" | "LSTMCell" | "CuDNNLSTM" => {
                kernel = in_gate_order(build, &kernel, hidden)?;
                recurrent = in_gate_order(build, &recurrent, hidden)?;
                if let (Some(both), true) = (&bias, is_fused) {
                    bias = Some(halves_added(build, both, 4 * hidden)?);
                }
                bias = bias.map(|bias| in_gate_order(build, &bias, hidden)).transpose()?;
                Cell::Lstm { forgets_input: false }
            }
            "GRU" | "GRUCell" | "CuDNNGRU" => {
                let resets_product = is_fused || config.flag("reset_after", dialect >= 3);
                if let (Some(both), true) = (&bias, resets_product) {
                    let both = build.reshape(both, vec![Dim::from(2), Dim::from(3 * hidden)])?;
                    state_bias = Some(slice(build, &both, 0, Dim::from(1), Dim::from(1))?);
                    let own = slice(build, &both, 0, Dim::from(0), Dim::from(1))?;
                    bias = Some(build.reshape(&own, vec![Dim::from(3 * hidden)])?);
                }
                Cell::Gru { resets_product }
            }
            _ => Cell::Rnn,
        };
        if let Some(bias) = &bias {
            let [_] = call.sizes_of(bias)?;
        }
        let outer = named(config, "activation", "tanh", dialect)?;
        let gate = named(config, "recurrent_activation", "sigmoid", dialect)?;
        let activations = match cell {
            Cell::Rnn => vec![outer],
            Cell::Gru { .. } => vec![gate, outer],
            Cell::Lstm { .. } => vec![gate, outer, outer],
        };
        Ok(Weights { cell, hidden, kernel, recurrent, bias, state_bias, activations })
    }
}

/// How many gates a cell has beside each other in its weights.
fn gates_of(class: &str) -> usize {
    match class {
        "LSTM" | "LSTMCell" | "CuDNNLSTM" => 4,
        "GRU" | "GRUCell" | "CuDNNGRU" => 3,
        _ => 1,
    }
}

/// The size of a cell's state, by its weights, whose sizes have to agree.
fn hidden_size(
    call: &Call<'_, '_>,
    layer: &Layer<'_>,
    [kernel, recurrent]: [&Operand; 2],
    bias: Option<&Operand>,
) -> Result<usize, Reason> {
    let [hidden, columns] = call.sizes_of(recurrent)?;
    let [_, of_kernel] = call.sizes_of(kernel)?;
    let gates = gates_of(layer.class);
    if hidden.checked_mul(gates) != Some(columns) || of_kernel != columns {
        let expected = format!("expected {gates} columns for each of {hidden} rows");
        return Err(Reason::Tensor {
            name: "recurrent_kernel".to_string(),
            reason: format!("{expected}, found {columns}, and {of_kernel} in the kernel"),
        });
    }
    let shape = bias.map(|bias| call.walk.build.fact(bias).shape);
    match shape {
        Some(shape) if !(1..=2).contains(&shape.len()) => Err(Reason::Tensor {
            name: "bias".to_string(),
            reason: format!("expected a weight of 1 or 2 axes, found {shape:?}"),
        }),
        Some(_) | None => Ok(hidden),
    }
}

/// A function that a cell names.
fn named(
    config: Config<'_>,
    setting: &str,
    default: &str,
    dialect: u32,
) -> Result<Activation, Reason> {
    let name = match config.get(setting) {
        None if config.0.contains_key(setting) => "linear",
        None => default,
        Some(Value::String(name)) => name.as_str(),
        Some(value) => value.get("config").and_then(Value::as_str).unwrap_or_default(),
    };
    Ok(match name {
        "linear" => Activation::Affine(1.0, 0.0),
        "relu" => Activation::Relu,
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
        "hard_sigmoid" => Activation::HardSigmoid(activation::hard_sigmoid_slope(dialect), 0.5),
        "elu" => Activation::Elu(1.0),
        "softsign" => Activation::Softsign,
        "softplus" => Activation::Softplus,
        "leaky_relu" => Activation::LeakyRelu(0.2),
        _ => {
            let expected = "linear, relu, leaky_relu, elu, tanh, sigmoid, hard_sigmoid, softsign \
                            or softplus, which a recurrence computes";
            return Err(config.refuse(setting, expected));
        }
    })
}

/// The columns of an LSTM's gates `i, f, c, o` as `i, o, f, c`.
fn in_gate_order(build: &mut Builder, x: &Operand, hidden: usize) -> Result<Operand, Reason> {
    let axis = build.fact(x).rank() - 1;
    let mut gates = Vec::with_capacity(4);
    for gate in [0, 3, 1, 2] {
        gates.push(slice(build, x, axis, Dim::from(gate * hidden), Dim::from(hidden))?);
    }
    build.emit(Op::Concat { axis }, &gates.iter().collect::<Vec<_>>())
}

/// The matrices of a fused layer's gates, each of which lies with its columns first.
fn columns_first(
    build: &mut Builder,
    x: &Operand,
    hidden: usize,
    count: usize,
) -> Result<Operand, Reason> {
    let rows = build.fact(x).shape[0].clone();
    let mut gates = Vec::with_capacity(count);
    for gate in 0..count {
        let own = slice(build, x, 1, Dim::from(gate * hidden), Dim::from(hidden))?;
        let own = build.reshape(&own, vec![Dim::from(hidden), rows.clone()])?;
        gates.push(build.transpose(&own, vec![1, 0])?);
    }
    build.emit(Op::Concat { axis: 1 }, &gates.iter().collect::<Vec<_>>())
}

fn halves_added(build: &mut Builder, x: &Operand, half: usize) -> Result<Operand, Reason> {
    let x = build.reshape(x, vec![Dim::from(2), Dim::from(half)])?;
    reduce(build, Reduction::Sum, &x, &[0], false)
}

/// What a cell makes of a sequence.
fn run(
    call: &mut Call<'_, '_>,
    layer: &Layer<'_>,
    given: &[(&'static str, Operand)],
    sequence: &Sequence,
) -> Result<Answers, Reason> {
    let weights = Weights::of(call, layer, given)?;
    let build = &mut call.walk.build;
    let mut projected = build.emit(Op::MatMul, &[&sequence.x, &weights.kernel])?;
    if let Some(bias) = &weights.bias {
        projected = build.binary(Binary::Add, &projected, bias)?;
    }
    let compact = sequence.mask.as_ref().map(|mask| Compact::of(build, mask)).transpose()?;
    if let Some(compact) = &compact {
        projected = compact.gathered(build, &projected, &compact.order)?;
    }
    let mut inputs = vec![build.transpose(&projected, vec![1, 0, 2])?];
    inputs.push(with_axis(build, &weights.recurrent, 0)?);
    inputs.extend(weights.state_bias.clone());
    inputs.extend(compact.as_ref().map(|compact| compact.count.clone()));
    for state in &sequence.initial {
        inputs.push(with_axis(build, state, 0)?);
    }
    let states = sequence.initial.len();
    let operator = Recurrent {
        cell: weights.cell,
        hidden: weights.hidden,
        directions: vec![Direction { is_reverse: false, activations: weights.activations }],
        clip: None,
        given: [weights.state_bias.is_some(), compact.is_some(), states > 0, states > 1, false],
        rounds_states: false,
    };
    let made = build.emit_all(Op::Whole(operator.into()), &inputs.iter().collect::<Vec<_>>())?;
    let shape = build.fact(&made[0]).shape;
    let all =
        build.reshape(&made[0], vec![shape[0].clone(), shape[2].clone(), shape[3].clone()])?;
    let mut all = build.transpose(&all, vec![1, 0, 2])?;
    let mut left = Vec::with_capacity(2);
    for state in &made[1..] {
        left.push(build.reshape(state, shape[2..].to_vec())?);
    }
    if let Some(compact) = &compact {
        all = compact.spread(build, &all)?;
    }
    Ok(Answers { all, last: left[0].clone(), states: left })
}

/// The steps that count, moved before those that do not: a recurrence over so many of them.
struct Compact {
    /// Which step comes at each place, `i64[N, T]`.
    order: Operand,
    /// How many count, `i64[N]`.
    count: Operand,
    /// How many have counted up to each step, `i64[N, T]`.
    counted: Operand,
}

impl Compact {
    fn of(build: &mut Builder, mask: &Operand) -> Result<Compact, Reason> {
        let counts = build.cast(mask, DType::I64)?;
        let steps = build.fact(mask).shape[1].clone();
        let [zero, one] = [0i64, 1].map(|n| Operand::constant("step", Tensor::scalar(n)));
        let range = Range { count: steps.clone() };
        let places = build.emit(Op::Whole(range.into()), &[&zero, &one])?;
        let behind = build.binary(Binary::Sub, &one, &counts)?;
        let distance = build.sizes(Sizes::scalar(steps.clone()));
        let behind = build.binary(Binary::Mul, &behind, &distance)?;
        let keys = build.binary(Binary::Add, &behind, &places)?;
        let sorted = TopK { axis: 1, k: steps, is_largest: false };
        let order = build.emit_all(Op::Whole(sorted.into()), &[&keys])?.swap_remove(1);
        let sum = Cumulative { is_exclusive: false, is_reverse: false, is_product: false };
        let axis = Operand::constant("axis", Tensor::scalar(1i64));
        let counted = build.emit(Op::Whole(sum.into()), &[&counts, &axis])?;
        let count = reduce(build, Reduction::Sum, &counts, &[1], false)?;
        Ok(Compact { order, count, counted })
    }

    /// The steps of `x[N, T, C]` that an order `[N, T]` names.
    fn gathered(
        &self,
        build: &mut Builder,
        x: &Operand,
        order: &Operand,
    ) -> Result<Operand, Reason> {
        let order = with_axis(build, order, 2)?;
        let order = build.expand(&order, build.fact(x).shape)?;
        build.emit(Op::Whole(GatherElements { axis: 1 }.into()), &[x, &order])
    }

    /// The results of the steps that count at all steps: each has that of the last that counted,
    /// those before the first zeros.
    fn spread(&self, build: &mut Builder, x: &Operand) -> Result<Operand, Reason> {
        let last = with(build, Binary::Sub, &self.counted, 1.0)?;
        let place = with(build, Binary::Max, &last, 0.0)?;
        let made = self.gathered(build, x, &place)?;
        let is_there = with(build, Binary::Greater, &self.counted, 0.0)?;
        let is_there = with_axis(build, &is_there, 2)?;
        let zero = build.number(build.fact(x).dtype, 0.0)?;
        build.emit(Op::Select, &[&is_there, &made, &zero])
    }
}
