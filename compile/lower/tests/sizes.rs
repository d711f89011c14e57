//! Models whose inputs have sizes that only a run tells, and operators that are chosen by them,
//! through the naive twin and through the compiled engine.

use runtime::{Constants, RunError};
use tensor::Tensor;
use testkit::onnx::{F32, I32, Model, int};

/// The answers of the engine, after they were found equal to those of the naive twin.
#[track_caller]
fn run(model: &Model, inputs: &[&Tensor]) -> Result<Vec<Tensor>, RunError> {
    let graph = import::import(model.encode(), &import::Options::default()).unwrap().graph;
    let (optimized, _) = passes::optimize(graph.clone()).unwrap();
    let lowered = lower::lower(&optimized).unwrap();
    let model = runtime::Model::new(lowered.plan, Constants::owned(lowered.constants)).unwrap();
    let made = model.run(inputs)?;
    let owned: Vec<Tensor> = inputs.iter().map(|&x| x.clone()).collect();
    assert_eq!(made, reference::run(&graph, &owned).unwrap());
    Ok(made)
}

fn counted(shape: &[usize]) -> Tensor {
    let elements: Vec<f32> = (0..shape.iter().product()).map(|x: usize| x as f32 - 3.0).collect();
    Tensor::from_slice(shape, &elements).unwrap()
}

#[test]
fn two_sizes_broadcast_where_they_are_equal_or_one_is_1() {
    let model = Model::new(17)
        .input("a", F32, &["2", "n"])
        .input("b", F32, &["2", "m"])
        .node("Add", &["a", "b"], &["y"], &[])
        .output("y", F32, &["2", "?"]);
    for (n, m, made) in [(3, 3, 3), (1, 4, 4), (5, 1, 5)] {
        let y = run(&model, &[&counted(&[2, n]), &counted(&[2, m])]).unwrap();
        assert_eq!(y[0].shape(), [2, made]);
    }
    run(&model, &[&counted(&[2, 3]), &counted(&[2, 4])]).unwrap_err();
}

#[test]
fn an_image_that_is_halved_and_doubled_adds_to_itself() {
    let scales: Vec<u8> = [1f32, 1.0, 2.0, 2.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    let model = Model::new(17)
        .input("x", F32, &["n", "1", "h", "w"])
        .weight("scales", F32, &[4], &scales)
        .node(
            "MaxPool",
            &["x"],
            &["half"],
            &[
                testkit::onnx::ints("kernel_shape", &[2, 2]),
                testkit::onnx::ints("strides", &[2, 2]),
            ],
        )
        .node("Resize", &["half", "", "scales"], &["again"], &[])
        .node("Add", &["x", "again"], &["y"], &[])
        .output("y", F32, &["n", "1", "h", "w"]);
    let y = run(&model, &[&counted(&[2, 1, 4, 6])]).unwrap();
    assert_eq!(y[0].shape(), [2, 1, 4, 6]);
    run(&model, &[&counted(&[2, 1, 5, 6])]).unwrap_err();
}

#[test]
fn matrices_repeat_where_their_number_turns_out_to_be_one() {
    let model = Model::new(17)
        .input("a", F32, &["n", "2", "3"])
        .input("b", F32, &["m", "3", "2"])
        .node("MatMul", &["a", "b"], &["y"], &[])
        .output("y", F32, &["?", "2", "2"]);
    for (n, m, made) in [(2, 2, 2), (1, 3, 3), (3, 1, 3)] {
        let y = run(&model, &[&counted(&[n, 2, 3]), &counted(&[m, 3, 2])]).unwrap();
        assert_eq!(y[0].shape(), [made, 2, 2]);
    }
    run(&model, &[&counted(&[2, 2, 3]), &counted(&[3, 3, 2])]).unwrap_err();
}

#[test]
fn a_slice_starts_as_far_from_the_end_as_an_input_is_long() {
    let model = Model::new(17)
        .input("x", F32, &["n", "8"])
        .input("last", F32, &["m"])
        .integers("zero", &[0])
        .integers("end", &[i64::MAX])
        .node("Shape", &["last"], &["m"], &[])
        .node("Neg", &["m"], &["start"], &[])
        .node("Slice", &["x", "start", "end", "zero"], &["y"], &[])
        .node("Shape", &["x"], &["all"], &[int("start", 0), int("end", 1)])
        .node("Neg", &["all"], &["begin"], &[])
        .node("Slice", &["x", "begin", "end", "zero"], &["z"], &[])
        .output("y", F32, &["?", "8"])
        .output("z", F32, &["?", "8"]);
    let x = counted(&[5, 8]);
    let made = run(&model, &[&x, &counted(&[2])]).unwrap();
    assert_eq!(made[0].as_slice::<f32>().unwrap(), &x.as_slice::<f32>().unwrap()[24..]);
    assert_eq!(made[1], x);
    assert_eq!(run(&model, &[&x, &counted(&[7])]).unwrap()[0], x);
}

#[test]
fn a_squeeze_of_all_axes_takes_the_batch_for_one() {
    let model = Model::new(11)
        .input("x", F32, &["n", "1", "t"])
        .node("Squeeze", &["x"], &["y"], &[])
        .output("y", F32, &["t"]);
    let y = run(&model, &[&counted(&[1, 1, 4])]).unwrap();
    assert_eq!(y[0].shape(), [4]);
    run(&model, &[&counted(&[2, 1, 4])]).unwrap_err();
    run(&model, &[&counted(&[1, 1, 1])]).unwrap_err();
}

#[test]
fn numbers_by_chance_are_the_same_in_every_run() {
    let model = Model::new(15)
        .input("x", F32, &["n", "64"])
        .node("RandomNormalLike", &["x"], &["normal"], &[])
        .node("RandomUniformLike", &["x"], &["even"], &[])
        .node("Bernoulli", &["x"], &["chosen"], &[])
        .node("Multinomial", &["x"], &["class"], &[int("sample_size", 50)])
        .output("normal", F32, &["n", "64"])
        .output("even", F32, &["n", "64"])
        .output("chosen", F32, &["n", "64"])
        .output("class", I32, &["n", "50"]);
    // Class 1 is as good as certain; chances of 0 and 1 are certain.
    let row: Vec<f32> = (0..64).map(|at| if at == 1 { 99.0 } else { -99.0 }).collect();
    let x = Tensor::from_slice(&[2, 64], &[row.clone(), row].concat()).unwrap();
    let made = run(&model, &[&x]).unwrap();
    assert_eq!(made, run(&model, &[&x]).unwrap());
    assert!(made[1].as_slice::<f32>().unwrap().iter().all(|x| (0.0..1.0).contains(x)));
    assert_ne!(made[0].as_slice::<f32>().unwrap()[0], made[0].as_slice::<f32>().unwrap()[64]);
    let chosen = x.as_slice::<f32>().unwrap().iter().map(|&x| f32::from(u8::from(x > 0.0)));
    assert!(made[2].as_slice::<f32>().unwrap().iter().copied().eq(chosen));
    assert!(made[3].as_slice::<i32>().unwrap().iter().all(|&class| class == 1));
}
