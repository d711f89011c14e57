//! Keras files that are refused, with what is said of them, and real ones that are read.

use hdf5_pure::{AttrValue, FileBuilder, GroupBuilder};
use import::{ImportError, Options, Survey, import, import_file, survey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A model of layers in a row, on rows of four numbers.
fn sequential(layers: &[Value]) -> Value {
    let input = json!({"class_name": "InputLayer",
        "config": {"batch_input_shape": [null, 4], "dtype": "float32", "name": "rows"}});
    let layers: Vec<Value> = [input].iter().chain(layers).cloned().collect();
    json!({"class_name": "Sequential", "config": {"name": "m", "layers": layers}})
}

fn layer(class: &str, name: &str, mut config: Value) -> Value {
    config["name"] = Value::from(name);
    json!({"class_name": class, "config": config})
}

/// The file of a model, with the weights of a Dense layer called `dense`.
fn file(description: Option<&str>, version: &str) -> Vec<u8> {
    let mut file = FileBuilder::new();
    if let Some(description) = description {
        file.set_attr("model_config", AttrValue::String(description.to_string()));
    }
    file.set_attr("keras_version", AttrValue::String(version.to_string()));
    let names = |names: &[&str]| {
        AttrValue::StringArray(names.iter().map(|name| name.to_string()).collect())
    };
    let mut weights = file.create_group("model_weights");
    weights.set_attr("layer_names", names(&["dense"]));
    let mut list = weights.create_group("dense");
    list.set_attr("weight_names", names(&["dense/kernel:0", "dense/bias:0"]));
    let mut own = list.create_group("dense");
    let kernel: Vec<f32> = (0..12).map(|n| n as f32).collect();
    own.create_dataset("kernel:0").with_f32_data(&kernel).with_shape(&[4, 3]);
    own.create_dataset("bias:0").with_f32_data(&[1.0, 2.0, 3.0]).with_shape(&[3]);
    list.add_group(own.finish());
    weights.add_group(list.finish());
    file.add_group(weights.finish());
    file.finish().unwrap()
}

fn of(layers: &[Value]) -> Vec<u8> {
    file(Some(&sequential(layers).to_string()), "2.9.0")
}

fn dense() -> Value {
    layer("Dense", "dense", json!({"units": 3, "activation": "relu"}))
}

fn looked_at(bytes: Vec<u8>) -> Survey {
    survey(bytes, &Options::default()).unwrap()
}

#[test]
fn the_first_layers_say_which_pixels_are_taken() {
    let said = |layers: &[Value]| looked_at(of(layers)).metadata.pixels;
    let scale = |layers: &[Value]| said(layers).and_then(|pixels| pixels.scale);
    let rescaling = |scale: Value| layer("Rescaling", "r", json!({"scale": scale, "offset": 0.0}));
    let normalization = |variance: Value, invert: bool| {
        let config = json!({"axis": -1, "mean": 0.5, "variance": variance, "invert": invert});
        layer("Normalization", "n", config)
    };
    let augments = layer("RandomFlip", "f", json!({"mode": "horizontal"}));
    for (first, expected) in [
        (vec![rescaling(json!(1.0 / 255.0))], Some(import::Scale::levels())),
        (vec![augments, rescaling(json!([0.01, 0.02]))], Some(import::Scale::levels())),
        (vec![rescaling(json!(2.0))], Some(import::Scale::unit())),
        (vec![normalization(json!([3400.0, 0.1]), false)], Some(import::Scale::levels())),
        (vec![normalization(json!(0.05), false)], Some(import::Scale::unit())),
        (vec![normalization(json!(0.05), true)], None),
        (vec![], None),
    ] {
        assert_eq!(scale(&[first.clone(), vec![dense()]].concat()), expected, "{first:?}");
    }
    let resizing = layer("Resizing", "s", json!({"height": 7, "width": 5}));
    let pixels = said(&[resizing, dense()]).unwrap();
    assert_eq!((pixels.framing, pixels.scale), (Some(import::Framing::AsItIs), None));
    assert_eq!(said(&[dense(), rescaling(json!(0.01))]), None);
}

#[test]
fn statistics_that_were_adapted_say_it_too() {
    for suite in ["keras2", "keras3"] {
        let path = testkit::repository().join(format!("suites/keras/{suite}.zip.zst"));
        let case = testkit::cases(&path).remove(&format!("{suite}_normalization")).unwrap();
        let model = case.into_iter().find(|(file, _)| file.starts_with("model.")).unwrap().1;
        let pixels = import(model, &Options::default()).unwrap().metadata.pixels;
        assert!(pixels.is_some_and(|pixels| pixels.scale.is_some()), "{suite}");
    }
}

/// The error of an import.
#[track_caller]
fn error(bytes: &[u8]) -> String {
    import(bytes.to_vec(), &Options::default()).expect_err("it was imported").to_string()
}

#[test]
fn a_model_of_layers_in_a_row_is_read() {
    let imported = import(of(&[dense()]), &Options::default()).unwrap();
    let graph = &imported.graph;
    assert_eq!(graph.value(graph.inputs[0]).name, "rows");
    assert_eq!(graph.outputs[0].name, "dense");
    assert_eq!(format!("{:?}", graph.fact(graph.outputs[0].value).shape), "[batch, 3]");
    assert_eq!(imported.metadata.producer, "Keras 2.9.0");
    let sizes = [("batch".to_string(), 2)].into_iter().collect();
    let fixed = import(of(&[dense()]), &Options { sizes, ..Options::default() }).unwrap().graph;
    assert_eq!(format!("{:?}", fixed.fact(fixed.outputs[0].value).shape), "[2, 3]");
}

#[test]
fn code_is_refused_by_name() {
    let lambda = layer("Lambda", "code", json!({"function": ["4wEAAAA=", null, null]}));
    let custom = layer("MyLayer", "own", json!({}));
    let survey = looked_at(of(&[dense(), lambda, custom]));
    let texts: Vec<String> = survey.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].starts_with("layer `code` (keras.Lambda): "), "{}", texts[0]);
    assert!(texts[0].contains("Python code, which is not run"), "{}", texts[0]);
    assert!(texts[1].starts_with("layer `own` (keras.MyLayer): "), "{}", texts[1]);
    // What lies before it is known.
    assert_eq!(survey.outputs, 0);
    assert_eq!(survey.graph.outputs.len(), 1);
}

#[test]
fn what_takes_a_refused_layer_is_not_judged() {
    let lambda = layer("Lambda", "code", json!({}));
    let survey = looked_at(of(&[lambda, dense()]));
    assert_eq!(survey.refusals.len(), 1);
    assert_eq!(survey.unjudged, ["dense"]);
}

#[test]
fn weights_alone_are_no_model() {
    let error = error(&file(None, "2.9.0"));
    assert!(error.starts_with("this HDF5 file holds no Keras model"), "{error}");
    let mut weights = FileBuilder::new();
    let names = AttrValue::StringArray(vec!["dense".to_string()]);
    weights.set_attr("layer_names", names);
    let error = import(weights.finish().unwrap(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("only the weights of a Keras model, no graph"), "{error}");
    assert!(error.contains("save the whole model"), "{error}");
}

#[test]
fn a_class_of_ones_own_is_refused() {
    let own = json!({"class_name": "MyModel", "config": {"units": 3}}).to_string();
    let error = error(&file(Some(&own), "2.9.0"));
    assert!(error.contains("model `MyModel`: is a class of its own"), "{error}");
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let wide = layer("Dense", "dense", json!({"units": 3, "use_bias": false}));
    let text = error(&of(&[wide]));
    assert!(text.contains("layer `dense` (Dense) has 2 weights, expected 1"), "{text}");
    let missing = layer("Dense", "other", json!({"units": 3}));
    let text = error(&of(&[missing]));
    assert!(text.contains("layer `other` (Dense) has 0 weights, expected 2"), "{text}");
    let twice = layer("Dense", "dense", json!({"units": 3}));
    let bytes = of(&[layer("Reshape", "r", json!({"target_shape": [2, 2]})), twice]);
    let text = error(&bytes);
    assert!(text.contains("input 0: expected 4 elements on the last axis"), "{text}");
}

#[test]
fn settings_are_checked() {
    let cases = [
        (layer("Dense", "dense", json!({"activation": "my_function"})), "found my_function"),
        (layer("Reshape", "r", json!({"target_shape": "x"})), "`target_shape`: expected integers"),
        (layer("Permute", "p", json!({"dims": [7]})), "`dims`: expected an order of axes"),
        (layer("MaxPooling1D", "p", json!({"pool_size": -1})), "`pool_size`: expected 1 sizes"),
        (
            layer("BatchNormalization", "b", json!({"axis": 9, "scale": false, "center": false})),
            "has 0 weights",
        ),
    ];
    for (layer, expected) in cases {
        let text = error(&of(std::slice::from_ref(&layer)));
        assert!(text.contains(expected), "expected `{expected}`, found {text}");
    }
}

#[test]
fn a_file_that_breaks_off_is_refused() {
    let whole = of(&[dense()]);
    for end in (8..whole.len()).step_by(7) {
        // What lies behind the last that is read may be missing.
        let _ = import(whole[..end].to_vec(), &Options::default());
    }
    let text = error(&whole[..600]);
    assert!(text.starts_with("the Keras file is damaged: "), "{text}");
}

#[test]
fn descriptions_are_bounded() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(error(&file(Some(&deep), "2.9.0")).contains("recursion limit"));
    let mut inner = sequential(&[dense()]);
    for _ in 0..30 {
        inner = json!({"class_name": "Sequential", "config": {"name": "m", "layers": [inner]}});
    }
    let bytes = file(Some(&inner.to_string()), "2.9.0");
    assert!(import(bytes, &Options::default()).is_err());
    let huge = layer("RepeatVector", "r", json!({"n": 1u64 << 30}));
    let _ = survey(of(&[huge]), &Options::default());
    let text = error(&of(&[layer("RepeatVector", "r", json!({"n": 1u64 << 40}))]));
    assert!(text.contains("`n`: expected a size"), "{text}");
}

/// A `.keras` archive of files.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Puts tensors of ones at paths in a group.
fn fill(group: &mut GroupBuilder, weights: &[(&str, &[u64])]) {
    let mut inside: BTreeMap<&str, Vec<(&str, &[u64])>> = BTreeMap::new();
    for &(path, shape) in weights {
        match path.split_once('/') {
            Some((first, rest)) => inside.entry(first).or_default().push((rest, shape)),
            None => {
                let ones = vec![1.0; shape.iter().product::<u64>() as usize];
                group.create_dataset(path).with_f32_data(&ones).with_shape(shape);
            }
        }
    }
    for (name, weights) in inside {
        let mut own = group.create_group(name);
        fill(&mut own, &weights);
        group.add_group(own.finish());
    }
}

/// An archive of version 3 with weights at paths among those of its layers.
fn of_3(description: &Value, weights: &[(&str, &[u64])]) -> Vec<u8> {
    let mut file = FileBuilder::new();
    let mut layers = file.create_group("layers");
    fill(&mut layers, weights);
    file.add_group(layers.finish());
    let (config, weights) = (description.to_string(), file.finish().unwrap());
    archive(&[("config.json", config.as_bytes()), ("model.weights.h5", &weights)])
}

fn tensor(layer: &str) -> Value {
    json!({"class_name": "__keras_tensor__",
        "config": {"shape": [1], "dtype": "float32", "keras_history": [layer, 0, 0]}})
}

fn input(name: &str, shape: &Value) -> Value {
    json!({"class_name": "InputLayer", "name": name, "module": "keras.layers", "inbound_nodes": [],
        "config": {"name": name, "batch_shape": shape, "dtype": "float32"}})
}

fn functional(layers: &[Value], inputs: &[&str], outputs: &[&str]) -> Value {
    let ends = |names: &[&str]| names.iter().map(|name| json!([name, 0, 0])).collect::<Vec<_>>();
    json!({"class_name": "Functional", "module": "keras", "config": {"name": "m",
        "layers": layers, "input_layers": ends(inputs), "output_layers": ends(outputs)}})
}

/// A layer or an operation, called once, and the shapes of what it takes: tensors `a`, `b`, …
fn called(class: &str, shapes: &[Value], config: &Value, named: &Value) -> Value {
    let names = &["a", "b"][..shapes.len()];
    let is_operation = ["GetItem", "Split", "Sum"].contains(&class);
    let module = if is_operation { "keras.src.ops.numpy" } else { "keras.layers" };
    // What is named takes the last.
    let by_position = if named.get("mask").is_some() { &names[..1] } else { names };
    let args: Vec<Value> = by_position.iter().map(|name| tensor(name)).collect();
    let mut layers: Vec<Value> =
        names.iter().zip(shapes).map(|(name, shape)| input(name, shape)).collect();
    layers.push(json!({"class_name": class, "name": "own", "module": module, "config": config,
        "inbound_nodes": [{"args": args, "kwargs": named}]}));
    functional(&layers, names, &["own"])
}

#[test]
fn shapes_that_no_layer_takes_are_refused() {
    let empty = functional(&[], &[], &[]);
    let number = called("Sum", &[json!([2, 3])], &json!({}), &json!({}));
    let (steps, none) = (json!([2, 3, 4]), json!({}));
    let slice = json!({"class_name": "slice",
        "config": {"start": 0, "stop": 1, "step": i64::MIN}});
    let (rows, one) = (json!([2, 3]), std::slice::from_ref);
    let cases = [
        (called("Bidirectional", one(&steps), &json!({"layer": empty}), &none), "makes a tensor"),
        (called("TimeDistributed", one(&steps), &json!({"layer": number}), &none), "with a batch"),
        (
            called(
                "Attention",
                &[json!([4]), steps.clone()],
                &none,
                &json!({"use_causal_mask": true}),
            ),
            "input 0: expected 3 axes",
        ),
        (
            called("GetItem", one(&rows), &none, &json!({"key": ["...", "..."]})),
            "`key`: expected at most one ellipsis",
        ),
        (called("GetItem", one(&rows), &none, &json!({"key": [slice]})), "`key`: expected ranges"),
        (
            called(
                "Split",
                one(&rows),
                &json!({"axis": 1, "num_or_size_splits": [i64::MAX, 1]}),
                &none,
            ),
            "`num_or_size_splits`: expected a number of equal parts",
        ),
        (
            called("CategoryEncoding", &[json!([])], &json!({"num_tokens": 3}), &none),
            "input 0: expected at least 1 axis",
        ),
    ];
    for (description, expected) in cases {
        let text = error(&of_3(&description, &[]));
        assert!(text.contains(expected), "expected `{expected}`, found {text}");
    }
}

#[test]
fn weights_and_masks_of_other_ranks_are_refused() {
    let (steps, config) = (json!([2, 3, 4]), json!({"use_bias": false}));
    let heads: [(&str, &[u64]); 4] = [
        ("multi_head_attention/query_dense/vars/0", &[4, 2, 3]),
        ("multi_head_attention/key_dense/vars/0", &[4, 2, 3]),
        ("multi_head_attention/value_dense/vars/0", &[4, 2, 3]),
        ("multi_head_attention/output_dense/vars/0", &[2, 3, 4]),
    ];
    for (shape, named) in [
        (json!([]), json!({})),
        (json!([]), json!({"use_causal_mask": true})),
        (json!([4]), json!({})),
    ] {
        let attention = called("MultiHeadAttention", &[steps.clone(), shape], &config, &named);
        let text = error(&of_3(&attention, &heads));
        assert!(text.contains("input 1: expected at least 3 axes"), "{text}");
    }
    let masked =
        called("LSTM", &[steps.clone(), json!([2])], &config, &json!({"mask": tensor("b")}));
    let weights: [(&str, &[u64]); 2] =
        [("lstm/cell/vars/0", &[4, 12]), ("lstm/cell/vars/1", &[3, 12])];
    let text = error(&of_3(&masked, &weights));
    assert!(text.contains("input 1: expected 2 axes"), "{text}");
    let plain = called("LSTM", &[steps], &config, &json!({}));
    assert!(import(of_3(&plain, &weights), &Options::default()).is_ok());
    for (kernel, expected) in [
        (&[12][..], "expected a weight of 2 axes"),
        (&[4, 11][..], "expected 4 columns for each of 3 rows"),
    ] {
        let text = error(&of_3(&plain, &[("lstm/cell/vars/0", kernel), weights[1]]));
        assert!(text.contains(expected), "expected `{expected}`, found {text}");
    }
}

#[test]
fn convolutions_and_windows_that_cannot_be_are_refused() {
    let conv = json!({"filters": 3, "kernel_size": [1], "use_bias": false});
    let conv = called("Conv1D", &[json!([5, 4])], &conv, &json!({}));
    for kernel in [&[3u64][..], &[4, 3]] {
        let text = error(&of_3(&conv, &[("conv1d/vars/0", kernel)]));
        assert!(text.contains("expected 1 spatial axes, inputs and outputs"), "{text}");
    }
    let pool = json!({"output_size": 4096});
    let pool = called("AdaptiveAveragePooling1D", &[json!([2, 1u64 << 62, 4])], &pool, &json!({}));
    let text = error(&of_3(&pool, &[]));
    assert!(text.contains("the windows of an axis"), "{text}");
}

#[test]
fn layers_that_multiply_are_refused() {
    let mut inner = layer("Identity", "i", json!({}));
    for _ in 0..26 {
        inner = layer("Bidirectional", "b", json!({"layer": inner}));
    }
    let text = error(&of(&[inner]));
    assert!(text.contains("expected a layer that holds no Bidirectional layer"), "{text}");
    let mut model = functional(&[input("x", &json!([2]))], &["x"], &["x"]);
    for _ in 0..6 {
        let calls = vec![json!({"args": [tensor("x")], "kwargs": {}}); 40];
        model["name"] = Value::from("c");
        model["inbound_nodes"] = Value::from(calls);
        model = functional(&[input("x", &json!([2])), model], &["x"], &["c"]);
    }
    let refusals = looked_at(of_3(&model, &[])).refusals;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let text = refusals[0].to_string();
    assert!(text.contains("deeper or wider than any model"), "{text}");
    assert!(!text.contains("ONNX"), "{text}");
}

#[test]
fn a_description_takes_memory_before_it_is_read() {
    let config = format!("{}{}", " ".repeat(20_000), sequential(&[dense()]));
    let options = Options { memory: 1 << 20, ..Options::default() };
    let weights = file(None, "3");
    let members = [("config.json", config.as_bytes()), ("model.weights.h5", &weights)];
    for bytes in [archive(&members), file(Some(&config), "2.9.0")] {
        let found = import(bytes.clone(), &options);
        assert!(matches!(found, Err(ImportError::TooLarge { limit, .. }) if limit == 1 << 20));
        let found = import(bytes, &Options::default());
        assert!(!matches!(found, Err(ImportError::TooLarge { .. })));
    }
}

#[test]
fn an_unknown_class_in_a_model_is_named() {
    let other = layer("Dense", "other", json!({"units": 3}));
    let mut inner = sequential(&[dense(), other, layer("MyLayer", "own", json!({}))]);
    inner["config"]["name"] = Value::from("dense");
    let text = error(&of(&[inner]));
    assert!(text.contains("layer `dense/own` (keras.MyLayer): "), "{text}");
    assert!(text.contains("among those of a layer whose class is not known"), "{text}");
    assert!(!text.contains("damaged"), "{text}");
}

#[test]
fn an_archive_unpacks_to_what_it_may() {
    let config = sequential(&[dense()]).to_string();
    let config = config.as_bytes();
    assert!(error(&archive(&[("config.json", config)])).contains("holds no model.weights.h5"));
    let bomb = vec![0; 8 << 20];
    let bytes = archive(&[("config.json", config), ("model.weights.h5", &bomb)]);
    let options = Options { memory: 1 << 20, ..Options::default() };
    let text = import(bytes.clone(), &options).unwrap_err().to_string();
    assert!(text.contains("expected at most 1048576 bytes, found more"), "{text}");
    assert!(matches!(
        import(bytes, &Options::default()),
        Err(ImportError::Damaged { format: "Keras", .. })
    ));
}

#[test]
fn words_of_version_1_are_read() {
    let old = json!({"class_name": "Sequential", "config": [
        {"class_name": "Dense", "config": {"name": "dense", "batch_input_shape": [null, 4],
            "output_dim": 3, "bias": true, "activation": "softmax", "init": "uniform"}},
        {"class_name": "Dropout", "config": {"name": "drop", "p": 0.5}},
    ]});
    let graph = import(file(Some(&old.to_string()), "1.2.2"), &Options::default()).unwrap().graph;
    assert_eq!(format!("{:?}", graph.fact(graph.outputs[0].value).shape), "[batch, 3]");
}

#[test]
fn real_models_are_read() {
    for (path, input, output) in [
        ("cifar-10-model/cnn_model.h5", "[batch, 32, 32, 3]", "[batch, 10]"),
        ("fer/emotion_model.hdf5", "[batch, 64, 64, 1]", "[batch, 7]"),
    ] {
        let Some(path) = testkit::fixture(path) else { return };
        let graph = import_file(&path, &Options::default()).unwrap().graph;
        assert_eq!(format!("{:?}", graph.fact(graph.inputs[0]).shape), input);
        assert_eq!(format!("{:?}", graph.fact(graph.outputs[0].value).shape), output);
    }
}
