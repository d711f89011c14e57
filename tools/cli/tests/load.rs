//! `schooner bench URL` against `schooner serve`.

mod support;

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use support::{Server, check, fashion, folder, word};

const SAMPLE: &str = "samples/132_Ankle-boot.jpg";
const JSON: &str = "content-type: application/json";

/// What `bench` says with these words, which must end with this exit code.
#[track_caller]
fn bench(url: &str, words: &[&str], code: i32) -> Value {
    let (stdout, _) = check(&[&["bench", url, "--json"], words].concat(), code);
    serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{words:?}: {e}\n{stdout}"))
}

#[test]
fn every_number_of_connections_is_timed() {
    let server = Server::start(&[&fashion("fashion.onnx")]);
    let url = format!("http://{}/v1/models/fashion:predict", server.address);
    let words = ["--body", &fashion(SAMPLE), "-c", "1,4", "--seconds", "0.3"];
    let loaded = bench(&url, &words, 0);
    let runs = loaded["runs"].as_array().unwrap();
    assert_eq!(runs.iter().map(|run| &run["connections"]).collect::<Vec<_>>(), [1, 4]);
    for run in runs {
        let number = |key: &str| run[key].as_f64().unwrap();
        assert!(number("answers") > 0.0 && number("requests_per_second") > 0.0, "{run}");
        let quantiles = ["p50_ms", "p90_ms", "p99_ms", "max_ms"].map(number);
        assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{run}");
        let bytes = std::fs::metadata(fashion(SAMPLE)).unwrap().len() as f64;
        assert_eq!(number("sent_bytes"), bytes * number("answers"));
        assert!(number("received_bytes") > 0.0, "{run}");
    }
}

#[test]
fn requests_bound_the_time() {
    let server = Server::start(&[&fashion("fashion.onnx")]);
    let url = format!("http://{}/healthz", server.address);
    let loaded = bench(&url, &["--requests", "7", "-c", "2", "--seconds", "60"], 0);
    assert_eq!((&loaded["method"], &loaded["runs"][0]["answers"]), (&"GET".into(), &7.into()));
    assert!(loaded["runs"][0]["seconds"].as_f64().unwrap() < 30.0, "{loaded}");
}

#[test]
fn a_rate_is_kept() {
    let server = Server::start(&[&fashion("fashion.onnx")]);
    let url = format!("http://{}/healthz", server.address);
    let run = &bench(&url, &["--rate", "100", "-c", "4", "--seconds", "1"], 0)["runs"][0];
    let number = |name: &str| run[name].as_f64().unwrap();
    assert!((50.0..=101.0).contains(&number("answers")), "{run}");
    assert_eq!(number("successes_per_second"), number("requests_per_second"), "{run}");
}

#[test]
fn refusals_are_told_by_status() {
    let server = Server::start(&[&fashion("fashion.onnx")]);
    let url = format!("http://{}/v1/models/fashion:predict", server.address);
    let body = folder("load").join("body.json");
    std::fs::write(&body, r#"{"instances": "none"}"#).unwrap();
    let words = ["--body", word(&body), "--header", JSON, "--requests", "3", "-c", "1"];
    let run = &bench(&url, &words, 3)["runs"][0];
    assert_eq!((&run["refused"]["400"], &run["answers"]), (&3.into(), &3.into()), "{run}");
    assert!(run["first_refusal"].as_str().unwrap().starts_with("{"), "{run}");
    let (stdout, _) = check(&[&["bench", &url][..], &words].concat(), 3);
    assert!(stdout.contains("status 400: 3 answers"), "{stdout}");
}

#[test]
fn a_server_that_goes_away_ends_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
    });
    let run = &bench(&url, &["-c", "1", "--seconds", "20"], 3)["runs"][0];
    server.join().unwrap();
    assert!(!run["failed"].as_object().unwrap().is_empty(), "{run}");
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let (_, stderr) = check(&["bench", "http://127.0.0.1:1/"], 6);
    assert!(stderr.contains("127.0.0.1:1"), "{stderr}");
    for (words, expected) in [
        (["https://localhost/", "-c", "1"], "TLS"),
        (["http://localhost/", "--batch", "2"], "--batch is for a model"),
        (["http://localhost/", "-c", "1001"], "at most 1000"),
        (["http://localhost/", "--header", "no colon"], "found no colon"),
        (["model.onnx", "--requests", "2"], "--requests is for a URL"),
    ] {
        let (_, stderr) = check(&[&["bench"][..], &words].concat(), 2);
        assert!(stderr.contains(expected), "{words:?}\n{stderr}");
    }
    check(&["bench", "http://127.0.0.1:1/", "--body", "missing.json"], 5);
}
