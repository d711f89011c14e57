//! Models of scikit-learn that take or give text, as they are exported, served to the end: what
//! ONNX Runtime answers to the same rows lies beside them (`suites/goldens/text.py`).

use crate::client::{Client, ask};
use crate::support::{Server, check, folder, word};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tensor::DType;

/// The folders of the models.
fn cases() -> Vec<PathBuf> {
    let folder = testkit::repository().join("suites/goldens/text");
    let cases = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = cases.collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

fn name(case: &Path) -> &str {
    case.file_name().unwrap().to_str().unwrap()
}

/// A folder with all models under their names.
fn models(to: &str) -> PathBuf {
    let root = folder(to);
    for case in cases() {
        fs::copy(case.join("model.onnx"), root.join(format!("{}.onnx", name(&case)))).unwrap();
    }
    root
}

/// The values of one side of a case, in order, as nested lists.
fn side(case: &Path, side: &str) -> Vec<Value> {
    let file = |at: usize| {
        let files = ["", "_of_maps"].map(|kind| case.join(format!("{side}_{at}{kind}.pb")));
        files.into_iter().find(|file| file.exists())
    };
    (0..)
        .map_while(file)
        .map(|file| {
            let (_, value) = import::onnx::import_tensor(fs::read(file).unwrap().into()).unwrap();
            let elements = match value.dtype() {
                DType::String => value.text().unwrap().elements().map(|x| json!(x)).collect(),
                DType::I64 => value.as_slice::<i64>().unwrap().iter().map(|x| json!(x)).collect(),
                _ => value.as_slice::<f32>().unwrap().iter().map(|x| json!(x)).collect(),
            };
            nested(elements, value.shape())
        })
        .collect()
}

fn nested(elements: Vec<Value>, shape: &[usize]) -> Value {
    match shape {
        [] | [_] => Value::Array(elements),
        [_, inner @ ..] => {
            let size: usize = inner.iter().product();
            elements.chunks(size).map(|row| nested(row.to_vec(), inner)).collect()
        }
    }
}

/// Text and integers as they are, floats to four digits.
#[track_caller]
fn check_same(case: &str, found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) if found.len() == expected.len() => {
            found.iter().zip(expected).for_each(|(f, e)| check_same(case, f, e));
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() <= 1e-5 + 1e-4 * b.abs(), "{case}: {a}, expected {b}");
        }
        _ => assert_eq!(found, expected, "{case}"),
    }
}

/// The inputs and outputs of a model, by name.
fn ports(server: &Server, case: &str) -> [Vec<String>; 2] {
    let reply = ask(&server.address, "GET", &format!("/v2/models/{case}"), "").unwrap();
    let about: Value = serde_json::from_str(&reply.body).unwrap();
    ["inputs", "outputs"].map(|side| {
        let ports = about[side].as_array().unwrap();
        ports.iter().map(|port| port["name"].as_str().unwrap().to_string()).collect()
    })
}

/// What a model answers to columns.
fn predict(server: &Server, case: &str, inputs: &[String], columns: &[Value]) -> Value {
    let columns = inputs.iter().cloned().zip(columns.iter().cloned());
    let body = json!({ "inputs": serde_json::Map::from_iter(columns) }).to_string();
    let path = format!("/v1/models/{case}:predict");
    let reply = ask(&server.address, "POST", &path, &body).unwrap();
    assert_eq!(reply.status, 200, "{case}: {}", reply.body);
    serde_json::from_str::<Value>(&reply.body).unwrap()["outputs"].take()
}

/// The output of this name among several, or the only one.
fn output<'a>(outputs: &'a Value, names: &[String], at: usize) -> &'a Value {
    if names.len() == 1 { outputs } else { &outputs[&names[at]] }
}

#[test]
fn exported_models_answer_as_onnx_runtime() {
    let root = models("serving-text");
    let server = Server::start(&[word(&root)]);
    for case in cases() {
        let (columns, expected) = (side(&case, "input"), side(&case, "output"));
        let case = name(&case);
        let [inputs, outputs] = ports(&server, case);
        let answered = predict(&server, case, &inputs, &columns);
        assert_eq!(outputs.len(), expected.len(), "{case}");
        for (at, expected) in expected.iter().enumerate() {
            check_same(case, output(&answered, &outputs, at), expected);
        }
        // Each row alone is answered as among others.
        for row in 0..columns[0].as_array().unwrap().len() {
            let one: Vec<Value> = columns.iter().map(|column| json!([column[row]])).collect();
            let alone = predict(&server, case, &inputs, &one);
            for at in 0..outputs.len() {
                let among = &output(&answered, &outputs, at)[row];
                assert_eq!(&output(&alone, &outputs, at)[0], among, "{case} row {row}");
            }
        }
    }
}

#[test]
fn classes_have_the_names_that_the_model_gives_them() {
    let root = folder("serving-text-classes");
    let case = testkit::repository().join("suites/goldens/text/logistic_zipmap");
    let model = case.join("model.onnx");
    fs::copy(&model, root.join("a.onnx")).unwrap();
    check(&["build", word(&model), "-o", word(&root.join("b.so"))], 0);
    let server = Server::start(&[word(&root)]);
    let row = side(&case, "input").remove(0)[0].take();
    for model in ["a", "b"] {
        let body = json!({ "examples": [{ "X": row }] }).to_string();
        let path = format!("/v1/models/{model}:classify");
        let reply = ask(&server.address, "POST", &path, &body).unwrap();
        let reply: Value = serde_json::from_str(&reply.body).unwrap();
        let names: Vec<&Value> =
            reply["results"][0].as_array().unwrap().iter().map(|pair| &pair[0]).collect();
        assert_eq!(names, ["setosa", "versicolor", "virginica"], "{reply}");
    }
}

#[test]
fn rows_of_text_that_run_together_are_answered_as_alone() {
    let root = folder("serving-text-batches");
    let case = testkit::repository().join("suites/goldens/text/tfidf_zipmap");
    fs::copy(case.join("model.onnx"), root.join("m.onnx")).unwrap();
    let flags = ["--max-batch", "8", "--batch-delay", "2"];
    let server = Server::start(&[&[word(&root)][..], &flags].concat());
    let sentences: Vec<Value> = side(&case, "input").remove(0).as_array().unwrap().clone();
    // Small requests of quick models are answered where they are received, one by one.
    let padding = " ".repeat(5000);
    let body = |sentence: &Value| format!("{padding}{}", json!({ "instances": [sentence] }));
    let ask_all = |client: &mut Client, first: usize| -> Vec<String> {
        let turned = (0..sentences.len()).map(|at| (first + at) % sentences.len());
        let mut answers: Vec<(usize, String)> = turned
            .map(|at| {
                let path = "/v1/models/m:predict";
                let reply = client.ask("POST", path, &body(&sentences[at])).unwrap();
                assert_eq!(reply.status, 200, "{}", reply.body);
                (at, reply.body)
            })
            .collect();
        answers.sort();
        answers.into_iter().map(|(_, answer)| answer).collect()
    };
    let alone = ask_all(&mut Client::connect(&server.address).unwrap(), 0);
    std::thread::scope(|scope| {
        for first in 0..8 {
            let (server, alone, ask_all) = (&server, &alone, &ask_all);
            scope.spawn(move || {
                let mut client = Client::connect(&server.address).unwrap();
                for round in 0..20 {
                    assert_eq!(&ask_all(&mut client, first + round), alone);
                }
            });
        }
    });
    let metrics = ask(&server.address, "GET", "/v2/models/m/stats", "").unwrap().body;
    let stats: Value = serde_json::from_str(&metrics).unwrap();
    let batches = stats["model_stats"][0]["batch_stats"].as_array().unwrap();
    assert!(batches.iter().any(|batch| batch["batch_size"] != 1), "{metrics}");
}

#[test]
fn built_models_of_text_are_tested_and_served() {
    let root = folder("serving-text-built");
    let case = testkit::repository().join("suites/goldens/text/tfidf_zipmap");
    let model = case.join("model.onnx");
    for file in ["a.so", "b.schooner"] {
        check(&["build", word(&model), "-o", word(&root.join(file))], 0);
    }
    let server = Server::start(&[word(&root)]);
    let (columns, expected) = (side(&case, "input"), side(&case, "output"));
    for built in ["a", "b"] {
        let [inputs, outputs] = ports(&server, built);
        let answered = predict(&server, built, &inputs, &columns);
        check_same(built, output(&answered, &outputs, 0), &expected[0]);
    }
}

#[test]
fn text_is_run_and_written() {
    let root = folder("run-text");
    let case = testkit::repository().join("suites/goldens/text/tfidf_zipmap");
    let model = case.join("model.onnx");
    let input = format!("text={}", word(&case.join("input_0.pb")));
    let file = root.join("label.npy");
    let output = format!("output_label={}", word(&file));
    let words = ["run", word(&model), "--input", &input, "--output", &output, "--json"];
    let (stdout, _) = check(&words, 0);
    let answer: Value = serde_json::from_str(&stdout).unwrap();
    let expected = side(&case, "output");
    check_same("run", &answer["outputs"][0]["first"], &expected[0]);
    // What was written is read again.
    assert!(String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("'descr': '<U4'"));
    let (stdout, _) = check(&["check", word(&model), "--compare"], 0);
    assert!(stdout.contains("output_label"), "{stdout}");
}
