use crate::{counting, t};
use ir::{Graph, Op};
use reference::run;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor};

/// `y = relu(x + 1)` over `x[n, 2]`, and `z[n]` beside it.
fn graph() -> Graph {
    let mut graph = Graph::new("test");
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(2)]);
    let z = graph.input("z", DType::F32, vec![Dim::symbol("n")]);
    let one = graph.constant("one", Tensor::scalar(1.0f32));
    let sum = graph.add("sum", Op::Binary(Binary::Add), &[x, one]).unwrap();
    let y = graph.add("act", Op::Unary(Unary::Relu), &[sum]).unwrap();
    graph.output("y", y);
    graph.output("z", z);
    graph
}

#[test]
fn outputs_come_in_the_order_of_the_graph() {
    let inputs = [t(&[2, 2], &[-5.0f32, 0.0, 1.0, 2.0]), counting(&[2])];
    let outputs = run(&graph(), &inputs).unwrap();
    assert_eq!(outputs[0], t(&[2, 2], &[0.0f32, 1.0, 2.0, 3.0]));
    assert_eq!(outputs[1], inputs[1]);
}

#[test]
fn wrong_inputs_name_what_was_expected_and_found() {
    let refused = |inputs: &[Tensor], message: &str| {
        assert_eq!(run(&graph(), inputs).unwrap_err().to_string(), message);
    };
    refused(&[counting(&[1, 2])], "the graph takes 2 inputs, 1 were given");
    let message = "input `x`: expected elements of type f32, found i64";
    refused(&[t(&[1, 2], &[1i64, 2]), counting(&[1])], message);
    let message = "input `x`: expected shape [n, 2], found [1, 3]";
    refused(&[counting(&[1, 3]), counting(&[1])], message);
    refused(&[counting(&[2]), counting(&[1])], "input `x`: expected shape [n, 2], found [2]");
    let message = "input `z` makes dimension `n` 3, an earlier input made it 2";
    refused(&[counting(&[2, 2]), counting(&[3])], message);
}

#[test]
fn an_error_names_the_node() {
    let mut graph = Graph::new("test");
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n")]);
    let op = Op::Slice {
        axes: vec![ir::SliceAxis { axis: 0, start: Dim::from(0), len: Dim::from(3), step: 1 }],
    };
    let y = graph.add("cut", op, &[x]).unwrap();
    graph.output("y", y);
    let error = run(&graph, &[counting(&[2])]).unwrap_err();
    let message = "node `cut`: slice: slice is 3 elements from 0 at distance 1, expected a range \
                   within 2 elements";
    assert_eq!(error.to_string(), message);
}
