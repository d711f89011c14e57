//! Graphs of several stages: sizes that turn out while the model runs, branches and loops, through
//! the naive twin and through the engine, the graph's text and the plan's bytes.

use ir::{Dynamic, Fact, Graph, Loop, Op, ValueId};
use operators::dynamic::control::Iteration;
use operators::dynamic::{self, Sequence};
use runtime::{Constants, Model};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor, Value};

fn fact(dtype: DType, shape: &[Dim]) -> Fact {
    Fact { dtype, shape: shape.to_vec() }
}

fn staged(operator: impl Into<operators::Dynamic>, made: Vec<Fact>) -> Op {
    Op::Dynamic(Dynamic { operator: operator.into(), made, elements: vec![] })
}

fn floats(elements: &[f32]) -> Value {
    Tensor::from_slice(&[elements.len()], elements).unwrap().into()
}

/// The answers of the engine, after they were found equal to those of the naive twin, of the graph
/// that the text reads back to, and of the plan that the bytes read back to.
#[track_caller]
fn answers(graph: &Graph, inputs: &[Value]) -> Vec<Value> {
    graph.verify().unwrap();
    let printed = ir::text::print(graph);
    let read = ir::text::parse(&printed.text, &printed.blobs).unwrap();
    let printed = ir::text::print(&read);
    let again = ir::text::parse(&printed.text, &printed.blobs).unwrap();
    assert_eq!(ir::text::print(&again), printed);
    read.verify().unwrap();
    let expected = reference::run_values(&read, inputs).unwrap();
    let (optimized, _) = passes::optimize(graph.clone()).unwrap();
    let lowered = lower::lower(&optimized).unwrap();
    let bytes = lowered.plan.encode();
    let plan = plan::Plan::decode(&bytes, lowered.constants.len() as u64).unwrap();
    assert_eq!(plan, lowered.plan);
    let model = Model::new(plan, Constants::owned(lowered.constants)).unwrap();
    for _ in 0..2 {
        assert_eq!(model.run_values(inputs).unwrap(), expected);
    }
    expected
}

/// `x` at the places where it is above 0, doubled, and how many there are.
fn positives() -> Graph {
    let mut graph = Graph::new("positives");
    let (n, count) = (Dim::symbol("n"), Dim::measured(1));
    let x = graph.input("x", DType::F32, vec![n]);
    let relu = graph.add("relu", Op::Unary(Unary::Relu), &[x]).unwrap();
    let made = vec![fact(DType::I64, &[Dim::from(1), count.clone()])];
    let places = graph.add("places", staged(dynamic::NonZero, made), &[relu]).unwrap();
    let flat = Op::Reshape { shape: vec![count.clone()] };
    let places = graph.add("flat", flat, &[places]).unwrap();
    let picked = graph.add("picked", Op::Gather { axis: 0 }, &[x, places]).unwrap();
    let twice = graph.add("twice", Op::Binary(Binary::Add), &[picked, picked]).unwrap();
    let sizes = graph.add("sizes", Op::Dimensions(vec![count]), &[]).unwrap();
    graph.output("twice", twice);
    graph.output("count", sizes);
    graph
}

#[test]
fn sizes_turn_out_while_the_model_runs() {
    let graph = positives();
    for elements in [&[1.0f32, -2.0, 3.0][..], &[-1.0], &[4.0; 9], &[-1.0, 2.0, -3.0, 4.0]] {
        let made = answers(&graph, &[floats(elements)]);
        let expected: Vec<f32> = elements.iter().filter(|x| **x > 0.0).map(|x| x + x).collect();
        assert_eq!(made[0], floats(&expected));
        let count = [expected.len() as i64];
        assert_eq!(made[1], Tensor::from_slice(&[1], &count).unwrap().into());
    }
}

#[test]
fn what_no_output_takes_still_gives_symbols_their_values() {
    let mut graph = positives();
    graph.outputs.remove(0);
    let made = answers(&graph, &[floats(&[1.0, -2.0, 3.0])]);
    assert_eq!(made, [Tensor::from_slice(&[1], &[2i64]).unwrap().into()]);
}

/// A graph of one function of `x[n]` and `w[n]`, the second captured.
fn body(name: &str, function: Binary) -> Graph {
    let mut body = Graph::new(name);
    let n = || vec![Dim::symbol("n")];
    let x = body.input("x", DType::F32, n());
    let w = body.input("w", DType::F32, n());
    let half = body.constant("half", Tensor::scalar(0.5f32));
    let made = body.add("made", Op::Binary(function), &[x, w]).unwrap();
    let made = body.add("half", Op::Binary(Binary::Mul), &[made, half]).unwrap();
    body.output("y", made);
    body
}

#[test]
fn a_branch_is_taken_by_a_condition() {
    let mut graph = Graph::new("branch");
    let n = || vec![Dim::symbol("n")];
    let condition = graph.input("condition", DType::Bool, vec![]);
    let x = graph.input("x", DType::F32, n());
    let w = graph.input("w", DType::F32, n());
    let op = Op::If { made: vec![fact(DType::F32, &n())] };
    let bodies = vec![body("then", Binary::Add), body("otherwise", Binary::Mul)];
    let y = graph.add_with("if", op, &[condition, x, w], bodies).unwrap();
    let y = graph.add("neg", Op::Unary(Unary::Neg), &[y]).unwrap();
    graph.output("y", y);
    for (flag, expected) in [(1u8, [-2.0f32, -3.0]), (0, [-1.5, -4.0])] {
        let condition = Tensor::from_bytes(DType::Bool, &[], &[flag]).unwrap();
        let inputs = [condition.into(), floats(&[1.0, 2.0]), floats(&[3.0, 4.0])];
        assert_eq!(answers(&graph, &inputs), [floats(&expected)]);
    }
}

/// A loop that puts a one behind its state, and scans the sum of the state.
fn growing(condition: impl Fn(&mut Graph, ValueId) -> ValueId) -> Graph {
    let (before, after) = (Dim::symbol("?10"), Dim::symbol("?10") + Dim::from(1));
    let mut body = Graph::new("body");
    let iteration = body.input("iteration", DType::I64, vec![]);
    body.input("condition", DType::Bool, vec![]);
    let state = body.input("state", DType::F32, vec![before]);
    let one = body.constant("one", Tensor::from_slice(&[1], &[1.0f32]).unwrap());
    let longer = body.add("longer", Op::Concat { axis: 0 }, &[state, one]).unwrap();
    assert_eq!(body.fact(longer).shape, [after]);
    let sum =
        Op::Reduce { reduction: tensor::scalar::Reduction::Sum, axes: vec![0], keepdims: false };
    let sum = body.add("sum", sum, &[longer]).unwrap();
    let goes_on = condition(&mut body, iteration);
    body.output("condition", goes_on);
    body.output("state", longer);
    body.output("sum", sum);
    let mut graph = Graph::new("growing");
    let count = graph.input("count", DType::I64, vec![]);
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n")]);
    let iteration = Iteration { has_trip_count: true, has_condition: false, states: 1 };
    let made = vec![fact(DType::F32, &[Dim::measured(11)]), fact(DType::F32, &[Dim::measured(12)])];
    graph.add_with("loop", Op::Loop(Loop { iteration, made }), &[count, x], vec![body]).unwrap();
    let made: Vec<ValueId> = graph.nodes[0].outputs().collect();
    graph.output("state", made[0]);
    graph.output("sums", made[1]);
    graph
}

#[test]
fn a_loop_whose_state_grows_runs_as_often_as_it_says() {
    let graph = growing(|body, _| {
        let yes = Tensor::from_bytes(DType::Bool, &[], &[1]).unwrap();
        body.constant("yes", yes)
    });
    let run = |count: i64| answers(&graph, &[Tensor::scalar(count).into(), floats(&[5.0])]);
    assert_eq!(run(3), [floats(&[5.0, 1.0, 1.0, 1.0]), floats(&[6.0, 7.0, 8.0])]);
    assert_eq!(run(0), [floats(&[5.0]), floats(&[])]);
    assert_eq!(run(-7), [floats(&[5.0]), floats(&[])]);
}

#[test]
fn a_condition_ends_a_loop() {
    let graph = growing(|body, iteration| {
        let two = body.constant("two", Tensor::scalar(2i64));
        body.add("less", Op::Binary(Binary::Less), &[iteration, two]).unwrap()
    });
    let made = answers(&graph, &[Tensor::scalar(100i64).into(), floats(&[])]);
    assert_eq!(made, [floats(&[1.0; 3]), floats(&[1.0, 2.0, 3.0])]);
}

#[test]
fn sequences_pass_from_node_to_node_and_out() {
    let mut graph = Graph::new("sequence");
    let object = || vec![fact(DType::Object, &[])];
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n")]);
    let one = graph.add("make", staged(Sequence::Make, object()), &[x]).unwrap();
    let two = graph.add("insert", staged(Sequence::Insert, object()), &[one, x]).unwrap();
    let whole = Sequence::Concat { axis: 0, is_new: true };
    let made = vec![fact(DType::F32, &[Dim::measured(1), Dim::measured(2)])];
    let joined = graph.add("joined", staged(whole, made), &[two]).unwrap();
    let y = graph.add("neg", Op::Unary(Unary::Neg), &[joined]).unwrap();
    graph.output("sequence", two);
    graph.output("y", y);
    let made = answers(&graph, &[floats(&[1.0, 2.0])]);
    assert_eq!(made[0], Value::Sequence(vec![floats(&[1.0, 2.0]); 2].into()));
    let expected = Tensor::from_slice(&[2, 2], &[-1.0f32, -2.0, -1.0, -2.0]).unwrap();
    assert_eq!(made[1], expected.into());
}

#[test]
fn what_a_graph_does_not_expect_is_an_error() {
    let lowered = lower::lower(&positives()).unwrap();
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let refused = |inputs: &[Value]| model.run_values(inputs).unwrap_err().to_string();
    assert_eq!(refused(&[]), "expected 1 inputs, found 0");
    let text = tensor::Text::new(&[1], vec!["a".to_string()]).unwrap();
    let expected = "input `x`: expected elements of type f32, found string";
    assert_eq!(refused(&[text.into()]), expected);
    let matrix = Tensor::from_slice(&[1, 1], &[1.0f32]).unwrap();
    assert!(refused(&[matrix.into()]).contains("expected shape [n], found [1, 1]"));
}

#[test]
fn a_body_that_does_not_fit_its_node_is_refused() {
    let mut graph = Graph::new("branch");
    let condition = graph.input("condition", DType::Bool, vec![]);
    let x = graph.input("x", DType::F32, vec![Dim::symbol("n")]);
    let op = || Op::If { made: vec![fact(DType::F32, &[Dim::symbol("n")])] };
    let bodies = || vec![body("then", Binary::Add), body("otherwise", Binary::Mul)];
    graph.add_with("few", op(), &[condition, x], bodies()).unwrap();
    let refused = |graph: &Graph| graph.verify().unwrap_err().to_string();
    assert!(refused(&graph).contains("a body of 2 inputs and 1 outputs"));
    graph.nodes.clear();
    graph.add_with("one", op(), &[condition, x, x], bodies()[..1].to_vec()).unwrap();
    assert!(refused(&graph).contains("1 bodies, expected 2"));
}
