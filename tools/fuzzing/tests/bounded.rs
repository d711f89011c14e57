//! Each target on seeds and on random changes of them, for a moment: what a fuzzer would find in
//! its first minutes. `SCHOONER_FUZZ_ROUNDS=1000000 cargo test -p schooner-fuzzing TARGET` goes on
//! for longer, and `SCHOONER_FUZZ_SEED=N` elsewhere. An input that a target panics on is written
//! to `target/tmp/crash-TARGET`; it becomes a test beside the code that it broke.

use fastrand::Rng;
use fuzzing::{TARGETS, changes, nets};
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use testkit::onnx::{F32, Model, int, ints};

type Change = fn(&mut Rng, &[u8], &[u8]) -> Vec<u8>;

/// Runs a target on the seeds, and on so many changes of them.
fn check(name: &str, seeds: &[Vec<u8>], rounds: usize, change: Change) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds = number("SCHOONER_FUZZ_ROUNDS").unwrap_or(rounds as u64);
    let mut random = Rng::with_seed(number("SCHOONER_FUZZ_SEED").unwrap_or(0));
    let try_out = |input: &[u8]| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-{name}"));
            std::fs::write(&path, input).unwrap();
            eprintln!("{name} panics on {}", path.display());
            resume_unwind(panic);
        }
    };
    seeds.iter().for_each(|seed| try_out(seed));
    for _ in 0..rounds {
        let [seed, other] = [(); 2].map(|()| &seeds[random.usize(..seeds.len())]);
        try_out(&change(&mut random, seed, other));
    }
}

/// All files below a folder that end so, in order.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, suffix));
        } else if path.to_str().is_some_and(|name| name.ends_with(suffix)) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Small models: made here, and those of the ONNX project's node tests where they are.
fn models() -> Vec<Vec<u8>> {
    let image = |model: Model| {
        let model = model.input("x", F32, &["n", "2", "6", "6"]).output("y", F32, &["?"; 4]);
        model.weight("w", F32, &[2, 2, 3, 3], &[0x3c; 144]).encode()
    };
    let new = || Model::new(18);
    let padded = [ints("pads", &[1, 1, 1, 1]), ints("strides", &[2, 1])];
    let pooled = [ints("kernel_shape", &[2, 2]), int("ceil_mode", 1)];
    let mut models = vec![
        image(new().node("Conv", &["x", "w"], &["a"], &padded).node("Relu", &["a"], &["y"], &[])),
        image(new().node("ConvTranspose", &["x", "w"], &["y"], &padded)),
        image(new().node("MaxPool", &["x"], &["y"], &pooled)),
        image(new().integers("s", &[0, -1]).node("Reshape", &["x", "s"], &["y"], &[])),
        image(new().integers("s", &[1, 1, 2, 2]).node("Tile", &["x", "s"], &["y"], &[])),
        image(new().integers("s", &[1, 2, 9, 9]).node("Resize", &["x", "", "", "s"], &["y"], &[])),
        image(
            new()
                .node("Shape", &["x"], &["s"], &[])
                .node("ConstantOfShape", &["s"], &["c"], &[])
                .node("Add", &["x", "c"], &["y"], &[]),
        ),
    ];
    if let Some(folder) = testkit::onnx_node() {
        models.extend(files(&folder, "model.onnx").iter().map(|path| std::fs::read(path).unwrap()));
    }
    models
}

/// Small models of a suite.
fn models_of(suite: &str, archives: &[&str]) -> Vec<Vec<u8>> {
    let suite = testkit::repository().join(suite);
    let cases = archives.iter().flat_map(|name| testkit::cases(&suite.join(name)).into_values());
    let is_model = |part: &str| {
        ["model.", "saved_model.pb", "net-"].iter().any(|start| part.starts_with(start))
    };
    let files = cases.flatten().filter(|(part, _)| is_model(part));
    files.map(|(_, bytes)| bytes).collect()
}

/// Graphs in text: those before and after each pass, and some by chance.
fn texts() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    for path in files(&testkit::repository().join("suites/filetests"), ".ir") {
        let text = std::fs::read_to_string(path).unwrap();
        texts.extend(text.split("----\n").map(|part| part.as_bytes().to_vec()));
    }
    for seed in 0..50 {
        let graph = fuzzing::graphs::random(&mut Rng::with_seed(seed));
        texts.push(graph.to_string().into_bytes());
    }
    texts
}

/// Plans of random networks.
fn plans() -> Vec<Vec<u8>> {
    let nets =
        (0..6).map(|seed| nets::image(seed, 3..8)).chain((0..6).map(|s| nets::text(s, 1..9)));
    nets.map(|net| lower::lower(&net.finish()).unwrap().plan.encode()).collect()
}

/// A few containers.
fn containers() -> Vec<Vec<u8>> {
    let of = |plan: &[u8]| {
        let mut file = Vec::new();
        package::Writer::new(package::Machine::ANY)
            .section(&package::sections::CONSTANTS, &[7; 192])
            .section(&package::sections::PLAN, plan)
            .section(&package::sections::MANIFEST, b"{\"name\":\"m\"}")
            .write_bare(&mut file)
            .unwrap();
        file
    };
    vec![of(b""), of(b"a plan"), of(&[0; 5000])]
}

fn pictures() -> Vec<Vec<u8>> {
    let samples = files(&testkit::repository().join("examples/fashion/samples"), ".jpg");
    samples.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Requests to the main port.
fn requests() -> Vec<Vec<u8>> {
    let line = |request: testkit::HttpRequest| {
        let header = request.header.map(|header| format!("{header}\n")).unwrap_or_default();
        let head = format!("{} {}\n{header}\n", request.method, request.path);
        [head.as_bytes(), &request.body].concat()
    };
    testkit::http_requests().into_iter().map(line).collect()
}

/// A field of a message: its number, and bytes, text or a message of less than 128 bytes.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, content.len() as u8], content].concat()
}

/// Calls of gRPC, each its path and its message.
fn calls() -> Vec<Vec<u8>> {
    let numbers = [[1.0f32, -2.0].map(f32::to_le_bytes).concat(), vec![0; 8]];
    // An `InferInputTensor` and a `TensorProto`: name, type, shape, contents.
    let input = [field(1, b"x"), field(2, b"FP32"), field(3, &[2])].concat();
    let typed = [input.clone(), field(5, &field(6, &numbers[0]))].concat();
    let shape = field(2, &field(2, &[8, 2]));
    let tensor = [vec![8, 1], shape, field(5, &numbers[0])].concat();
    let entry = [field(1, b"x"), field(2, &tensor)].concat();
    let model = field(1, &field(1, b"half_plus_two"));
    let name = field(1, b"half_plus_two");
    let shape = field(2, &field(2, &[8, 2]));
    let text = [vec![8, 7], shape, field(8, "größer".as_bytes()), field(8, b"")].concat();
    let text = field(2, &[field(1, b"x"), field(2, &text)].concat());
    let words = field(1, b"words");
    let input_of_text = [field(1, b"x"), field(2, b"BYTES"), field(3, &[2])].concat();
    let raw_text = field(7, b"\x01\0\0\0a\0\0\0\0");
    let calls = [
        ("tensorflow.serving.PredictionService/Predict", [field(1, &words), text].concat()),
        (
            "inference.GRPCInferenceService/ModelInfer",
            [words, field(5, &input_of_text), raw_text].concat(),
        ),
        ("tensorflow.serving.PredictionService/Predict", [&*model, &field(2, &entry)].concat()),
        ("tensorflow.serving.PredictionService/Classify", model.clone()),
        ("tensorflow.serving.PredictionService/GetModelMetadata", model.clone()),
        ("tensorflow.serving.ModelService/GetModelStatus", model.clone()),
        ("inference.GRPCInferenceService/ModelInfer", [&*name, &field(5, &typed)].concat()),
        (
            "inference.GRPCInferenceService/ModelInfer",
            [&*name, &field(5, &input), &field(7, &numbers[0])].concat(),
        ),
        ("inference.GRPCInferenceService/ModelMetadata", name.clone()),
        ("inference.GRPCInferenceService/ModelConfig", name.clone()),
        ("inference.GRPCInferenceService/RepositoryIndex", Vec::new()),
        ("inference.GRPCInferenceService/TraceSetting", field(2, b"m")),
        ("grpc.health.v1.Health/Check", name),
    ];
    calls.map(|(path, message)| [format!("/{path}\n").as_bytes(), &*message].concat()).into()
}

/// Configurations of TensorFlow Serving and of Triton, and everything the text form has.
fn configurations() -> Vec<Vec<u8>> {
    [
        "model_config_list: { config: { name: \"a\", base_path: 'm' model_version_policy { \
         specific { versions: [1, 2] } } version_labels { key: 'x' value: 1 } } }",
        "name: 'm' max_batch_size: 8 input [ { name: 'x' dims: [ -1, 3 ] } ] dynamic_batching { \
         preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 0x10 } # end",
        "a: 'x' \"\\u00e9\\x41\\101\\n\" b <c: -1.5e+3f> [ext.x/y] {} d: [] e: [<>, {}];",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// An archive of TorchServe.
fn archives() -> Vec<Vec<u8>> {
    let manifest = br#"{"runtime": "python", "model": {"modelName": "m", "modelVersion": "1.0",
        "handler": "handler.py", "serializedFile": "m.onnx"}}"#;
    let files: [(&str, &[u8]); 3] = [
        ("MAR-INF/MANIFEST.json", manifest),
        ("m.onnx", b"some bytes of a model that are worth to be compressed, compressed"),
        ("index_to_name.json", br#"{"0": "cat"}"#),
    ];
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    vec![archive.finish().unwrap().into_inner()]
}

/// Eight bytes of chance, whatever the seeds.
fn chance(random: &mut Rng, _: &[u8], _: &[u8]) -> Vec<u8> {
    random.u64(..).to_le_bytes().to_vec()
}

#[test]
fn import_onnx() {
    check("import_onnx", &models(), 20_000, changes::change);
}

#[test]
fn import_keras() {
    let models = models_of("suites/keras", &["keras2.zip.zst", "keras3.zip.zst"]);
    check("import_keras", &models, 4_000, changes::change);
}

#[test]
fn import_tensorflow() {
    let models = models_of("suites/tensorflow", &["frozen.zip.zst", "saved.zip.zst"]);
    check("import_tensorflow", &models, 8_000, changes::change);
}

/// Files of the archives of PyTorch, and some archives.
fn pytorch_files() -> Vec<Vec<u8>> {
    let models = models_of("suites/pytorch", &["export.zip.zst", "script.zip.zst"]);
    let mut seeds: Vec<Vec<u8>> = models.iter().step_by(50).cloned().collect();
    for model in models.iter().step_by(7) {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(model)).unwrap();
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).unwrap();
            let kind = match file.name().unwrap().to_string() {
                name if name.ends_with("models/model.json") => b'j',
                name if name.ends_with("data.pkl") => b'p',
                name if name.ends_with(".py") => b's',
                _ => continue,
            };
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            seeds.push(fuzzing::pytorch::seed(kind, &content));
        }
    }
    let source = "class M(Module):
  training : bool
  def forward(self: __torch__.m.M,
    x: Tensor) -> Tensor:
    y = torch.view(x, [torch.size(x, 0), -1])
    parts = annotate(List[Tensor], [])
    for i in range(3):
      _0 = torch.append(parts, torch.add(y, i, alpha=2))
    z = torch.cat(parts, 1)
    if torch.gt(torch.dim(z), 1):
      w = torch.relu_(z)
    else:
      w = (self).other(z, )
    return (w, torch.len(parts), {\"a\": z})
  def other(self: __torch__.m.M,
    x: Tensor) -> Tensor:
    return (self).other(x, )
";
    seeds.extend((0..10).map(|_| fuzzing::pytorch::seed(b's', source.as_bytes())));
    seeds
}

#[test]
fn import_pytorch() {
    check("import_pytorch", &pytorch_files(), 8_000, changes::change);
}

#[test]
fn import_xgboost() {
    let models = models_of("suites/trees", &["xgboost.zip.zst", "xgboost_old.zip.zst"]);
    check("import_xgboost", &models, 4_000, changes::change);
}

#[test]
fn import_lightgbm() {
    let models = models_of("suites/trees", &["lightgbm.zip.zst"]);
    check("import_lightgbm", &models, 4_000, changes::change_text);
}

#[test]
fn import_mxnet() {
    let models = models_of("suites/mxnet", &["operators.zip.zst", "models.zip.zst"]);
    check("import_mxnet", &models, 8_000, changes::change);
}

#[test]
fn import_tfjs() {
    let models = models_of("suites/tfjs", &["layers.zip.zst"]);
    check("import_tfjs", &models, 4_000, changes::change);
}

#[test]
fn import_tflite() {
    let models = models_of("suites/tflite", &["lite.zip.zst"]);
    check("import_tflite", &models, 8_000, changes::change);
}

#[test]
fn compile_onnx() {
    check("compile_onnx", &models(), 20_000, changes::change);
}

#[test]
fn parse_graph() {
    check("parse_graph", &texts(), 10_000, changes::change);
}

#[test]
fn compile_graph() {
    check("compile_graph", &texts(), 16_000, changes::change_text);
}

#[test]
fn random_graph() {
    check("random_graph", &[vec![]], 8_000, chance);
}

#[test]
fn random_net() {
    check("random_net", &[vec![]], 100, chance);
}

#[test]
fn parse_container() {
    check("parse_container", &containers(), 10_000, changes::change);
}

#[test]
fn decode_plan() {
    check("decode_plan", &plans(), 10_000, changes::change);
}

#[test]
fn run_plan() {
    check("run_plan", &plans(), 10_000, changes::change);
}

#[test]
fn decode_image() {
    check("decode_image", &pictures(), 2_000, changes::change);
}

#[test]
fn answer_rest() {
    check("answer_rest", &requests(), 10_000, changes::change);
}

#[test]
fn answer_grpc() {
    check("answer_grpc", &calls(), 10_000, changes::change);
}

#[test]
fn read_text_proto() {
    check("read_text_proto", &configurations(), 10_000, changes::change);
}

#[test]
fn read_archive() {
    check("read_archive", &archives(), 2_000, changes::change);
}

#[test]
fn seeds_of_the_server_are_read() {
    // Otherwise their changes would reach little.
    let statuses: Vec<u16> = requests()
        .iter()
        .map(|request| fuzzing::serving::ask_rest(request).expect("a request").0)
        .collect();
    let answered = statuses.iter().filter(|&&status| status == 200).count();
    assert!(answered * 4 >= statuses.len() * 3, "{statuses:?}");
    let refused: Vec<String> =
        calls().iter().filter_map(|call| fuzzing::serving::ask_grpc(call)).collect();
    let answered = refused.iter().filter(|status| status.is_empty()).count();
    assert!(answered >= 8, "{refused:?}");
}

#[test]
fn each_target_has_a_file_for_the_fuzzer() {
    let folder = testkit::repository().join("fuzz/fuzz_targets");
    let manifest = std::fs::read_to_string(testkit::repository().join("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        let text = std::fs::read_to_string(folder.join(format!("{}.rs", target.name))).unwrap();
        // Importers differ in the bytes that they begin with, not in what is run.
        let own = [format!("::{}(bytes)", target.name), "targets::import(bytes)".to_string()];
        let taken = if target.name.starts_with("import_") { &own[..] } else { &own[..1] };
        assert!(taken.iter().any(|call| text.contains(call)), "{}", target.name);
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{}", target.name);
    }
    assert_eq!(files(&folder, ".rs").len(), TARGETS.len(), "{}", folder.display());
}
