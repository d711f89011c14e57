use crate::support::{folder, refusals, settled, summary, write};
use repository::{Batching, ModelConfig, Policy, Repository, Source};
use std::collections::BTreeMap;
use std::time::Duration;

const CONFIG: &str = r#"
model_config_list: {
  config: {
    name: "first",
    base_path: "models/first"   # relative: beside this file
    model_platform: "tensorflow",
    model_version_policy: { specific: { versions: 1 versions: 3 } }
    version_labels { key: 'stable' value: 1 }
    version_labels { key: 'canary' value: 3 }
  },
  config <
    name: 'second' base_path: 'models/second'
    model_version_policy { latest { num_versions: 2 } }
  >
  config {
    name: 'third' base_path: 'models/third' model_version_policy { all {} }
    logging_config {}
  }
  config { name: 'remote' base_path: 's3://bucket/x' }
  config { name: 'later' base_path: 'models/later' model_platform: 'other' }
}
"#;

#[test]
fn a_models_config_is_read() {
    let folder = folder(&[
        ("models.config", CONFIG),
        ("models/first/1/model.onnx", ""),
        ("models/first/2/model.onnx", ""),
        ("models/first/3/libfirst.so", ""),
        ("models/second/000007/model.onnx", ""),
        ("models/second/8/model.onnx", ""),
        ("models/second/9/model.onnx", ""),
        ("models/second/1.5/model.onnx", ""),
        ("models/second/notes/model.onnx", ""),
        ("models/third/1/saved_model.pb", ""),
        ("models/third/2/model.schooner", ""),
        ("models/later/1/model.onnx", ""),
    ]);
    let desired = settled(Source::ModelsConfig(folder.path().join("models.config"))).unwrap();
    assert_eq!(
        summary(&desired, folder.path()),
        [
            "first: 1 models/first/1/model.onnx, 3 models/first/3/libfirst.so",
            "later: ",
            "remote: ",
            "second: 8 models/second/8/model.onnx, 9 models/second/9/model.onnx",
            "third: 2 models/third/2/model.schooner",
        ]
    );
    assert_eq!(desired.models[0].labels.get("canary"), Some(&3));
    assert_eq!(desired.models[0].policy, Policy::Specific(vec![1, 3]));
    let third = folder.path().join("models/third/1").display().to_string();
    assert_eq!(
        refusals(&desired),
        [
            "later: expected model_platform \"tensorflow\", found \"other\"".to_string(),
            "remote: expected a folder of this machine, found s3://; copy it here".to_string(),
            format!(
                "third: {third}: expected a model file (.onnx .schooner .so), found \
                 saved_model.pb; export the model to ONNX or build it"
            ),
        ]
    );
    let ignored: Vec<(usize, &str)> =
        desired.ignored.iter().map(|i| (i.line, i.setting.as_str())).collect();
    assert_eq!(ignored, [(17, "logging_config")]);
}

#[test]
fn a_bad_models_config_is_refused_as_a_whole() {
    for (text, expected) in [
        ("model_config_list { config { name: 'a' } }", "1: expected the field base_path"),
        ("model_config_list {\nconfig { base_path: 'a' } }", "2: expected the field name"),
        ("custom_model_config { }", "1: expected model_config_list { … }, found custom_"),
        (
            "model_config_list { config { name: 'a' base_path: 'a' }\n config { name: 'a' \
             base_path: 'b' } }",
            "2: there is a model `a` already",
        ),
        ("model_config_list {", "1: the message that begins here has no closing `}`"),
        (
            "model_config_list { config { name: 'a' base_path: 'a' model_version_policy { \
             specific {} } } }",
            "1: specific: expected at least one of versions",
        ),
    ] {
        let folder = folder(&[("models.config", text)]);
        let file = folder.path().join("models.config");
        let mut repository = Repository::new(Source::ModelsConfig(file.clone()), &[".onnx"]);
        let error = repository.poll().unwrap_err().to_string();
        let expected = format!("{}:{expected}", file.display());
        assert!(error.starts_with(&expected), "{error}\nis not\n{expected}");
    }
}

fn config(name: &str, base_path: &str) -> ModelConfig {
    let labels = BTreeMap::from([("stable".to_string(), 2)]);
    let [name, base_path, platform] = [name, base_path, "tensorflow"].map(str::to_string);
    ModelConfig { name, base_path, platform, policy: Policy::All, labels }
}

#[test]
fn models_that_no_file_lists_are_found_as_well() {
    let folder = folder(&[("m/1/model.onnx", ""), ("m/2/model.onnx", "")]);
    let base = folder.path().join("m").display().to_string();
    let models =
        vec![config("a", &base), config("b", &format!("file://{base}")), config("c", "/n")];
    let desired = settled(Source::configured(models).unwrap()).unwrap();
    let both = "1 m/1/model.onnx, 2 m/2/model.onnx";
    let lines = [format!("a: {both}"), format!("b: {both}"), "c: ".to_string()];
    assert_eq!(summary(&desired, folder.path()), lines);
    assert_eq!(desired.models[0].labels.get("stable"), Some(&2));
    assert!(refusals(&desired)[0].starts_with("c: cannot be read"), "{:?}", desired.refused);
}

#[test]
fn a_list_that_cannot_be_meant_is_refused() {
    let other = ModelConfig { platform: "torch".to_string(), ..config("a", "/a") };
    let none = ModelConfig { policy: Policy::Specific(Vec::new()), ..config("a", "/a") };
    for (models, expected) in [
        (vec![config("", "/a")], "expected a name for the model in /a, found none"),
        (vec![config("a", "/a"), config("a", "/b")], "Illegal to list model a multiple times"),
        (vec![config("a", "a/b")], "Expected model a to have an absolute path or URI; got base_"),
        (vec![config("a", "gs://a/b")], "model a: expected a folder of this machine, found gs://"),
        (vec![other], "model a: expected model_platform \"tensorflow\", found \"torch\""),
        (vec![none], "model a: specific: expected at least one of versions"),
    ] {
        let refused = Source::configured(models).unwrap_err();
        assert!(refused.starts_with(expected), "{refused}\nis not\n{expected}");
    }
}

#[test]
fn batching_parameters_are_read() {
    let folder = folder(&[
        (
            "batching.config",
            "max_batch_size { value: 64 }\nbatch_timeout_micros { value: 5000 }\n\
             allowed_batch_sizes: 16 allowed_batch_sizes: 4 allowed_batch_sizes: 100\n\
             num_batch_threads { value: 2 }",
        ),
        ("m/1/model.onnx", ""),
    ]);
    let source = Source::Path { path: folder.path().join("m"), name: None };
    let mut repository = Repository::new(source, &[".onnx"])
        .with_batching_parameters(folder.path().join("batching.config"));
    let desired = repository.poll().unwrap();
    let max_delay = Duration::from_millis(5);
    let batching = Batching { max_rows: 64, preferred: vec![4, 16], max_delay };
    assert_eq!(desired.models[0].batching, Some(batching));
    assert_eq!(desired.ignored[0].setting, "num_batch_threads");
}

#[test]
fn a_version_comes_when_its_copy_is_done() {
    let folder = folder(&[("m/1/model.onnx", "one")]);
    let source = Source::Path { path: folder.path().join("m"), name: None };
    let mut repository = Repository::new(source, &[".onnx"]);
    let mut poll = |wait: u64| {
        std::thread::sleep(Duration::from_millis(wait));
        let desired = repository.poll().unwrap();
        let versions = desired.models.into_iter().flat_map(|model| model.versions);
        let versions: Vec<(u64, u64)> = versions.map(|v| (v.number, v.revision)).collect();
        (versions, desired.unsettled.len())
    };
    assert_eq!(poll(0), (vec![], 1), "it was written a moment ago");
    let (first, unsettled) = poll(1100);
    assert_eq!((first.len(), unsettled), (1, 0));
    write(folder.path(), "m/2/model.onnx", b"ha");
    assert_eq!(poll(0), (first.clone(), 1), "the old version stays");
    write(folder.path(), "m/2/model.onnx", b"half");
    assert_eq!(poll(600), (first.clone(), 1), "it grew a moment ago");
    let (second, unsettled) = poll(600);
    assert_eq!((second[0].0, second.len(), unsettled), (2, 1, 0));
    write(folder.path(), "m/2/model.onnx", b"other");
    assert_eq!(poll(0), (second.clone(), 1), "what is served stays until the new one is whole");
    let (third, _) = poll(1100);
    assert_eq!(third[0].0, 2);
    assert_ne!(third[0].1, second[0].1, "other files, another revision");
    std::fs::remove_dir_all(folder.path().join("m/2")).unwrap();
    assert_eq!(poll(0).0[0].0, 1, "what is gone is gone, and the policy takes the older one");
}
