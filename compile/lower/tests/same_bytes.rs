//! One plan on one instruction set gives an input the same bytes, whatever stands beside it in the
//! batch and however many threads compute it: random models, image by image against batches.

use fuzzing::nets::{self, Net};
use plan::Precision;
use runtime::{Constants, Model};
use std::sync::Arc;
use tensor::Tensor;

/// Runs batches of several sizes on several numbers of threads.
fn check(mut net: Net) {
    const BATCH: usize = 5;
    let fact = net.graph.fact(net.graph.inputs[0]);
    net.graph.output("y", net.value);
    let shape: Vec<usize> =
        fact.shape[1..].iter().map(|dim| dim.known().unwrap() as usize).collect();
    let each: usize = shape.iter().product();
    let elements: Vec<f32> = (0..BATCH * each).map(|_| net.random.f32() * 2.0 - 1.0).collect();
    let batch = |from: usize, to: usize| {
        let shape = [&[to - from], &shape[..]].concat();
        Tensor::from_slice(&shape, &elements[from * each..to * each]).unwrap()
    };
    let inputs: Vec<Tensor> = (0..BATCH).map(|i| batch(i, i + 1)).collect();
    let mut answers = Vec::new();
    for precision in Precision::ALL {
        let options = lower::Options { precision, ..Default::default() };
        let lowered = lower::lower_with(&net.graph, &options).unwrap();
        let printed = lowered.plan.to_string();
        let model = Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
        let on = |threads| model.clone().with_pool(Arc::new(runtime::Pool::new(threads)));
        let alone = on(1);
        let expected: Vec<Tensor> =
            inputs.iter().map(|input| alone.run(&[input]).unwrap().remove(0)).collect();
        for threads in [1, 2, 3, 8] {
            let model = on(threads);
            for (from, to) in [(0, BATCH), (1, 3), (4, 5), (0, 4)] {
                let found = model.run(&[&batch(from, to)]).unwrap();
                let bytes: Vec<&[u8]> =
                    expected[from..to].iter().map(|tensor| tensor.bytes()).collect();
                let is_same = found[0].bytes() == bytes.concat();
                assert!(is_same, "{threads} threads, inputs {from}..{to}\n{printed}");
            }
        }
        answers.push(expected);
    }
    for (exact, rounded) in answers[0].iter().zip(&answers[1]) {
        check_close(rounded.as_slice().unwrap(), exact.as_slice().unwrap());
    }
}

/// Some layers of bf16 may move an element by some of the 8 bits that each factor keeps, relative
/// to the largest one.
fn check_close(rounded: &[f32], exact: &[f32]) {
    let largest = exact.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    for (&x, &y) in rounded.iter().zip(exact) {
        assert!((x - y).abs() <= largest / 16.0, "{x} for {y}, the largest being {largest}");
    }
}

#[test]
fn an_image_has_the_same_bytes_in_any_batch_on_any_threads() {
    for seed in 0..12 {
        check(nets::image(seed, 5..64));
    }
}

#[test]
fn a_text_has_the_same_bytes_in_any_batch_on_any_threads() {
    for seed in 0..12 {
        check(nets::text(seed, 1..150));
    }
}
