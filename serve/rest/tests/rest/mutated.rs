//! Requests that went wrong in ways nobody thought of: every answer is meant, and the server lives.

use crate::support::{Client, Server};
use listen::Options;
use servables::{brightness, echo, half_plus_two, n, pair, words};
use server::Limits;
use tensor::DType;
use testkit::{Random, http_requests};

/// How many. Each takes a tenth of a millisecond.
const REQUESTS: usize = 10_000;

/// Pieces that readers stumble over.
const PIECES: [&str; 22] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\u",
    "\\",
    "null",
    "true",
    "-1",
    "1e400",
    "NaN",
    "9999999999999999999999",
    "18446744073709551615",
    "\u{0}",
    "é",
    "\"data\":[",
    "\"shape\":[0]",
    "[[[[[[[[",
    "/",
];

fn mutate(bytes: &mut Vec<u8>, chance: &mut Random) {
    for _ in 0..=chance.below(3) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
            2 => drop(bytes.drain(at..bytes.len().min(at + 1 + chance.below(12)))),
            3 => {
                let piece = bytes[at..bytes.len().min(at + 1 + chance.below(24))].to_vec();
                let to = chance.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            _ => {
                let piece = chance.of(&PIECES).bytes();
                bytes.splice(at..at, piece);
            }
        }
    }
}

/// The same path, gone wrong, as something that may stand in a request line.
fn mutate_path(path: &str, chance: &mut Random) -> String {
    let mut bytes = path.as_bytes().to_vec();
    mutate(&mut bytes, chance);
    bytes.retain(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}#?".contains(b));
    format!("/{}", String::from_utf8(bytes).unwrap().trim_start_matches('/'))
}

/// Statuses that a client's mistake may have. None is of the server's making, but 501 and 503 for
/// what it does not do.
const MEANT: [u16; 9] = [200, 400, 403, 404, 405, 409, 413, 415, 501];

fn drive(server: &Server, seed: u64, is_meant: impl Fn(u16, &str) -> bool) {
    let mut chance = Random(seed);
    let seeds = http_requests();
    let mut client: Option<Client> = None;
    for round in 0..REQUESTS {
        let sent = &seeds[chance.below(seeds.len())];
        let (mut path, mut header) = (sent.path.clone(), sent.header.clone());
        let mut body = sent.body.clone();
        match chance.below(10) {
            0 => path = mutate_path(&path, &mut chance),
            1 => header = Some(format!("Inference-Header-Content-Length: {}", chance.below(300))),
            2 => header = Some("content-encoding: gzip".to_string()),
            _ => mutate(&mut body, &mut chance),
        }
        let headers: Vec<&str> = header.as_deref().into_iter().collect();
        let mut connection = client.take().unwrap_or_else(|| server.connect());
        let answered = connection.try_send(&sent.method, &path, &headers, &body);
        let response =
            answered.unwrap_or_else(|e| panic!("seed {seed} round {round}: {path}: {e}"));
        let text = String::from_utf8_lossy(&response.body);
        let shown = String::from_utf8_lossy(&body);
        // What a client bears to wait may be less than it takes.
        let is_late = response.status == 503 && text.contains("Request timeout expired");
        assert!(
            is_late || is_meant(response.status, &text),
            "seed {seed} round {round}: {} {path} {header:?}\n{shown}\n{} {text}",
            sent.method,
            response.status
        );
        if response.header("connection") != "close" {
            client = Some(connection);
        }
    }
    assert_eq!(server.get("/v2/health/live").status, 200);
    let metrics = server.service.metrics().export();
    assert!(!metrics.contains("schooner_job_panics_total{"), "{metrics}");
}

fn models() -> Vec<server::Servable> {
    let wide = echo("wide", DType::F64, vec![n()]);
    vec![half_plus_two(), pair(), brightness("brightness"), words(), wide]
}

#[test]
fn the_main_port_answers_ten_thousand_of_them() {
    let limits = Limits { shares_memory: true, ..Limits::default() };
    let server = Server::with(limits, Options::default(), models());
    drive(&server, 0x5eed_0001, |status, _| MEANT.contains(&status));
}

#[test]
fn so_does_a_listener_that_stands_in_for_triton() {
    let server = Server::triton(Limits::default(), Options::default(), models());
    drive(&server, 0x5eed_0002, |status, text| match status {
        // What Triton has for requests that it cannot read, and for what it was not told to do.
        500 => text.contains("parse") || text.contains("attempt to access JSON"),
        503 => text.contains("explicit model load / unload"),
        status => MEANT.contains(&status),
    });
}
