use crate::support::{SUFFIXES, folder, manifest, summary};
use repository::{QUIET, Repository, Source};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Long enough for everything that was written before.
const SETTLED: Duration = QUIET.saturating_add(Duration::from_millis(50));

fn check(path: &Path, name: Option<&str>, root: &Path, expected: Result<&[&str], &str>) {
    let source = Source::Path { path: path.to_path_buf(), name: name.map(str::to_string) };
    let found = Repository::new(source, &SUFFIXES).poll();
    let found = found.map(|desired| summary(&desired, root));
    let found = found.map_err(|error| error.reason);
    let expected = expected.map(|lines| lines.iter().map(ToString::to_string).collect());
    assert_eq!(found, expected.map_err(str::to_string), "{}", path.display());
}

#[test]
fn what_a_path_is_its_content_tells() {
    let folder = folder(&[
        ("single/net.onnx", ""),
        ("several/a.onnx", ""),
        ("several/libb.so", ""),
        ("several/README.md", ""),
        ("several/.hidden.onnx", ""),
        ("base/1/model.onnx", ""),
        ("base/2/model.onnx", ""),
        ("repository/m/1/model.onnx", ""),
        ("repository/n/config.pbtxt", ""),
        ("repository/n/1/model.onnx", ""),
        ("unpacked/MAR-INF/MANIFEST.json", &manifest("u", "2.0", "u.onnx")),
        ("unpacked/u.onnx", ""),
        ("nothing/data/x.csv", ""),
    ]);
    sleep(SETTLED);
    let root = folder.path();
    let at = |name: &str| root.join(name);
    check(&at("single/net.onnx"), None, root, Ok(&["net: 1 single/net.onnx"]));
    // KServe's layout: a file of any name, the service's name for the model.
    check(&at("single"), Some("m"), root, Ok(&["m: 1 single/net.onnx"]));
    check(&at("several"), None, root, Ok(&["a: 1 several/a.onnx", "b: 1 several/libb.so"]));
    let text = "expected one model to be called m, found several";
    check(&at("several"), Some("m"), root, Err(text));
    check(&at("base"), None, root, Ok(&["base: 2 base/2/model.onnx"]));
    check(&at("base"), Some("m"), root, Ok(&["m: 2 base/2/model.onnx"]));
    let both = ["m: 1 repository/m/1/model.onnx", "n: 1 repository/n/1/model.onnx"];
    check(&at("repository"), None, root, Ok(&both));
    check(&at("unpacked"), None, root, Ok(&["u: 2 unpacked/u.onnx"]));
    let text = "expected models (.onnx .schooner .so .mar), or folders of versions; found none";
    check(&at("nothing"), None, root, Err(text));
    let text = "cannot be read: No such file or directory (os error 2)";
    check(&at("missing"), None, root, Err(text));
}

/// Kubernetes mounts a ConfigMap or volume as links to a hidden folder.
#[cfg(unix)]
#[test]
fn links_of_kubernetes_are_followed() {
    let folder = folder(&[("..2026_11_30/model.onnx", "")]);
    std::os::unix::fs::symlink("..2026_11_30", folder.path().join("..data")).unwrap();
    std::os::unix::fs::symlink("..data/model.onnx", folder.path().join("model.onnx")).unwrap();
    sleep(SETTLED);
    check(folder.path(), Some("m"), folder.path(), Ok(&["m: 1 model.onnx"]));
}
