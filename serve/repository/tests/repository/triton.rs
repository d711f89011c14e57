use crate::support::{folder, refusals, settled, summary};
use repository::{Batching, Classes, Policy, Priorities, QueuePolicy, Source};
use std::time::Duration;

const FULL: &str = r#"
name: "full"
platform: "onnxruntime_onnx"
max_batch_size: 32
input [ { name: "x" data_type: TYPE_FP32 dims: [ 3, 224, 224 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "labels.txt" } ]
version_policy: { latest { num_versions: 2 } }
dynamic_batching { preferred_batch_size: [ 8, 4 ] max_queue_delay_microseconds: 100
  priority_levels: 3 default_priority_level: 2
  default_queue_policy { max_queue_size: 9 default_timeout_microseconds: 500 timeout_action: DELAY }
  priority_queue_policy [ { key: 3 value { max_queue_size: 4 default_timeout_microseconds: 700 } } ]
  preserve_ordering: true }
instance_group [ { count: 2 kind: KIND_CPU }, { kind: KIND_CPU } ]
default_model_filename: "net.onnx"
optimization { graph { level: 1 } }
model_warmup [ { name: "zeros" batch_size: 1 } ]
"#;

#[test]
fn a_repository_is_read() {
    let folder = folder(&[
        ("full/config.pbtxt", FULL),
        ("full/labels.txt", "cat\n"),
        ("full/1/net.onnx", ""),
        ("full/2/net.onnx", ""),
        ("full/3/net.onnx", ""),
        ("full/3/other.onnx", ""),
        ("full/04/net.onnx", ""),
        ("bare/1/model.onnx", ""),
        ("bare/2/libbare.so", ""),
        ("no_model/notes.txt", ""),
        ("README.md", ""),
    ]);
    let desired = settled(Source::Triton(folder.path().to_path_buf())).unwrap();
    assert_eq!(
        summary(&desired, folder.path()),
        ["bare: 2 bare/2/libbare.so", "full: 2 full/2/net.onnx, 3 full/3/net.onnx"]
    );
    let full = &desired.models[1];
    assert_eq!(full.policy, Policy::Latest(2));
    let max_delay = Duration::from_micros(100);
    let batching = Batching { max_rows: 32, preferred: vec![4, 8], max_delay };
    assert_eq!(full.batching, Some(batching));
    assert_eq!(full.classes, Classes::File(folder.path().join("full/labels.txt")));
    assert_eq!(full.instance_count, Some(3));
    assert_eq!(full.warmups, ["zeros"]);
    assert_eq!(desired.refused, []);
    let ignored: Vec<&str> = desired.ignored.iter().map(|i| i.setting.as_str()).collect();
    assert_eq!(ignored, ["optimization", "preserve_ordering"]);
    let all = QueuePolicy { max_length: 9, max_wait: None };
    let last = QueuePolicy { max_length: 4, max_wait: Some(Duration::from_micros(700)) };
    let by_level = [(3, last)].into();
    let priorities = Priorities { levels: 3, default_level: 2, queue: all, by_level };
    assert_eq!(full.priorities, priorities);
}

#[test]
fn what_changes_the_meaning_is_refused_by_name() {
    let models = [
        ("decoupled", "model_transaction_policy { decoupled: true }"),
        ("ensemble", "platform: 'ensemble'"),
        ("ensemble2", "ensemble_scheduling { step [ { model_name: 'a' } ] }"),
        ("escaping", "default_model_filename: '../../x.onnx'"),
        ("named", "name: 'other'"),
        ("python", "backend: 'python'"),
        ("ragged", "input { name: 'x' allow_ragged_batch: true }"),
        ("reshaped", "input {\n name: 'x' reshape { shape: [] } }"),
        ("sequence", "sequence_batching { direct {} }"),
        ("syntax", "max_batch_size 7"),
    ];
    let folder = folder(&[]);
    for (name, config) in models {
        let file = if name == "python" { "model.py" } else { "model.onnx" };
        crate::support::write(folder.path(), &format!("{name}/config.pbtxt"), config.as_bytes());
        crate::support::write(folder.path(), &format!("{name}/1/{file}"), b"");
    }
    let desired = settled(Source::Triton(folder.path().to_path_buf())).unwrap();
    let served: Vec<&str> =
        desired.models.iter().filter(|m| !m.versions.is_empty()).map(|m| &*m.name).collect();
    assert_eq!(served, [""; 0]);
    let python = folder.path().join("python/1").display().to_string();
    assert_eq!(
        refusals(&desired),
        [
            "decoupled: decoupled is not served: each request has exactly one answer",
            "ensemble: ensemble_scheduling is not served; serve its models one by one",
            "ensemble2: ensemble_scheduling is not served; serve its models one by one",
            "escaping: line 1: expected the name of a file in the model's folder, found \
             ../../x.onnx",
            "named: expected the folder's name named in `name`, found other",
            &format!(
                "python: models of the backend python are not read; {python}: expected a model \
                 file (.onnx .schooner .so), found model.py; export the model to ONNX or build it"
            ),
            "ragged: allow_ragged_batch is not served: the requests of a batch must have the \
             same shape",
            "reshaped: line 2: reshape is not served: requests must have the model's own shapes",
            "sequence: sequence_batching is not served: no state is kept between requests",
            "syntax: line 1: expected `:` or `{` after the field max_batch_size, found `7`",
        ]
    );
}
