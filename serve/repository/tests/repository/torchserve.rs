use crate::support::{manifest, refusals, settled, settled_path, summary, write, zip};
use repository::{Batching, Classes, Properties, Source};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn archive(store: &Path, name: &str, version: &str, file: &str) {
    let manifest = manifest(name, version, file);
    let files: &[(&str, &[u8])] = &[
        ("MAR-INF/MANIFEST.json", manifest.as_bytes()),
        (file, b""),
        ("index_to_name.json", b"{\"0\": \"cat\"}"),
    ];
    write(store, &format!("{name}-{version}.mar"), &zip(files));
}

fn store() -> TempDir {
    let store = tempfile::tempdir().unwrap();
    archive(store.path(), "noop", "1.0", "noop.onnx");
    archive(store.path(), "noop", "2.0", "noop.onnx");
    archive(store.path(), "torch", "1.0", "model.pt");
    store
}

#[test]
fn a_store_is_read() {
    let store = store();
    let expected = ["noop: 1 noop-1.0.mar, 2 noop-2.0.mar", "torch-1.0: "];
    for desired in [
        settled(Source::TorchServe(Properties::of_store(store.path().into()))).unwrap(),
        settled_path(store.path(), None).unwrap(),
    ] {
        assert_eq!(summary(&desired, store.path()), expected);
        assert_eq!(desired.models[0].classes, Classes::Names(vec!["cat".to_string()]));
        assert_eq!(
            refusals(&desired),
            ["torch-1.0: serializedFile model.pt: PyTorch models are not imported yet; export \
              the model to ONNX and archive that file with --serialized-file"]
        );
    }
}

#[test]
fn properties_say_what_to_load_and_how() {
    let store = store();
    let text = "inference_address=http://0.0.0.0:8080\nmodel_store=.\n\
                load_models=noop-1.0.mar,second=noop-2.0.mar,gone.mar\njob_queue_size=10\n\
                enable_model_api=true\nnumber_of_netty_threads=4\n\
                models={\\\n  \"second\": {\\\n    \"2.0\": {\"defaultVersion\": true, \
                \"marName\": \"x.mar\", \"batchSize\": 4, \"maxBatchDelay\": 20, \
                \"minWorkers\": 2}}}\n";
    write(store.path(), "config.properties", text.as_bytes());
    let properties = Properties::read(&store.path().join("config.properties")).unwrap();
    assert_eq!(properties.inference_address.as_deref(), Some("http://0.0.0.0:8080"));
    assert_eq!((properties.job_queue_size, properties.enable_model_api), (Some(10), true));
    let desired = settled(Source::TorchServe(properties)).unwrap();
    let store = store.path();
    assert_eq!(summary(&desired, store), ["noop: 1 noop-1.0.mar", "second: 2 noop-2.0.mar"]);
    let second = &desired.models[1];
    let max_delay = Duration::from_millis(20);
    assert_eq!(second.batching, Some(Batching { max_rows: 4, preferred: vec![], max_delay }));
    assert_eq!((second.default_version, second.instance_count), (Some(2), Some(2)));
    assert_eq!(refusals(&desired), ["gone.mar: expected a model archive, found none"]);
    assert_eq!(desired.ignored[0].setting, "number_of_netty_threads");
}

#[test]
fn a_snapshot_is_what_was_served() {
    let store = store();
    let text = "model_store=.\nmodel_snapshot={\"name\": \"last.cfg\", \
                \"modelCount\": 1, \"models\": {\"noop\": {\"1.0\": {\"defaultVersion\": true, \
                \"marName\": \"noop-1.0.mar\", \"minWorkers\": 1}}}}\nload_models=all\n";
    write(store.path(), "config.properties", text.as_bytes());
    let properties = Properties::read(&store.path().join("config.properties")).unwrap();
    let desired = settled(Source::TorchServe(properties)).unwrap();
    assert_eq!(summary(&desired, store.path()), ["noop: 1 noop-1.0.mar"]);
}

#[test]
fn bad_properties_are_refused_with_their_line() {
    let store = store();
    for (text, expected) in [
        ("\njob_queue_size=x", ":2: job_queue_size: expected a number, found x"),
        (
            "load_models=../x.mar",
            ":1: load_models: expected the name of a file in the model store, found ../x.mar",
        ),
        ("models={", ":1: models: EOF while parsing an object at line 1 column 1"),
    ] {
        write(store.path(), "config.properties", text.as_bytes());
        let error = Properties::read(&store.path().join("config.properties")).unwrap_err();
        assert!(error.to_string().ends_with(expected), "{error}");
    }
}
