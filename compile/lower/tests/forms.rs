//! Every form that a step can take gives the answers of the others.

use ir::{Conv, Graph, Op, ValueId};
use lower::{Chains, ConvolutionForm, Forms, Options};
use plan::Precision;
use runtime::{Constants, Model};
use tensor::scalar::Unary;
use tensor::{DType, Dim, Tensor};

/// Elements in [-1, 1) from a seed.
fn fill(shape: &[usize], seed: u64) -> Tensor {
    let mut random = fastrand::Rng::with_seed(seed);
    let count: usize = shape.iter().product();
    let elements: Vec<f32> = (0..count).map(|_| random.f32() * 2.0 - 1.0).collect();
    Tensor::from_slice(shape, &elements).unwrap()
}

fn conv(graph: &mut Graph, x: ValueId, weights: [usize; 4], name: &str) -> ValueId {
    let [channels, group_in, kernel, _] = weights;
    let groups = if group_in == 1 { channels } else { 1 };
    let pads = vec![(kernel / 2, kernel / 2); 2];
    let op = Op::Conv(Conv { strides: vec![1; 2], dilations: vec![1; 2], pads, groups });
    let w = graph.constant("w", fill(&weights, channels as u64));
    let y = graph.add(name, op, &[x, w]).unwrap();
    graph.add(&format!("{name}.act"), Op::Unary(Unary::Relu), &[y]).unwrap()
}

/// A convolution with several forms, then three that can be a chain.
fn net() -> Graph {
    let mut graph = Graph::new("net");
    let dims = [Dim::symbol("n"), 8.into(), 18.into(), 17.into()];
    let x = graph.input("x", DType::F32, dims.to_vec());
    let a = conv(&mut graph, x, [16, 8, 3, 3], "a");
    let b = conv(&mut graph, a, [48, 16, 1, 1], "b");
    let c = conv(&mut graph, b, [48, 1, 3, 3], "c");
    let d = conv(&mut graph, c, [12, 48, 1, 1], "d");
    graph.output("d", d);
    graph
}

fn lowered(forms: Forms, precision: Precision) -> (Vec<(String, &'static str)>, Tensor) {
    let lowered = lower::lower_with(&net(), &Options { precision, forms }).unwrap();
    let steps = &lowered.plan.steps;
    let steps = steps.iter().map(|step| (step.name.clone(), step.operation.name())).collect();
    let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    (steps, model.run(&[&fill(&[2, 8, 18, 17], 1)]).unwrap().remove(0))
}

#[test]
fn every_form_gives_the_same_answers() {
    let reference = reference::run(&net(), &[fill(&[2, 8, 18, 17], 1)]).unwrap().remove(0);
    let expected = reference.as_slice::<f32>().unwrap();
    let largest = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
    for form in ConvolutionForm::ALL {
        for chains in [Chains::None, Chains::All] {
            for (precision, tolerance) in [(Precision::F32, 1e-5), (Precision::Bf16, 1.0 / 32.0)] {
                let every_convolution = Some(form);
                let chains = chains.clone();
                let forms = Forms { every_convolution, chains, ..Forms::default() };
                let (steps, found) = lowered(forms, precision);
                let pairs = found.as_slice::<f32>().unwrap().iter().zip(expected);
                let error = pairs.map(|(x, y)| (x - y).abs()).fold(0f32, f32::max);
                assert!(error <= tolerance * largest, "{error} of {largest}: {steps:?}");
            }
        }
    }
}

#[test]
fn forms_are_those_that_were_picked() {
    let named = |steps: &[(String, &str)], name: &str, operation: &str| {
        steps.iter().any(|step| *step == (name.to_string(), operation))
    };
    let direct = Forms {
        convolutions: [("a".to_string(), ConvolutionForm::Direct)].into(),
        chains: Chains::Named(["b > c > d".to_string()].into()),
        ..Forms::default()
    };
    let (steps, _) = lowered(direct, Precision::F32);
    // What comes before the named chain could begin it, but then it would have another name.
    assert!(named(&steps, "a", "convolution") && !named(&steps, "b > c > d", "chain"), "{steps:?}");
    let every_convolution = Some(ConvolutionForm::Winograd(plan::WinogradTile::Two));
    let chains = Chains::Named(["b > c > d".to_string()].into());
    let winograd = Forms { every_convolution, chains, ..Forms::default() };
    let (steps, _) = lowered(winograd, Precision::F32);
    assert!(named(&steps, "a", "winograd") && named(&steps, "b > c > d", "chain"), "{steps:?}");
}
