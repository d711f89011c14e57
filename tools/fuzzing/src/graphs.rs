//! Graphs of operators by chance, shapes and all, and what the engine makes of them against what
//! the naive twins make.

use crate::targets::noise;
use fastrand::Rng;
use ir::{Graph, Op, PadMode, SliceAxis, ValueId};
use runtime::{Constants, Model};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{Bindings, DType, Dim, Tensor};

/// Operators that are tried; those whose rule the operands break are left out.
const TRIES_MAX: usize = 24;

/// Elements of any value beyond which a graph is not run.
const ELEMENTS_MAX: usize = 1 << 16;

/// Functions without jumps, since one element on the other side of a jump is no error.
const UNARY: &[Unary] = &[
    Unary::Neg,
    Unary::Abs,
    Unary::Relu,
    Unary::Sigmoid,
    Unary::Tanh,
    Unary::Silu,
    Unary::Gelu,
    Unary::GeluTanh,
    Unary::Erf,
    Unary::Sin,
    Unary::Cos,
    Unary::HardSwish,
    Unary::Softplus,
    Unary::LeakyRelu { alpha: 0.1 },
    Unary::Clip { min: -0.5, max: 0.5 },
];

const BINARY: &[Binary] = &[Binary::Add, Binary::Sub, Binary::Mul, Binary::Max, Binary::Min];

const REDUCTIONS: &[Reduction] =
    &[Reduction::Sum, Reduction::Mean, Reduction::Max, Reduction::Min, Reduction::SumSquare];

/// A graph of one or two inputs of `f32`, whose sizes may be symbols, and of as many operators as
/// come out right.
pub fn random(random: &mut Rng) -> Graph {
    let mut graph = Graph::new("random");
    let mut values = Vec::new();
    for name in ["x", "y"].iter().take(random.usize(1..3)) {
        let rank = random.usize(1..5);
        let shape = (0..rank).map(|_| dim(random)).collect();
        values.push(graph.input(name, DType::F32, shape));
    }
    for _ in 0..random.usize(1..TRIES_MAX) {
        // The last value more often than others, so that operators stand in chains.
        let last = values.len() - 1;
        let x = values[if random.bool() { last } else { random.usize(..=last) }];
        let (op, inputs) = operator(random, &mut graph, &values, x);
        let made = graph.fact(x);
        if made.rank() < 6
            && let Ok(value) = graph.add("node", op, &inputs)
        {
            values.push(value);
        }
    }
    for (at, &value) in values.iter().rev().take(random.usize(1..3)).enumerate() {
        graph.output(&format!("o{at}"), value);
    }
    graph
}

fn dim(random: &mut Rng) -> Dim {
    match random.u8(..10) {
        0..=1 => Dim::symbol("n"),
        2 => Dim::symbol("m"),
        3..=5 => Dim::from(1),
        _ => Dim::from([2, 3, 4, 5, 8, 16, 17][random.usize(..7)]),
    }
}

fn operator(
    random: &mut Rng,
    graph: &mut Graph,
    values: &[ValueId],
    x: ValueId,
) -> (Op, Vec<ValueId>) {
    let shape = graph.fact(x).shape;
    let rank = shape.len();
    let axis = if rank == 0 { 0 } else { random.usize(..rank) };
    let other = values[random.usize(..values.len())];
    match random.u8(..14) {
        0 | 1 => (Op::Unary(pick(random, UNARY)), vec![x]),
        2 => (Op::Binary(pick(random, BINARY)), vec![x, other]),
        3 => (Op::Binary(pick(random, BINARY)), vec![x, weights(random, graph, &shape)]),
        4 => {
            let mut perm: Vec<usize> = (0..rank).collect();
            random.shuffle(&mut perm);
            (Op::Transpose { perm }, vec![x])
        }
        5 => (Op::Reshape { shape: merged(random, &shape) }, vec![x]),
        6 => (Op::Slice { axes: vec![cut(random, axis, &shape)] }, vec![x]),
        7 => (Op::Concat { axis }, vec![x, if random.bool() { x } else { other }]),
        8 => {
            let axes = (0..rank).filter(|_| random.bool()).collect();
            let reduction = pick(random, REDUCTIONS);
            (Op::Reduce { reduction, axes, keepdims: random.bool() }, vec![x])
        }
        9 => (Op::Softmax { axis }, vec![x]),
        10 => {
            // Only constants have a kernel that takes elements away.
            let modes = [(PadMode::Constant(0.5), -1), (PadMode::Edge, 0), (PadMode::Reflect, 0)];
            let (mode, least) = pick(random, &modes);
            // A symbol may turn out smaller than a reflection is long, which a run refuses.
            let is_fixed = |d: &Dim| mode == PadMode::Reflect && d.known().is_none();
            let mut size = |d| if is_fixed(d) { 0 } else { random.i64(least..3) };
            let mut sizes = || shape.iter().map(&mut size).collect();
            let (before, after) = (sizes(), sizes());
            (Op::Pad { before, after, mode }, vec![x])
        }
        11 => {
            let wide =
                shape.iter().map(|d| if d.known() == Some(1) { dim(random) } else { d.clone() });
            (Op::Expand { shape: wide.collect() }, vec![x])
        }
        12 => (Op::MatMul, vec![x, columns(random, graph, &shape)]),
        _ => {
            let count = random.usize(1..5);
            let indices: Vec<i64> = (0..count).map(|_| random.i64(0..2)).collect();
            let indices = Tensor::from_slice(&[count], &indices).expect("as many as there are");
            (Op::Gather { axis }, vec![x, graph.constant("indices", indices)])
        }
    }
}

fn pick<T: Copy>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(..from.len())]
}

/// Weights that broadcast with a shape: some of its known axes, from the last on.
fn weights(random: &mut Rng, graph: &mut Graph, shape: &[Dim]) -> ValueId {
    let axes = shape.iter().skip(random.usize(..=shape.len()));
    let size = |d: &Dim| d.known_size().filter(|_| random.bool()).unwrap_or(1);
    let sizes: Vec<usize> = axes.map(size).collect();
    let tensor = noise(random, DType::F32, &sizes).unwrap_or_else(|| Tensor::scalar(0.5f32));
    graph.constant("w", tensor)
}

/// Weights that the last axis can be multiplied by.
fn columns(random: &mut Rng, graph: &mut Graph, shape: &[Dim]) -> ValueId {
    let rows = shape.last().and_then(Dim::known_size).unwrap_or(1);
    let sizes = [rows, pick(random, &[1, 3, 16, 33])];
    let tensor = noise(random, DType::F32, &sizes).unwrap_or_else(|| Tensor::scalar(0.5f32));
    graph.constant("w", tensor)
}

/// The shape with two neighboring axes merged, or with an axis of 1 more.
fn merged(random: &mut Rng, shape: &[Dim]) -> Vec<Dim> {
    let mut merged = shape.to_vec();
    if shape.len() > 1 && random.bool() {
        let at = random.usize(..shape.len() - 1);
        let right = merged.remove(at + 1);
        merged[at] = merged[at].clone() * right;
    } else {
        merged.insert(random.usize(..=shape.len()), Dim::from(1));
    }
    merged
}

/// A part of an axis of known size; nothing of one that is not known.
fn cut(random: &mut Rng, axis: usize, shape: &[Dim]) -> SliceAxis {
    let size = shape.get(axis).and_then(Dim::known).unwrap_or(1).max(1);
    let step = pick(random, &[1, 1, 2, 3, -1, -2]);
    let start = random.i64(0..size);
    let most = if step > 0 { (size - 1 - start) / step + 1 } else { start / -step + 1 };
    let len = random.i64(0..=most);
    SliceAxis { axis, start: Dim::from(start), len: Dim::from(len), step }
}

/// Runs a graph through the naive twins and through passes and the engine, on inputs by chance.
///
/// # Panics
/// When the engine refuses what the twins compute, or answers otherwise.
pub fn compare(graph: &Graph, random: &mut Rng) {
    let sizes: Bindings =
        [("n", random.i64(0..6)), ("m", random.i64(1..4))].map(|(s, n)| (s.to_string(), n)).into();
    let known = |shape: &[Dim]| -> Option<Vec<usize>> {
        shape.iter().map(|d| usize::try_from(d.evaluate(&sizes).ok()?).ok()).collect()
    };
    let is_small = |value: &ir::Value| {
        known(&value.shape)
            .and_then(|s| tensor::element_count(&s))
            .is_some_and(|n| n <= ELEMENTS_MAX)
    };
    let inputs = graph.inputs.iter().map(|&id| {
        let value = graph.value(id);
        noise(random, value.dtype, &known(&value.shape)?)
    });
    let Some(inputs) = inputs.collect::<Option<Vec<Tensor>>>() else { return };
    if !graph.values.iter().all(is_small) {
        return;
    }
    let text = || format!("{graph}\nwith {sizes:?}");
    // An axis without elements has no largest one: then there is nothing to hold the engine to.
    let Ok(expected) = reference::run(graph, &inputs) else { return };
    let (optimized, _) =
        passes::optimize(graph.clone()).unwrap_or_else(|e| panic!("{e}\n{}", text()));
    let lowered = lower::lower(&optimized).unwrap_or_else(|e| panic!("{e}\n{}", text()));
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants))
        .unwrap_or_else(|e| panic!("{e}\n{}", text()));
    let made =
        model.run(&inputs.iter().collect::<Vec<_>>()).unwrap_or_else(|e| panic!("{e}\n{}", text()));
    assert_eq!(made.len(), expected.len(), "{}", text());
    for (made, expected) in made.iter().zip(&expected) {
        assert_eq!(made.shape(), expected.shape(), "{}", text());
        check_close(made, expected, &text);
    }
}

/// Sums of some hundred products in f32 are within a thousandth of the largest element of those in
/// f64, the more so since no element is far above 1.
fn check_close(made: &Tensor, expected: &Tensor, text: &dyn Fn() -> String) {
    let (Ok(made), Ok(expected)) = (made.as_slice::<f32>(), expected.as_slice::<f32>()) else {
        return assert!(made.bytes() == expected.bytes(), "{}", text());
    };
    let largest = expected.iter().filter(|x| x.is_finite()).fold(1.0, |a: f32, x| a.max(x.abs()));
    for (at, (&x, &y)) in made.iter().zip(expected).enumerate() {
        let is_same = x == y || (x.is_nan() && y.is_nan());
        let is_close = (x - y).abs() <= 1e-3 * largest;
        // What is near the end of the range of f32 may be beyond it in one of the two.
        let is_far = y.abs() > 1e30 && (x.abs() > 1e30 || x.is_nan());
        assert!(is_same || is_close || is_far, "element {at} is {x}, expected {y}\n{}", text());
    }
}
