//! Keys and rates, for both protocols and both versions of HTTP.

use crate::support::{Client1, Server, echo_request, get_request, grpc_request, header, text};
use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Full;
use listen::{Guard, Keys, Options, RateLimit};
use std::num::NonZeroU32;

/// The SHA-256 hash of `secret`.
const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

fn keys() -> Option<Keys> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("team:{HASH}\n")).unwrap();
    Some(Keys::read(file.path()).unwrap())
}

fn with_key(mut request: Request<Full<Bytes>>, key: &str) -> Request<Full<Bytes>> {
    let value = format!("Bearer {key}").parse().unwrap();
    request.headers_mut().insert("authorization", value);
    request
}

#[tokio::test]
async fn without_a_key_nothing_but_health_is_answered() {
    let guard = Guard { keys: keys(), ..Guard::default() };
    let server = Server::start(guard, Options::default()).await;
    for request in [get_request("/slow"), with_key(get_request("/nowhere"), "Secret")] {
        let response = server.send1(request).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "www-authenticate")),
            (401, "Bearer")
        );
        assert_eq!(
            text(&response),
            "{\n    \"error\": \"expected a key that is known, as `Authorization: Bearer KEY` or \
             `X-API-Key: KEY`\"\n}"
        );
    }
    assert_eq!(server.send1(get_request("/healthz")).await.status(), 200);
    assert_eq!(server.send1(with_key(get_request("/nowhere"), "secret")).await.status(), 404);
    assert_eq!(server.send2(with_key(get_request("/nowhere"), "secret")).await.status(), 404);
    assert_eq!(server.send2(get_request("/nowhere")).await.status(), 401);
    let metrics = server.service.metrics().export();
    let line = r#"schooner_refusals_total{model="",reason="unauthenticated"} 3"#;
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn grpc_is_refused_in_its_own_words() {
    let guard = Guard { keys: keys(), ..Guard::default() };
    let server = Server::start(guard, Options::default()).await;
    let response = server.send2(grpc_request("/any.Service/Call")).await;
    assert_eq!((response.status().as_u16(), header(&response, "grpc-status")), (200, "16"));
    let begin = "expected a key that is known";
    assert!(header(&response, "grpc-message").starts_with(begin), "{response:?}");
    let health = server.send2(grpc_request("/grpc.health.v1.Health/Check")).await;
    assert_eq!(header(&health, "grpc-status"), "12");
    let allowed = server.send2(with_key(grpc_request("/any.Service/Call"), "secret")).await;
    assert_eq!(header(&allowed, "grpc-status"), "12");
}

#[tokio::test]
async fn a_refused_body_is_read_so_that_the_refusal_arrives() {
    let guard = Guard { keys: keys(), ..Guard::default() };
    let server = Server::start(guard, Options::default()).await;
    let mut client = Client1::over(server.connect().await).await;
    for _ in 0..3 {
        assert_eq!(client.send(echo_request(vec![0; 8 << 20])).await.status(), 401);
    }
}

#[tokio::test]
async fn a_client_beyond_its_rate_is_told_when_to_come_again() {
    let rate_limit = NonZeroU32::new(3).map(RateLimit::new);
    let guard = Guard { rate_limit, keys: keys(), ..Guard::default() };
    let server = Server::start(guard, Options::default()).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = server.send1(with_key(get_request("/nowhere"), "secret")).await;
        statuses.push((response.status().as_u16(), header(&response, "retry-after").to_string()));
    }
    assert_eq!(statuses[..3], vec![(404, String::new()); 3]);
    assert_eq!(statuses[3], (429, "1".to_string()));
    let response = server.send2(with_key(grpc_request("/any.Service/Call"), "secret")).await;
    assert_eq!(header(&response, "grpc-status"), "8");
    for _ in 0..10 {
        assert_eq!(server.send1(get_request("/healthz")).await.status(), 200);
    }
}
