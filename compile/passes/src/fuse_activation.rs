//! Names activations that exporters write as arithmetic: sigmoid, SiLU (swish), hard sigmoid,
//! hard swish, and bounds. The result differs by rounding: the fused function rounds once.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! const %1 : f32[] splat(3.0)
//! %2 = add(%0, %1) : f32[n]
//! %3 = clip(%2) {"min":0.0,"max":6.0} : f32[n]
//! %4 = mul(%0, %3) : f32[n]
//! const %5 : f32[] splat(6.0)
//! %6 = div(%4, %5) : f32[n]
//! %7 = relu(%6) : f32[n]
//! const %8 : f32[] splat(20.0)
//! %9 = min(%7, %8) : f32[n]
//! output %9 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! %1 = hard_swish(%0) : f32[n]
//! %2 = clip(%1) {"min":0.0,"max":20.0} : f32[n]
//! output %2 # y
//! ```

use crate::known::number;
use crate::pattern::{Pattern, apply, constant, exp, plus, reciprocal, sigmoid, times, x};
use crate::rewrite::{Rewriter, rewrite};
use ir::{Graph, Node, Op, ValueId};
use tensor::scalar::{Binary, Unary};

/// Gives the number of activations named.
pub(crate) fn run(graph: &mut Graph) -> usize {
    let formulas = Formulas::new();
    rewrite(graph, |graph, node| bounds(graph, node).or_else(|| formulas.name(graph, node)))
}

struct Formulas {
    named: Vec<(Pattern, Unary)>,
    sloped: Pattern,
}

impl Formulas {
    fn new() -> Formulas {
        let relu6 = |a| apply(|op| *op == Op::Unary(Unary::Clip { min: 0.0, max: 6.0 }), a);
        let hard_sigmoid = apply(is_hard_sigmoid_of_sixths, x());
        let sixth = Unary::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 };
        let named = vec![
            (x() * sigmoid(x()), Unary::Silu),
            (x() / plus(exp(x() * -1.0), Pattern::Value(1.0)), Unary::Silu),
            (reciprocal(exp(x() * -1.0) + 1.0), Unary::Sigmoid),
            (x() * hard_sigmoid, Unary::HardSwish),
            (x() * relu6(x() + 3.0) * (1.0 / 6.0), Unary::HardSwish),
            (Pattern::Product(1.0 / 6.0, vec![relu6(x() + 3.0)]), sixth),
        ];
        let unit = |op: &Op| *op == Op::Unary(Unary::Clip { min: 0.0, max: 1.0 });
        let line = plus(times(x(), constant("alpha")), constant("beta"));
        Formulas { named, sloped: apply(unit, line) }
    }

    fn name(&self, graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
        if !matches!(node.op, Op::Binary(Binary::Mul | Binary::Div) | Op::Unary(_)) {
            return None;
        }
        for (pattern, function) in &self.named {
            if let Some(found) = pattern.find(graph, node.output) {
                return graph.add(Op::Unary(*function), &[found["x"]]);
            }
        }
        let found = self.sloped.find(graph, node.output)?;
        let alpha = narrow(number(graph, found["alpha"])?)?;
        let beta = narrow(number(graph, found["beta"])?)?;
        graph.add(Op::Unary(Unary::HardSigmoid { alpha, beta }), &[found["x"]])
    }
}

/// `max(0, min(1, x / 6 + 1/2))`, the slope as exporters round it.
fn is_hard_sigmoid_of_sixths(op: &Op) -> bool {
    match op {
        Op::Unary(Unary::HardSigmoid { alpha, beta }) => {
            (alpha - 1.0 / 6.0).abs() <= 1e-6 && *beta == 0.5
        }
        _ => false,
    }
}

/// One clip for two bounds that follow each other, and for a bound written as min or max.
fn bounds(graph: &mut Rewriter<'_>, node: &Node) -> Option<ValueId> {
    let (x, (min, max)) = bound(graph, node)?;
    let (x, (min, max)) = match graph.node(x).and_then(|earlier| bound(graph, earlier)) {
        // The later bounds win, where the two ranges do not overlap.
        Some((x, (a, b))) => (x, (a.max(min).min(max), b.max(min).min(max))),
        None if matches!(node.op, Op::Unary(_)) => return None,
        None => (x, (min, max)),
    };
    let function = match (min == 0.0, max == f32::INFINITY) {
        (true, true) => Unary::Relu,
        (true, false) | (false, true) | (false, false) => Unary::Clip { min, max },
    };
    graph.add(Op::Unary(function), &[x])
}

/// What a node keeps within which bounds, when that is all it does. Floats only.
fn bound(graph: &Rewriter<'_>, node: &Node) -> Option<(ValueId, (f32, f32))> {
    const INF: f32 = f32::INFINITY;
    if !graph.fact(node.output).dtype.is_float() {
        return None;
    }
    match &node.op {
        Op::Unary(Unary::Relu) => Some((node.inputs[0], (0.0, INF))),
        Op::Unary(Unary::Clip { min, max }) if min <= max => Some((node.inputs[0], (*min, *max))),
        Op::Binary(function @ (Binary::Min | Binary::Max)) => {
            let [a, b] = [node.inputs[0], node.inputs[1]];
            let (x, limit) = match number(graph, b) {
                Some(limit) => (a, limit),
                None => (b, number(graph, a)?),
            };
            let limit = narrow(limit)?;
            Some((x, if *function == Binary::Max { (limit, INF) } else { (-INF, limit) }))
        }
        _ => None,
    }
}

/// The number as an operator's parameter holds it, when it is the same.
fn narrow(x: f64) -> Option<f32> {
    Some(x as f32).filter(|&narrow| f64::from(narrow) == x)
}
