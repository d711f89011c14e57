//! What every request passes before its protocol: the client's key, the client's rate.

use crate::body::discard;
use crate::charged::charged;
use crate::keys::Keys;
use crate::rate::{Client, RateLimit};
use crate::{Tls, refused};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, Version, header};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use server::{Refusal, Service};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

/// What is asked of clients at one listener; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    /// Connections are under TLS.
    pub tls: Option<Tls>,
    /// Requests carry one of these keys.
    pub keys: Option<Keys>,
    /// Each client sends no more than this.
    pub rate_limit: Option<RateLimit>,
}

/// Where requests go, by protocol.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Everything but gRPC.
    pub rest: Router,
    /// Requests over HTTP/2 whose content type is `application/grpc`.
    pub grpc: Router,
}

/// The gate of one listener.
#[derive(Clone)]
pub(crate) struct Gate {
    rest: TowerToHyperService<Router>,
    grpc: TowerToHyperService<Router>,
    keys: Option<Keys>,
    rate_limit: Option<RateLimit>,
    service: Service,
}

impl Gate {
    pub(crate) fn new(routes: Routes, guard: &Guard, service: Service) -> Gate {
        Gate {
            rest: TowerToHyperService::new(routes.rest),
            grpc: TowerToHyperService::new(routes.grpc),
            keys: guard.keys.clone(),
            rate_limit: guard.rate_limit.clone(),
            service,
        }
    }

    /// Answers one request from `peer`.
    pub(crate) async fn answer(
        &self,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let is_grpc = is_grpc(&request);
        if let Err(refusal) = self.check(peer, &request) {
            return Ok(self.refuse(&refusal, is_grpc, request).await);
        }
        let response = match is_grpc {
            true => self.grpc.call(request).await?,
            false => self.rest.call(request).await?,
        };
        let (head, body) = response.into_parts();
        let mut response = match charged(body, &self.service) {
            Ok(body) => Response::from_parts(head, body),
            Err(refusal) => self.count(&refusal, is_grpc),
        };
        if self.service.is_draining() && response.version() != Version::HTTP_2 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        Ok(response)
    }

    fn check(&self, peer: IpAddr, request: &Request<Incoming>) -> Result<(), Refusal> {
        if self.keys.is_none() && self.rate_limit.is_none() || is_health(request.uri().path()) {
            return Ok(());
        }
        let name = self.name(request.headers())?;
        match &self.rate_limit {
            None => Ok(()),
            Some(limit) => limit.count(name.map_or(Client::of(peer), Client::Key)),
        }
    }

    /// The name of the client's key, where keys are asked for.
    fn name(&self, headers: &HeaderMap) -> Result<Option<Arc<str>>, Refusal> {
        match &self.keys {
            None => Ok(None),
            Some(keys) => keys.name_of(headers).map(Some).ok_or(Refusal::Unauthenticated),
        }
    }

    async fn refuse(
        &self,
        refusal: &Refusal,
        is_grpc: bool,
        request: Request<Incoming>,
    ) -> Response<Body> {
        // Over HTTP/2 the response overtakes the body.
        if request.version() != Version::HTTP_2 {
            let (head, body) = request.into_parts();
            let limit = self.service.limits().max_body_bytes;
            discard(&head.headers, Body::new(body), limit).await;
        }
        self.count(refusal, is_grpc)
    }

    /// The refusal in the words of its protocol, counted.
    fn count(&self, refusal: &Refusal, is_grpc: bool) -> Response<Body> {
        let metrics = self.service.metrics().no_model();
        let row = refusal.row();
        metrics.refusal(row.reason);
        metrics.request(if is_grpc { "grpc" } else { "rest" }, row.http);
        if is_grpc { refused::grpc(refusal) } else { refused::http(refusal) }
    }
}

/// Is it a call of gRPC, rather than of gRPC-Web or REST?
fn is_grpc(request: &Request<Incoming>) -> bool {
    let media = request.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = media.and_then(|media| media.strip_prefix(b"application/grpc"));
    request.version() == Version::HTTP_2 && rest.is_some_and(|rest| !rest.starts_with(b"-"))
}

/// Does the path only ask whether the server is well? Whoever watches it may have no key, and
/// must never be told that it asks too often.
fn is_health(path: &str) -> bool {
    matches!(
        path,
        "/healthz"
            | "/readyz"
            | "/v2/health/live"
            | "/v2/health/ready"
            | "/grpc.health.v1.Health/Check"
            | "/grpc.health.v1.Health/Watch"
            | "/inference.GRPCInferenceService/ServerLive"
            | "/inference.GRPCInferenceService/ServerReady"
    )
}
