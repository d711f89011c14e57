//! What tests share. A dev-dependency only.
#![forbid(unsafe_code)]

mod cases;
mod expected;
pub mod onnx;
mod random;
mod requests;

pub use cases::cases;
pub use expected::{hold_to_list, reasons};
pub use random::Random;
pub use requests::{HttpRequest, http_requests};

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that names the folder of the large fixtures.
const FIXTURES: &str = "SCHOONER_FIXTURES";

/// The variable that names the folder `onnx/backend/test/data/node` of the package `onnx`.
const ONNX_NODE: &str = "SCHOONER_ONNX_NODE";

/// The variable that names the folder of models that were fetched by the name of their package.
const FETCHED: &str = "SCHOONER_FETCHED";

/// The variable that names a Python interpreter that has the clients of other servers.
const CLIENTS: &str = "SCHOONER_CLIENTS";

/// The variable that names a file to which a line is appended for each case that is skipped:
/// what a passing test prints, nobody sees.
const SKIPPED: &str = "SCHOONER_SKIPPED";

/// A file among the large fixtures. `None`, with a line on stderr that says what is skipped, when
/// `SCHOONER_FIXTURES` is not set.
///
/// # Panics
/// When the variable is set and the file is missing.
pub fn fixture(path: &str) -> Option<PathBuf> {
    file_in(FIXTURES, path)
}

fn file_in(variable: &str, path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(variable) else {
        skip(path, variable);
        return None;
    };
    let file = Path::new(&folder).join(path);
    assert!(file.exists(), "{variable} is set and {} is missing", file.display());
    Some(file)
}

/// A model that was fetched by the name of its package, as [`fixture`].
///
/// # Panics
/// When `SCHOONER_FETCHED` is set and the file is missing.
pub fn fetched(path: &str) -> Option<PathBuf> {
    file_in(FETCHED, path)
}

/// Drives a server with a client of another server: runs a script of `suites/clients`, which needs
/// this package, with these words, and requires that it prints so many lines and succeeds. Without
/// `SCHOONER_CLIENTS`, a Python interpreter that has the packages, a line on stderr says what is
/// skipped.
///
/// # Panics
/// When the variable is set and names no file, or the script fails.
pub fn drive(script: &str, package: &str, words: &[&str], lines: usize) {
    let Some(python) = std::env::var_os(CLIENTS) else {
        return skip(&format!("a Python with {package}"), CLIENTS);
    };
    assert!(Path::new(&python).exists(), "{CLIENTS} is set and names no file");
    let script = repository().join("suites/clients").join(script);
    let output = Command::new(python).arg(script).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    assert_eq!(said.lines().count(), lines, "{said}");
}

/// The folder of the ONNX project's node tests. `None`, with a line on stderr, when
/// `SCHOONER_ONNX_NODE` is not set.
///
/// # Panics
/// When the variable is set and the folder is missing.
pub fn onnx_node() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os(ONNX_NODE) else {
        skip("the folder of the ONNX node tests", ONNX_NODE);
        return None;
    };
    let folder = PathBuf::from(folder);
    assert!(folder.is_dir(), "{ONNX_NODE} is set and {} is missing", folder.display());
    Some(folder)
}

fn skip(path: &str, variable: &str) {
    eprintln!("skipped: {path} is needed, and {variable} is not set");
    let Some(list) = std::env::var_os(SKIPPED) else { return };
    let thread = std::thread::current();
    let line = format!("{}: {path} is needed\n", thread.name().unwrap_or("a test"));
    // In one write: other tests append at the same time.
    let mut file = OpenOptions::new().create(true).append(true).open(list).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Requires every element to be within `atol + rtol * |expected|` of the expected one.
///
/// # Panics
/// When one is not; the message names the worst.
pub fn assert_close(what: &str, actual: &[f32], expected: &[f32], rtol: f32, atol: f32) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of elements");
    let excess = |(a, e): (&f32, &f32)| {
        let excess = (a - e).abs() - (atol + rtol * e.abs());
        if excess.is_nan() { f32::INFINITY } else { excess }
    };
    let all = actual.iter().zip(expected).map(excess).enumerate();
    if let Some((at, worst)) = all.max_by(|a, b| a.1.total_cmp(&b.1)) {
        assert!(worst <= 0.0, "{what}: element {at} is {}, expected {}", actual[at], expected[at]);
    }
}
