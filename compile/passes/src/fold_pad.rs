//! A convolution takes the zeros around its image into its own padding.
//!
//! Given:
//! ```text
//! graph
//! input %0 : f32[n, 1, 4] # x
//! %1 = pad(%0) {"before":[0,0,1],"after":[0,0,2],"mode":{"constant":0.0}} : f32[n, 1, 7]
//! const %2 : f32[1, 1, 3] splat(0.5)
//! %3 = conv(%1, %2) {"strides":[1],"dilations":[1],"pads":[[0,0]],"groups":1} : f32[n, 1, 5]
//! output %3 # y
//! ```
//! Result:
//! ```text
//! graph
//! input %0 : f32[n, 1, 4] # x
//! const %1 : f32[1, 1, 3] splat(0.5)
//! %2 = conv(%0, %1) {"strides":[1],"dilations":[1],"pads":[[1,2]],"groups":1} : f32[n, 1, 5]
//! output %2 # y
//! ```
//! The result is the same to the last bit.

use crate::rewrite::{Rewriter, rewrite};
use ir::{Graph, Node, Op, PadMode};

pub(crate) fn run(graph: &mut Graph) -> usize {
    rewrite(graph, fold)
}

fn fold(graph: &mut Rewriter<'_>, node: &Node) -> Option<ir::ValueId> {
    let Op::Conv(conv) = &node.op else { return None };
    let pad = graph.node(node.inputs[0])?;
    let Op::Pad { before, after, mode: PadMode::Constant(0.0) } = &pad.op else { return None };
    if before[..2] != [0, 0] || after[..2] != [0, 0] {
        return None;
    }
    let mut conv = conv.clone();
    for (axis, pads) in conv.pads.iter_mut().enumerate() {
        // A negative padding cuts elements off, which no convolution does.
        let (first, last) = (before[axis + 2], after[axis + 2]);
        pads.0 = pads.0.checked_add(usize::try_from(first).ok()?)?;
        pads.1 = pads.1.checked_add(usize::try_from(last).ok()?)?;
    }
    let mut inputs = node.inputs.clone();
    inputs[0] = pad.inputs[0];
    graph.add(Op::Conv(conv), &inputs)
}

#[cfg(test)]
mod tests {
    use ir::{Conv, Graph, Op, PadMode};
    use tensor::{DType, Dim, Tensor};

    fn check(before: [i64; 4], mode: PadMode, folded: usize) {
        let mut graph = Graph::new("padded");
        let shape = [1, 2, 4, 4].map(Dim::from).to_vec();
        let x = graph.input("x", DType::F32, shape);
        let op = Op::Pad { before: before.to_vec(), after: vec![0, 0, 1, 2], mode };
        let padded = graph.add("pad", op, &[x]).unwrap();
        let elements: Vec<f32> = (0..72).map(|i| i as f32 - 30.0).collect();
        let channels = 2 + before[1] as usize;
        let weights = Tensor::from_slice(&[2, channels, 2, 2], &elements[..8 * channels]).unwrap();
        let w = graph.constant("w", weights);
        let (strides, dilations) = (vec![2, 1], vec![1, 1]);
        let conv = Conv { strides, dilations, pads: vec![(0, 1), (0, 0)], groups: 1 };
        let y = graph.add("conv", Op::Conv(conv), &[padded, w]).unwrap();
        graph.output("y", y);
        let mut after = graph.clone();
        assert_eq!(super::run(&mut after), folded);
        after.verify().unwrap();
        let inputs = [Tensor::from_slice(&[1, 2, 4, 4], &elements[..32]).unwrap()];
        assert_eq!(reference::run(&graph, &inputs), reference::run(&after, &inputs));
    }

    #[test]
    fn zeros_around_the_image_are_taken_in() {
        check([0, 0, 1, 0], PadMode::Constant(0.0), 1);
    }

    #[test]
    fn other_paddings_stay() {
        check([0, 0, 1, 0], PadMode::Constant(1.0), 0);
        check([0, 0, 1, 0], PadMode::Edge, 0);
        check([0, 1, 0, 0], PadMode::Constant(0.0), 0);
        check([0, 0, -1, 0], PadMode::Constant(0.0), 0);
    }
}
