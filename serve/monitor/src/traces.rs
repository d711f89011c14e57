//! Spans of requests, sent to a collector by the OpenTelemetry protocol over HTTP.
//!
//! Spans are made when the response is; a thread of the SDK sends them in batches. When the
//! collector is slow or gone, spans are dropped, never requests.

use crate::Record;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// Longest time for one batch of spans: a collector that takes longer is overloaded.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer of a collector that is read, in bytes; it says how many spans it took.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Where spans go.
#[derive(Debug, Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    propagator: std::sync::Arc<TraceContextPropagator>,
}

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("expected a collector's address as http://127.0.0.1:4318, found {endpoint}: {reason}")]
pub struct TracesError {
    endpoint: String,
    reason: String,
}

impl Traces {
    /// Sends spans to the collector at `endpoint`, as `http://127.0.0.1:4318`. Of requests that
    /// come with a sampled or unsampled trace, the sender has decided; of others, `ratio` are
    /// traced.
    ///
    /// # Errors
    /// When the address is none.
    pub fn to(endpoint: &str, ratio: f64) -> Result<Traces, TracesError> {
        let failed = |reason: String| TracesError { endpoint: endpoint.to_string(), reason };
        let parsed: http::Uri = endpoint.parse().map_err(|e| failed(format!("{e}")))?;
        if parsed.scheme_str() != Some("http") || parsed.host().is_none() {
            let reason = "it is no http URL; a collector beside the server sends on under TLS";
            return Err(failed(reason.to_string()));
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new())
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|e| failed(e.to_string()))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("schooner").with_attribute(version);
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio)));
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource.build())
            .build();
        let tracer = provider.tracer("schooner");
        Ok(Traces { provider, tracer, propagator: TraceContextPropagator::new().into() })
    }

    /// Notes a request and its stages.
    pub fn record(&self, record: &Record<'_>) {
        let begun = SystemTime::now() - record.start.elapsed();
        let carrier: HashMap<String, String> = record
            .traceparent
            .iter()
            .map(|value| ("traceparent".to_string(), (*value).to_string()))
            .collect();
        let parent = self.propagator.extract_with_context(&Context::new(), &carrier);
        let mut attributes = vec![
            KeyValue::new("schooner.protocol", record.protocol),
            KeyValue::new("http.response.status_code", i64::from(record.status)),
            KeyValue::new("schooner.model", record.model.name().to_string()),
        ];
        let version = record.version.map(|v| i64::try_from(v).unwrap_or(i64::MAX));
        attributes.extend(version.map(|v| KeyValue::new("schooner.version", v)));
        attributes.extend(record.refusal.map(|reason| KeyValue::new("schooner.refusal", reason)));
        let id = record.id.map(|id| KeyValue::new("schooner.request_id", id.to_string()));
        attributes.extend(id);
        let span = self
            .tracer
            .span_builder(record.operation.to_string())
            .with_kind(SpanKind::Server)
            .with_start_time(begun)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        let around = parent.with_span(span);
        let mut start = begun;
        for &(stage, time) in record.stages {
            let builder = self.tracer.span_builder(stage.name()).with_start_time(start);
            start += time;
            builder.start_with_context(&self.tracer, &around).end_with_timestamp(start);
        }
        let span = around.span();
        if record.status >= 500 {
            span.set_status(Status::error(record.refusal.unwrap_or_default()));
        }
        span.end_with_timestamp(begun + record.total);
    }

    /// Sends what was not sent yet and ends. Blocks for as long as one batch may take.
    pub fn shutdown(&self) {
        // It fails when the collector is gone, and then the spans are lost with the process.
        let _ = self.provider.shutdown_with_timeout(EXPORT_TIMEOUT);
    }
}

/// Sends on the thread of the SDK's exporter, which may block.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Client {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(EXPORT_TIMEOUT))
            .http_status_as_error(false);
        Client(config.build().into())
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let response = self.0.run(request.map(|body| body.to_vec()))?;
        let (head, mut body) = response.into_parts();
        let body = body.with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(head, Bytes::from(body)))
    }
}
