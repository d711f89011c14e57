//! What the server says while it runs, a line each on stderr: for people, or as JSON.
//!
//! A thread of its own writes; when nobody reads fast enough, lines are dropped and requests are
//! not held up.

use crate::{Record, Stage};
use std::io::{IsTerminal, stderr};
use std::time::Duration;
use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

/// Most lines that wait to be written. 16 Ki: some megabytes.
const LINES_MAX: usize = 16 << 10;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people: time, level, message, fields.
    Text,
    /// One JSON object a line.
    Json,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Defects only: requests that failed by the server's fault.
    Error,
    /// Models that come, go or are refused too.
    Info,
    /// Every request too.
    Debug,
}

/// Writes what still waits to be written when it is dropped.
#[derive(Debug)]
pub struct LogGuard {
    _worker: WorkerGuard,
}

/// Begins to write what is said anywhere in this process. Later calls have no effect.
pub fn start_log(format: LogFormat, level: LogLevel) -> LogGuard {
    let builder = NonBlockingBuilder::default().buffered_lines_limit(LINES_MAX).lossy(true);
    let (writer, worker) = builder.thread_name("log").finish(stderr());
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    let lines = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_max_level(level)
        .with_ansi(stderr().is_terminal())
        .with_target(false);
    // It fails when another was set, which then stays.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(lines.compact().finish()),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            tracing::subscriber::set_global_default(lines.with_span_list(false).finish())
        }
    };
    LogGuard { _worker: worker }
}

/// Says that a request was answered; loudly, when it failed by the server's fault.
pub(crate) fn request(record: &Record<'_>) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let stage = |wanted: Stage| {
        let found = record.stages.iter().find(|(stage, _)| *stage == wanted);
        found.map(|(_, time)| ms(*time))
    };
    let trace = record.traceparent.and_then(|value| value.split('-').nth(1));
    macro_rules! say {
        ($level:expr) => {
            tracing::event!(
                $level,
                protocol = record.protocol,
                operation = %record.operation,
                model = record.model.name(),
                version = record.version,
                status = record.status,
                refusal = record.refusal,
                id = record.id,
                trace,
                total_ms = ms(record.total),
                queue_ms = stage(Stage::Queue),
                decode_ms = stage(Stage::Decode),
                infer_ms = stage(Stage::Infer),
                "request"
            )
        };
    }
    // Overload is the client's to wait out, and is counted; a line each would make it worse.
    if record.status == 500 { say!(Level::ERROR) } else { say!(Level::DEBUG) }
}
