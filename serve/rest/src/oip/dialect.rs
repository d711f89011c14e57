//! Whose words a listener speaks where the protocol leaves a choice: our own statuses on the main
//! port, and those of Triton on a listener that stands in for it. The texts are Triton's on both,
//! because clients match on them.

use crate::json::Pretty;
use crate::response::{JSON, Reply};
use server::{Code, Refusal};

/// Content type of what Triton answers before it knows better.
pub(super) const PLAIN: &str = "text/plain";

/// Whose statuses and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Ours.
    Schooner,
    /// Those of Triton Inference Server 2.51.
    Triton,
}

impl Dialect {
    /// `{"error": …}`.
    pub(super) fn refuse(self, refusal: &Refusal, is_of_infer: bool) -> Reply {
        let content_type = self.content_type(refusal, is_of_infer);
        let reply = Reply::ok(content_type, error(&::oip::text(refusal))).refusing(refusal);
        match self {
            Dialect::Schooner => reply,
            Dialect::Triton => reply.with_status(triton_status(refusal)),
        }
    }

    /// A model or version that does not answer (yet). `status` is our own.
    pub(super) fn not_ready(self, status: u16) -> Reply {
        let body = error("Model version not ready");
        match self {
            Dialect::Schooner => Reply::ok(JSON, body).with_status(status),
            Dialect::Triton => Reply::ok(PLAIN, body).with_status(400),
        }
    }

    /// The server, or a model, is what the word says: as the protocol has it, and KServe's client
    /// reads it. Triton says it by the status alone.
    pub(super) fn is_so(self, model: Option<&str>, word: &str) -> Reply {
        if self == Dialect::Triton {
            return Reply::ok(PLAIN, Vec::new());
        }
        let mut json = Pretty::compact();
        json.object();
        if let Some(model) = model {
            json.field("name", model);
        }
        json.raw_field(word, "true");
        json.end_object();
        Reply::ok(JSON, json.finish())
    }

    /// Triton names JSON as JSON once it has found the request's model.
    fn content_type(self, refusal: &Refusal, is_of_infer: bool) -> &'static str {
        let is_early = match refusal {
            Refusal::RouteNotFound { .. } => true,
            Refusal::ModelNotFound { .. }
            | Refusal::MethodNotAllowed { .. }
            | Refusal::InferenceHeader { .. } => is_of_infer,
            _ => false,
        };
        if self == Dialect::Triton && is_early { PLAIN } else { JSON }
    }
}

/// The status by the kind of error, of which Triton has fewer than HTTP.
fn triton_status(refusal: &Refusal) -> u16 {
    match refusal {
        Refusal::Unparsable(_) | Refusal::JsonSyntax { .. } => 500,
        Refusal::MethodNotAllowed { .. } => 405,
        Refusal::QueueFull { .. } | Refusal::DeadlineExceeded { .. } => 503,
        Refusal::ControlIsOff => 503,
        other => match other.row().grpc {
            Code::NotFound => 404,
            Code::Internal => 500,
            Code::Unavailable => 503,
            Code::Unimplemented => 501,
            Code::Unauthenticated => 401,
            Code::PermissionDenied => 403,
            Code::Cancelled
            | Code::InvalidArgument
            | Code::DeadlineExceeded
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition => 400,
        },
    }
}

fn error(text: &str) -> Vec<u8> {
    let mut json = Pretty::compact();
    json.object();
    json.field("error", text);
    json.end_object();
    json.finish()
}
