//! Each target on seeds and on random changes of them, for a moment: what a fuzzer would find in
//! its first minutes. `SCHOONER_FUZZ_ROUNDS=1000000 cargo test -p schooner-fuzzing TARGET` goes on
//! for longer, and `SCHOONER_FUZZ_SEED=N` elsewhere. An input that a target panics on is written
//! to `target/tmp/crash-TARGET`; it becomes a test beside the code that it broke.

use fastrand::Rng;
use fuzzing::{TARGETS, changes, nets};
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

/// Eight bytes of chance, whatever the seeds.
fn chance(random: &mut Rng, _: &[u8], _: &[u8]) -> Vec<u8> {
    random.u64(..).to_le_bytes().to_vec()
}

#[test]
fn import_onnx() {
    check("import_onnx", &models(), 20_000, changes::change);
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
fn each_target_has_a_file_for_the_fuzzer() {
    let folder = testkit::repository().join("fuzz/fuzz_targets");
    let manifest = std::fs::read_to_string(testkit::repository().join("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        let text = std::fs::read_to_string(folder.join(format!("{}.rs", target.name))).unwrap();
        assert!(text.contains(&format!("fuzzing::targets::{}", target.name)), "{}", target.name);
        assert!(manifest.contains(&format!("name = \"{}\"", target.name)), "{}", target.name);
    }
    assert_eq!(files(&folder, ".rs").len(), TARGETS.len(), "{}", folder.display());
}
