//! How fast a running server answers one request, sent over and over on some connections.

use super::drive::{Pace, Tally, Target, drive};
use crate::console::Console;
use crate::error::Error;
use crate::exit::Exit;
use clap::Args;
use hyper::Uri;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most connections: each takes a file of this process and of the server, of which systems grant
/// 1024 when nothing is said.
const CONNECTIONS_MAX: usize = 1000;

/// Longest warm-up. The server's first runs bind and allocate; half a second holds some dozens even
/// of slow models.
const WARM_UP_MAX: Duration = Duration::from_millis(500);

/// What is sent to a server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Of a server")]
pub(super) struct Load {
    /// File that is sent as the body, by POST; without it the request is a GET
    #[arg(long, value_name = "FILE", env = "SCHOONER_BODY")]
    body: Option<PathBuf>,

    /// A header of the request; may be given again
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header,
          env = "SCHOONER_HEADER")]
    headers: Vec<(HeaderName, HeaderValue)>,

    /// Numbers of connections, each of which sends one request after the other [default: 1,8,32]
    #[arg(short, long, value_name = "N,N…", value_delimiter = ',', env = "SCHOONER_CONNECTIONS")]
    connections: Vec<NonZeroUsize>,

    /// Requests a second, sent whether or not those before are answered while there are connections
    /// for them; times are from when each is due, to about a millisecond [default: one after the
    /// other on each connection]
    #[arg(long, value_name = "N", env = "SCHOONER_RATE")]
    rate: Option<NonZeroU32>,

    /// Most requests for each number of connections
    #[arg(long, value_name = "N", env = "SCHOONER_REQUESTS")]
    requests: Option<NonZeroU64>,
}

/// Every number of connections.
#[derive(Serialize)]
struct Loaded {
    url: String,
    method: String,
    body_bytes: usize,
    runs: Vec<Run>,
}

/// One number of connections.
#[derive(Serialize)]
struct Run {
    connections: usize,
    seconds: f64,
    /// Answered requests, whatever the status.
    answers: u64,
    requests_per_second: f64,
    /// Of those, the ones that succeeded.
    successes_per_second: f64,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    /// Bytes of bodies.
    sent_bytes: u64,
    received_bytes: u64,
    /// Answers that are no success, by their status.
    refused: BTreeMap<u16, u64>,
    /// Requests without an answer, by what the system or the library said.
    failed: BTreeMap<String, u64>,
    /// The beginning of the first answer that was no success.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_refusal: Option<String>,
}

/// The URL in place of a model's path.
pub(super) fn url(argument: &Path) -> Option<&str> {
    argument.to_str().filter(|text| text.starts_with("http://") || text.starts_with("https://"))
}

impl Load {
    /// The flags, and whether they were given.
    pub(super) fn given(&self) -> [(&'static str, bool); 5] {
        [
            ("--body", self.body.is_some()),
            ("--header", !self.headers.is_empty()),
            ("--connections", !self.connections.is_empty()),
            ("--rate", self.rate.is_some()),
            ("--requests", self.requests.is_some()),
        ]
    }

    pub(super) fn execute(
        &self,
        console: &Console,
        url: &str,
        time: Duration,
    ) -> Result<Exit, Error> {
        let target = Arc::new(self.target(url)?);
        let connections = self.connections()?;
        let reactor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Failure(format!("the system grants no event loop: {e}")))?;
        let warm_up = WARM_UP_MAX.min(time / 4);
        let requests = self.requests.map_or(u64::MAX, NonZeroU64::get);
        let pace = Pace { warm_up, time, requests, rate: self.rate };
        let mut loaded = Loaded {
            url: url.to_string(),
            method: target.method().to_string(),
            body_bytes: target.body.as_ref().map_or(0, bytes::Bytes::len),
            runs: Vec::new(),
        };
        for count in connections {
            console.detail(format_args!("{count} connections"));
            let tally = reactor.block_on(drive(&target, count, &pace))?;
            loaded.runs.push(Run::of(count, &tally, loaded.body_bytes));
        }
        console.result(&loaded);
        let is_clean = |run: &Run| run.refused.is_empty() && run.failed.is_empty();
        Ok(if loaded.runs.iter().all(is_clean) { Exit::Ok } else { Exit::No })
    }

    fn target(&self, url: &str) -> Result<Target, Error> {
        let wrong = |why: &str| Error::Usage(format!("{url}: expected http://HOST:PORT/PATH{why}"));
        let uri: Uri = url.parse().map_err(|e| wrong(&format!(": {e}")))?;
        if uri.scheme_str() != Some("http") {
            return Err(wrong("; TLS is not spoken here"));
        }
        let host = uri.authority().ok_or_else(|| wrong(", found no host"))?.clone();
        let port = uri.port_u16().unwrap_or(80);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = HeaderMap::new();
        let value = HeaderValue::try_from(host.as_str()).map_err(|e| wrong(&format!(": {e}")))?;
        headers.insert(HOST, value);
        headers.extend(self.headers.iter().cloned());
        let read = |path: &PathBuf| std::fs::read(path).map_err(|e| Error::of_file(path, e));
        Ok(Target {
            address: format!("{}:{port}", host.host()),
            path: path.parse().map_err(|e| wrong(&format!(": {e}")))?,
            headers,
            body: self.body.as_ref().map(read).transpose()?.map(bytes::Bytes::from),
        })
    }

    fn connections(&self) -> Result<Vec<usize>, Error> {
        if self.connections.is_empty() {
            return Ok(vec![1, 8, 32]);
        }
        let counts: Vec<usize> = self.connections.iter().map(|n| n.get()).collect();
        match counts.iter().find(|&&count| count > CONNECTIONS_MAX) {
            None => Ok(counts),
            Some(found) => Err(Error::Usage(format!(
                "--connections: expected at most {CONNECTIONS_MAX}, found {found}"
            ))),
        }
    }
}

/// Parses `content-type: image/jpeg`.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME: VALUE, found no colon")?;
    let name = HeaderName::try_from(name.trim()).map_err(|e| e.to_string())?;
    let value = HeaderValue::try_from(value.trim()).map_err(|e| e.to_string())?;
    Ok((name, value))
}

impl Run {
    fn of(connections: usize, tally: &Tally, body_bytes: usize) -> Run {
        let answers = tally.latencies_ns.len();
        let seconds = tally.elapsed.as_secs_f64();
        let per_second = |count: u64| if count > 0 { count as f64 / seconds } else { 0.0 };
        let ms = |quantile| tally.latencies_ns.value_at_quantile(quantile) as f64 / 1e6;
        Run {
            connections,
            seconds,
            answers,
            requests_per_second: per_second(answers),
            successes_per_second: per_second(answers - tally.refused.values().sum::<u64>()),
            p50_ms: ms(0.5),
            p90_ms: ms(0.9),
            p99_ms: ms(0.99),
            max_ms: ms(1.0),
            sent_bytes: answers * body_bytes as u64,
            received_bytes: tally.received_bytes,
            refused: tally.refused.clone(),
            failed: tally.failed.clone(),
            first_refusal: tally.first_refusal.clone(),
        }
    }
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Loaded { url, method, body_bytes, runs } = self;
        writeln!(f, "{method} {url}, {body_bytes} bytes")?;
        writeln!(
            f,
            "{:>11} {:>12} {:>9} {:>9} {:>9} {:>9} {:>12} {:>12}  errors",
            "connections",
            "requests/s",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "max ms",
            "MB/s sent",
            "MB/s received"
        )?;
        runs.iter().try_for_each(|run| write!(f, "{run}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |bytes: u64| bytes as f64 / self.seconds / 1e6;
        write!(f, "{:>11} {:>12.1}", self.connections, self.requests_per_second)?;
        for ms in [self.p50_ms, self.p90_ms, self.p99_ms, self.max_ms] {
            write!(f, " {ms:>9.3}")?;
        }
        write!(f, " {:>12.2} {:>13.2}", rate(self.sent_bytes), rate(self.received_bytes))?;
        let errors: u64 = self.refused.values().chain(self.failed.values()).sum();
        writeln!(f, "  {errors}")?;
        for (status, count) in &self.refused {
            writeln!(f, "{:>11} status {status}: {count} answers", "")?;
        }
        for (reason, count) in &self.failed {
            writeln!(f, "{:>11} {reason}: {count} requests", "")?;
        }
        match &self.first_refusal {
            Some(text) => writeln!(f, "{:>11} the first: {text}", ""),
            None => Ok(()),
        }
    }
}
