//! The real program on the small model of the repository: a built library called from C and from
//! Python, a served request over a socket, and what bad input gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const MODEL: &str = "examples/fashion/fashion.onnx";
const PICTURE: &str = "examples/fashion/samples/109_Coat.jpg";

fn schooner(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_schooner"))
        .args(words)
        .current_dir(testkit::repository())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}\n{stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Builds the library with no tool within reach, into a folder of its own.
fn build() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libfashion.so");
    let output = Command::new(env!("CARGO_BIN_EXE_schooner"))
        .args(["build", MODEL, "-o"])
        .arg(&library)
        .env_clear()
        .env("PATH", "")
        .current_dir(testkit::repository())
        .output()
        .unwrap();
    stdout(&output);
    (folder, library)
}

fn run(command: &mut Command) -> String {
    stdout(&command.output().unwrap())
}

#[test]
fn the_generated_example_compiles_without_a_warning_and_answers() {
    let (folder, library) = build();
    let program = folder.path().join("example");
    run(Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-std=c99"])
        .arg(folder.path().join("libfashion_example.c"))
        .arg(&library)
        .arg("-o")
        .arg(&program));
    let answer = run(Command::new(&program).arg(testkit::repository().join(PICTURE)));
    let best = answer.lines().next().unwrap_or_default();
    assert!(best.contains("Coat"), "{answer}");
}

#[test]
fn python_calls_the_library_from_several_threads() {
    let (_folder, library) = build();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library.py");
    let picture = testkit::repository().join(PICTURE);
    let answer = run(Command::new("python3").arg(script).arg(library).arg(picture));
    assert_eq!(answer.trim(), "Coat");
}

#[test]
fn a_library_answers_as_its_model_and_a_damaged_one_is_refused() {
    let (folder, library) = build();
    let path = library.to_str().unwrap();
    let answer = |model: &str| stdout(&schooner(&["run", model, "--image", PICTURE]));
    let classes = |text: String| text.lines().take(3).map(str::to_string).collect::<Vec<_>>();
    assert_eq!(classes(answer(path)), classes(answer(MODEL)));
    let whole = std::fs::read(&library).unwrap();
    let damaged = folder.path().join("damaged.so");
    let mut altered = whole.clone();
    // A byte of the weights: they lie at the end, before the table of sections.
    let at = whole.len() - whole.len() / 20;
    altered[at] ^= 1;
    for (bytes, expected) in [(&altered[..], "altered"), (&whole[..whole.len() - 9], "cut short")] {
        std::fs::write(&damaged, bytes).unwrap();
        let output = schooner(&["run", damaged.to_str().unwrap(), "--image", PICTURE]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
}

#[test]
fn a_served_model_answers_and_stops_when_asked() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_schooner"))
        .args(["serve", MODEL, "--listen", "127.0.0.1:0"])
        .current_dir(testkit::repository())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipes: Box<dyn Read> =
        Box::new(server.stdout.take().unwrap().chain(server.stderr.take().unwrap()));
    let mut lines = BufReader::new(pipes).lines().map_while(Result::ok);
    let address = lines
        .find_map(|line| Some(line.split_once("http://")?.1.split(['/', ' ']).next()?.to_string()))
        .expect("the address is printed");
    let picture = std::fs::read(testkit::repository().join(PICTURE)).unwrap();
    let mut client = TcpStream::connect(address).unwrap();
    let head = format!(
        "PUT /v1/models/fashion:predict HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        picture.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&picture).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"label\": \"Coat\""), "{answer}");
    let pid = server.id().to_string();
    run(Command::new("kill").args(["-TERM", &pid]));
    assert!(server.wait().unwrap().success(), "it ends as asked");
}

#[test]
fn bad_input_gets_its_exit_code_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_string()
    };
    let model = std::fs::read(testkit::repository().join(MODEL)).unwrap();
    let cut = file("cut.onnx", &model[..model.len() / 2]);
    let noise = file("noise.onnx", b"hello, this is no model");
    let empty = file("empty.onnx", b"");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["check", &cut], 4, "damaged"),
        (&["check", &noise], 4, "not a model"),
        (&["check", &empty], 4, "empty"),
        (&["check", "examples/fashion/fashoin.onnx"], 5, "fashion.onnx"),
        (&["run", MODEL, "--image", MODEL], 1, "image"),
        (&["run", MODEL, "--random", "--shape", "image=1x3x28x28"], 1, "expected shape"),
        (&["run", MODEL, "--no-such-flag"], 2, "--no-such-flag"),
    ];
    for (words, code, says) in cases {
        let output = schooner(words);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(*code), "{words:?}: {stderr}");
        assert!(stderr.contains(says), "{words:?}: {stderr}");
    }
}
