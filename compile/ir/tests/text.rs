//! The text form: what is printed is read back, and hostile text is an error.

use ir::{Arg, Conv, Graph, Op, PadMode, Pool, PoolKind, SliceAxis, text};
use tensor::scalar::{Binary, Reduction, Unary};
use tensor::{DType, Dim, Tensor};

/// Prints, reads, prints again.
#[track_caller]
fn check(graph: &Graph) -> String {
    graph.verify().unwrap();
    let printed = text::print(graph);
    let read = text::parse(&printed.text, &printed.blobs)
        .unwrap_or_else(|error| panic!("{error}\n{}", printed.text));
    read.verify().unwrap();
    // Reading numbers the values anew; from then on the text stays as it is.
    let again = text::print(&read);
    assert_eq!(again.blobs, printed.blobs);
    assert_eq!(text::print(&text::parse(&again.text, &again.blobs).unwrap()), again);
    let facts = |g: &Graph| {
        let of = |n: &ir::Node| (n.name.clone(), n.op.clone(), g.fact(n.output));
        g.nodes.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(facts(&read), facts(graph));
    assert_eq!(graph.to_string(), printed.text);
    printed.text
}

fn images(graph: &mut Graph) -> ir::ValueId {
    let size = Dim::symbol("h") * Dim::from(2) + Dim::from(1);
    graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(4), size.clone(), size])
}

fn pool(kind: PoolKind) -> Pool {
    let two = vec![2, 2];
    let (strides, pads) = (two.clone(), vec![(0, 1); 2]);
    Pool { kind, kernel: two, strides, dilations: vec![1, 1], pads, ceil_mode: true }
}

#[test]
fn every_operator_is_read_back() {
    let n = Dim::symbol("n");
    let mut graph = Graph::new("all");
    let x = images(&mut graph);
    let mut ids = Vec::new();
    let mut add = |graph: &mut Graph, op: Op, inputs: &[ir::ValueId]| {
        ids.push(graph.add("", op, inputs).unwrap());
        ids[ids.len() - 1]
    };
    let clip = Unary::Clip { min: f32::NEG_INFINITY, max: 0.1 };
    add(&mut graph, Op::Unary(clip), &[x]);
    let elu = add(&mut graph, Op::Unary(Unary::Elu { alpha: 1.673_263_2 }), &[x]);
    add(&mut graph, Op::Binary(Binary::Add), &[x, elu]);
    let less = add(&mut graph, Op::Binary(Binary::Less), &[x, elu]);
    add(&mut graph, Op::Select, &[less, x, elu]);
    add(&mut graph, Op::Cast(DType::BF16), &[x]);
    let weights: Vec<f32> = (0..16u8).map(f32::from).collect();
    let weights = graph.constant("w", Tensor::from_slice(&[8, 2, 1, 1], &weights).unwrap());
    let conv =
        Conv { strides: vec![2, 1], dilations: vec![1, 1], pads: vec![(0, 1), (0, 0)], groups: 2 };
    add(&mut graph, Op::Conv(conv), &[x, weights]);
    add(&mut graph, Op::MatMul, &[x, x]);
    for kind in [PoolKind::Max, PoolKind::Average { count_include_pad: true }] {
        add(&mut graph, Op::Pool(pool(kind)), &[x]);
    }
    let reduce = Op::Reduce { reduction: Reduction::LogSumExp, axes: vec![1, 3], keepdims: false };
    add(&mut graph, reduce, &[x]);
    add(&mut graph, Op::Arg(Arg { is_max: true, axis: 1, keepdims: true, is_last: false }), &[x]);
    add(&mut graph, Op::Softmax { axis: 3 }, &[x]);
    add(&mut graph, Op::LogSoftmax { axis: 1 }, &[x]);
    let row = graph.constant("scale", Tensor::from_slice(&[4], &[1.0f32; 4]).unwrap());
    let moved = add(&mut graph, Op::Transpose { perm: vec![0, 2, 3, 1] }, &[x]);
    add(&mut graph, Op::LayerNorm { axis: 3, epsilon: 1e-5 }, &[moved, row]);
    add(&mut graph, Op::LocalResponseNorm { size: 5, alpha: 1e-4, beta: 0.75, bias: 2.0 }, &[x]);
    let volume = Dim::from(4) * graph.value(x).shape[2].clone() * graph.value(x).shape[2].clone();
    add(&mut graph, Op::Reshape { shape: vec![n.clone(), volume] }, &[x]);
    let cut = SliceAxis { axis: 2, start: Dim::from(1), len: Dim::symbol("h"), step: 2 };
    add(&mut graph, Op::Slice { axes: vec![cut] }, &[x]);
    add(&mut graph, Op::Concat { axis: 1 }, &[x, elu, x]);
    let wide = [vec![Dim::from(3)], graph.value(x).shape.clone()].concat();
    add(&mut graph, Op::Expand { shape: wide }, &[x]);
    let indices = graph.constant("indices", Tensor::from_slice(&[2], &[-1i64, 0]).unwrap());
    add(&mut graph, Op::Gather { axis: 1 }, &[x, indices]);
    for mode in [PadMode::Constant(f64::NEG_INFINITY), PadMode::Constant(0.1), PadMode::Reflect] {
        add(&mut graph, Op::Pad { before: vec![0, -1, 0, 1], after: vec![0, 0, 2, 0], mode }, &[x]);
    }
    add(&mut graph, Op::Dimensions(vec![n.ceil_div(&Dim::from(2)), Dim::from(4)]), &[]);
    for (i, id) in ids.into_iter().enumerate() {
        graph.output(&format!("y{i}"), id);
    }
    let text = check(&graph);
    for line in [
        r#"%1 = clip(%0) {"min":"-inf","max":0.1} : f32[n, 4, 2*h + 1, 2*h + 1]"#,
        r#"%3 = add(%0, %2) : f32[n, 4, 2*h + 1, 2*h + 1]"#,
        r#"const %16 : f32[4] splat(1.0) # scale"#,
        r#"const %24 : i64[2] [-1, 0] # indices"#,
        r#" = dimensions() ["((n + 1) / (2))",4] : i64[2]"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn every_kind_of_constant_is_read_back() {
    let mut graph = Graph::new("line\nbreak");
    let odd_nan = f32::from_bits(f32::NAN.to_bits() | 1);
    let constants = [
        Tensor::scalar(-0.0f32),
        Tensor::from_slice(&[3], &[f32::NAN, f32::INFINITY, 1e-45]).unwrap(),
        Tensor::from_slice(&[2], &[odd_nan, 1.0]).unwrap(),
        Tensor::from_slice(&[2], &[0.1f64, f64::MAX]).unwrap(),
        Tensor::from_slice(&[17], &(0..17).collect::<Vec<u8>>()).unwrap(),
        Tensor::from_slice(&[0, 3], &[0u16; 0]).unwrap(),
        Tensor::from_slice(&[2], &[u64::MAX, 0]).unwrap(),
        Tensor::zeros(DType::I32, &[1000, 100]).unwrap(),
        Tensor::zeros(DType::I8, &[SPLAT_TOO_LARGE]).unwrap(),
        Tensor::from_bytes(DType::Bool, &[2], &[1, 0]).unwrap(),
        Tensor::from_bytes(DType::F16, &[1], &[0, 0x3c]).unwrap(),
    ];
    for (i, constant) in constants.iter().enumerate() {
        let id = graph.constant(&format!(" {i}"), constant.clone());
        graph.output(&format!("\"{i}"), id);
    }
    let text = check(&graph);
    assert!(text.contains("f32[3] [nan, inf, 1e-45]"), "{text}");
    assert!(text.contains("i32[1000, 100] splat(0)"), "{text}");
    let printed = text::print(&graph);
    let read = text::parse(&printed.text, &printed.blobs).unwrap();
    assert_eq!(read.name, graph.name);
    for (output, constant) in read.outputs.iter().zip(&constants) {
        // By bytes: a NaN is not equal to itself.
        assert_eq!(read.known(output.value).unwrap().bytes(), constant.bytes());
    }
}

/// One byte more than all splats of a text may have.
const SPLAT_TOO_LARGE: usize = (64 << 20) + 1;

#[test]
fn names_of_nodes_and_values_are_kept() {
    let mut graph = Graph::new("");
    let x = images(&mut graph);
    let y = graph.add("node", Op::Unary(Unary::Relu), &[x]).unwrap();
    graph.values[y.0 as usize].name = "value # 1".to_string();
    graph.output("", y);
    let text = check(&graph);
    assert!(text.contains(r#" # "node" "value # 1""#), "{text}");
    let read = text::parse(&text, &[]).unwrap();
    assert_eq!(read.nodes[0].name, "node");
    assert_eq!(read.values[1].name, "value # 1");
}

#[test]
fn hostile_text_is_an_error() {
    let refused = |text: &str, message: &str| {
        let error = text::parse(text, &[0; 8]).expect_err(text);
        assert_eq!(error.to_string(), message);
    };
    let x = "input %0 : f32[n]\n";
    refused("huh", "line 1: expected `graph`, `input`, `const`, `output` or `%`, found `huh`");
    refused("\n// c\ninput 0", "line 3: expected `%`, found `0`");
    refused(
        "input %99999999999 : f32[]",
        "line 1: expected the number of a value, found ` : f32[]`",
    );
    refused("input %0 : f33[1]", "line 1: expected an element type, found ` f33[1]`");
    refused("input %0 : f32[1 2]", "line 1: expected `,` or `]`, found `2]`");
    refused(&format!("{x}{x}"), "line 2: %0 is made twice");
    refused("output %7", "line 1: %7 is not made by any line before");
    refused(&format!("{x}%1 = huh(%0)"), "line 2: operator `huh`: unknown operator");
    refused(
        &format!("{x}%1 = softmax(%0) {{\"axes\":0}}"),
        "line 2: operator `softmax`: missing field `axis` at line 1 column 21",
    );
    refused(
        &format!("{x}%1 = softmax(%0) {{\"axis"),
        "line 2: expected parameters in JSON, found `{\"axis`",
    );
    refused(
        &format!("{x}%1 = softmax(%0) {{\"axis\":1}}"),
        "line 2: node `` (softmax): axis is 1, expected an axis of shape [n]",
    );
    refused(
        &format!("{x}%1 = relu(%0) : f32[m]"),
        "line 2: the operator makes Fact { dtype: F32, shape: [n] }, the line says Fact { dtype: \
         F32, shape: [m] }",
    );
    refused(
        "const %0 : f32[n] splat(0)",
        "line 1: expected a constant of known sizes, found ` splat(0)`",
    );
    refused("const %0 : f32[2] [1.0]", "line 1: shape [2] has 2 elements but 1 were given");
    refused("const %0 : i8[1] [128]", "line 1: expected an element, found `128`");
    refused("const %0 : i8[1] [1", "line 1: expected `]` at the end, found `1`");
    refused("const %0 : u8[8] blob(1, 8)", "line 1: blob(1, 8) lies outside a section of 8 bytes");
    refused(
        "const %0 : u8[8] blob(18446744073709551615, 8)",
        "line 1: blob(18446744073709551615, 8) lies outside a section of 8 bytes",
    );
    let splats = "line 1: splat constants have more than 67108864 bytes together; use blobs";
    refused("const %0 : f32[1000000000000] splat(0)", splats);
    refused("const %0 : f32[9000000000000000000, 9] splat(0)", splats);
    refused(
        &format!("{x}output %0 # \"a\" \"b\" \"c\""),
        "line 2: expected one name or two, found `\"a\" \"b\" \"c\"`",
    );
}

/// Every text one edit away from a good one is read or refused, never a panic.
#[test]
fn damaged_text_does_no_harm() {
    let mut graph = Graph::new("g");
    let x = images(&mut graph);
    let weights = Tensor::from_slice(&[2, 4, 1, 1], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let w = graph.constant("w", weights.unwrap());
    let conv =
        Conv { strides: vec![1; 2], dilations: vec![1; 2], pads: vec![(0, 0); 2], groups: 1 };
    let y = graph.add("conv", Op::Conv(conv), &[x, w]).unwrap();
    let y = graph.add("act", Op::Unary(Unary::Clip { min: 0.0, max: 6.0 }), &[y]).unwrap();
    graph.output("y", y);
    let text = check(&graph);
    let (mut read, mut refused) = (0, 0);
    for at in 0..text.len() {
        for edit in ["", "0", "9", "-", "]", ")", "\"", "{", "%", "\n", "é", "e9"] {
            for removed in [0, 1] {
                let damaged = format!("{}{edit}{}", &text[..at], &text[at + removed..]);
                match text::parse(&damaged, &[]) {
                    Ok(graph) => read += graph.verify().map(|()| 1).unwrap(),
                    Err(_) => refused += 1,
                }
            }
        }
    }
    // Names may be edited freely; most other edits break something.
    assert!(read > 100 && refused > 1000, "{read} read, {refused} refused");
}
