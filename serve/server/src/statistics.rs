//! What one version of one model has done since it was loaded, in the terms of the statistics
//! extension of the Open Inference Protocol.

use crate::{Refusal, Times};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Most batch sizes that are told apart; what comes later counts for the largest. 1024: batchers
/// make a few dozens, and clients must not grow a table without bound.
const MAX_BATCH_SIZES: usize = 1024;

/// How often, and how long together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How often.
    pub count: u64,
    /// Nanoseconds.
    pub ns: u64,
}

/// The stages of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Computed {
    /// From the received body to the inputs: inflating, parsing, decoding images.
    pub input: Sum,
    /// Running the model.
    pub infer: Sum,
    /// From the outputs to what the protocol writes.
    pub output: Sum,
}

/// Requests that were not answered, by whose fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Failures {
    /// The server had no room or no time.
    pub rejected: u64,
    /// The model failed.
    pub backend: u64,
    /// The request was none for this model.
    pub other: u64,
}

/// All counts of one version at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// The last answered request, in milliseconds since the Unix epoch; 0 when there was none.
    pub last_inference_ms: u64,
    /// Inferences: a run on a batch counts as many as the batch has rows.
    pub inferences: u64,
    /// Runs of the model.
    pub executions: u64,
    /// Answered requests, from the queue to the made reply.
    pub success: Sum,
    /// Refused requests, from the queue to the refusal.
    pub fail: Sum,
    /// Why those were refused.
    pub failures: Failures,
    /// Waiting for a worker.
    pub queue: Sum,
    /// The stages of answered requests.
    pub computed: Computed,
    /// Runs of the model by the size of the batch.
    pub batches: BTreeMap<usize, Sum>,
}

/// Counts that grow. One lock for all: it is held for a few additions, once a request.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    state: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Without the time of the last inference.
    counts: Counts,
    last: Option<Instant>,
}

impl Sum {
    fn add(&mut self, time: Duration) {
        self.count += 1;
        self.ns = self.ns.saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl Computed {
    fn add(&mut self, times: &Times) {
        self.input.add(times.decode);
        self.infer.add(times.infer);
        self.output.add(times.encode);
    }
}

impl Statistics {
    /// One request was answered `now`; it took `total` from the queue to the reply.
    pub(crate) fn answered(&self, total: Duration, times: &Times, now: Instant) {
        let Kept { counts, last } = &mut *self.lock();
        *last = Some(now);
        counts.success.add(total);
        counts.queue.add(times.queue);
        counts.computed.add(times);
    }

    /// The model ran once, on a batch of this size.
    pub(crate) fn executed(&self, size: usize, time: Duration) {
        let Kept { counts, .. } = &mut *self.lock();
        counts.executions += 1;
        counts.inferences += size as u64;
        let is_known = counts.batches.contains_key(&size);
        let size = match counts.batches.last_key_value() {
            Some((&largest, _)) if !is_known && counts.batches.len() >= MAX_BATCH_SIZES => largest,
            _ => size,
        };
        counts.batches.entry(size).or_default().add(time);
    }

    /// One request was refused, after `total`.
    pub(crate) fn failed(&self, refusal: &Refusal, total: Duration) {
        let Kept { counts, .. } = &mut *self.lock();
        counts.fail.add(total);
        let Failures { rejected, backend, other } = &mut counts.failures;
        *match refusal {
            Refusal::QueueFull { .. }
            | Refusal::Draining
            | Refusal::DeadlineExceeded { .. }
            | Refusal::WaitTimeout => rejected,
            Refusal::Engine { .. } | Refusal::Panicked => backend,
            _ => other,
        } += 1;
    }

    /// All counts as they stand.
    pub(crate) fn counts(&self) -> Counts {
        let Kept { counts, last } = &*self.lock();
        let since = last.and_then(|last| SystemTime::now().checked_sub(last.elapsed()));
        let since = since.and_then(|last| last.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let last_inference_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Counts { last_inference_ms, ..counts.clone() }
    }

    /// Additions cannot leave the counts half done, so a poisoned lock is still good.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times() -> Times {
        let [queue, decode, infer, encode] = [1, 2, 3, 4].map(Duration::from_nanos);
        Times { queue, decode, infer, encode }
    }

    #[test]
    fn stages_are_summed() {
        let statistics = Statistics::default();
        statistics.executed(8, times().infer);
        statistics.executed(8, times().infer);
        statistics.executed(1, times().infer);
        statistics.answered(Duration::from_nanos(10), &times(), Instant::now());
        let counts = statistics.counts();
        assert_eq!((counts.executions, counts.inferences), (3, 17));
        assert_eq!(counts.success, Sum { count: 1, ns: 10 });
        assert_eq!(counts.queue, Sum { count: 1, ns: 1 });
        assert_eq!(counts.computed.output, Sum { count: 1, ns: 4 });
        assert_eq!(counts.batches[&8], Sum { count: 2, ns: 6 });
        assert!(counts.last_inference_ms > 0);
    }

    #[test]
    fn failures_are_told_apart() {
        let statistics = Statistics::default();
        let reason = String::new();
        for refusal in [
            Refusal::QueueFull { limit: 1 },
            Refusal::Engine { model: String::new(), reason: reason.clone() },
            Refusal::Panicked,
            Refusal::InvalidArgument(reason),
        ] {
            statistics.failed(&refusal, Duration::from_nanos(5));
        }
        let Counts { fail, failures, .. } = statistics.counts();
        assert_eq!(fail, Sum { count: 4, ns: 20 });
        assert_eq!(failures, Failures { rejected: 1, backend: 2, other: 1 });
    }

    #[test]
    fn batch_sizes_are_bounded() {
        let statistics = Statistics::default();
        for size in 0..MAX_BATCH_SIZES + 10 {
            statistics.executed(size, times().infer);
        }
        let batches = statistics.counts().batches;
        assert_eq!(batches.len(), MAX_BATCH_SIZES);
        assert_eq!(batches[&(MAX_BATCH_SIZES - 1)].count, 11);
    }
}
