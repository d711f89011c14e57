//! Why a request is not answered, in TorchServe's words: a status, a type and a message.

use super::reply::document;
use super::route::Target;
use crate::response::Reply;
use axum::http::{HeaderName, HeaderValue, header};
use server::{LoadError, Refusal};

/// The header that tells what the recorded text does not. TorchServe calls every failure of a
/// prediction the same.
const REASON: HeaderName = HeaderName::from_static("x-schooner-reason");

/// Bytes of a reason that are sent: a line or two.
const REASON_BYTES_MAX: usize = 400;

/// An answer that says why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u16,
    /// The name of TorchServe's exception.
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(code: u16, kind: &'static str, message: impl Into<String>) -> Fault {
        Fault { code, kind, message: message.into() }
    }

    pub(super) fn no_route() -> Fault {
        let message = "Requested resource is not found, please refer to API document.";
        Fault::new(404, "ResourceNotFoundException", message)
    }

    pub(super) fn no_method() -> Fault {
        let message = "Requested method is not allowed, please refer to API document.";
        Fault::new(405, "MethodNotAllowedException", message)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Fault {
        Fault::new(400, "BadRequestException", message)
    }

    pub(super) fn no_model(model: &str) -> Fault {
        Fault::new(404, "ModelNotFoundException", format!("Model not found: {model}"))
    }

    pub(super) fn no_version(target: &Target, version: &str) -> Fault {
        let message =
            format!("Model version: {version} does not exist for model: {}", target.model);
        Fault::new(404, "ModelVersionNotFoundException", message)
    }

    pub(super) fn no_workers(target: &Target) -> Fault {
        let version = target.version.as_ref().map_or(String::new(), |v| format!(" Version {v}"));
        let message = format!(
            "Model \"{}\"{version} has no worker to serve inference request. \
             Please use scale workers API to add workers.",
            target.model
        );
        Fault::new(503, "ServiceUnavailableException", message)
    }

    /// The words for a refusal of a request that means `target`.
    pub(super) fn of(refusal: &Refusal, target: &Target) -> Fault {
        let row = refusal.row();
        let text = refusal.to_string();
        match refusal {
            Refusal::ModelNotFound { version: None, .. } | Refusal::StatusNotFound { .. } => {
                Fault::no_model(&target.model)
            }
            Refusal::ModelNotFound { version: Some(_), .. }
            | Refusal::BadVersion(_)
            | Refusal::UnknownLabel(_) => {
                Fault::no_version(target, target.version.as_deref().unwrap_or_default())
            }
            Refusal::ModelNotReady { .. } => Fault::no_workers(target),
            Refusal::LoadFailed { error: LoadError::Memory { .. }, .. } => {
                Fault::new(507, "InternalServerException", text)
            }
            Refusal::LoadFailed { .. } => Fault::new(400, "InvalidModelException", text),
            Refusal::NotManaged => Fault::new(row.http, "MethodNotAllowedException", text),
            Refusal::ControlIsOff | Refusal::MethodNotAllowed { .. } => Fault::no_method(),
            Refusal::RouteNotFound { .. } | Refusal::MalformedRequest { .. } => Fault::no_route(),
            Refusal::BodyTooLarge { .. } | Refusal::DecompressedTooLarge { .. } => {
                Fault::new(row.http, "RequestEntityTooLargeException", text)
            }
            Refusal::ReadTimeout { .. } | Refusal::DeadlineExceeded { .. } => {
                Fault::new(408, "RequestTimeoutException", text)
            }
            Refusal::QueueFull { .. } | Refusal::BuffersFull { .. } | Refusal::Draining => {
                Fault::new(503, "ServiceUnavailableException", text)
            }
            Refusal::Unimplemented(_) | Refusal::NoExplainer { .. } => {
                Fault::new(501, "NotImplementedException", text)
            }
            Refusal::BodyIncomplete(_)
            | Refusal::BadCompression { .. }
            | Refusal::UnsupportedEncoding { .. } => Fault::bad_request(text),
            // What the handler of a model could not make anything of.
            _ if row.http < 500 || matches!(refusal, Refusal::Engine { .. }) => {
                Fault::new(503, "InternalServerException", "Prediction failed")
            }
            _ => Fault::new(row.http, "InternalServerException", text),
        }
    }

    pub(super) fn reply(&self) -> Reply {
        document(self.code, |json| {
            json.object();
            json.string("code");
            json.raw(&self.code.to_string());
            json.field("type", self.kind);
            json.field("message", &self.message);
            json.end_object();
        })
    }
}

/// The reply to a refusal: the words above, the reason where they hide it, and when to retry.
pub(super) fn refused(refusal: &Refusal, target: &Target) -> Reply {
    let fault = Fault::of(refusal, target);
    let text = refusal.to_string();
    let mut reply = fault.reply();
    if fault.message != text {
        let visible = text.bytes().map(|b| if (b' '..=b'~').contains(&b) { b } else { b'?' });
        let visible: Vec<u8> = visible.take(REASON_BYTES_MAX).collect();
        if let Ok(value) = HeaderValue::from_bytes(&visible) {
            reply = reply.with_header(REASON, value);
        }
    }
    match refusal.row().retry_after_s {
        Some(seconds) => reply.with_header(header::RETRY_AFTER, HeaderValue::from(seconds)),
        None => reply,
    }
}
