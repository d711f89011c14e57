//! A convolution takes the per-channel scale and offset behind it into its weights and bias:
//! what is left of a batch normalization.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n, 1, 4] # x
//! const %1 : f32[2, 1, 1] [1.0, 2.0]
//! const %2 : f32[2] [0.5, 0.25]
//! %3 = conv(%0, %1, %2) {"strides":[1],"dilations":[1],"pads":[[0,0]],"groups":1}
//! const %4 : f32[2, 1] [2.0, 4.0]
//! %5 = mul(%3, %4)
//! output %5 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n, 1, 4] # x
//! const %1 : f32[2, 1, 1] [2.0, 8.0]
//! const %2 : f32[2] [1.0, 1.0]
//! %3 = conv(%0, %1, %2) {"strides":[1],"dilations":[1],"pads":[[0,0]],"groups":1}
//! output %3 # y
//! ```
//! Each new weight is computed in 64 bits and rounded once, so a result differs by as much as
//! rounding a weight makes it: half a unit in the last place of each product.

use crate::known::{floats, rounded};
use crate::rewrite::{Rewriter, rewrite};
use ir::{Graph, Op, ValueId};
use tensor::Tensor;
use tensor::scalar::Binary;

pub(crate) fn run(graph: &mut Graph) -> usize {
    rewrite(graph, |graph, node| {
        let Op::Binary(function) = node.op else { return None };
        let [left, right] = *node.inputs.as_slice() else { return None };
        match function {
            Binary::Mul | Binary::Add => {
                fold(graph, function, left, right).or_else(|| fold(graph, function, right, left))
            }
            Binary::Sub => fold(graph, function, left, right),
            _ => None,
        }
    })
}

/// The convolution `product` with `factor` taken in.
fn fold(
    graph: &mut Rewriter<'_>,
    function: Binary,
    product: ValueId,
    factor: ValueId,
) -> Option<ValueId> {
    let conv = graph.node(product).filter(|_| graph.is_used_once(product))?.clone();
    let Op::Conv(_) = conv.op else { return None };
    let weights = graph.known(conv.inputs[1])?.clone();
    let channels = weights.shape()[0];
    let factor = per_channel(graph.known(factor)?, weights.shape().len(), channels)?;
    let bias = match conv.inputs.get(2) {
        Some(&id) => floats(graph.known(id)?)?,
        None => vec![0.0; channels],
    };
    let each = |act: fn(f64, f64) -> f64| -> Vec<f64> {
        bias.iter().zip(&factor).map(|(&b, &f)| act(b, f)).collect()
    };
    let (scaled, bias) = match function {
        Binary::Mul => (true, each(|b, f| b * f)),
        Binary::Sub => (false, each(|b, f| b - f)),
        _ => (false, each(|b, f| b + f)),
    };
    let bias = rounded(weights.dtype(), &[channels], &bias)?;
    let mut inputs = conv.inputs[..2].to_vec();
    if scaled {
        let weights = scale(&weights, &factor)?;
        inputs[1] = graph.constant(weights);
    }
    inputs.push(graph.constant(bias));
    graph.add(conv.op, &inputs)
}

/// Weights `[O, …]`, those of each output channel times its factor.
fn scale(weights: &Tensor, factor: &[f64]) -> Option<Tensor> {
    let mut elements = floats(weights)?;
    let each = elements.len() / factor.len().max(1);
    for (channel, f) in elements.chunks_exact_mut(each.max(1)).zip(factor) {
        channel.iter_mut().for_each(|w| *w *= f);
    }
    rounded(weights.dtype(), weights.shape(), &elements)
}

/// One number for each channel, when the operand has the shape `[C, 1, …]` under `rank` axes, or
/// is one number only.
fn per_channel(operand: &Tensor, rank: usize, channels: usize) -> Option<Vec<f64>> {
    let elements = floats(operand)?;
    if let [number] = elements.as_slice()
        && operand.shape().len() <= rank
    {
        return Some(vec![*number; channels]);
    }
    let shape = operand.shape();
    let missing = rank.checked_sub(shape.len())?;
    let is_channel = |axis: usize| axis + missing == 1;
    let is_thin = shape
        .iter()
        .enumerate()
        .all(|(axis, &size)| if is_channel(axis) { size == channels } else { size == 1 });
    (is_thin && elements.len() == channels).then_some(elements)
}

#[cfg(test)]
mod tests {
    use ir::{Conv, Graph, Op, ValueId};
    use tensor::scalar::Binary;
    use tensor::{DType, Dim, Tensor};

    fn fill(shape: &[usize], salt: f32) -> Tensor {
        let count: usize = shape.iter().product();
        let elements: Vec<f32> = (0..count).map(|i| (i as f32 * 0.37 + salt).sin()).collect();
        Tensor::from_slice(shape, &elements).unwrap()
    }

    /// A convolution, then each function with a constant of its shape. How many are folded?
    fn check(chain: &[(Binary, &[usize])], folded: usize) {
        let mut graph = Graph::new("chain");
        let shape = [Dim::symbol("n"), Dim::from(3), Dim::from(5), Dim::from(5)];
        let x = graph.input("x", DType::F32, shape.to_vec());
        let w = graph.constant("w", fill(&[4, 3, 2, 2], 0.0));
        let conv = Conv {
            strides: vec![1, 1],
            dilations: vec![1, 1],
            pads: vec![(0, 0), (1, 1)],
            groups: 1,
        };
        let mut value: ValueId = graph.add("conv", Op::Conv(conv), &[x, w]).unwrap();
        for (at, (function, shape)) in chain.iter().enumerate() {
            let c = graph.constant("c", fill(shape, at as f32 + 1.0));
            value = graph.add("next", Op::Binary(*function), &[value, c]).unwrap();
        }
        graph.output("y", value);
        let inputs = [fill(&[2, 3, 5, 5], 0.5)];
        let before = reference::run(&graph, &inputs).unwrap();
        let mut after = graph.clone();
        assert_eq!(super::run(&mut after), folded, "{chain:?}");
        after.verify().unwrap();
        let after = reference::run(&after, &inputs).unwrap();
        let pairs = before[0].as_slice::<f32>().unwrap().iter().zip(after[0].as_slice().unwrap());
        // 13 products of numbers below one, each off by at most 2^-24 twice.
        pairs.for_each(|(a, b): (&f32, &f32)| assert!((a - b).abs() < 4e-6, "{a} {b} {chain:?}"));
    }

    #[test]
    fn scale_and_offset_are_taken_in() {
        check(&[(Binary::Mul, &[4, 1, 1]), (Binary::Add, &[1, 4, 1, 1])], 2);
        check(&[(Binary::Sub, &[4, 1, 1]), (Binary::Mul, &[1])], 2);
    }

    #[test]
    fn what_differs_within_a_channel_stays() {
        check(&[(Binary::Mul, &[4, 4, 1])], 0);
        check(&[(Binary::Add, &[2, 1, 1, 1])], 0);
    }
}
