//! Plans that verify and are still impossible: a run refuses them, whoever wrote them. Each was
//! found by reading or by the fuzz target `run_plan`.

use operators::resize::{Coordinates, Interpolation, Resize, ResizeAxis, Rounding};
use plan::{
    Attention, BatchMatMul, Buffer, BufferId, ChainStage, Convolution, Copy, Epilogue, MatMul,
    Operation, Place, Plan, Port, Precision, Signature, Step, View,
};
use runtime::{Constants, Model};
use tensor::scalar::{Reduction, Unary};
use tensor::{AlignedBytes, Bindings, DType, Dim};

fn dims(sizes: &[i64]) -> Vec<Dim> {
    sizes.iter().map(|&size| Dim::from(size)).collect()
}

/// One step over these input shapes.
fn plan(operation: Operation, inputs: &[&[i64]], output: &[i64]) -> Plan {
    let dtype = DType::F32;
    let buffer = |shape: &[i64], place| Buffer { dtype, shape: dims(shape), place };
    let port = |name: String, shape: &[i64]| Port { name, dtype, shape: dims(shape) };
    let places = inputs.iter().enumerate();
    let mut buffers: Vec<Buffer> =
        places.map(|(at, shape)| buffer(shape, Place::Input(at as u32))).collect();
    buffers.push(buffer(output, Place::Arena));
    let output_id = BufferId(inputs.len() as u32);
    let ports = inputs.iter().enumerate().map(|(at, shape)| port(format!("x{at}"), shape));
    let step = Step {
        name: "step".to_string(),
        operation,
        inputs: (0..output_id.0).map(BufferId).collect(),
        output: output_id,
        further: vec![],
    };
    Plan {
        name: "hostile".to_string(),
        buffers,
        steps: vec![step],
        signature: Signature {
            inputs: ports.collect(),
            outputs: vec![port("y".to_string(), output)],
        },
        outputs: vec![output_id],
        defaults: Bindings::new(),
    }
}

/// What a run on zeros says: the length of the output, or the refusal.
fn run(plan: Plan) -> Result<usize, String> {
    let model = Model::new(plan, Constants::owned(AlignedBytes::zeroed(0))).unwrap();
    let inputs = model.default_inputs().map_err(|e| e.to_string())?;
    let outputs = model.run_values(&inputs).map_err(|e| e.to_string())?;
    Ok(outputs[0].shape().iter().product())
}

#[track_caller]
fn refused(plan: Plan, expected: &str) {
    let reason = run(plan).unwrap_err();
    assert!(reason.contains(expected), "expected `{expected}`, found `{reason}`");
}

fn view(offset: i64, strides: &[i64]) -> View {
    View { offset: Dim::from(offset), strides: dims(strides) }
}

#[test]
fn an_activation_that_gives_booleans() {
    for function in [Unary::IsNan, Unary::Not] {
        let activation = Some(function);
        let epilogue = Epilogue { activation, ..Epilogue::default() };
        let product = Operation::MatMul(MatMul { k: 2, n: 1, epilogue });
        refused(plan(product, &[&[3, 2], &[32]], &[3, 1]), "the activation does not give floats");
    }
}

#[test]
fn a_copy_whose_spans_together_wrap_around() {
    let far = i64::MAX;
    let copy = Copy {
        extents: dims(&[far, far, far]),
        from: view(0, &[far, far, far]),
        to: view(0, &[far, far, far]),
    };
    refused(plan(Operation::Copy(copy), &[&[4]], &[4]), "a view leaves its buffer");
}

#[test]
fn a_batch_without_bound_of_products_of_nothing() {
    let product = BatchMatMul {
        m: Dim::from(0),
        k: Dim::from(2),
        n: Dim::from(3),
        a: view(0, &[0, 2, 1]),
        b: view(0, &[0, 3, 1]),
        batch: dims(&[1 << 40]),
    };
    let product = plan(Operation::BatchMatMul(product), &[&[0, 2], &[2, 3]], &[1, 0, 3]);
    assert_eq!(run(product), Ok(0));
}

#[test]
fn a_product_over_nothing_that_lies_nowhere() {
    let product = BatchMatMul {
        m: Dim::from(1),
        k: Dim::from(0),
        n: Dim::from(1),
        a: view(1 << 40, &[i64::MAX, 1, 1]),
        b: view(1 << 40, &[i64::MAX, 1, 1]),
        batch: dims(&[3]),
    };
    let product = plan(Operation::BatchMatMul(product), &[&[0], &[0]], &[3, 1, 1]);
    assert_eq!(run(product), Ok(3));
}

#[test]
fn a_function_of_one_operand_does_not_broadcast() {
    for operation in [Operation::Unary(Unary::Relu), Operation::Cast] {
        refused(plan(operation, &[&[1]], &[4]), "the result has another size");
    }
}

#[test]
fn axes_that_wrap_around() {
    let reduce = Operation::Reduce { reduction: Reduction::Sum, axis: usize::MAX, axes: 2 };
    refused(plan(reduce, &[&[4]], &[4]), "axes that the input has not");
}

#[test]
fn weights_whose_packed_length_overflows() {
    let large = (1 << 31) - 1;
    let convolution = Convolution {
        kernel: [large, large],
        strides: [1, 1],
        dilations: [1, 1],
        pads: [0; 4],
        groups: 1,
        epilogue: Epilogue::default(),
    };
    let convolution = Operation::Convolution(convolution);
    let inputs: [&[i64]; 2] = [&[1, 1, 1, 9], &[16]];
    refused(plan(convolution, &inputs, &[1, 1, 1, 9]), "too few packed weights");
}

#[test]
fn depthwise_groups_of_several_channels() {
    let depthwise = |groups: usize| {
        Operation::Depthwise(Convolution {
            kernel: [1, 1],
            strides: [1, 1],
            dilations: [1, 1],
            pads: [0; 4],
            groups,
            epilogue: Epilogue::default(),
        })
    };
    let (image, weights): (&[i64], &[i64]) = (&[1, 2, 2, 4], &[4]);
    assert_eq!(run(plan(depthwise(4), &[image, weights], image)), Ok(16));
    refused(plan(depthwise(2), &[image, weights], image), "each channel is a group of its own");
}

#[test]
fn inputs_that_would_fill_all_memory() {
    let half = [1i64, 1 << 29];
    let reduce = Operation::Reduce { reduction: Reduction::Sum, axis: 0, axes: 2 };
    refused(plan(reduce.clone(), &[&[1 << 20, 1 << 20]], &[1]), "bytes of working memory");
    // Each of these two is within the limit, but not both.
    let mut two = plan(reduce, &[&half], &[1]);
    let second = Port { name: "more".into(), dtype: DType::F64, shape: dims(&half) };
    two.signature.inputs.push(second);
    refused(two, "bytes of working memory");
}

#[test]
fn a_shape_that_overflows_beside_an_axis_of_nothing() {
    let softmax = Operation::Softmax { axis: 0, is_log: false };
    let shape: &[i64] = &[0, 1 << 40, 1 << 40];
    let reason = run(plan(softmax, &[shape], shape)).unwrap_err();
    assert!(reason.contains("too large") || reason.contains("memory"), "{reason}");
}

/// A stage of a chain: a 1x1 convolution of one channel.
fn stage(output: &[i64], has_residual: bool) -> ChainStage {
    let epilogue = Epilogue { has_residual, ..Epilogue::default() };
    let convolution = Convolution {
        kernel: [1; 2],
        strides: [1; 2],
        dilations: [1; 2],
        pads: [0; 4],
        groups: 1,
        epilogue,
    };
    ChainStage { is_depthwise: false, convolution, output: dims(output), dtype: DType::F32 }
}

#[test]
fn chains_that_do_not_hold_together() {
    let (image, weights): (&[i64], &[i64]) = (&[1, 2, 2, 1], &[16]);
    let chain = |stages: &[ChainStage], inputs: &[&[i64]]| {
        plan(Operation::Chain(stages.to_vec()), inputs, image)
    };
    let plain = stage(image, false);
    let two = [plain.clone(), plain.clone()];
    assert_eq!(run(chain(&two, &[image, weights, weights])), Ok(4));
    refused(chain(&[], &[image]), "a chain has another number of stages");
    let four = vec![plain.clone(); 4];
    let inputs = [image, weights, weights, weights, weights];
    refused(chain(&four, &inputs), "a chain has another number of stages");
    let early = [stage(image, true), plain.clone()];
    refused(chain(&early, &[image, weights, image, weights]), "has a residual");
    let other = [plain.clone(), stage(&[1, 2, 3, 1], false)];
    refused(chain(&other, &[image, weights, weights]), "the last stage gives another shape");
    let negative = [stage(&[1, 2, -2, 1], false), plain.clone()];
    refused(chain(&negative, &[image, weights, weights]), "dimension `-2` is -2");
    let wide = [stage(&[1, 2, 1 << 30, 1], false), plain.clone()];
    refused(chain(&wide, &[image, weights, weights]), "an image between stages is too large");
    let wrapping = [stage(&[1 << 30, 1 << 30, 1 << 30, 1], false), plain];
    refused(chain(&wrapping, &[image, weights, weights]), "is too large");
}

#[test]
fn attention_over_impossible_views() {
    let attention = || Attention {
        batch: dims(&[2]),
        rows: Dim::from(3),
        keys: Dim::from(5),
        depth: Dim::from(4),
        width: Dim::from(6),
        scale: 1.0,
        precision: Precision::Bf16,
        query: view(0, &[12, 4, 1]),
        key: view(0, &[20, 1, 4]),
        value: view(0, &[30, 6, 1]),
        mask: None,
        output: view(0, &[18, 6, 1]),
    };
    let inputs: [&[i64]; 3] = [&[2, 3, 4], &[2, 5, 4], &[2, 5, 6]];
    let altered = |alter: &dyn Fn(&mut Attention)| {
        let mut p = attention();
        alter(&mut p);
        plan(Operation::Attention(p), &inputs, &[2, 3, 6])
    };
    assert_eq!(run(altered(&|_| {})), Ok(36));
    refused(altered(&|p| p.rows = Dim::from(4)), "the result has another size");
    refused(altered(&|p| p.query = view(1, &[12, 4, 1])), "a view leaves its buffer");
    refused(altered(&|p| p.query = view(0, &[12, 1, 3])), "do not lie side by side");
    refused(altered(&|p| p.output = view(1, &[18, 6, 1])), "a view leaves its buffer");
    refused(altered(&|p| p.output = view(0, &[6, 6, 1])), "lie in one place");
    refused(altered(&|p| p.output = view(0, &[18, 6])), "a view of another rank");
    let endless = |p: &mut Attention| {
        p.keys = Dim::from(1i64 << 40);
        (p.key, p.value) = (view(0, &[0, 1, 0]), view(0, &[0, 0, 1]));
    };
    refused(altered(&endless), "the scores of some rows are too large");
    let none = |p: &mut Attention| {
        p.batch = dims(&[0, 1 << 40]);
        p.output = view(0, &[0, 0, 6, 1]);
    };
    let mut nothing = altered(&none);
    nothing.buffers[3].shape = dims(&[0, 3, 6]);
    nothing.signature.outputs[0].shape = dims(&[0, 3, 6]);
    assert_eq!(run(nothing), Ok(0));
}

#[test]
fn trees_of_other_types_and_sizes() {
    let trees = |reduction| Operation::TreeEnsemble { reduction };
    let tables: [&[i64]; 8] = [&[2, 3], &[1], &[4], &[4, 3], &[0], &[5], &[5], &[1]];
    refused(plan(trees(Reduction::Sum), &tables, &[2, 1]), "tables of another type");
    refused(plan(trees(Reduction::L2), &tables, &[2, 1]), "no kernel joins leaves by L2");
}

#[test]
fn a_resize_that_is_none_of_rows_and_columns() {
    let resize = |axis: usize, size: i64, scale: Option<f32>| Resize {
        axes: vec![ResizeAxis { axis, size: Dim::from(size), scale }],
        interpolation: Interpolation::Linear,
        coordinates: Coordinates::HalfPixel,
        excludes_outside: false,
        is_antialiased: true,
        extrapolation: 0.0,
    };
    let step = |resize, output: &[i64]| plan(Operation::Resize(resize), &[&[1, 2, 50, 3]], output);
    assert_eq!(run(step(resize(2, 7, None), &[1, 2, 7, 3])), Ok(42));
    refused(step(resize(3, 4, None), &[1, 2, 50, 4]), "other axes than rows and columns");
    refused(step(resize(1, 4, None), &[1, 5, 50, 3]), "the operator makes something else");
    refused(step(resize(2, 40, Some(1e-9)), &[1, 2, 40, 3]), "too many elements");
    let crop = Resize { coordinates: Coordinates::Crop, ..resize(2, 7, None) };
    refused(step(crop, &[1, 2, 7, 3]), "regions of interest");
    let nearest = Interpolation::Nearest(Rounding::Floor);
    let empty = Resize { interpolation: nearest, ..resize(2, 7, None) };
    let nothing = plan(Operation::Resize(empty), &[&[1, 2, 0, 3]], &[1, 2, 7, 3]);
    refused(nothing, "nothing to interpolate between");
}
