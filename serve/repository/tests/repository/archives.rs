use crate::support::{manifest, zip};
use repository::{Archive, Limits, ModelFile};
use std::fs;
use std::path::Path;

fn suffixes() -> Vec<String> {
    vec![".onnx".to_string(), ".so".to_string()]
}

fn open(folder: &Path, bytes: &[u8]) -> Result<Archive, String> {
    let path = folder.join("m.mar");
    fs::write(&path, bytes).unwrap();
    Archive::open(&path, &suffixes(), Limits::default()).map_err(|error| error.reason)
}

#[test]
fn an_archive_is_read_and_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = zip(&[
        ("net.onnx", b"model"),
        ("net.onnx.data", b"weights"),
        ("sub/more.bin", b"more"),
        ("handler.py", b"import os"),
        ("index_to_name.json", br#"{"0": ["n1", "cat"], "1": "dog"}"#),
        ("MAR-INF/MANIFEST.json", manifest("net", "1.2", "net.onnx").as_bytes()),
    ]);
    let archive = open(folder.path(), &bytes).unwrap();
    assert_eq!((&*archive.model, &*archive.version), ("net", "1.2"));
    assert_eq!(repository::version_text(archive.number), "1.2");
    assert_eq!(archive.handler.as_deref(), Some("handler.py"));
    assert_eq!(archive.class_names, Some(vec!["cat".to_string(), "dog".to_string()]));
    assert!(matches!(archive.file(), ModelFile::Archived { member, .. } if member == "net.onnx"));
    let into = tempfile::tempdir().unwrap();
    let model = archive.unpack(into.path()).unwrap();
    assert_eq!(fs::read(&model).unwrap(), b"model");
    assert_eq!(fs::read(into.path().join("sub/more.bin")).unwrap(), b"more");
    assert!(!into.path().join("handler.py").exists(), "code stays in the archive");
    assert!(archive.unpack(into.path()).unwrap_err().reason.contains("cannot be unpacked"));
}

#[test]
fn what_cannot_be_served_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |files: &[(&str, &[u8])], expected: &str| {
        assert_eq!(open(folder.path(), &zip(files)).unwrap_err(), expected);
    };
    let fix = "export the model to ONNX and archive that file with --serialized-file";
    let place = "MAR-INF/MANIFEST.json";
    let of = |version: &str, file: &str| manifest("m", version, file).into_bytes();
    check(&[("x", b"")], "expected MAR-INF/MANIFEST.json in the archive, found none");
    check(
        &[(place, &of("1.0", "model.pt")), ("model.pt", b"")],
        &format!("serializedFile model.pt: PyTorch models are not imported yet; {fix}"),
    );
    check(
        &[(place, &of("1.0", "model.pt")), ("a.onnx", b""), ("b.onnx", b"")],
        &format!("serializedFile model.pt: expected one model to load, found several; {fix}"),
    );
    check(&[(place, &of("1.0", "m.onnx"))], "serializedFile: the archive has no m.onnx");
    check(
        &[(place, &of("beta", "m.onnx")), ("m.onnx", b"")],
        "modelVersion: expected numbers as 1.0 or 2.1.3, found beta",
    );
    check(
        &[(place, b"{\"model\": {\"modelName\": \"\"}}")],
        "modelName: expected a name, found none",
    );
    check(
        &[(place, b"{")],
        "MAR-INF/MANIFEST.json: EOF while parsing an object at line 1 column 1",
    );
    check(
        &[(place, &of("1.0", "m.onnx")), ("m.onnx", b""), ("index_to_name.json", b"7")],
        "index_to_name.json: expected an object of names by index",
    );
    let error = open(folder.path(), b"no zip").unwrap_err();
    assert!(error.starts_with("expected a model archive, which is a zip file: "), "{error}");
}

#[test]
fn the_only_model_that_can_be_loaded_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest("m", "1.0", "weights.pt");
    let files: &[(&str, &[u8])] = &[
        ("MAR-INF/MANIFEST.json", manifest.as_bytes()),
        ("weights.pt", b""),
        ("exported.onnx", b"m"),
    ];
    assert_eq!(open(folder.path(), &zip(files)).unwrap().member, "exported.onnx");
}

#[test]
fn a_bomb_is_refused_and_a_path_out_too() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest("m", "1.0", "m.onnx");
    let zeros = vec![0; 64 << 20];
    let bomb: &[(&str, &[u8])] =
        &[("MAR-INF/MANIFEST.json", manifest.as_bytes()), ("m.onnx", &zeros)];
    let archive = open(folder.path(), &zip(bomb)).unwrap();
    let into = tempfile::tempdir().unwrap();
    let error = archive.unpack(into.path()).unwrap_err().reason;
    assert!(error.contains("unpacks to more than"), "{error}");
    let written = fs::metadata(into.path().join("m.onnx")).unwrap().len();
    assert!(written < 8 << 20, "{written} bytes were written");

    let names: &[(&str, &[u8])] =
        &[("MAR-INF/MANIFEST.json", manifest.as_bytes()), ("index_to_name.json", &zeros)];
    assert!(open(folder.path(), &zip(names)).is_err());

    let escaping: &[(&str, &[u8])] = &[
        ("MAR-INF/MANIFEST.json", manifest.as_bytes()),
        ("m.onnx", b""),
        ("../escaped.txt", b"out"),
    ];
    let archive = open(folder.path(), &zip(escaping)).unwrap();
    let inner = folder.path().join("inner");
    fs::create_dir(&inner).unwrap();
    let error = archive.unpack(&inner).unwrap_err().reason;
    assert_eq!(error, "\"../escaped.txt\": expected a name inside of the archive");
    assert!(!folder.path().join("escaped.txt").exists());
}
