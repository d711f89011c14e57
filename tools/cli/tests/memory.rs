//! Small files that ask for more memory than there is: each is refused with its reason under a
//! limit of the address space, so that an allocation by what the file claims would abort.

mod support;

use std::path::Path;
use std::process::{Command, Output};
use support::{check, fashion, folder, word};
use testkit::onnx::{self, F32, I64, Model, int, ints};

/// Address space of the command in KiB: several times the budget of 256 MB, since threads and
/// libraries take some of it, and far below what the files ask for.
const ADDRESS_SPACE_KIB: usize = 3 << 20;

/// A size that no machine has.
const HUGE: i64 = 1 << 40;

/// Runs `schooner check` in little memory; gives the exit code and all that was said.
fn check_in_little_memory(model: &Path) -> (Option<i32>, String) {
    let script = format!("ulimit -v {ADDRESS_SPACE_KIB} && exec \"$0\" \"$@\"");
    let Output { status, stdout, stderr } = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_schooner"), "check", word(model)])
        .args(["--memory", "256MB", "--threads", "1"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    (status.code(), said)
}

/// A model from `x[1, 1, 2, 2]` to `y` of one node.
fn unary(node: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> Model {
    Model::new(18)
        .input("x", F32, &["1", "1", "2", "2"])
        .output("y", F32, &["?", "?", "?", "?"])
        .node(node, inputs, &["y"], attributes)
}

/// The same with the constant `c`.
fn with_vector(node: &str, inputs: &[&str], constant: &[i64]) -> Model {
    unary(node, inputs, &[]).integers("c", constant)
}

/// A model of constants alone, beside an input that nothing takes.
fn of_constants(node: &str, inputs: &[&str], attributes: &[Vec<u8>]) -> Model {
    let output = Model::new(18).input("x", F32, &["1"]).output("y", F32, &["?"]);
    output.node(node, inputs, &["y"], attributes)
}

/// The name of a file, the file, the exit code and a part of the reason.
type Bomb = (&'static str, Model, i32, &'static str);

const BUDGET: &str = "memory budget";
const WORKING: &str = "bytes of working memory";

/// What would be computed when the model is imported.
fn of_import() -> Vec<Bomb> {
    let range = |limit: i64| {
        let scalar =
            |model: Model, name, value: i64| model.weight(name, I64, &[], &value.to_le_bytes());
        let model = of_constants("Range", &["start", "limit", "delta"], &[]);
        scalar(scalar(scalar(model, "start", 0), "limit", limit), "delta", 1)
    };
    let doubled = |model: Model, at: i32| {
        let (from, to) = (format!("v{at}"), format!("v{}", at + 1));
        model.node("Concat", &[&from, &from], &[&to], &[int("axis", 0)])
    };
    let start = Model::new(18).weight("v0", F32, &[2], &[0; 8]).input("x", F32, &["1"]);
    let doubling = (0..60).fold(start, doubled).output("v60", F32, &["?"]);
    let fill = of_constants("ConstantOfShape", &["c"], &[]).integers("c", &[HUGE]);
    let expand = of_constants("Expand", &["w", "c"], &[]).weight("w", F32, &[2], &[0; 8]);
    vec![
        ("constant-of-shape", fill, 7, BUDGET),
        ("expand-weight", expand.integers("c", &[HUGE, 2]), 7, BUDGET),
        ("range", range(HUGE), 7, BUDGET),
        ("range-of-budget", range(16_000_000), 7, BUDGET),
        ("doubling", doubling, 7, BUDGET),
    ]
}

/// What would be computed when the model is run.
fn of_run() -> Vec<Bomb> {
    let wide = 1 << 20;
    let kernel = |model: Model| model.weight("w", F32, &[1, 1, 1, 1], &[0; 4]);
    let strides = [ints("strides", &[wide, wide])];
    let pads = [ints("pads", &[HUGE, 0, 0, 0]), ints("kernel_shape", &[1, 1])];
    let one_hot = Model::new(18)
        .input("x", I64, &["1"])
        .weight("depth", I64, &[], &HUGE.to_le_bytes())
        .weight("values", F32, &[2], &[0; 8])
        .node("OneHot", &["x", "depth", "values"], &["y"], &[])
        .output("y", F32, &["?", "?"]);
    let input = Model::new(18)
        .input("x", F32, &["1099511627776"])
        .node("Relu", &["x"], &["y"], &[])
        .output("y", F32, &["?"]);
    let resized = with_vector("Resize", &["x", "", "", "c"], &[1, 1, wide, wide]);
    vec![
        ("expand", with_vector("Expand", &["x", "c"], &[1, HUGE, 2, 2]), 7, WORKING),
        ("tile", with_vector("Tile", &["x", "c"], &[1, HUGE, 1, 1]), 7, WORKING),
        ("resize", resized, 7, WORKING),
        ("pad", with_vector("Pad", &["x", "c"], &[0, 0, 0, 0, 0, 0, HUGE, 0]), 7, WORKING),
        ("transpose", kernel(unary("ConvTranspose", &["x", "w"], &strides)), 7, WORKING),
        ("conv-pads", kernel(unary("Conv", &["x", "w"], &pads)), 4, "pads"),
        ("one-hot", one_hot, 7, WORKING),
        ("input", input, 7, WORKING),
    ]
}

/// What the file says of its own tensors.
fn of_claims() -> Vec<Bomb> {
    let sum = || unary("Add", &["x", "w"], &[]);
    let weight = |dims: &[i64], raw| sum().weight("w", F32, dims, raw);
    let tensor = onnx::tensor("t", F32, &[HUGE], &[]);
    let value = [onnx::bytes(1, b"value"), onnx::bytes(5, &tensor), onnx::number(20, 4)];
    let sparse = [("location", "sparse.bin")];
    let short = [("location", "short.bin"), ("length", "4398046511104")];
    vec![
        ("claimed-dims", weight(&[HUGE], &[0; 4]), 4, "does not fit 4 bytes"),
        ("overflowing-dims", weight(&[i64::MAX, 4], &[]), 4, "not one that memory can hold"),
        ("negative-dims", weight(&[-1], &[0; 4]), 4, "not one that memory can hold"),
        ("constant", of_constants("Constant", &[], &[value.concat()]), 4, "does not fit 0 bytes"),
        ("external", sum().external("w", F32, &[HUGE], &sparse), 7, BUDGET),
        ("external-short", sum().external("w", F32, &[HUGE], &short), 4, "which holds 4"),
    ]
}

#[test]
fn a_small_file_that_asks_for_much_is_refused() {
    let to = folder("bombs");
    let sparse = std::fs::File::create(to.join("sparse.bin")).unwrap();
    let sparse_is_made = sparse.set_len(4 << 40).is_ok();
    std::fs::write(to.join("short.bin"), [0; 4]).unwrap();
    for (name, model, code, reason) in [of_import(), of_run(), of_claims()].concat() {
        if name == "external" && !sparse_is_made {
            continue;
        }
        let path = to.join(format!("{name}.onnx"));
        std::fs::write(&path, model.encode()).unwrap();
        let (found, said) = check_in_little_memory(&path);
        assert_eq!(found, Some(code), "{name}: {said}");
        assert!(said.contains(reason), "{name}: expected `{reason}`\n{said}");
    }
}

#[test]
fn the_budget_is_a_flag_of_every_command_that_loads_a_model() {
    let model = fashion("fashion.onnx");
    for command in ["check", "inspect", "build", "serve", "bench"] {
        let (_, stderr) = check(&[command, &model, "--memory", "20kB"], 7);
        assert!(stderr.contains("memory budget is 20000"), "{command}: {stderr}");
    }
    // There are no weights, and a run does not fit.
    let wide = folder("budget").join("wide.onnx");
    let relu = Model::new(18)
        .input("x", F32, &["1000000"])
        .node("Relu", &["x"], &["y"], &[])
        .output("y", F32, &["1000000"]);
    std::fs::write(&wide, relu.encode()).unwrap();
    let (_, stderr) = check(&["run", word(&wide), "--random", "--memory", "1MB"], 7);
    assert!(stderr.contains("working memory"), "{stderr}");
    let (_, stderr) = check(&["run", &model, "--random", "--memory", "much"], 2);
    assert!(stderr.contains("expected a size like 512MB"), "{stderr}");
    check(&["run", &model, "--random", "--memory", "1GiB"], 0);
}
