//! More requests than there are processors for.

use crate::client::Client;
use crate::models::{WIDTH, laboring};
use crate::site::{Watched, extent};
use crate::support::{folder, head, word};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PREDICT: &str = "/v1/models/m:predict";

/// Products of one request: some milliseconds, so that the client is a small part of the load.
const PRODUCTS: usize = 100;

/// From here on the share of the capacity is a requirement: in a shorter time, and with other
/// tests at work, it says more about the machine.
const LONG_S: u64 = 60;

/// What came of the requests.
#[derive(Default)]
struct Tally {
    by_status: BTreeMap<u16, u64>,
    refused_without_time: u64,
    lost: Vec<String>,
}

/// Answers in a second when a few clients each ask as soon as they are answered.
fn capacity(address: &str, body: &str, seconds: f64) -> f64 {
    let (start, answers) = (Instant::now(), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = Client::connect(address).unwrap();
                while start.elapsed().as_secs_f64() < seconds {
                    assert_eq!(client.ask("POST", PREDICT, body).unwrap().status, 200);
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    answers.into_inner() as f64 / start.elapsed().as_secs_f64()
}

/// One request over a connection of its own.
async fn request(address: &str, request: &[u8], tally: &Mutex<Tally>) {
    let mut answer = Vec::new();
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request).await?;
        stream.read_to_end(&mut answer).await
    };
    let asked = asked.await;
    let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let status = text.get(9..12).and_then(|status| status.parse::<u16>().ok());
    let mut tally = tally.lock().unwrap();
    match (asked, status) {
        (Ok(_), Some(status)) => {
            *tally.by_status.entry(status).or_default() += 1;
            let has_time = text.contains("\r\nretry-after: ");
            tally.refused_without_time += u64::from(status != 200 && !has_time);
        }
        (asked, _) => tally.lost.push(format!("{asked:?}: {text}")),
    }
}

/// Offers so many requests a second, answered or not, and gives what came of all of them.
fn offer(address: &str, body: &str, per_second: f64, seconds: f64) -> Tally {
    let bytes: Arc<[u8]> =
        format!("{}{body}", head("POST", PREDICT, body.len())).into_bytes().into();
    let (address, tally): (Arc<str>, Arc<Mutex<Tally>>) = (address.into(), Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut asked = tokio::task::JoinSet::new();
        let start = tokio::time::Instant::now();
        for at in 0..(per_second * seconds) as u64 {
            tokio::time::sleep_until(start + Duration::from_secs_f64(at as f64 / per_second)).await;
            let (address, bytes, tally) = (address.clone(), bytes.clone(), tally.clone());
            asked.spawn(async move { request(&address, &bytes, &tally).await });
        }
        while asked.join_next().await.is_some() {}
    });
    std::mem::take(&mut *tally.lock().unwrap())
}

#[test]
fn twice_the_capacity_is_refused_in_order() {
    let seconds = extent("SCHOONER_FAULT_OVERLOAD_SECONDS", 8) as f64;
    let root = folder("serving-overload");
    fs::write(root.join("m.onnx"), laboring(PRODUCTS)).unwrap();
    let served = Watched::start(&root, &[word(&root), "--max-batch", "1", "--threads", "1"]);
    let address = &served.server.address;
    let body = format!("{{\"instances\": [[{}]]}}", vec!["0"; WIDTH].join(","));
    let capacity = capacity(address, &body, (seconds / 4.0).min(10.0));
    let before = served.status("VmRSS");
    let start = Instant::now();
    let (peak, tally) = served.peak_during(|| offer(address, &body, 2.0 * capacity, seconds));
    let goodput =
        tally.by_status.get(&200).copied().unwrap_or(0) as f64 / start.elapsed().as_secs_f64();
    let after = served.status("VmRSS");
    eprintln!(
        "capacity {capacity:.0}/s, offered {:.0}/s for {seconds} s: {:?}, goodput {goodput:.0}/s = \
         {:.0} %; {} MB before, at most {} MB, {} MB after",
        2.0 * capacity,
        tally.by_status,
        goodput / capacity * 100.0,
        before >> 20,
        peak >> 20,
        after >> 20
    );
    assert_eq!(tally.lost, Vec::<String>::new());
    let statuses: Vec<u16> = tally.by_status.keys().copied().collect();
    assert!(statuses.iter().all(|status| [200, 429, 503].contains(status)), "{statuses:?}");
    assert!(tally.by_status.contains_key(&429), "nothing was refused: no overload");
    assert_eq!(tally.refused_without_time, 0, "refusals say when to come again");
    assert!(peak < before + (64 << 20), "{before} before, at most {peak}");
    if seconds >= LONG_S as f64 {
        assert!(goodput >= 0.9 * capacity, "{goodput} of {capacity}");
    }
}
