//! Names the Gaussian error linear unit, in its exact form and in the one with the hyperbolic
//! tangent, whatever the order of its factors. The result differs by rounding: the fused function
//! rounds once.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! const %1 : f32[] splat(1.4142135)
//! %2 = div(%0, %1) : f32[n]
//! %3 = erf(%2) : f32[n]
//! const %4 : f32[] splat(1.0)
//! %5 = add(%3, %4) : f32[n]
//! %6 = mul(%0, %5) : f32[n]
//! const %7 : f32[] splat(0.5)
//! %8 = mul(%6, %7) : f32[n]
//! output %8 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n] # x
//! %1 = gelu(%0) : f32[n]
//! output %1 # y
//! ```

use crate::pattern::{Pattern, erf, power, square, tanh, x};
use crate::rewrite::rewrite;
use ir::{Graph, Op};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI};
use tensor::scalar::{Binary, Unary};

/// The coefficient of the cubic term: Hendrycks and Gimpel, arXiv 1606.08415.
const CUBIC: f64 = 0.044715;

/// Gives the number of activations named.
pub(crate) fn run(graph: &mut Graph) -> usize {
    let exact = x() * (erf(x() * FRAC_1_SQRT_2) + 1.0) * 0.5;
    let factored = x() * (square(x()) * CUBIC + 1.0) * FRAC_2_PI.sqrt();
    let sums = [power(x(), 3.0) * CUBIC, x() * x() * x() * CUBIC, square(x()) * x() * CUBIC];
    let expanded = sums.map(|cubic| (x() + cubic) * FRAC_2_PI.sqrt());
    let inner = Pattern::Either([vec![factored], expanded.to_vec()].concat());
    let by_tanh = x() * (tanh(inner) + 1.0) * 0.5;
    rewrite(graph, |graph, node| {
        if !matches!(node.op, Op::Binary(Binary::Mul | Binary::Div)) {
            return None;
        }
        if let Some(found) = exact.find(graph, node.output) {
            return graph.add(Op::Unary(Unary::Gelu), &[found["x"]]);
        }
        let found = by_tanh.find(graph, node.output)?;
        graph.add(Op::Unary(Unary::GeluTanh), &[found["x"]])
    })
}
