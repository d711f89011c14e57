//! Whether a connection has a request under way, and since when it has none.

use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Counts the requests of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Activity(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    under_way: usize,
    last_end: Instant,
}

/// One request under way, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Activity);

impl Activity {
    pub(crate) fn new() -> Activity {
        let state = State { under_way: 0, last_end: Instant::now() };
        Activity(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn begin(&self) -> UnderWay {
        self.change(|state| state.under_way += 1);
        UnderWay(self.clone())
    }

    /// Resolves when no request has been under way for this long.
    pub(crate) async fn idle_for(&self, time: Duration) {
        loop {
            let now = Instant::now();
            let end = self.change(|state| match state.under_way {
                0 => state.last_end + time,
                _ => now + time,
            });
            if end <= now {
                return;
            }
            sleep_until(end).await;
        }
    }

    /// No code that can panic runs under the lock.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.under_way -= 1;
            state.last_end = Instant::now();
        });
    }
}

/// A response's body, whose request is under way until it is sent.
#[derive(Debug)]
pub(crate) struct Sent {
    body: Body,
    /// Only to be dropped.
    _under_way: UnderWay,
}

impl Sent {
    pub(crate) fn new(body: Body, under_way: UnderWay) -> Sent {
        Sent { body, _under_way: under_way }
    }
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
