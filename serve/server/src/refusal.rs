//! Every reason not to answer: one variant each, with its text above it and its numbers in one
//! line of [`Refusal::row`]. Texts say what was expected, what was found and what to do; those
//! that TensorFlow Serving has are worded as it words them, because clients match on them.

use crate::LoadError;
use plan::BindError;
use tensor::DType;

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the fields are the words of the text above each variant")]
pub enum Refusal {
    /// No model of this name (and version) is loaded.
    #[error("Servable not found for request: {}", servable(model, *version))]
    ModelNotFound { model: String, version: Option<u64> },
    /// The status of a model or version that was never loaded.
    #[error("Could not find {} of model {model}", which(*version))]
    StatusNotFound { model: String, version: Option<u64> },
    /// The model is being loaded, or its loading failed.
    #[error("model {model} is not available yet: {reason}")]
    ModelNotReady { model: String, reason: String },
    /// A version that was asked to be loaded and could not.
    #[error("cannot load version {version} of model {model}: {error}")]
    LoadFailed { model: String, version: u64, error: LoadError },
    /// The folder or file that says what to serve cannot be read.
    #[error("cannot read what there is to serve: {0}")]
    Catalog(String),
    /// Models were configured by request, and cannot be served as configured.
    #[error("{0}")]
    Config(String),
    /// Models are to be loaded or unloaded by request, and the server does not allow it.
    #[error("expected a server with --control explicit, found one that loads models by itself")]
    ControlIsOff,
    /// A change that is asked for where anybody may ask.
    #[error(
        "expected a client of this machine or one with a key, found an address that is open to \
         all; ask at that of --listen manage=127.0.0.1:9001, or add --api-keys"
    )]
    NotManaged,
    /// A version label that names no version.
    #[error("Unrecognized servable version label: {0}")]
    UnknownLabel(String),
    /// A version that is no number.
    #[error("Failed to convert version: {0} to numeric.")]
    BadVersion(String),
    /// A signature name that the model does not have.
    #[error("Serving signature name: \"{0}\" not found in signature def")]
    SignatureNotFound(String),
    /// The request's words do not make a request; the text is the protocol's.
    #[error("{0}")]
    InvalidArgument(String),
    /// The request cannot be read; the text is the protocol's.
    #[error("{0}")]
    Unparsable(String),
    /// JSON that is said to be longer than the body.
    #[error("inference header size should be in range (0, {length}), got: {found}")]
    InferenceHeader { length: usize, found: String },
    /// JSON that is none.
    #[error("JSON Parse error: {reason} at offset: {offset}")]
    JsonSyntax { reason: String, offset: usize },
    /// The shapes of the inputs are not the model's.
    #[error("{0}")]
    Shape(#[from] BindError),
    /// An input of another type.
    #[error("input `{input}`: expected elements of type {expected}, found {found}")]
    Type { input: String, expected: DType, found: DType },
    /// More images than one request may have.
    #[error("expected at most {limit} images in a request, found more; send several requests")]
    TooManyImages { limit: usize },
    /// A body that is neither an image nor JSON.
    #[error("expected a JPEG, PNG or WebP image, or a JSON object; found {found}")]
    NotAnImage { found: String },
    /// An image that cannot be decoded.
    #[error("{}{reason}", index.map_or(String::new(), |i| format!("image {i}: ")))]
    BadImage { index: Option<usize>, reason: String },
    /// An image for a model that has no recipe.
    #[error(
        "model {model} takes tensors, not images: it has no recipe; \
         send JSON {{\"instances\": …}}, or serve the model with a recipe"
    )]
    NoRecipe { model: String },
    /// An explanation of a model that has no explainer.
    #[error("model {model} has no explainer yet; use :predict")]
    NoExplainer { model: String },
    /// Shared memory that cannot be had, or a piece that is not in it.
    #[error("{0}")]
    SharedMemory(String),
    /// A name for shared memory that is taken.
    #[error("shared memory region '{name}' already in manager")]
    RegionExists { name: String },
    /// A name for shared memory that nobody registered.
    #[error("Unable to find {kind}shared memory region: '{name}'")]
    RegionNotFound { kind: &'static str, name: String },
    /// Shared memory on a server that was not told to share any.
    #[error("this server shares no memory; start it with --shared-memory")]
    SharedMemoryOff,
    /// A body that is longer than allowed, by its own word or by count.
    #[error("expected a body of at most {limit} bytes, found more; raise the limit on bodies")]
    BodyTooLarge { limit: usize },
    /// A compressed body that unfolds beyond all bounds.
    #[error("expected a body of at most {limit} bytes after decompression, found more")]
    DecompressedTooLarge { limit: usize },
    /// A compressed body that is damaged.
    #[error("the body is not valid {encoding}: {reason}")]
    BadCompression { encoding: &'static str, reason: String },
    /// A compression that is not known.
    #[error("expected Content-Encoding gzip, zstd, deflate or identity, found {found}")]
    UnsupportedEncoding { found: String },
    /// A form instead of a body.
    #[error("expected an image or JSON as the body itself, found {found}; with curl use -T FILE")]
    UnsupportedMedia { found: String },
    /// The client takes too long to send.
    #[error("the request did not arrive within {seconds} s")]
    ReadTimeout { seconds: u64 },
    /// The body ended before its end.
    #[error("the body ended early: {0}")]
    BodyIncomplete(String),
    /// More jobs wait than the queue holds.
    #[error("the queue of {limit} requests is full; retry later")]
    QueueFull { limit: usize },
    /// All bodies and answers together are more than memory is granted for.
    #[error("requests and answers on their way hold all of {limit} bytes; retry later")]
    BuffersFull { limit: usize },
    /// No key, or one that is not known.
    #[error("expected a key that is known, as `Authorization: Bearer KEY` or `X-API-Key: KEY`")]
    Unauthenticated,
    /// One client sends more than its share.
    #[error("expected at most {per_second} requests a second from one client; retry later")]
    RateLimited { per_second: u32 },
    /// The server is about to end.
    #[error("the server is shutting down; send the request to another one")]
    Draining,
    /// No reply was made in time.
    #[error("the request was not answered within {milliseconds} ms")]
    DeadlineExceeded { milliseconds: u128 },
    /// The request waited for longer than it said that it may.
    #[error("Request timeout expired")]
    WaitTimeout,
    /// The engine failed.
    #[error("model {model} failed: {reason}")]
    Engine { model: String, reason: String },
    /// A job panicked.
    #[error("internal error: the job panicked; this is a defect of the server")]
    Panicked,
    /// A path under `/v1` that means nothing.
    #[error("Malformed request: {method} {path}")]
    MalformedRequest { method: String, path: String },
    /// A path that means nothing.
    #[error("Not found: {method} {path}; GET / lists the routes")]
    RouteNotFound { method: String, path: String },
    /// A route that knows other methods only.
    #[error("Method not allowed: {method} {path}; GET / lists the routes")]
    MethodNotAllowed { method: String, path: String },
    /// A feature of the protocol that the model's types do not have.
    #[error("{0}")]
    Unimplemented(String),
}

/// The numbers of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The name in metrics.
    pub reason: &'static str,
    /// HTTP status.
    pub http: u16,
    /// gRPC status.
    pub grpc: Code,
    /// After how many seconds a retry makes sense, when it does.
    pub retry_after_s: Option<u32>,
}

/// The gRPC status codes in use, with their numbers on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the gRPC specification defines them")]
pub enum Code {
    Cancelled = 1,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Refusal {
    /// The reason's name, its HTTP status, its gRPC code, and when to retry.
    pub fn row(&self) -> Row {
        match self {
            Refusal::ModelNotFound { .. } => fixed("model_not_found", 404, Code::NotFound),
            Refusal::StatusNotFound { .. } => fixed("status_not_found", 404, Code::NotFound),
            Refusal::ModelNotReady { .. } => retry("model_not_ready", 503, Code::Unavailable),
            Refusal::LoadFailed { .. } => fixed("load", 400, Code::FailedPrecondition),
            Refusal::Catalog(_) => fixed("catalog", 500, Code::Internal),
            Refusal::Config(_) => fixed("config", 400, Code::FailedPrecondition),
            Refusal::ControlIsOff => fixed("control", 403, Code::FailedPrecondition),
            Refusal::NotManaged => fixed("not_managed", 403, Code::PermissionDenied),
            Refusal::UnknownLabel(_) => fixed("unknown_label", 400, Code::InvalidArgument),
            Refusal::BadVersion(_) => fixed("bad_version", 400, Code::InvalidArgument),
            Refusal::SignatureNotFound(_) => fixed("no_signature", 400, Code::InvalidArgument),
            Refusal::InvalidArgument(_) => fixed("invalid_argument", 400, Code::InvalidArgument),
            Refusal::Unparsable(_) => fixed("unparsable", 400, Code::InvalidArgument),
            Refusal::InferenceHeader { .. } => fixed("header_length", 400, Code::InvalidArgument),
            Refusal::JsonSyntax { .. } => fixed("json_syntax", 400, Code::InvalidArgument),
            Refusal::Shape(_) => fixed("shape", 400, Code::InvalidArgument),
            Refusal::Type { .. } => fixed("type", 400, Code::InvalidArgument),
            Refusal::TooManyImages { .. } => fixed("too_many_images", 400, Code::InvalidArgument),
            Refusal::NotAnImage { .. } => fixed("not_an_image", 400, Code::InvalidArgument),
            Refusal::BadImage { .. } => fixed("bad_image", 400, Code::InvalidArgument),
            Refusal::NoRecipe { .. } => fixed("no_recipe", 400, Code::FailedPrecondition),
            Refusal::NoExplainer { .. } => fixed("no_explainer", 501, Code::Unimplemented),
            Refusal::SharedMemory(_) => fixed("shared_memory", 400, Code::InvalidArgument),
            Refusal::RegionExists { .. } => fixed("region_exists", 409, Code::AlreadyExists),
            Refusal::RegionNotFound { .. } => fixed("region_not_found", 404, Code::NotFound),
            Refusal::SharedMemoryOff => fixed("shared_memory_off", 403, Code::FailedPrecondition),
            Refusal::BodyTooLarge { .. } => fixed("body_size", 413, Code::ResourceExhausted),
            Refusal::DecompressedTooLarge { .. } => fixed("bomb", 413, Code::ResourceExhausted),
            Refusal::BadCompression { .. } => fixed("compression", 400, Code::InvalidArgument),
            Refusal::UnsupportedEncoding { .. } => fixed("encoding", 415, Code::Unimplemented),
            Refusal::UnsupportedMedia { .. } => fixed("media", 415, Code::InvalidArgument),
            Refusal::ReadTimeout { .. } => fixed("read_timeout", 408, Code::DeadlineExceeded),
            Refusal::BodyIncomplete(_) => fixed("incomplete", 400, Code::Cancelled),
            Refusal::QueueFull { .. } => retry("queue_full", 429, Code::ResourceExhausted),
            Refusal::BuffersFull { .. } => retry("buffers_full", 503, Code::Unavailable),
            Refusal::Unauthenticated => fixed("unauthenticated", 401, Code::Unauthenticated),
            // The rate is at least one a second, so that a second is always enough.
            Refusal::RateLimited { .. } => retry("rate", 429, Code::ResourceExhausted),
            Refusal::Draining => retry("draining", 503, Code::Unavailable),
            Refusal::DeadlineExceeded { .. } => fixed("deadline", 504, Code::DeadlineExceeded),
            Refusal::WaitTimeout => retry("wait_timeout", 503, Code::Unavailable),
            Refusal::Engine { .. } => fixed("engine", 500, Code::Internal),
            Refusal::Panicked => fixed("panic", 500, Code::Internal),
            Refusal::MalformedRequest { .. } => fixed("malformed", 400, Code::InvalidArgument),
            Refusal::RouteNotFound { .. } => fixed("no_route", 404, Code::NotFound),
            Refusal::MethodNotAllowed { .. } => fixed("method", 405, Code::Unimplemented),
            Refusal::Unimplemented(_) => fixed("unimplemented", 501, Code::Unimplemented),
        }
    }
}

/// A retry would be refused again.
fn fixed(reason: &'static str, http: u16, grpc: Code) -> Row {
    Row { reason, http, grpc, retry_after_s: None }
}

/// A retry may succeed. One second, the smallest time that `Retry-After` can say: a full queue
/// is empty by then.
fn retry(reason: &'static str, http: u16, grpc: Code) -> Row {
    Row { reason, http, grpc, retry_after_s: Some(1) }
}

fn which(version: Option<u64>) -> String {
    version.map_or("any versions".into(), |v| format!("version {v}"))
}

fn servable(model: &str, version: Option<u64>) -> String {
    match version {
        None => format!("Latest({model})"),
        Some(version) => format!("Specific({model}, {version})"),
    }
}

#[cfg(test)]
mod tests {
    /// Every row of [`super::Refusal::row`], read from the source: there is no list of variants.
    fn rows() -> Vec<String> {
        let calls = include_str!("refusal.rs").lines().filter_map(|line| {
            let (_, call) = line.split_once(" => ")?;
            let (kind, row) = call.split_once("(\"")?;
            let (reason, row) = row.split_once("\", ")?;
            let (http, _) = row.split_once(',')?;
            let mark = if kind == "retry" { " *" } else { "" };
            Some(format!("| {http} | `{reason}`{mark} |"))
        });
        calls.collect()
    }

    #[test]
    fn the_documentation_has_every_refusal_and_no_other() {
        let documentation = include_str!("../../../docs/errors.md");
        let rows = rows();
        for row in &rows {
            assert!(documentation.contains(row.as_str()), "docs/errors.md has no row `{row}`");
        }
        let is_status = |line: &&str| line.starts_with("| 4") || line.starts_with("| 5");
        let (_, table) = documentation.split_once("## HTTP").unwrap();
        assert_eq!(table.lines().filter(is_status).count(), rows.len());
    }
}
