//! Clients that go away in the middle of everything.

use crate::client;
use crate::models::{adding, question, repeating};
use crate::site::{PREDICT, Watched, extent};
use crate::support::{folder, head, word};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

/// Bytes of the answer that is not read: several times what sockets hold on their own.
const LONG: i64 = 100_000;

/// One way to go.
fn leave(address: &str, way: u64) {
    let mut stream = TcpStream::connect(address).unwrap();
    let text = question(1);
    let long = head("POST", "/v1/models/long:predict", text.len()) + &text;
    match way % 5 {
        // In the middle of the head, and of the body.
        0 => stream.write_all(b"POST /v1/models/m:pre").unwrap(),
        1 => {
            stream.write_all(&[head("POST", PREDICT, 5000).as_bytes(), b"{\"in"].concat()).unwrap()
        }
        // After the question, before the answer.
        2 => stream.write_all(long.as_bytes()).unwrap(),
        // In the middle of the answer.
        3 => {
            stream.write_all(long.as_bytes()).unwrap();
            stream.read_exact(&mut [0; 64]).unwrap();
        }
        // With a last word that the server cannot answer.
        _ => {
            stream.write_all(long.as_bytes()).unwrap();
            stream.shutdown(Shutdown::Read).unwrap();
        }
    }
}

#[test]
fn clients_that_leave_take_nothing_along() {
    let times = extent("SCHOONER_FAULT_LEAVES", 500);
    let root = folder("serving-leave");
    fs::write(root.join("m.onnx"), adding(1)).unwrap();
    fs::write(root.join("long.onnx"), repeating(LONG)).unwrap();
    let served = Watched::start(&root, &[word(&root), "--max-batch", "1"]);
    let address = &served.server.address;
    let settle = || {
        // The request for the metrics itself is not among those that are counted.
        let is_quiet = || served.metric("schooner_requests_in_flight") == 0.0;
        served.until("no request is in flight", is_quiet);
        served
            .until("no job waits", || served.metric("schooner_queue_depth{model=\"long\"}") == 0.0);
    };
    // What the first hundred take once, stays.
    (0..100).for_each(|way| leave(address, way));
    settle();
    served.until("connections end", || served.files() < 30);
    let (files, memory) = (served.files(), served.status("VmRSS"));
    (0..times).for_each(|way| leave(address, way));
    settle();
    served.until("connections end", || served.files() <= files);
    let after = served.status("VmRSS");
    let grown = after.saturating_sub(memory) >> 20;
    eprintln!("{times} clients left: {files} files, {} MB, {grown} MB more", after >> 20);
    assert!(grown < 24, "{memory} bytes before, {after} after");
    assert_eq!(client::ask(address, "POST", PREDICT, &question(9)).unwrap().status, 200);
}

#[test]
fn answers_that_nobody_reads_do_not_fill_the_memory() {
    let root = folder("serving-unread");
    fs::write(root.join("long.onnx"), repeating(4 * LONG)).unwrap();
    let served = Watched::start(&root, &[word(&root), "--max-batch", "1"]);
    let text = question(1);
    // A JSON of more than a million numbers is some megabytes: together these are a gigabyte.
    let (peak, stalled) = served.peak_during(|| {
        let path = "/v1/models/long:predict";
        let begin = |_| client::begin(&served.server.address, path, &text).unwrap();
        let stalled: Vec<_> = (0..120).map(begin).collect();
        served.until("the queue is empty", || {
            served.metric("schooner_queue_depth{model=\"long\"}") == 0.0
        });
        stalled
    });
    eprintln!("{} clients that read nothing: at most {} MB", stalled.len(), peak >> 20);
    assert!(peak < 800 << 20, "{peak} bytes");
    drop(stalled);
    let answers = || served.ask("POST", "/v1/models/long:predict", &text).status == 200;
    served.until("it answers again", answers);
}
