//! What a folder is between two looks, while somebody works in it.

use crate::support::{SUFFIXES, folder, refusals, summary, write};
use repository::{Desired, QUIET, Repository, Source};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

struct Looked {
    folder: TempDir,
    repository: Repository,
}

impl Looked {
    /// A folder that has settled.
    fn new(files: &[(&str, &str)]) -> Looked {
        let folder = folder(files);
        let source = Source::Path { path: folder.path().join("m"), name: None };
        let mut looked = Looked { folder, repository: Repository::new(source, &SUFFIXES) };
        looked.repository.poll().unwrap();
        looked.settle();
        looked
    }

    fn settle(&mut self) {
        sleep(QUIET + Duration::from_millis(50));
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Versions that are served, and the reasons against others.
    fn poll(&mut self) -> (Vec<String>, Vec<String>) {
        let desired: Desired = self.repository.poll().unwrap();
        (summary(&desired, self.root()), refusals(&desired))
    }
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

#[test]
fn a_version_whose_file_is_replaced_stays_meanwhile() {
    let mut looked = Looked::new(&[("m/1/model.onnx", "one")]);
    let served = (lines(&["m: 1 m/1/model.onnx"]), Vec::new());
    assert_eq!(looked.poll(), served);
    fs::remove_file(looked.root().join("m/1/model.onnx")).unwrap();
    assert_eq!(looked.poll(), served, "its file is about to come back");
    write(looked.root(), "m/1/net.so", b"another");
    assert_eq!(looked.poll(), served, "it may still be written");
    looked.settle();
    assert_eq!(looked.poll(), (lines(&["m: 1 m/1/net.so"]), Vec::new()));
    // Who takes the file away for good means it.
    fs::remove_file(looked.root().join("m/1/net.so")).unwrap();
    looked.poll();
    looked.settle();
    let (versions, reasons) = looked.poll();
    assert_eq!(versions, ["m: "]);
    assert!(reasons[0].contains("found an empty folder"), "{reasons:?}");
}

#[test]
fn a_folder_that_cannot_be_looked_at_is_refused_and_stays() {
    let mut looked = Looked::new(&[("m/1/model.onnx", ""), ("m/2/model.onnx", "")]);
    assert_eq!(looked.poll().0, ["m: 2 m/2/model.onnx"]);
    fs::create_dir_all(looked.root().join("m/2/a/b/c/d/e/f/g/h/i")).unwrap();
    let (versions, reasons) = looked.poll();
    assert_eq!(versions, ["m: 2 m/2/model.onnx"]);
    assert!(reasons[0].contains("expected one model, found over 8 levels"), "{reasons:?}");
}

#[test]
fn older_versions_are_spare() {
    let mut looked =
        Looked::new(&[("m/1/model.onnx", ""), ("m/2/model.onnx", ""), ("m/3/x.txt", "")]);
    let spare: Vec<u64> = {
        let desired = looked.repository.poll().unwrap();
        desired.models[0].spare.iter().map(|version| version.number).collect()
    };
    assert_eq!(spare, [1]);
}

#[test]
fn what_lies_beside_versions_changes_nothing_or_is_refused() {
    let mut looked = Looked::new(&[("m/1/model.onnx", "")]);
    write(looked.root(), "m/2.partial/model.onnx", b"");
    write(looked.root(), "m/README.md", b"");
    assert_eq!(looked.poll(), (lines(&["m: 1 m/1/model.onnx"]), Vec::new()));
    write(looked.root(), "m/stray.onnx", b"");
    let reason = looked.repository.poll().unwrap_err().reason;
    let expected = "expected model files or folders of versions, found both: stray.onnx and 1; \
                    move one away";
    assert_eq!(reason, expected);
}

#[test]
fn a_model_whose_only_version_is_replaced_by_another_is_never_without_one() {
    let mut looked = Looked::new(&[("m/1/model.onnx", ""), ("m/README.md", "")]);
    assert_eq!(looked.poll().0, ["m: 1 m/1/model.onnx"]);
    fs::remove_dir_all(looked.root().join("m/1")).unwrap();
    write(looked.root(), "m/2/model.onnx", b"half");
    assert_eq!(looked.poll().0, ["m: 1 m/1/model.onnx"], "its successor is being written");
    sleep(QUIET / 2);
    write(looked.root(), "m/2/model.onnx", b"whole");
    assert_eq!(looked.poll().0, ["m: 1 m/1/model.onnx"]);
    sleep(QUIET * 3 / 4);
    assert_eq!(looked.poll().0, ["m: 1 m/1/model.onnx"], "for as long as that takes");
    looked.settle();
    assert_eq!(looked.poll().0, ["m: 2 m/2/model.onnx"]);
}

#[test]
fn a_model_ends_when_it_has_been_gone_for_a_while() {
    let mut looked = Looked::new(&[("m/a/1/model.onnx", ""), ("m/b/1/model.onnx", "")]);
    let both = ["a: 1 m/a/1/model.onnx", "b: 1 m/b/1/model.onnx"];
    assert_eq!(looked.poll().0, both);
    fs::rename(looked.root().join("m/a"), looked.root().join("aside")).unwrap();
    assert_eq!(looked.poll().0, both);
    fs::rename(looked.root().join("aside"), looked.root().join("m/a")).unwrap();
    assert_eq!(looked.poll().0, both);
    fs::remove_dir_all(looked.root().join("m/a")).unwrap();
    looked.settle();
    assert_eq!(looked.poll().0, both[1..]);
}
