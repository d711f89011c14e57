//! Files that no exporter would write: each is refused with its reason, or imported for what it
//! is; nothing panics, aborts or runs for long.

use import::{Options, import, import_file};
use testkit::onnx::{self, F32, I64, Model, bytes, int, ints, number};

/// The error of an import.
#[track_caller]
fn error(bytes: &[u8]) -> String {
    import(bytes.to_vec(), &Options::default()).expect_err("it was imported").to_string()
}

#[track_caller]
fn refused(model: &Model, expected: &str) {
    let error = error(&model.encode());
    assert!(error.contains(expected), "expected `{expected}`, found\n{error}");
}

/// A model with `x[2, 3]` as input and `y` as output.
fn model() -> Model {
    Model::new(18).input("x", F32, &["2", "3"]).output("y", F32, &["2", "3"])
}

/// Something that is a whole model, in which the innermost thing is nested this deep.
fn nested(
    depth: usize,
    wrap: impl Fn(&[u8]) -> Vec<u8>,
    around: impl Fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..depth {
        inner = wrap(&inner);
    }
    around(&inner)
}

#[test]
fn messages_nest_as_deep_as_models_do() {
    let too_deep = "messages are nested more than 64 deep";
    // A type within a type, as the schema allows for sequences.
    let value = |inner: &[u8]| [bytes(1, b"x"), bytes(2, inner)].concat();
    let types = |depth| nested(depth, |t| bytes(1, t), |t| model().part(11, &value(t)).encode());
    assert!(error(&types(10_000)).contains(too_deep));
    // A graph within a node within a graph.
    let branch = |graph: &[u8]| {
        let attribute = [bytes(1, b"then_branch"), bytes(6, graph), number(20, 5)].concat();
        bytes(1, &[bytes(4, b"If"), bytes(2, b"y"), bytes(5, &attribute)].concat())
    };
    let graphs = |depth| nested(depth, branch, |graph| [number(1, 8), bytes(7, graph)].concat());
    assert!(error(&graphs(1000)).contains(too_deep));
    assert!(!error(&graphs(5)).contains(too_deep));
    // Groups, which the format no longer has.
    let groups = [number(1, 8), bytes(7, &vec![0x0b; 100_000])].concat();
    assert!(error(&groups).contains("is no field of a model"));
}

#[test]
fn lengths_are_held_to_what_is_there() {
    let whole = model().node("Relu", &["x"], &["y"], &[]).encode();
    for end in 0..whole.len() {
        // A part of a model is none, or one without some of its fields.
        let _ = import(whole[..end].to_vec(), &Options::default());
    }
    let claims = [number(1, 8), vec![0x3a], onnx::varint(u64::MAX), vec![0; 10]].concat();
    let error = error(&claims);
    let expected = "claims 18446744073709551615 bytes; 10 are there";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn more_messages_than_any_model_has_are_refused_before_they_are_decoded() {
    // Two bytes each: an empty node.
    let nodes = [0x0a, 0x00].repeat(2_100_000);
    let error = error(&[number(1, 8), bytes(7, &nodes)].concat());
    assert!(error.contains("more than 2000000 messages"), "{error}");
}

#[test]
fn numbers_that_unfold_are_held_to_the_budget_before_they_are_decoded() {
    // A byte each in the file, eight once decoded.
    let tensor = [number(1, 2_000_000), number(2, I64), bytes(7, &vec![1; 2_000_000])].concat();
    let file = model().part(5, &tensor).node("Relu", &["x"], &["y"], &[]).encode();
    let options = Options { memory: 10_000_000, ..Options::default() };
    let error = import(file.clone(), &options).unwrap_err();
    assert!(error.is_over_budget() && error.to_string().contains("the file takes 1600"), "{error}");
    import(file, &Options { memory: 40_000_000, ..options }).unwrap();
}

#[test]
fn shapes_that_no_memory_holds_are_refused() {
    let weight = |dims: &[i64]| {
        model().weight("w", F32, dims, &[0; 4]).node("Add", &["x", "w"], &["y"], &[])
    };
    for dims in [&[-1][..], &[i64::MIN], &[i64::MAX, 2]] {
        refused(&weight(dims), "is not one that memory can hold");
    }
    for dims in [&[][..], &[1], &[1, 1]] {
        import(weight(dims).encode(), &Options::default()).unwrap();
    }
    refused(&weight(&[1 << 40, 1 << 40, 0]), "does not fit 4 bytes of data");
    refused(&weight(&[2]), "f32[2] does not fit 4 bytes of data");
    refused(&weight(&[0]), "f32[0] does not fit 4 bytes of data");
}

#[test]
fn nodes_stand_in_any_order_but_not_in_a_circle() {
    let order = "which only a later node makes: expected an order in which nodes can run";
    let swapped = model().node("Relu", &["a"], &["y"], &[]).node("Relu", &["x"], &["a"], &[]);
    import(swapped.encode(), &Options::default()).unwrap();
    let circle = model().node("Relu", &["b"], &["a"], &[]).node("Add", &["a", "x"], &["b"], &[]);
    refused(
        &circle.node("Relu", &["b"], &["y"], &[]),
        &format!("takes `b`, {order}; the nodes form a circle"),
    );
    refused(&model().node("Relu", &["y"], &["y"], &[]), &format!("takes `y`, {order}"));
    refused(&model().node("Relu", &["z"], &["y"], &[]), "takes `z`, which nothing before it makes");
    refused(&model(), "takes `y`, which nothing before it makes");
}

#[test]
fn a_name_stands_for_one_thing() {
    let relu = |to: &str| model().node("Relu", &["x"], &[to], &[]);
    let taken = |name: &str| format!("makes `{name}`, which is there already");
    refused(&relu("y").node("Abs", &["x"], &["y"], &[]), &taken("y"));
    refused(&relu("x"), &taken("x"));
    refused(&relu("y").output("y", F32, &["2", "3"]), &taken("y"));
    refused(&relu("y").input("x", F32, &["2", "3"]), "another input has the same name");
    let weight = |model: Model| model.weight("w", F32, &[1], &[0; 4]);
    refused(&weight(weight(relu("y"))), &taken("w"));
    // An input of the name of a weight is that weight's default, as in old files.
    let sum = weight(model()).input("w", F32, &["1"]).node("Add", &["x", "w"], &["y"], &[]);
    let graph = import(sum.encode(), &Options::default()).unwrap().graph;
    assert_eq!(graph.inputs.len(), 1);
}

#[test]
fn sizes_that_are_none_stand_for_any() {
    let any = Model::new(18)
        .input("x", F32, &["-1", "0", "-9223372036854775808", "?", "n"])
        .node("Relu", &["x"], &["y"], &[])
        .output("y", F32, &["-1", "?", "?", "?", "?"]);
    let graph = import(any.encode(), &Options::default()).unwrap().graph;
    let shape = &graph.value(graph.inputs[0]).shape;
    assert!(shape.iter().all(|dim| dim.known().is_none()), "{shape:?}");
}

#[test]
fn functions_that_use_themselves_are_refused() {
    let uses = "functions, graphs or sequences in each other, deeper or wider than any model";
    let used = model().node("own.F", &["x"], &["y"], &[]);
    refused(&used.clone().function("F", "F"), uses);
    refused(&used.clone().function("F", "G").function("G", "F"), uses);
    refused(&used.function("F", "G"), "own.G");
}

#[test]
fn nothing_at_all_is_refused_or_taken_for_what_it_is() {
    assert!(error(&[]).contains("this file is empty"));
    let no_graph = error(&number(1, 8));
    assert!(no_graph.contains("not a model"), "{no_graph}");
    // A model of nothing gives nothing.
    for bytes in [bytes(7, &[]), Model::new(18).encode()] {
        let graph = import(bytes, &Options::default()).unwrap().graph;
        assert_eq!((graph.nodes.len(), graph.outputs.len()), (0, 0));
    }
    refused(&model().node("", &[], &[], &[]), "the operator is not supported");
    refused(&model().node("Relu", &[], &["y"], &[]), "input 0: expected a value, found nothing");
    refused(&model().node("Relu", &[""], &["y"], &[]), "input 0: expected a value, found nothing");
    refused(
        &model().node("Concat", &[], &["y"], &[int("axis", 0)]),
        "expected a value, found nothing",
    );
    let nameless = model().node("Relu", &["x"], &["", "y"], &[]);
    refused(&nameless, "output 1 of a Relu, which is not made in inference");
    let none = Model::new(18).input("x", F32, &["n", "3"]).weight("w", F32, &[0, 3], &[]);
    let none = none.node("Concat", &["x", "w"], &["y"], &[int("axis", 0)]).output("y", F32, &[]);
    import(none.encode(), &Options::default()).unwrap();
    let name = [0xff, 0xfe];
    let damaged = error(&model().part(1, &bytes(4, &name)).encode());
    assert!(damaged.contains("the ONNX file is damaged"), "{damaged}");
}

#[test]
fn operator_sets_that_are_not_known_are_refused() {
    for opset in [0, 999, u64::MAX] {
        let model = Model::new(opset)
            .input("x", F32, &["1"])
            .node("Relu", &["x"], &["y"], &[])
            .output("y", F32, &["1"]);
        refused(&model, "expected an operator set of version 1 to");
    }
}

/// Attributes and constants at the ends of their range: an error or a graph, in a moment.
#[test]
fn numbers_at_the_ends_of_their_range_are_taken_or_refused() {
    let ends = [i64::MIN, i64::MIN + 1, -1 << 32, -2, -1, 0, 1, 2, 1 << 32, i64::MAX - 1, i64::MAX];
    for a in ends {
        for b in ends {
            for model in extremes(a, b) {
                if let Ok(imported) = import(model.encode(), &Options::default()) {
                    imported.graph.verify().unwrap();
                }
            }
        }
    }
}

fn extremes(a: i64, b: i64) -> Vec<Model> {
    let image = || {
        let model = Model::new(18).input("x", F32, &["n", "4", "5", "6"]);
        model.output("y", F32, &["?", "?", "?", "?"]).weight("w", F32, &[1, 4, 1, 1], &[0; 16])
    };
    let node = |name: &str, inputs: &[&str], attributes: &[Vec<u8>]| {
        image().node(name, inputs, &["y"], attributes)
    };
    let with = |name: &str, inputs: &[&str], constants: &[(&str, &[i64])]| {
        let add = |model: Model, (name, values): &(&str, &[i64])| model.integers(name, values);
        constants.iter().fold(node(name, inputs, &[]), add)
    };
    let starts = ("s", &[a][..]);
    let four = [a, b, 1, 1];
    vec![
        node("Conv", &["x", "w"], &[ints("strides", &[a, b])]),
        node("Conv", &["x", "w"], &[ints("dilations", &[a, b])]),
        node("Conv", &["x", "w"], &[ints("pads", &[a, b, a, b])]),
        node("Conv", &["x", "w"], &[int("group", a), ints("kernel_shape", &[a, b])]),
        node("ConvTranspose", &["x", "w"], &[ints("strides", &[a, b]), int("group", 4)]),
        node("ConvTranspose", &["x", "w"], &[ints("output_padding", &[a, b])]),
        node("MaxPool", &["x"], &[ints("kernel_shape", &[a, b])]),
        node("AveragePool", &["x"], &[ints("kernel_shape", &[1, 1]), ints("pads", &[a, b, b, a])]),
        node("Transpose", &["x"], &[ints("perm", &[a, b, 1, 2])]),
        node("Softmax", &["x"], &[int("axis", a)]),
        node("Concat", &["x", "x"], &[int("axis", a)]),
        node("Flatten", &["x"], &[int("axis", a)]),
        node("DepthToSpace", &["x"], &[int("blocksize", a)]),
        node("LRN", &["x"], &[int("size", a)]),
        node("Split", &["x"], &[int("axis", a), int("num_outputs", b)]),
        node("Shape", &["x"], &[int("start", a), int("end", b)]),
        node("ArgMax", &["x"], &[int("axis", a)]),
        node("OneHot", &["x", "w", "w"], &[int("axis", a)]),
        with("Reshape", &["x", "s"], &[("s", &four)]),
        with("Expand", &["x", "s"], &[("s", &four)]),
        with("Tile", &["x", "s"], &[("s", &four)]),
        with("Pad", &["x", "s"], &[("s", &[a, b, 0, 0, b, a, 0, 0])]),
        with("Slice", &["x", "s", "e", "a", "t"], &[starts, ("e", &[b]), ("a", &[2]), ("t", &[a])]),
        with("Slice", &["x", "s", "e", "a", "t"], &[starts, ("e", &[b]), ("a", &[a]), ("t", &[b])]),
        with("Unsqueeze", &["x", "s"], &[("s", &[a, b])]),
        with("Squeeze", &["x", "s"], &[("s", &[a, b])]),
        with("ReduceSum", &["x", "s"], &[("s", &[a, b])]),
        with("TopK", &["x", "s"], &[starts]),
        with("Gather", &["x", "s"], &[starts]),
        with("Gather", &["e", "s"], &[starts, ("e", &[a, b])]),
        with("GatherND", &["e", "s"], &[starts, ("e", &[a, b])]),
        with("Resize", &["x", "", "", "s"], &[("s", &four)]),
        with("CumSum", &["x", "s"], &[starts]),
        with("Div", &["s", "e"], &[starts, ("e", &[b])]),
        with("Mod", &["s", "e"], &[starts, ("e", &[b])]),
        with("Mul", &["s", "e"], &[starts, ("e", &[b])]),
        with("Pow", &["s", "e"], &[starts, ("e", &[b])]),
        with("BitShift", &["s", "e"], &[starts, ("e", &[b])]),
        with("ConstantOfShape", &["s"], &[("s", &[a, b])]),
        Model::new(18)
            .weight("s", I64, &[], &a.to_le_bytes())
            .weight("e", I64, &[], &b.to_le_bytes())
            .node("Range", &["s", "e", "s"], &["y"], &[])
            .output("y", I64, &["?"]),
    ]
}

#[test]
fn work_that_takes_long_is_left_to_the_engine() {
    let side = 2048;
    let model = Model::new(18)
        .input("x", F32, &["1"])
        .output("y", F32, &["?", "?"])
        .integers("s", &[side, side])
        .node("ConstantOfShape", &["s"], &["a"], &[])
        .node("MatMul", &["a", "a"], &["b"], &[])
        .node("MatMul", &["b", "a"], &["y"], &[]);
    let graph = import(model.encode(), &Options::default()).unwrap().graph;
    assert_eq!(graph.nodes.len(), 2);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
    std::fs::create_dir_all(&inside).unwrap();
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("w.bin"), [0; 24]).unwrap();
    std::fs::write(inside.join("own.bin"), [0; 24]).unwrap();
    std::os::unix::fs::symlink(outside.join("w.bin"), inside.join("link.bin")).unwrap();
    std::os::unix::fs::symlink(&outside, inside.join("folder")).unwrap();
    std::os::unix::fs::symlink(inside.join("loop.bin"), inside.join("loop.bin")).unwrap();
    std::os::unix::fs::symlink(inside.join("own.bin"), inside.join("fine.bin")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(inside.join("pipe.bin")).status();
    assert!(pipe.unwrap().success());
    let import_from = |location: &str| {
        let path = inside.join("model.onnx");
        let model = model().external("w", F32, &[2, 3], &[("location", location)]).node(
            "Add",
            &["x", "w"],
            &["y"],
            &[],
        );
        std::fs::write(&path, model.encode()).unwrap();
        import_file(&path, &Options::default()).map_err(|error| error.to_string())
    };
    let outside = "outside the model's folder";
    for (location, expected) in [
        ("link.bin", outside),
        ("folder/w.bin", outside),
        ("../out/w.bin", outside),
        ("./../out/w.bin", outside),
        ("/etc/hostname", outside),
        ("loop.bin", "its data is in `loop.bin`"),
        ("", "its data is in ``, which is no file"),
        (".", "its data is in `.`, which is no file"),
        ("pipe.bin", "which is no file"),
        ("own.bin\0", "its data is in `own.bin\0`"),
    ] {
        let error = import_from(location).expect_err(location);
        assert!(error.contains(expected), "{location}: {error}");
    }
    import_from("own.bin").unwrap();
    import_from("fine.bin").unwrap();
}
