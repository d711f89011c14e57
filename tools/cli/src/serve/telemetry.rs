//! What `schooner serve` tells of its requests: log lines, and traces for a collector.

use crate::console::Console;
use crate::error::Error;
use clap::{Args, ValueEnum};
use monitor::{LogFormat, LogGuard, LogLevel, Metrics, Traces};

/// Flags about logs and traces.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logs and traces")]
pub(crate) struct Telemetry {
    /// Form of the lines on stderr
    #[arg(long, value_name = "FORM", default_value = "text", env = "SCHOONER_LOG")]
    log: Form,

    /// Send a span of each request, and of its stages, to this OpenTelemetry collector, as
    /// http://127.0.0.1:4318 (OTLP over HTTP)
    #[arg(long, value_name = "URL", env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,

    /// Share of the requests that are traced when their sender has not decided
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = ratio,
          env = "SCHOONER_TRACE_RATIO")]
    trace_ratio: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Text,
    Json,
}

fn ratio(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    number.ok_or_else(|| format!("expected a number between 0 and 1, found `{text}`"))
}

impl Telemetry {
    /// Begins to log: `--verbose` says every request, `--quiet` only defects.
    pub(crate) fn start_log(&self, console: &Console) -> LogGuard {
        let format = match self.log {
            Form::Text => LogFormat::Text,
            Form::Json => LogFormat::Json,
        };
        let level = match (console.is_quiet(), console.is_verbose()) {
            (true, _) => LogLevel::Error,
            (false, true) => LogLevel::Debug,
            (false, false) => LogLevel::Info,
        };
        monitor::start_log(format, level)
    }

    /// Metrics that also trace, when that was asked for.
    pub(crate) fn metrics(&self) -> Result<Metrics, Error> {
        let traces = |endpoint: &String| Traces::to(endpoint, self.trace_ratio);
        let traces = self.otlp_endpoint.as_ref().map(traces).transpose();
        let traces = traces.map_err(|error| Error::Usage(format!("--otlp-endpoint: {error}")))?;
        Ok(Metrics::new().with_traces(traces))
    }
}
