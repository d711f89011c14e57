//! The process's own numbers, read when somebody asks. On systems without `/proc` the rows that
//! need it are absent rather than zero.

use crate::catalogue::{Row, row};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

const MEMORY: &Row = row("process_resident_memory_bytes");
const THREADS: &Row = row("process_threads");
const OPEN_FILES: &Row = row("process_open_fds");
const START_TIME: &Row = row("process_start_time_seconds");

/// Reads `/proc/self` at each export.
#[derive(Debug)]
pub(crate) struct Process {
    start_s: f64,
}

impl Process {
    /// Takes now as the start of the process, which is right to the few milliseconds that a
    /// command spends before it makes its metrics.
    pub(crate) fn started_now() -> Process {
        let start_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        Process { start_s }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        gauge(&mut encoder, START_TIME, Some(self.start_s))?;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let kib = field(&status, "VmRSS:");
        gauge(&mut encoder, MEMORY, kib.map(|kib| kib * 1024.0))?;
        gauge(&mut encoder, THREADS, field(&status, "Threads:"))?;
        let files = std::fs::read_dir("/proc/self/fd").ok().map(|dir| dir.count() as f64);
        gauge(&mut encoder, OPEN_FILES, files)
    }
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, row: &Row, value: Option<f64>) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    let gauge = ConstGauge::new(value);
    let encoder = encoder.encode_descriptor(row.name, row.help, None, gauge.metric_type())?;
    gauge.encode(encoder)
}

/// The first number after `key` in text of the form `key:   123 kB`.
pub(crate) fn field(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_proc_status_are_found() {
        let status = "Name:\tschooner\nVmRSS:\t   12345 kB\nThreads:\t7\n";
        assert_eq!(field(status, "VmRSS:"), Some(12345.0));
        assert_eq!(field(status, "Threads:"), Some(7.0));
        assert_eq!(field(status, "VmSwap:"), None);
    }
}
