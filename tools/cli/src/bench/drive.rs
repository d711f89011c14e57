//! The load itself: connections that send one request after the other, all on one thread, so that
//! a machine's other processors are left to the server.

use crate::error::Error;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a request may take after the time is over, and a connection to come about.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests in a row without an answer, after which a connection gives up: a server that has gone
/// away must not keep its client busy.
const FAILURES_MAX: u32 = 3;

/// Bytes of a refusal that are shown; the servers' texts take about a hundred.
const REFUSAL_BYTES: usize = 300;

/// One request, to be sent again and again.
pub(super) struct Target {
    /// `HOST:PORT`
    pub(super) address: String,
    pub(super) path: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// What came of the requests that were answered within the time.
pub(super) struct Tally {
    pub(super) latencies_ns: Histogram<u64>,
    pub(super) received_bytes: u64,
    /// Answers that are no success, by their status.
    pub(super) refused: BTreeMap<u16, u64>,
    /// Requests without an answer, by the reason; those of the warm-up too.
    pub(super) failed: BTreeMap<String, u64>,
    /// The beginning of the first answer that was no success.
    pub(super) first_refusal: Option<String>,
    /// Of the time, how much was used.
    pub(super) elapsed: Duration,
}

/// How long and how fast requests are sent.
pub(super) struct Pace {
    /// Time before answers count.
    pub(super) warm_up: Duration,
    /// Time in which answers count.
    pub(super) time: Duration,
    /// Most answers that count.
    pub(super) requests: u64,
    /// Requests a second on all connections; as fast as they are answered when it is not said.
    pub(super) rate: Option<NonZeroU32>,
}

/// When answers count, and how many.
struct Window {
    /// When the first request is due.
    first: Instant,
    start: Instant,
    end: Instant,
    left: AtomicU64,
    rate: Option<NonZeroU32>,
    /// Requests that have a time of their own.
    scheduled: AtomicU64,
}

type Sender = SendRequest<Full<Bytes>>;

/// Sends requests on so many connections, at first without and then with counting.
pub(super) async fn drive(
    target: &Arc<Target>,
    connections: usize,
    pace: &Pace,
) -> Result<Tally, Error> {
    let Pace { warm_up, time, requests, rate } = *pace;
    let mut senders = Vec::new();
    for _ in 0..connections {
        let unreachable = |e| Error::Unreachable(format!("{}: {e}", target.address));
        senders.push(target.connect().await.map_err(unreachable)?);
    }
    let first = Instant::now();
    let start = first + warm_up;
    let (left, scheduled) = (AtomicU64::new(requests), AtomicU64::new(0));
    let window = Arc::new(Window { first, start, end: start + time, left, rate, scheduled });
    let mut running = JoinSet::new();
    for sender in senders {
        running.spawn(one_after_the_other(target.clone(), sender, window.clone()));
    }
    let mut total = Tally::new();
    let all = async {
        while let Some(ended) = running.join_next().await {
            // Only a panic ends one without a tally, and that has been printed.
            let tally = ended.map_err(|e| Error::Failure(e.to_string()))?;
            total.add(tally);
        }
        Ok(())
    };
    match timeout(warm_up + time + PATIENCE, all).await {
        Ok(ended) => ended.map(|()| total),
        Err(_) => {
            let seconds = PATIENCE.as_secs();
            Err(Error::Failure(format!("a request had no answer {seconds} s after the end")))
        }
    }
}

async fn one_after_the_other(target: Arc<Target>, sender: Sender, window: Arc<Window>) -> Tally {
    let mut tally = Tally::new();
    let mut sender = Some(sender);
    let mut failures = 0;
    while window.is_open() && failures < FAILURES_MAX {
        let start = window.due().await;
        if !window.is_open() {
            break;
        }
        let answer = target.ask(&mut sender).await;
        let now = Instant::now();
        match answer {
            Err(reason) => {
                failures += 1;
                *tally.failed.entry(reason).or_default() += 1;
            }
            Ok(answer) => {
                failures = 0;
                if window.counts(now) {
                    tally.count(answer, now - start);
                    tally.elapsed = now - window.start;
                }
            }
        }
    }
    // Requests that were enough end the time early.
    if window.left.load(Ordering::Relaxed) > 0 && failures < FAILURES_MAX {
        tally.elapsed = window.end - window.start;
    }
    tally
}

/// A whole answer.
struct Answer {
    status: u16,
    bytes: u64,
    /// The beginning, of what is no success.
    text: Option<String>,
}

impl Target {
    pub(super) fn method(&self) -> Method {
        if self.body.is_some() { Method::POST } else { Method::GET }
    }

    async fn connect(&self) -> io::Result<Sender> {
        let connected = timeout(PATIENCE, TcpStream::connect(&self.address)).await;
        let stream = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    /// Sends one request, on a new connection where the server has closed the one before.
    async fn ask(&self, kept: &mut Option<Sender>) -> Result<Answer, String> {
        let mut sender = match kept.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await.map_err(|e| e.to_string())?,
        };
        sender.ready().await.map_err(|e| e.to_string())?;
        let mut request = Request::new(Full::new(self.body.clone().unwrap_or_default()));
        *request.method_mut() = self.method();
        *request.uri_mut() = self.path.clone();
        *request.headers_mut() = self.headers.clone();
        let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
        let answer = read(response).await.map_err(|e| e.to_string())?;
        *kept = Some(sender);
        Ok(answer)
    }
}

async fn read(response: Response<Incoming>) -> hyper::Result<Answer> {
    let (head, mut body) = response.into_parts();
    let mut bytes = 0;
    let mut text = (!head.status.is_success()).then(Vec::new);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        bytes += data.len() as u64;
        if let Some(text) = &mut text {
            let room = REFUSAL_BYTES - text.len();
            text.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    let text = text.map(|text| String::from_utf8_lossy(&text).trim().to_string());
    Ok(Answer { status: head.status.as_u16(), bytes, text })
}

impl Window {
    /// Is there a reason to send another request?
    fn is_open(&self) -> bool {
        Instant::now() < self.end && self.left.load(Ordering::Relaxed) > 0
    }

    /// Waits for the time of the next request that has none yet; when that was.
    async fn due(&self) -> Instant {
        let Some(rate) = self.rate else { return Instant::now() };
        let before = self.scheduled.fetch_add(1, Ordering::Relaxed);
        let due = self.first + Duration::from_secs_f64(before as f64 / f64::from(rate.get()));
        // Never beyond the end: all connections wait for their turn there.
        let due = due.min(self.end);
        tokio::time::sleep_until(due.into()).await;
        due
    }

    /// Does an answer count that came now? If so it is one of those that are left.
    fn counts(&self, now: Instant) -> bool {
        let one_less = |left: u64| left.checked_sub(1);
        (self.start..self.end).contains(&now)
            && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
    }
}

impl Tally {
    fn new() -> Tally {
        // From a microsecond to a minute, each within a thousandth of itself.
        let latencies_ns = Histogram::new_with_bounds(1_000, 60_000_000_000, 3);
        Tally {
            latencies_ns: latencies_ns.expect("the bounds are apart"),
            received_bytes: 0,
            refused: BTreeMap::new(),
            failed: BTreeMap::new(),
            first_refusal: None,
            elapsed: Duration::ZERO,
        }
    }

    fn count(&mut self, answer: Answer, time: Duration) {
        let Answer { status, bytes, text } = answer;
        self.latencies_ns.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self.received_bytes += bytes;
        if let Some(text) = text {
            *self.refused.entry(status).or_default() += 1;
            self.first_refusal.get_or_insert(text);
        }
    }

    fn add(&mut self, other: Tally) {
        let sum = &other.latencies_ns;
        self.latencies_ns.add(sum).expect("all have the same bounds");
        self.received_bytes += other.received_bytes;
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        for (reason, count) in other.failed {
            *self.failed.entry(reason).or_default() += count;
        }
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
        self.elapsed = self.elapsed.max(other.elapsed);
    }
}
