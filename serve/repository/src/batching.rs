//! The bounds of what is said about batches.

use crate::Batching;
use std::time::Duration;

/// Longest wait for a batch. A minute: whoever waits longer has been given up by the client.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// Largest batch: no machine gains from a larger one.
const BATCH_MAX: usize = 1 << 16;

/// Batches as configured, inside of the bounds.
pub(crate) fn of(max_rows: u64, preferred: &[u64], max_delay: Duration) -> Batching {
    let size = |size: u64| usize::try_from(size).unwrap_or(BATCH_MAX).clamp(1, BATCH_MAX);
    let max_rows = size(max_rows);
    let mut preferred: Vec<usize> = preferred.iter().map(|&preferred| size(preferred)).collect();
    preferred.retain(|&preferred| preferred <= max_rows);
    preferred.sort_unstable();
    preferred.dedup();
    Batching { max_rows, preferred, max_delay: max_delay.min(DELAY_MAX) }
}
