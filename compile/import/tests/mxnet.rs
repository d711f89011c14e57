//! MXNet graphs that are refused, with what is said of them, and how files and sizes are found.

use import::{Options, import, import_file, survey};

/// A symbol file of these nodes, `(operator, name, attributes, inputs)`.
fn symbol(nodes: &[(&str, &str, &str, &[usize])]) -> Vec<u8> {
    let nodes: Vec<String> = nodes
        .iter()
        .map(|(op, name, attributes, inputs)| {
            let inputs: Vec<String> = inputs.iter().map(|node| format!("[{node}, 0, 0]")).collect();
            let inputs = inputs.join(", ");
            let node = format!(r#""op": "{op}", "name": "{name}", "inputs": [{inputs}]"#);
            format!(r#"{{{node}, "attrs": {{{attributes}}}}}"#)
        })
        .collect();
    let last = nodes.len() - 1;
    let nodes = nodes.join(",\n");
    format!(r#"{{"nodes": [{nodes}], "heads": [[{last}, 0, 0]], "attrs": {{}}}}"#).into_bytes()
}

const SHAPE: &str = r#""__shape__": "(0, 3)""#;

/// A file of parameters of zeros in f32.
fn parameters(arrays: &[(&str, &[u64])]) -> Vec<u8> {
    let mut bytes = [0x112, 0, arrays.len() as u64].map(u64::to_le_bytes).concat();
    for (_, shape) in arrays {
        bytes.extend([0xf993_fac9_u32, 0, shape.len() as u32].map(u32::to_le_bytes).concat());
        bytes.extend(shape.iter().flat_map(|size| size.to_le_bytes()));
        bytes.extend([1_u32, 0, 0].map(u32::to_le_bytes).concat());
        bytes.extend(vec![0; shape.iter().product::<u64>() as usize * 4]);
    }
    bytes.extend((arrays.len() as u64).to_le_bytes());
    for (name, _) in arrays {
        let name = format!("arg:{name}");
        bytes.extend((name.len() as u64).to_le_bytes());
        bytes.extend(name.as_bytes());
    }
    bytes
}

#[track_caller]
fn refused(bytes: Vec<u8>, expected: &str) {
    let error = import(bytes, &Options::default()).expect_err("it was imported").to_string();
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

#[test]
fn more_inputs_than_any_model_has_are_refused() {
    let names: Vec<String> = (0..1100).map(|at| format!("x{at}")).collect();
    let mut nodes: Vec<(&str, &str, &str, &[usize])> =
        names.iter().map(|name| ("null", name.as_str(), SHAPE, &[][..])).collect();
    let all: Vec<usize> = (0..names.len()).collect();
    nodes.push(("add_n", "sum", "", &all));
    refused(symbol(&nodes), "deeper or wider than any model");
}

#[test]
fn what_is_not_known_is_named() {
    let x = ("null", "x", SHAPE, &[][..]);
    let survey = survey(
        symbol(&[x, ("Custom", "odd", "", &[0]), ("relu", "y", "", &[1])]),
        &Options::default(),
    )
    .unwrap();
    let texts: Vec<String> = survey.refusals.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].starts_with("node `odd` (mxnet.Custom): "), "{}", texts[0]);
    assert!(texts[0].contains("runs Python code"), "{}", texts[0]);
    assert_eq!(survey.unjudged, ["y"]);
}

#[test]
fn what_training_alone_needs_says_so() {
    let three = ["a", "b", "c"].map(|name| ("null", name, SHAPE, &[][..]));
    let target = ("_contrib_MultiBoxTarget", "target", "", &[0, 1, 2][..]);
    let survey = survey(symbol(&[&three[..], &[target]].concat()), &Options::default()).unwrap();
    let text = survey.refusals[0].to_string();
    assert!(text.contains("`target` (mxnet._contrib_MultiBoxTarget)"), "{text}");
    assert!(text.contains("only training needs it"), "{text}");
}

#[test]
fn graphs_that_do_not_fit_are_refused() {
    let x = || ("null", "x", SHAPE, &[][..]);
    refused(symbol(&[x(), ("relu", "y", "", &[1])]), "node 1, `y`, takes node 1");
    refused(symbol(&[x(), ("relu", "y", "", &[])]), "input 0: expected a value, found nothing");
    let odd = r#""act_type": "odd""#;
    refused(symbol(&[x(), ("Activation", "y", odd, &[0])]), "attribute `act_type`: expected relu");
    let axis = r#""axis": "7""#;
    refused(symbol(&[x(), ("softmax", "y", axis, &[0])]), "expected one of 2 axes, found 7");
    let open = ("null", "x", "", &[][..]);
    refused(symbol(&[open, ("relu", "y", "", &[0])]), "its number of axes is not in the file");
    let weights = ("null", "fc_weight", "", &[][..]);
    refused(
        symbol(&[x(), weights, ("FullyConnected", "fc", "", &[0, 1])]),
        "`PREFIX-0000.params` is not beside the symbol file; put the file of parameters beside",
    );
    // Without their file, parameters of Gluon are none of the inputs, whatever they are called.
    let anchors = ("null", "anchors", r#""__shape__": "(0, 3)", "__lr_mult__": "1.0""#, &[][..]);
    refused(
        symbol(&[x(), anchors, ("elemwise_add", "y", "", &[0, 1])]),
        "tensor `anchors`: `PREFIX-0000.params` is not beside the symbol file",
    );
    let options = Options { outputs: vec!["z".to_string()], ..Options::default() };
    let error = import(symbol(&[x(), ("relu", "y", "", &[0])]), &options).unwrap_err().to_string();
    assert!(error.contains("output `z`: expected a node of the symbol file"), "{error}");
}

#[test]
fn files_that_break_off_are_refused() {
    let whole = symbol(&[("null", "x", SHAPE, &[]), ("relu", "y", "", &[0])]);
    import(whole.clone(), &Options::default()).unwrap();
    for end in 0..whole.len() {
        assert!(import(whole[..end].to_vec(), &Options::default()).is_err());
    }
}

#[test]
fn parameters_lie_beside_and_tell_the_size_of_images() {
    let folder = tempfile::tempdir().unwrap();
    let conv = r#""kernel": "(3, 3)", "num_filter": "4", "no_bias": "True", "stride": "(2, 2)""#;
    let dense = r#""num_hidden": "2", "no_bias": "True""#;
    let nodes: &[(&str, &str, &str, &[usize])] = &[
        ("null", "data", "", &[]),
        ("null", "conv_weight", "", &[]),
        ("Convolution", "conv", conv, &[0, 1]),
        ("null", "fc_weight", "", &[]),
        ("FullyConnected", "fc", dense, &[2, 3]),
        ("null", "fc_label", "", &[]),
        ("SoftmaxOutput", "softmax", "", &[4, 5]),
    ];
    let path = folder.path().join("net-symbol.json");
    std::fs::write(&path, symbol(nodes)).unwrap();
    let arrays: &[(&str, &[u64])] =
        &[("conv_weight", &[4, 3, 3, 3]), ("fc_weight", &[2, 4 * 15 * 15])];
    std::fs::write(folder.path().join("net-0003.params"), parameters(arrays)).unwrap();
    let made = import_file(&path, &Options::default()).unwrap().graph;
    assert_eq!(made.inputs.len(), 1);
    // Of the sides that give 15 windows, 31 and 32, the one that is usual.
    assert_eq!(format!("{:?}", made.value(made.inputs[0]).shape), "[batch, 3, 32, 32]");
    assert_eq!(made.outputs[0].name, "softmax");
    let given = [("data_2".to_string(), 31), ("data_3".to_string(), 31)].into();
    let options = Options { sizes: given, ..Options::default() };
    let made = import_file(&path, &options).unwrap().graph;
    assert_eq!(format!("{:?}", made.value(made.inputs[0]).shape), "[batch, 3, 31, 31]");
    std::fs::write(folder.path().join("net-0004.params"), b"damaged").unwrap();
    let error = import_file(&path, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("net-0004.params: it claims 8 bytes; 7 are there"), "{error}");
}

#[test]
fn channels_of_an_image_are_those_of_the_first_weights() {
    let folder = tempfile::tempdir().unwrap();
    let pad = r#""mode": "constant", "pad_width": "(0, 0, 0, 0, 0, 1, 0, 1)""#;
    let pool = r#""kernel": "(2, 2)", "pool_type": "max""#;
    let conv = r#""kernel": "(3, 3)", "num_filter": "4", "no_bias": "True""#;
    let nodes: &[(&str, &str, &str, &[usize])] = &[
        ("null", "9 data/in:0", "", &[]),
        ("Pad", "pad", pad, &[0]),
        ("Pooling", "pool", pool, &[1]),
        ("relu", "relu", "", &[2]),
        ("null", "conv_weight", "", &[]),
        ("Convolution", "conv", conv, &[3, 4]),
    ];
    let path = folder.path().join("net-symbol.json");
    std::fs::write(&path, symbol(nodes)).unwrap();
    let arrays: &[(&str, &[u64])] = &[("conv_weight", &[4, 3, 3, 3])];
    std::fs::write(folder.path().join("net-0000.params"), parameters(arrays)).unwrap();
    let made = import_file(&path, &Options::default()).unwrap().graph;
    // A size has a name that can be given.
    assert_eq!(format!("{:?}", made.value(made.inputs[0]).shape), "[batch, 3, in_0_2, in_0_3]");
}

#[test]
fn parts_of_a_video_tell_its_axes() {
    let folder = tempfile::tempdir().unwrap();
    let cut = r#""begin": "(None, None, 2)", "end": "(None, None, 6)""#;
    let conv = r#""kernel": "(1, 3, 3)", "num_filter": "4", "no_bias": "True""#;
    let nodes: &[(&str, &str, &str, &[usize])] = &[
        ("null", "data", "", &[]),
        ("slice", "frames", cut, &[0]),
        ("null", "conv_weight", "", &[]),
        ("Convolution", "conv", conv, &[1, 2]),
    ];
    let path = folder.path().join("net-symbol.json");
    std::fs::write(&path, symbol(nodes)).unwrap();
    let arrays: &[(&str, &[u64])] = &[("conv_weight", &[4, 3, 1, 3, 3])];
    std::fs::write(folder.path().join("net-0000.params"), parameters(arrays)).unwrap();
    let made = import_file(&path, &Options::default()).unwrap().graph;
    let shape = format!("{:?}", made.value(made.inputs[0]).shape);
    assert_eq!(shape, "[batch, 3, data_2, data_3, data_4]");
}
