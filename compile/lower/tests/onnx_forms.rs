//! Operators that the importer writes in another form, held against the operator as written.

use import::Bytes;
use import::onnx::decode::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use operators::Operator;
use operators::conv_transpose::ConvTranspose;
use prost::Message;
use runtime::{Constants, Model};
use tensor::{Bindings, DType, Tensor};

/// Numbers of ONNX's element types.
const F32: i32 = 1;
const I64: i32 = 7;

/// One or more integers. The type is left out, as old files do, so that it is both.
fn integers(name: &str, values: &[i64]) -> AttributeProto {
    let (name, i, ints) = (name.to_string(), values[0], values.to_vec());
    AttributeProto { name, i, ints, ..AttributeProto::default() }
}

fn text(name: &str, value: &'static str) -> AttributeProto {
    let (name, s) = (name.to_string(), Bytes::from(value));
    AttributeProto { name, s, ..AttributeProto::default() }
}

/// A node whose inputs are given by the caller, or stored where they are integers.
fn model(op: &str, attributes: &[AttributeProto], inputs: &[Tensor], outputs: usize) -> Vec<u8> {
    let name = |index: usize| format!("x{index}");
    let made = |index: usize| format!("y{index}");
    let is_stored = |x: &Tensor| x.dtype() == DType::I64;
    let sizes = |x: &Tensor| x.shape().iter().map(|&size| size as i64).collect::<Vec<_>>();
    let stored = inputs.iter().enumerate().filter(|(_, x)| is_stored(x));
    let stored = stored.map(|(index, x)| TensorProto {
        name: name(index),
        dims: sizes(x),
        data_type: I64,
        raw_data: Bytes::copy_from_slice(x.bytes()),
        ..TensorProto::default()
    });
    let given = inputs.iter().enumerate().filter(|(_, x)| !is_stored(x));
    let given = given.map(|(index, x)| {
        // The first size is only known when the model runs.
        let dim = sizes(x).into_iter().enumerate().map(|(axis, size)| match (index, axis) {
            (0, 0) => DimensionProto { dim_value: None, dim_param: Some("n".to_string()) },
            _ => DimensionProto { dim_value: Some(size), dim_param: None },
        });
        let shape = TensorShapeProto { dim: dim.collect() };
        let tensor = TensorTypeProto { elem_type: F32, shape: Some(shape) };
        let r#type = Some(TypeProto { tensor_type: Some(tensor), ..Default::default() });
        ValueInfoProto { name: name(index), r#type }
    });
    let node = NodeProto {
        input: (0..inputs.len()).map(name).collect(),
        output: (0..outputs).map(made).collect(),
        op_type: op.to_string(),
        attribute: attributes.to_vec(),
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![node],
        initializer: stored.collect(),
        input: given.collect(),
        output: (0..outputs).map(|y| ValueInfoProto { name: made(y), r#type: None }).collect(),
        ..GraphProto::default()
    };
    let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 22 }];
    let model =
        ModelProto { ir_version: 10, opset_import, graph: Some(graph), ..ModelProto::default() };
    model.encode_to_vec()
}

/// What the engine makes of a node with one output.
fn run(op: &str, attributes: &[(&str, &[i64])], inputs: &[Tensor]) -> Tensor {
    let attributes: Vec<_> = attributes.iter().map(|(name, x)| integers(name, x)).collect();
    run_all(op, &attributes, inputs, 1).swap_remove(0)
}

/// What the engine makes of the node.
fn run_all(
    op: &str,
    attributes: &[AttributeProto],
    inputs: &[Tensor],
    outputs: usize,
) -> Vec<Tensor> {
    let bytes = Bytes::from(model(op, attributes, inputs, outputs));
    let imported = import::import(bytes, &import::Options::default()).unwrap();
    let (graph, _) = passes::optimize(imported.graph).unwrap();
    let lowered = lower::lower(&graph).unwrap();
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let given: Vec<&Tensor> = inputs.iter().filter(|x| x.dtype() != DType::I64).collect();
    model.run(&given).unwrap()
}

fn floats(x: &Tensor) -> &[f32] {
    x.as_slice().unwrap()
}

/// Elements in [-1, 1).
fn fill(shape: &[usize], salt: u64) -> Tensor {
    let mut random = fastrand::Rng::with_seed(salt);
    let count: usize = shape.iter().product();
    let elements: Vec<f32> = (0..count).map(|_| random.f32() * 2.0 - 1.0).collect();
    Tensor::from_slice(shape, &elements).unwrap()
}

#[test]
fn transposed_convolutions() {
    // Kernel, stride, pads before and after, elements added, channels, groups.
    type Case = ([i64; 2], [i64; 2], [i64; 4], [i64; 2], [usize; 2], usize);
    let cases: &[Case] = &[
        ([2, 2], [2, 2], [0; 4], [0, 0], [3, 5], 1),
        ([4, 4], [2, 2], [1; 4], [0, 0], [3, 20], 1),
        ([3, 3], [2, 2], [1; 4], [1, 1], [4, 3], 1),
        ([3, 5], [1, 2], [0, 2, 1, 0], [0, 1], [4, 2], 2),
        ([2, 3], [3, 1], [0; 4], [2, 0], [2, 1], 2),
        ([1, 1], [2, 3], [0, 0, 1, 0], [0, 0], [2, 2], 1),
        ([5, 3], [1, 1], [3, 1, 2, 1], [0, 0], [2, 3], 1),
    ];
    for &(kernel, strides, pads, added, [inputs, outputs], groups) in cases {
        let size = |x: i64| x as usize;
        let [down, across] = kernel.map(size);
        let x = fill(&[2, inputs, 4, 5], 1);
        let weights = fill(&[inputs, outputs, down, across], 2);
        let bias = fill(&[outputs * groups], 3);
        let operator = ConvTranspose {
            strides: strides.map(size).to_vec(),
            dilations: vec![1, 1],
            pads: (0..2).map(|axis| (pads[axis], pads[axis + 2] - added[axis])).collect(),
            groups,
        };
        let operands = [x, weights, bias];
        let expected = Operator::from(operator).evaluate(&operands.each_ref().map(Tensor::view));
        let expected = expected.unwrap().swap_remove(0);
        let attributes: [(&str, &[i64]); 4] = [
            ("strides", &strides),
            ("pads", &pads),
            ("output_padding", &added),
            ("group", &[groups as i64]),
        ];
        let made = run("ConvTranspose", &attributes, &operands);
        assert_eq!(made.shape(), expected.shape(), "{attributes:?}");
        let what = format!("{attributes:?}");
        testkit::assert_close(&what, floats(&made), floats(&expected), 1e-5, 1e-5);
    }
}

#[test]
fn convolutions_over_three_axes_and_more() {
    let cases: &[(&[usize], &[usize], usize)] = &[
        (&[2, 4, 5, 6, 7], &[6, 2, 3, 2, 3], 2),
        (&[2, 3, 5, 6, 7], &[3, 1, 3, 3, 3], 3),
        (&[1, 2, 4, 5, 3, 4], &[3, 2, 2, 3, 2, 1], 1),
    ];
    for &(shape, weights, groups) in cases {
        let axes = shape.len() - 2;
        let conv = ir::Conv {
            strides: [2, 1, 1, 2][..axes].to_vec(),
            dilations: [1, 2, 1, 1][..axes].to_vec(),
            pads: [(1, 0), (1, 1), (0, 1), (0, 0)][..axes].to_vec(),
            groups,
        };
        let operands = [fill(shape, 1), fill(weights, 2), fill(&weights[..1], 3)];
        let of = |sizes: &[usize]| sizes.iter().map(|&size| size as i64).collect::<Vec<_>>();
        let (begin, end): (Vec<usize>, Vec<usize>) = conv.pads.iter().copied().unzip();
        let attributes: [(&str, &[i64]); 4] = [
            ("strides", &of(&conv.strides)),
            ("dilations", &of(&conv.dilations)),
            ("pads", &of(&[begin, end].concat())),
            ("group", &[groups as i64]),
        ];
        let made = run("Conv", &attributes, &operands);
        let op = ir::Op::Conv(conv.clone());
        let expected = reference::evaluate(&op, &operands.each_ref(), &Bindings::new()).unwrap();
        assert_eq!(made.shape(), expected.shape());
        testkit::assert_close("conv", floats(&made), floats(&expected), 1e-5, 1e-5);
    }
}

/// The last states of a layer by the standard's equations, one sequence after another, in `f64`.
fn recurrence(gates: usize, resets_product: bool, [x, w, r, b]: &[Tensor; 4]) -> Vec<f64> {
    let [steps, batch, width] = [0, 1, 2].map(|axis| x.shape()[axis]);
    let (directions, h) = (w.shape()[0], r.shape()[2]);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let dot = |m: &[f32], x: &[f64]| m.iter().zip(x).map(|(&m, x)| f64::from(m) * x).sum::<f64>();
    let mut made = Vec::new();
    for (d, n) in (0..directions).flat_map(|d| (0..batch).map(move |n| (d, n))) {
        let (mut state, mut cell) = (vec![0.0; h], vec![0.0; h]);
        for index in 0..steps {
            let step = if d == 1 { steps - 1 - index } else { index };
            let x = floats(x)[(step * batch + n) * width..][..width].iter();
            let x: Vec<f64> = x.map(|&x| f64::from(x)).collect();
            let row = |gate: usize, i: usize| d * gates * h + gate * h + i;
            let bias = |gate: usize, i: usize| f64::from(floats(b)[row(gate, i) + d * gates * h]);
            let rest =
                |gate: usize, i: usize| f64::from(floats(b)[row(gate, i) + (d + 1) * gates * h]);
            let of_x =
                |gate, i| dot(&floats(w)[row(gate, i) * width..][..width], &x) + bias(gate, i);
            let of_h = |gate, i, h: &[f64]| dot(&floats(r)[row(gate, i) * h.len()..][..h.len()], h);
            let sum = |gate, i, old: &[f64]| of_x(gate, i) + of_h(gate, i, old) + rest(gate, i);
            let old = state.clone();
            let reset: Vec<f64> = (0..h).map(|i| sigmoid(sum(1, i, &old)) * old[i]).collect();
            for i in 0..h {
                if gates == 4 {
                    let (input, forget) = (sigmoid(sum(0, i, &old)), sigmoid(sum(2, i, &old)));
                    cell[i] = forget * cell[i] + input * sum(3, i, &old).tanh();
                    state[i] = sigmoid(sum(1, i, &old)) * f64::tanh(cell[i]);
                } else {
                    let update = sigmoid(sum(0, i, &old));
                    let carried = match resets_product {
                        true => sigmoid(sum(1, i, &old)) * (of_h(2, i, &old) + rest(2, i)),
                        false => of_h(2, i, &reset) + rest(2, i),
                    };
                    state[i] = (1.0 - update) * (of_x(2, i) + carried).tanh() + update * old[i];
                }
            }
        }
        made.extend(state);
    }
    made
}

#[test]
fn recurrent_layers() {
    let (steps, batch, width, h) = (5, 3, 6, 9);
    for (op, gates, resets_product) in [("LSTM", 4, 0i64), ("GRU", 3, 0), ("GRU", 3, 1)] {
        for directions in [1, 2] {
            let rows = gates * h;
            let operands = [
                fill(&[steps, batch, width], 1),
                fill(&[directions, rows, width], 2),
                fill(&[directions, rows, h], 3),
                fill(&[directions, 2 * rows], 4),
            ];
            let mut attributes = vec![integers("hidden_size", &[h as i64])];
            if directions == 2 {
                attributes.push(text("direction", "bidirectional"));
            }
            if op == "GRU" {
                attributes.push(integers("linear_before_reset", &[resets_product]));
            }
            let made = run_all(op, &attributes, &operands, 2).swap_remove(1);
            let expected = recurrence(gates, resets_product == 1, &operands);
            let expected: Vec<f32> = expected.into_iter().map(|x| x as f32).collect();
            assert_eq!(made.shape(), [directions, batch, h]);
            testkit::assert_close(op, floats(&made), &expected, 1e-5, 1e-5);
        }
    }
}

#[test]
fn norms_of_windows() {
    // In windows of two the last element is left over, or alone in a window.
    let x = Tensor::from_slice(&[1, 1, 5], &[1.0f32, -2.0, 3.0, 4.0, 5.0]).unwrap();
    for (ceil, expected) in [(0, &[5f32, 25.0][..]), (1, &[5.0, 25.0, 25.0])] {
        let attributes: [(&str, &[i64]); 3] =
            [("kernel_shape", &[2, 1]), ("strides", &[2, 1]), ("ceil_mode", &[ceil])];
        let x = x.clone().reshaped(&[1, 1, 5, 1]).unwrap();
        let made = run("LpPool", &attributes, &[x]);
        let squares: Vec<f32> = floats(&made).iter().map(|x| x * x).collect();
        testkit::assert_close("norms", &squares, expected, 1e-6, 0.0);
    }
    let made = run("GlobalLpPool", &[("p", &[1])], &[x]);
    assert_eq!(floats(&made), [15.0]);
}

#[test]
fn sizes_that_are_stored() {
    let numbers = |values: &[i64]| Tensor::from_slice(&[values.len()], values).unwrap();
    let one = Tensor::scalar;
    let x = Tensor::from_slice(&[1, 3], &[1.0f32, 2.0, 3.0]).unwrap();
    let made = run("CenterCropPad", &[("axes", &[-1])], &[x.clone(), numbers(&[6])]);
    assert_eq!(floats(&made), [0.0, 1.0, 2.0, 3.0, 0.0, 0.0]);
    let made = run("CenterCropPad", &[("axes", &[-1])], &[x, numbers(&[2])]);
    assert_eq!(floats(&made), [1.0, 2.0]);
    let made = run("HannWindow", &[], &[one(4i64)]);
    testkit::assert_close("window", floats(&made), &[0.0, 0.5, 1.0, 0.5], 1e-6, 1e-6);
    // The first frequency of a frame is the sum of its elements; the second frame begins at the
    // third element.
    let signal = fill(&[1, 6, 1], 5);
    let window = Tensor::from_slice(&[4], &[1.0f32; 4]).unwrap();
    let made = run("STFT", &[], &[signal.clone(), one(2i64), window]);
    assert_eq!(made.shape(), [1, 2, 3, 2]);
    let sums = [0, 2].map(|at| floats(&signal)[at..at + 4].iter().sum());
    testkit::assert_close("sums", &[floats(&made)[0], floats(&made)[6]], &sums, 1e-6, 1e-6);
}

#[test]
fn regions_are_pooled_as_onnxruntime_pools_them() {
    let x: Vec<f32> = (0..48).map(|at| at as f32).collect();
    let x = Tensor::from_slice(&[1, 1, 8, 6], &x).unwrap();
    // One within the image, one that lies partly outside, and one whose ends are turned round.
    let regions = [0.0f32, 0.0, 0.0, 4.0, 4.0, 0.0, 3.4, 5.5, 9.0, 9.0, 0.0, 3.0, 3.0, 1.0, 1.0];
    let regions = Tensor::from_slice(&[3, 5], &regions).unwrap();
    let made = run("MaxRoiPool", &[("pooled_shape", &[2, 2])], &[x, regions]);
    let expected = [14.0f32, 16.0, 26.0, 28.0, 47.0, 0.0, 0.0, 0.0, 21.0, 21.0, 21.0, 21.0];
    assert_eq!(made.as_slice::<f32>().unwrap(), expected);
}
