//! A built library called from C and from Python.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{fashion, folder, schooner};

const PICTURE: &str = "samples/109_Coat.jpg";

/// Builds the library with no tool within reach, into a folder of its own.
fn build(name: &str) -> PathBuf {
    let library = folder(name).join("libfashion.so");
    let mut command = schooner(&["build", &fashion("fashion.onnx"), "-o"]);
    run(command.arg(&library).env_clear().env("PATH", ""));
    library
}

/// What a program that ends well says on stdout.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {:?}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_generated_example_compiles_without_a_warning_and_answers() {
    let library = build("from_c");
    let program = library.with_file_name("example");
    run(Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-std=c99"])
        .arg(library.with_file_name("libfashion_example.c"))
        .arg(&library)
        .arg("-o")
        .arg(&program));
    let answer = run(Command::new(&program).arg(fashion(PICTURE)));
    let best = answer.lines().next().unwrap_or_default();
    assert!(best.contains("Coat"), "{answer}");
}

#[test]
fn python_calls_the_library_from_several_threads() {
    let library = build("from_python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/library.py");
    let answer = run(Command::new("python3").arg(script).arg(library).arg(fashion(PICTURE)));
    assert_eq!(answer.trim(), "Coat");
}

#[test]
fn an_instruction_set_that_cannot_be_had_is_an_error_in_c_too() {
    let library = build("isa");
    let program = library.with_file_name("example");
    let source = library.with_file_name("libfashion_example.c");
    run(Command::new("cc").arg(source).arg(&library).arg("-o").arg(&program));
    let output =
        Command::new(&program).arg(fashion(PICTURE)).env("SCHOONER_ISA", "avx3").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("found `avx3`"), "{stderr}");
}
