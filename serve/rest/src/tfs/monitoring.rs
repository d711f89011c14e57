//! Counts under TensorFlow Serving's names, on the path where it has them.

use monitor::prometheus_text::{escaped, head};
use server::{Counts, Service, Sum};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A sum of times by model.
struct Time {
    name: &'static str,
    help: &'static str,
    sum: fn(&Counts) -> Sum,
}

/// Times in microseconds. TensorFlow Serving has histograms of them; these are their counts and
/// sums, from which means and rates are made.
const TIMES: &[Time] = &[
    Time {
        name: ":tensorflow:serving:request_latency",
        help: "Microseconds from the queue to the reply",
        sum: |counts| counts.success,
    },
    Time {
        name: ":tensorflow:serving:runtime_latency",
        help: "Microseconds in the model",
        sum: |counts| counts.computed.infer,
    },
    Time {
        name: ":tensorflow:serving:batching_session:queuing_latency",
        help: "Microseconds in the queue",
        sum: |counts| counts.queue,
    },
];

/// All counts; those of a model's versions are one.
pub(crate) fn export(service: &Service) -> String {
    let mut models: BTreeMap<String, Vec<Counts>> = BTreeMap::new();
    for model in service.store().available() {
        models.entry(escaped(model.name())).or_default().push(model.counts());
    }
    let mut text = String::new();
    let requests = ":tensorflow:serving:request_count";
    head(&mut text, requests, "counter", "Requests by model and status");
    for (model, counts) in &models {
        let total = |count: fn(&Counts) -> u64| counts.iter().map(count).sum::<u64>();
        for (status, count) in [
            ("OK", total(|c| c.success.count)),
            ("INVALID_ARGUMENT", total(|c| c.failures.other)),
            ("RESOURCE_EXHAUSTED", total(|c| c.failures.rejected)),
            ("INTERNAL", total(|c| c.failures.backend)),
        ] {
            let labels = format!("model_name=\"{model}\",status=\"{status}\"");
            // Writing to a `String` cannot fail, here and below.
            let _ = writeln!(text, "{requests}{{{labels}}} {count}");
        }
    }
    for Time { name, help, sum } in TIMES {
        head(&mut text, name, "summary", help);
        for (model, counts) in &models {
            let count: u64 = counts.iter().map(|c| sum(c).count).sum();
            let microseconds = counts.iter().map(|c| sum(c).ns as f64 / 1e3).sum::<f64>();
            let _ = writeln!(text, "{name}_sum{{model_name=\"{model}\"}} {microseconds:?}");
            let _ = writeln!(text, "{name}_count{{model_name=\"{model}\"}} {count}");
        }
    }
    text
}
