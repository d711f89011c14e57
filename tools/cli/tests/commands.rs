//! Every command on the fashion example, and what it says when it cannot do what is asked.

mod support;

use serde_json::Value;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use support::{Server, check, fashion, folder, head, response, schooner, word};
use testkit::onnx;

const SAMPLE: &str = "samples/132_Ankle-boot.jpg";
const PREDICT: &str = "/v1/models/fashion:predict";

#[track_caller]
fn json(words: &[&str]) -> Value {
    let (stdout, _) = check(&[words, &["--json"]].concat(), 0);
    serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{words:?}: {e}\n{stdout}"))
}

#[test]
fn inspect_counts_and_prints_every_stage() {
    let model = fashion("fashion.onnx");
    let summary = json(&["inspect", &model]);
    assert_eq!(summary["name"], "fashion");
    assert_eq!(summary["inputs"][0], "image: f32[n, 1, 28, 28]");
    for stage in ["ir", "optimized", "plan"] {
        let (stdout, _) = check(&["inspect", &model, "--stage", stage], 0);
        assert!(stdout.contains("logits"), "{stage}\n{stdout}");
    }
}

#[test]
fn what_export_writes_answers_the_same() {
    let (model, to) = (fashion("fashion.onnx"), folder("export"));
    for (name, flags) in [("same.onnx", &[][..]), ("optimized.onnx", &["--optimized"])] {
        let file = to.join(name);
        let words = [&["export", &model, "-o", word(&file)], flags].concat();
        let (_, stderr) = check(&words, 0);
        assert!(stderr.contains("next: schooner check"), "{stderr}");
        let answer = json(&[
            "run",
            word(&file),
            "--image",
            &fashion(SAMPLE),
            "--recipe",
            &fashion("fashion.recipe.toml"),
        ]);
        assert_eq!(answer["classes"][0]["index"], 9, "{answer}");
    }
    check(&["export", &model, "-o", word(&to.join("absent/model.onnx"))], 5);
}

#[test]
fn check_holds_the_engine_against_reference() {
    let triage = json(&["check", &fashion("fashion.onnx"), "--compare"]);
    assert_eq!(triage["verdict"], "ok");
    assert_eq!(triage["comparisons"][0]["agrees"], true);
    assert_eq!(triage["comparisons"][0]["elements"], 10);
}

#[test]
fn run_names_the_classes_of_an_image() {
    let answer = json(&["run", &fashion("fashion.onnx"), "--image", &fashion(SAMPLE)]);
    assert_eq!(answer["classes"][0]["label"], "Ankle boot");
    assert_eq!(answer["classes"].as_array().unwrap().len(), 3);
}

#[test]
fn what_run_writes_verify_reads() {
    let (model, to) = (fashion("fashion.onnx"), folder("verify"));
    let (input, output) = (to.join("input_0.npy"), to.join("output_0.npy"));
    std::fs::write(&input, npy(&[1, 1, 28, 28], &[0.25; 784])).unwrap();
    let given = format!("image={}", word(&input));
    check(&["run", &model, "--input", &given, "--output", word(&output)], 0);
    check(&["verify", &model, "--golden", word(&to)], 0);
    check(&["verify", &model, "--golden", word(&to), "--reference"], 0);

    let mut altered = std::fs::read(&output).unwrap();
    let at = altered.len() - 40 + 4 * 3;
    altered[at..at + 4].copy_from_slice(&1e3f32.to_le_bytes());
    std::fs::write(&output, altered).unwrap();
    let (stdout, _) = check(&["verify", &model, "--golden", word(&to)], 3);
    assert!(stdout.contains("1 of 10 elements differ; worst at [0, 3]: expected 1000"), "{stdout}");
}

#[test]
fn bench_times_each_number_of_threads() {
    let words = ["bench", "--seconds", "0.05", "--threads-list", "1,2", "--profile"];
    let timings = json(&[&words[..], &[&fashion("fashion.onnx")]].concat());
    assert_eq!(timings["runs"][1]["threads"], 2);
    assert!(timings["runs"][0]["latency"]["median_ms"].as_f64().unwrap() > 0.0);
    assert!(!timings["profile"].as_array().unwrap().is_empty());
}

#[test]
fn tuning_times_the_forms_and_keeps_what_is_faster() {
    let model = fashion("fashion.onnx");
    let timings = json(&["bench", "--seconds", "0.05", "--threads-list", "1", "--tune", &model]);
    let tuned = &timings["tuned"];
    let [before, after] = ["expected_ms", "tuned_ms"].map(|key| tuned[key].as_f64().unwrap());
    assert!(before > 0.0 && after > 0.0);
    assert!(!tuned["is_taken"].as_bool().unwrap() || after < before, "{tuned}");
    let out = folder("tune").join("libtuned.so");
    check(&["build", &model, "--tune", "--precision", "bf16", "-o", word(&out)], 0);
    let timings = json(&["bench", "--seconds", "0.05", "--threads-list", "1", word(&out)]);
    assert_eq!(timings["precision"], "bf16");
    for (words, expected) in [
        (["bench", word(&out), "--tune"], "needs the model file"),
        (["run", word(&out), "--precision=f32"], "the library was built with bf16"),
        (["run", &model, "--precision=f16"], "expected f32 or bf16"),
    ] {
        let (_, stderr) = check(&words, 2);
        assert!(stderr.contains(expected), "{words:?}: {stderr}");
    }
}

#[test]
fn kernels_lists_what_this_machine_uses() {
    let catalogue = json(&["kernels"]);
    let isas = catalogue["isas"].as_array().unwrap();
    assert_eq!(isas.iter().filter(|isa| isa["is_picked"] == true).count(), 1);
    assert!(catalogue["kernels"].as_array().unwrap().iter().any(|k| k["is_picked"] == true));
}

#[test]
fn a_built_library_answers_the_same_bytes_as_its_model() {
    let to = folder("build");
    let image = std::fs::read(fashion(SAMPLE)).unwrap();
    let mut answers = Vec::new();
    let model = Server::start(&[&fashion("fashion.onnx")]);
    answers.push(model.ask("PUT", PREDICT, &image));
    for name in ["libfashion.so", "fashion.schooner"] {
        let out = to.join(name);
        check(&["build", &fashion("fashion.onnx"), "-o", word(&out)], 0);
        answers.push(Server::start(&[word(&out)]).ask("PUT", PREDICT, &image));
        check(&["inspect", word(&out), "--stage", "plan"], 0);
    }
    assert_eq!(answers[0].0, 200);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    for name in ["libfashion.h", "libfashion_example.c"] {
        assert!(to.join(name).exists(), "{name}");
    }
}

#[test]
fn a_stopped_server_answers_what_it_has_accepted() {
    let server = Server::start(&[&fashion("fashion.onnx")]);
    let image = std::fs::read(fashion(SAMPLE)).unwrap();
    assert_eq!(server.ask("GET", "/healthz", b"").0, 200);
    assert_eq!(server.ask("PUT", PREDICT, b"no image").0, 400);
    // Half of a request is there when the signal comes, the rest after it.
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.write_all(head("PUT", PREDICT, image.len()).as_bytes()).unwrap();
    stream.write_all(&image[..100]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(100));
    server.terminate();
    std::thread::sleep(std::time::Duration::from_millis(50));
    stream.write_all(&image[100..]).unwrap();
    let (status, body) = response(stream);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    assert_eq!(server.wait(), Some(0));
}

#[test]
fn a_port_in_use_is_said_to_be() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (_, stderr) = check(&["serve", &fashion("fashion.onnx"), "--listen", &address], 6);
    assert!(stderr.contains("in use") && stderr.contains("--listen 127.0.0.1:0"), "{stderr}");
}

#[test]
fn what_is_no_model_is_refused_with_its_reason() {
    let to = folder("refused");
    let whole = std::fs::read(fashion("fashion.onnx")).unwrap();
    let files: [(&str, &[u8], &str); 4] = [
        ("empty.onnx", b"", "this file is empty"),
        ("text.onnx", b"hello, world\n", "not a model"),
        ("truncated.onnx", &whole[..whole.len() / 2], "damaged"),
        ("image.onnx", b"\xff\xd8\xff\xe0rest", "this is a JPEG image"),
    ];
    for (name, bytes, expected) in files {
        let path = to.join(name);
        std::fs::write(&path, bytes).unwrap();
        for command in ["check", "inspect", "serve", "build"] {
            let (_, stderr) = check(&[command, word(&path)], 4);
            assert!(stderr.contains(expected), "{command} {name}: {stderr}");
        }
    }
}

#[test]
fn an_altered_library_is_refused() {
    let to = folder("altered");
    let library = to.join("libfashion.so");
    check(&["build", &fashion("fashion.onnx"), "-o", word(&library)], 0);
    let whole = std::fs::read(&library).unwrap();
    let mut altered = whole.clone();
    let at = altered.len() - 5000;
    altered[at] ^= 1;
    for (bytes, expected) in [(&altered[..], "altered"), (&whole[..whole.len() - 9], "cut short")] {
        // Never in place: a file that is mapped somewhere must not change under it.
        std::fs::remove_file(&library).unwrap();
        std::fs::write(&library, bytes).unwrap();
        let (_, stderr) = check(&["run", word(&library), "--random"], 4);
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn wrong_arguments_say_what_was_expected_and_found() {
    let (model, to) = (fashion("fashion.onnx"), folder("arguments"));
    let x = to.join("x.npy");
    std::fs::write(&x, npy(&[1, 3, 5], &[0.0; 15])).unwrap();
    let image = fashion(SAMPLE);
    let (misspelled, examples) = (fashion("fashoin.onnx"), fashion(""));
    let unwritable = Path::new("/nowhere/libfashion.so");
    for (words, code, expected) in [
        (&["run", misspelled.as_str(), "--random"][..], 5, "did you mean `fashion.onnx`"),
        (&["run", &examples, "--random"], 1, "expected a file, found a folder"),
        (&["run", &model], 2, "input `image` (f32[n, 1, 28, 28]) is not given"),
        (&["run", &model, "--image", &image, "--recipe", "imagnt"], 2, "one of imagenet, "),
        (&["run", &model, "--image", &model], 1, "fashion.onnx"),
        (&["run", &model, "--input", word(&x)], 1, "[1, 3, 5]"),
        (&["run", &model, "--random", "--shape", "image=1x3x28x28"], 1, "expected shape"),
        (&["run", &model, "--no-such-flag"], 2, "--no-such-flag"),
        (&["run", &model, "--shape", "pixels=1x1x28x28"], 2, "its inputs are image"),
        (&["build", &model, "-o", word(unwritable)], 1, "/nowhere/libfashion.so"),
        (&["eval", &model, &fashion("samples")], 1, "found none"),
        (&["serve", &model, "--listen", "nonsense"], 2, "expected HOST:PORT"),
        (&["serve", &model, "--listen", "kserve=80"], 2, "expected manage=…, triton=… or torch"),
        (
            &["serve", &model, "--listen", "0.0.0.0:0", "--control", "explicit"],
            2,
            "change what is served or read memory: add --api-keys",
        ),
        (
            &["serve", &model, "--listen", "manage=0.0.0.0:0"],
            2,
            "change what is served or read memory: add --api-keys, or let it be local",
        ),
    ] {
        let (_, stderr) = check(words, code);
        assert!(stderr.contains(expected), "{words:?}: {stderr}");
    }
    check(&["sail"], 2);
}

#[test]
fn an_instruction_set_that_cannot_be_had_is_an_error() {
    let model = fashion("fashion.onnx");
    for words in [&["run", &model, "--random"][..], &["kernels"]] {
        let output = schooner(words).env("SCHOONER_ISA", "avx3").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        let expected = "SCHOONER_ISA: expected one of generic, avx2, avx512, neon, found `avx3`";
        assert!(stderr.contains(expected), "{words:?}: {stderr}");
    }
    let output = schooner(&["kernels"]).env("SCHOONER_ISA", "generic").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.lines().any(|line| line.starts_with("generic ") && line.ends_with("used here")));
}

#[test]
fn verify_compares_halves() {
    let to = folder("halves");
    let model = to.join("halves.onnx");
    std::fs::write(&model, onnx::chain(onnx::F16, &[])).unwrap();
    std::fs::write(to.join("input_0.npy"), npy(&[2], &[1.0, -2.5])).unwrap();
    // 1 and -2.5 in F16; then the neighbor of 1, then what is further away.
    for (first, code) in [(0x3c00u16, 0), (0x3c01, 0), (0x3c02, 3)] {
        let elements = [first.to_le_bytes(), 0xc100u16.to_le_bytes()].concat();
        std::fs::write(to.join("output_0.npy"), npy_of("<f2", &[2], &elements)).unwrap();
        check(&["verify", word(&model), "--golden", word(&to)], code);
    }
}

/// A `.npy` file of f32.
fn npy(shape: &[usize], elements: &[f32]) -> Vec<u8> {
    let elements: Vec<u8> = elements.iter().flat_map(|x| x.to_le_bytes()).collect();
    npy_of("<f4", shape, &elements)
}

/// A `.npy` file of version 1.
fn npy_of(dtype: &str, shape: &[usize], elements: &[u8]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|d| format!("{d},")).collect();
    let sizes = sizes.join(" ");
    let mut header =
        format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({sizes}), }}");
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(elements);
    file
}
