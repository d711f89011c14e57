//! Triton's extensions: shared memory, statistics, settings, and models that come and go.

use crate::support::{Response, Server};
use listen::Options;
use repository::{Classes, ModelFile, Priorities};
use servables::{echo, half_plus_two, model, n, port};
use server::{Catalog, Control, Limits, LoadError, Loader, Repository, Servable, Source, Wanted};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tensor::DType;

fn post(server: &Server, path: &str, body: &str) -> Response {
    server.send("POST", path, &[], body.as_bytes())
}

#[track_caller]
fn check(response: &Response, expected: &str) {
    assert_eq!((response.status, response.text()), (200, expected));
}

#[track_caller]
fn check_refused(response: &Response, status: u16, expected: &str) {
    assert_eq!((response.status, response.error().as_str()), (status, expected));
}

/// Shared memory that is removed at the end.
struct Memory(PathBuf);

impl Memory {
    fn new(name: &str, bytes: &[u8]) -> Memory {
        let path = Path::new("/dev/shm").join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Memory(path)
    }

    fn key(&self) -> &str {
        self.0.file_name().unwrap().to_str().unwrap()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn tensors_pass_through_shared_memory() {
    let limits = Limits { shares_memory: true, ..Limits::default() };
    let server = Server::with(limits, Options::default(), vec![half_plus_two()]);
    let memory = Memory::new("schooner-http", &floats(&[1.0, 2.0, 0.0, 0.0]));
    let path = "/v2/systemsharedmemory/region/r/register";
    let key = memory.key();
    let register = format!(r#"{{"key":"/{key}","byte_size":16}}"#);
    check(&post(&server, path, &register), "");
    let text = "shared memory region 'r' already in manager";
    check_refused(&post(&server, path, &register), 409, text);
    let status = format!(r#"[{{"name":"r","key":"/{key}","offset":0,"byte_size":16}}]"#);
    check(&server.get("/v2/systemsharedmemory/status"), &status);
    check(&server.get("/v2/systemsharedmemory/region/r/status"), &status);
    let place = |offset: usize, size: usize| {
        let fields = [
            r#""shared_memory_region":"r""#.to_string(),
            format!(r#""shared_memory_offset":{offset}"#),
            format!(r#""shared_memory_byte_size":{size}"#),
        ];
        format!(r#""parameters":{{{}}}"#, fields.join(","))
    };
    let infer = |input: &str, output: &str| {
        let input = format!(r#"{{"name":"x","shape":[2],"datatype":"FP32",{input}}}"#);
        let output = format!(r#"{{"name":"y",{output}}}"#);
        let body = format!(r#"{{"inputs":[{input}],"outputs":[{output}]}}"#);
        post(&server, "/v2/models/half_plus_two/infer", &body)
    };
    let outputs = r#""outputs":[{"name":"y","datatype":"FP32","shape":[2]}]"#;
    let expected = format!(r#"{{"model_name":"half_plus_two","model_version":"1",{outputs}}}"#);
    check(&infer(&place(0, 8), &place(8, 8)), &expected);
    assert_eq!(std::fs::read(&memory.0).unwrap(), floats(&[1.0, 2.0, 2.5, 3.0]));
    let text = "shared memory size specified with the request for output 'y' (4 bytes) should be \
                at least 8 bytes";
    check_refused(&infer(&place(0, 8), &place(8, 4)), 400, text);
    let text = "Invalid offset + byte size for shared memory region: 'r'";
    check_refused(&infer(&place(12, 8), &place(8, 8)), 400, text);
    check(&post(&server, "/v2/systemsharedmemory/region/r/unregister", ""), "");
    let text = "Unable to find shared memory region: 'r'";
    check_refused(&infer(&place(0, 8), &place(8, 8)), 404, text);
    check(&server.get("/v2/systemsharedmemory/status"), "[]");
}

#[test]
fn memory_that_cannot_be_shared_is_refused() {
    let server = Server::start();
    let path = "/v2/systemsharedmemory/region/r/register";
    let text = "this server shares no memory; start it with --shared-memory";
    check_refused(&post(&server, path, r#"{"key":"k","byte_size":1}"#), 403, text);
    check(&server.get("/v2/systemsharedmemory/status"), "[]");
    let text = "Shared memory register request has no 'key' field";
    check_refused(&post(&server, path, "{}"), 400, text);
    let text = "'region name' is necessary to register system shared memory region";
    check_refused(&post(&server, "/v2/systemsharedmemory/register", "{}"), 400, text);
    let text = "failed to register CUDA shared memory region: 'r', GPUs not supported";
    check_refused(&post(&server, "/v2/cudasharedmemory/region/r/register", "{}"), 400, text);
    check(&server.get("/v2/cudasharedmemory/status"), "[]");
    check(&post(&server, "/v2/cudasharedmemory/unregister", ""), "");
}

#[test]
fn requests_are_counted_by_version_and_batch() {
    let models = vec![
        half_plus_two(),
        half_plus_two().with_version(2),
        echo("fixed", DType::F32, vec![2.into()]),
    ];
    let server = Server::with(Limits::default(), Options::default(), models);
    for body in [r#"{"inputs":[1,2,3]}"#, r#"{"inputs":[1,2,3]}"#, r#"{"inputs":[1]}"#, "{}"] {
        server.predict("half_plus_two", body);
    }
    server.predict("fixed", r#"{"inputs":[1,2]}"#);
    let stats = |path: &str| -> serde_json::Value {
        let response = server.get(path);
        serde_json::from_slice::<serde_json::Value>(&response.body).unwrap()["model_stats"].clone()
    };
    let of = stats("/v2/models/half_plus_two/versions/2/stats");
    let of = &of.as_array().unwrap()[0];
    assert_eq!((of["version"].as_str(), of["execution_count"].as_u64()), (Some("2"), Some(3)));
    assert_eq!(of["inference_count"], 7);
    let times = &of["inference_stats"];
    assert_eq!(
        (times["success"]["count"].as_u64(), times["fail"]["count"].as_u64()),
        (Some(3), Some(1))
    );
    assert!(times["compute_infer"]["ns"].as_u64().unwrap() > 0);
    let batches = of["batch_stats"].as_array().unwrap();
    let sizes: Vec<(u64, u64)> = batches
        .iter()
        .map(|batch| (batch["batch_size"].as_u64(), batch["compute_infer"]["count"].as_u64()))
        .map(|(size, count)| (size.unwrap(), count.unwrap()))
        .collect();
    assert_eq!(sizes, [(1, 1), (3, 2)]);
    let fixed = stats("/v2/models/fixed/stats");
    assert_eq!(
        (&fixed[0]["inference_count"], fixed[0]["batch_stats"][0]["batch_size"].as_u64()),
        (&1.into(), Some(1))
    );
    let all = stats("/v2/models/stats");
    assert_eq!(all.as_array().unwrap().len(), 3);
    assert_eq!(all[1]["inference_stats"]["success"]["count"], 0, "version 1 was not asked");
}

#[test]
fn settings_are_kept_and_checked() {
    let server = Server::start();
    let path = "/v2/trace/setting";
    let expected = |level: &str, rate: u32| {
        let rest =
            r#""trace_count":"-1","log_frequency":"0","trace_file":"","trace_mode":"triton""#;
        format!(r#"{{"trace_level":["{level}"],"trace_rate":"{rate}",{rest}}}"#)
    };
    let set = r#"{"trace_level":["TIMESTAMPS"],"trace_rate":"7"}"#;
    check(&post(&server, path, set), &expected("TIMESTAMPS", 7));
    let of_model = "/v2/models/rows/trace/setting";
    check(&post(&server, of_model, r#"{"trace_rate":5}"#), &expected("TIMESTAMPS", 5));
    check(&server.get(path), &expected("TIMESTAMPS", 7));
    check(&post(&server, of_model, r#"{"trace_rate":null}"#), &expected("TIMESTAMPS", 7));
    check(&post(&server, path, r#"{"trace_level":["OFF"]}"#), &expected("OFF", 7));
    let fixed = "file location can not be updated through network protocol";
    for (body, status, text) in [
        (
            r#"{"trace_level":["OFF","TENSORS"]}"#,
            400,
            "Expect only one trace level 'OFF' is specified".to_string(),
        ),
        (r#"{"trace_rate":"x"}"#, 400, "Unable to parse 'trace_rate', got: x".to_string()),
        (r#"{"trace_file":"/etc/x"}"#, 501, format!("trace {fixed}")),
    ] {
        check_refused(&post(&server, path, body), status, &text);
    }
    let text = "Request for unknown model: 'no' is not found";
    check_refused(&server.get("/v2/models/no/trace/setting"), 404, text);
    let levels = r#""log_info":false,"log_warning":true,"log_error":true,"log_verbose_level":3"#;
    let log = format!(r#"{{"log_file":"",{levels},"log_format":"ISO8601"}}"#);
    let set = r#"{"log_info":false,"log_verbose_level":3,"log_format":"ISO8601","log_error":null}"#;
    check(&post(&server, "/v2/logging", set), &log);
    check(&server.get("/v2/logging"), &log);
    let refused = post(&server, "/v2/logging", r#"{"log_file":"x"}"#);
    check_refused(&refused, 501, &format!("log {fixed}"));
}

#[test]
fn a_request_that_waited_too_long_is_not_run() {
    let limits = Limits { workers: NonZeroUsize::MIN, ..Limits::default() };
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    let slow = model("slow", ports("x"), ports("y"), |inputs| {
        std::thread::sleep(Duration::from_millis(200));
        Ok(inputs.to_vec())
    });
    let server = Server::with(limits, Options::default(), vec![slow]);
    let ask = |parameters: &str| {
        let input = r#"{"name":"x","shape":[1],"datatype":"FP32","data":[1]}"#;
        let body = format!(r#"{{"parameters":{{{parameters}}},"inputs":[{input}]}}"#);
        post(&server, "/v2/models/slow/infer", &body)
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| ask(r#""priority":1"#));
        while !server.has_metric("schooner_requests_in_flight 1") {
            std::thread::sleep(Duration::from_millis(1));
        }
        let late = ask(r#""timeout":1000"#);
        check_refused(&late, 503, "Request timeout expired");
        assert_eq!(late.header("retry-after"), "1");
        assert_eq!(first.join().unwrap().status, 200);
    });
    assert_eq!(ask(r#""timeout":60000000"#).status, 200);
}

#[test]
fn the_more_urgent_of_those_that_wait_runs_first() {
    let limits = Limits { workers: NonZeroUsize::MIN, ..Limits::default() };
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    let runs: Arc<Mutex<Vec<f32>>> = Arc::default();
    let noted = runs.clone();
    let slow = model("slow", ports("x"), ports("y"), move |inputs| {
        noted.lock().unwrap().push(inputs[0].as_slice::<f32>().unwrap()[0]);
        std::thread::sleep(Duration::from_millis(100));
        Ok(inputs.to_vec())
    });
    let priorities = Priorities { levels: 2, default_level: 2, ..Priorities::default() };
    let server = Server::with(limits, Options::default(), vec![slow.with_priorities(priorities)]);
    let ask = |number: usize, parameters: &str| {
        let input = format!(r#"{{"name":"x","shape":[1],"datatype":"FP32","data":[{number}]}}"#);
        let body = format!(r#"{{"parameters":{{{parameters}}},"inputs":[{input}]}}"#);
        assert_eq!(post(&server, "/v2/models/slow/infer", &body).status, 200);
    };
    std::thread::scope(|scope| {
        for (number, parameters) in
            ["", "", r#""priority":2"#, r#""priority":1"#].iter().enumerate()
        {
            scope.spawn(move || ask(number, parameters));
            let gauge = format!("schooner_requests_in_flight {}", number + 1);
            while !server.has_metric(&gauge) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    assert_eq!(*runs.lock().unwrap(), [0.0, 3.0, 1.0, 2.0]);
    let config = server.get("/v2/models/slow/config");
    assert!(config.text().contains(r#""priority_levels":2,"default_priority_level":2"#));
}

#[test]
fn what_anybody_may_reach_takes_no_changes() {
    let server = Server::for_anybody(vec![half_plus_two()]);
    let text = "expected a client of this machine or one with a key";
    for (path, body) in [
        ("/v2/repository/models/half_plus_two/unload", ""),
        ("/v2/trace/setting", r#"{"trace_rate":"5"}"#),
        ("/v2/logging", r#"{"log_info":false}"#),
    ] {
        let response = post(&server, path, body);
        assert_eq!(response.status, 403, "{path}");
        assert!(response.error().starts_with(text), "{path}: {}", response.error());
    }
    assert_eq!(server.get("/v2/logging").status, 200);
    assert_eq!(server.get("/v2/models/half_plus_two/ready").status, 200);
}

/// Loads models that give back what they get.
struct Echoes;

impl Loader for Echoes {
    fn load(&self, name: &str, version: u64, _: &Source, _: usize) -> Result<Servable, LoadError> {
        match name {
            "broken" => Err(LoadError::Model("no model".to_string())),
            name => Ok(echo(name, DType::F32, vec![n()]).with_version(version)),
        }
    }
}

impl Catalog for Echoes {
    fn wanted(&self) -> Result<Vec<Wanted>, String> {
        let file = || ModelFile::Plain(PathBuf::from("m"));
        let source = || Source {
            file: file(),
            classes: Classes::Unknown,
            batching: None,
            priorities: Priorities::default(),
            revision: 0,
        };
        let wanted = |name: &str| Wanted {
            name: name.to_string(),
            versions: BTreeMap::from([(1, source()), (2, source())]),
            ..Wanted::default()
        };
        Ok(vec![wanted("good"), wanted("broken")])
    }
}

#[test]
fn models_come_and_go_by_request() {
    let server = Server::with(Limits::default(), Options::default(), vec![]);
    let load = |model: &str| post(&server, &format!("/v2/repository/models/{model}/load"), "");
    let index = |body: &str| post(&server, "/v2/repository/index", body).text().to_string();
    let off = load("good");
    let text = "explicit model load / unload is not allowed if polling is enabled";
    check_refused(&off, 403, text);
    let repository = Repository::new(Echoes, Echoes, Control::Explicit, usize::MAX);
    server.service.set_repository(Arc::new(repository));
    assert_eq!(index(""), r#"[{"name":"good"},{"name":"broken"}]"#);
    check(&load("good"), "");
    assert_eq!(server.get("/v2/models/good/versions/2/ready").status, 200);
    let good = |version| format!(r#"{{"name":"good","version":"{version}","state":"READY"}}"#);
    let ready = format!("[{},{}]", good(1), good(2));
    assert_eq!(index(r#"{"ready":true}"#), ready);
    let broken = load("broken");
    assert_eq!(broken.status, 400, "{}", broken.text());
    assert!(broken.error().contains("no model"), "{}", broken.error());
    let entry = r#"{"name":"broken","version":"1","state":"UNAVAILABLE","reason":"no model"}"#;
    assert!(index("{}").contains(entry), "{}", index("{}"));
    check_refused(&load("no"), 404, "Request for unknown model: 'no' is not found");
    let body = r#"{"parameters":{"file:1/model.onnx":"aGVsbG8="}}"#;
    let given = post(&server, "/v2/repository/models/good/load", body);
    let text = "models are loaded from the repository only; found 'file:1/model.onnx'";
    check_refused(&given, 501, text);
    check(&post(&server, "/v2/repository/models/good/unload", "{}"), "");
    assert_eq!(server.get("/v2/models/good/ready").status, 404);
    assert_eq!(index(r#"{"ready":true}"#), "[]");
}
