//! SIGTERM at bad moments.

use crate::client;
use crate::models::{adding, looping};
use crate::site::{Site, Watched};
use crate::support::{folder, schooner, word};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Iterations that take far longer than a test: what waits for them, hangs.
const ENDLESS: i64 = 1 << 24;

/// A server that waits for nobody has ended by then.
const PROMPT: Duration = Duration::from_secs(3);

#[test]
fn a_stopped_server_does_not_wait_for_a_model_that_loads() {
    let site = Site::new("stop-loading");
    site.put(1, "model.onnx", &adding(1));
    let served = site.serve(&[]);
    site.put(2, "model.onnx", &looping(ENDLESS));
    let loads = || served.ask("GET", "/v1/models/m/versions/2", "").body.contains("LOADING");
    served.until("version 2 loads", loads);
    assert_eq!(served.version(), 1, "what answers goes on while another loads");
    let start = Instant::now();
    served.server.terminate();
    assert_eq!(served.server.wait(), Some(0));
    eprintln!("ended {} ms after SIGTERM", start.elapsed().as_millis());
    assert!(start.elapsed() < PROMPT, "it waited for the model");
}

#[test]
fn a_server_that_still_loads_ends_at_once() {
    let root = folder("serving-stop-start");
    let model = root.join("endless.onnx");
    fs::write(&model, looping(ENDLESS)).unwrap();
    let mut starting = schooner(&["serve", word(&model), "--listen", "127.0.0.1:0"]);
    let mut starting = starting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(starting.try_wait().unwrap().is_none(), "the self-test takes long");
    let id = starting.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let start = Instant::now();
    let status = starting.wait().unwrap();
    assert!(start.elapsed() < PROMPT, "it waited for the model");
    assert!(!status.success(), "nothing was served");
}

#[test]
fn a_stopped_server_does_not_wait_for_an_answer_that_nobody_takes() {
    // Some seconds of work for one request, and a self-test of as many.
    let root = folder("serving-stop-moot");
    let model = root.join("m.onnx");
    fs::write(&model, looping(1 << 20)).unwrap();
    let start = Instant::now();
    let served = Watched::start(&root, &[word(&model), "--grace", "1", "--max-batch", "1"]);
    let load = start.elapsed();
    let body = "{\"instances\": [[1, 2, 3, 4]]}";
    let asked = client::begin(&served.server.address, "/v1/models/m:predict", body).unwrap();
    let queued = || served.metric("schooner_queue_depth{model=\"m\"}") == 0.0;
    served.until("a worker has the request", queued);
    drop(asked);
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    served.server.terminate();
    let code = served.server.wait();
    eprintln!("a run takes {load:?}; ended {:?} after SIGTERM with {code:?}", start.elapsed());
    assert_eq!(code, Some(0));
    assert!(start.elapsed() < Duration::from_secs(1), "it finished what nobody wants");
}
