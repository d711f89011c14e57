//! What it costs to count one answered request, in nanoseconds:
//! `cargo run --release -p schooner-monitor --example cost`.

use monitor::{Metrics, Operation, Record, Stage};
use std::hint::black_box;
use std::time::{Duration, Instant};

const REQUESTS: u32 = 1_000_000;

/// How often the clock is read for one request over HTTP that is answered where it is received.
const CLOCK_READS: usize = 8;

#[allow(clippy::print_stdout, reason = "the result")]
fn main() {
    let metrics = Metrics::new();
    let model = metrics.model_loaded("m", 1, Duration::ZERO);
    let stages = [Stage::Read, Stage::Queue, Stage::Decode, Stage::Infer, Stage::Encode];
    let start = Instant::now();
    let times = stages.map(|stage| (stage, Duration::from_micros(7)));
    let request = || {
        let _in_flight = metrics.in_flight();
        model.request_bytes(black_box(200));
        for (stage, time) in black_box(times) {
            model.stage(stage, time);
        }
        metrics.answered(&Record {
            protocol: "rest",
            operation: Operation { method: Some("POST"), path: "/v2/models/m/infer" },
            model: &model,
            version: Some(1),
            status: 200,
            refusal: None,
            id: None,
            traceparent: None,
            start,
            total: black_box(Duration::from_micros(30)),
            response_bytes: 200,
            stages: &times,
        });
    };
    let clock = || {
        for _ in 0..CLOCK_READS {
            black_box(Instant::now());
        }
    };
    for (what, time) in [("counting", each(&request)), ("clock", each(&clock))] {
        println!("{what}: {:.0} ns a request", time.as_secs_f64() * 1e9);
    }
}

/// The time of one call, in the best of five rounds.
fn each(call: &dyn Fn()) -> Duration {
    let round = || {
        let start = Instant::now();
        (0..REQUESTS).for_each(|_| call());
        start.elapsed() / REQUESTS
    };
    (0..5).map(|_| round()).min().unwrap_or_default()
}
