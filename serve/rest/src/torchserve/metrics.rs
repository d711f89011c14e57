//! The port of metrics: what the service counts, under TorchServe's names.

use super::fault::{Fault, refused};
use super::route::{Parameters, Target, segments};
use super::state::State;
use crate::protocol::{Call, Protocol};
use crate::response::Reply;
use axum::http::{Method, Uri};
use monitor::prometheus_text::{CONTENT_TYPE, escaped, head};
use repository::version_text;
use server::{Counts, Refusal, Service};
use std::fmt::Write;
use std::sync::Arc;

/// One request to the port.
pub(super) struct MetricsPort {
    state: Arc<State>,
}

/// A counter of one version of a model.
struct Row {
    name: &'static str,
    help: &'static str,
    value: fn(&Counts) -> f64,
}

/// Counters by model and version. Times are sums in microseconds.
const ROWS: &[Row] = &[
    Row {
        name: "ts_inference_requests_total",
        help: "Total number of inference requests",
        value: |counts| (counts.success.count + counts.fail.count) as f64,
    },
    Row {
        name: "ts_inference_latency_microseconds",
        help: "Total inference latency in microseconds",
        value: |counts| counts.success.ns as f64 / 1e3,
    },
    Row {
        name: "ts_queue_latency_microseconds",
        help: "Total queue latency in microseconds",
        value: |counts| counts.queue.ns as f64 / 1e3,
    },
];

impl MetricsPort {
    pub(super) fn new(state: Arc<State>) -> MetricsPort {
        MetricsPort { state }
    }
}

impl Protocol for MetricsPort {
    const NAME: &'static str = "torchserve";

    async fn answer(&self, call: &mut Call) -> Result<Reply, Refusal> {
        let path = segments(call.head.uri.path());
        let is_metrics = path == ["metrics"];
        if !is_metrics {
            return Ok(Fault::no_route().reply());
        }
        if call.head.method != Method::GET && call.head.method != Method::HEAD {
            return Ok(Fault::no_method().reply());
        }
        let parameters = Parameters::of(call.head.uri.query());
        let named = parameters.0.into_iter().filter(|(key, _)| key == "name[]");
        let names: Vec<String> = named.map(|(_, name)| name).collect();
        let text = export(&call.service, &self.state, &names);
        Ok(Reply::ok(CONTENT_TYPE, text.into_bytes()))
    }

    fn refuse(&self, refusal: &Refusal, _: &Uri) -> Reply {
        refused(refusal, &Target::default())
    }
}

/// All metrics, or those that are named.
fn export(service: &Service, state: &State, names: &[String]) -> String {
    let host = escaped(&state.hostname);
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut text = String::new();
    for (class, count) in state.replies() {
        let name = format!("Requests{class}");
        if is_wanted(&name) {
            let help = format!("Total number of requests with response {class}");
            head(&mut text, &name, "counter", &help);
            // Writing to a `String` cannot fail, here and below.
            let _ =
                writeln!(text, "{name}{{Level=\"Host\",Hostname=\"{host}\",}} {:?}", count as f64);
        }
    }
    for row in ROWS.iter().filter(|row| is_wanted(row.name)) {
        head(&mut text, row.name, "counter", row.help);
        for model in service.store().available() {
            let (model_name, version) = (escaped(model.name()), version_text(model.version()));
            let _ = writeln!(
                text,
                "{}{{model_name=\"{model_name}\",model_version=\"{version}\",\
                 hostname=\"{host}\",}} {:?}",
                row.name,
                (row.value)(&model.counts())
            );
        }
    }
    text
}
