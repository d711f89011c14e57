//! HTTP/2 with prior knowledge on the port of HTTP/1.1.

use crate::support::{
    Client1, Client2, Server, echo_request, get_request, grpc_request, header, text,
};
use axum::http::Version;
use listen::{Guard, Options, Summary};
use std::time::{Duration, Instant};

#[tokio::test]
async fn both_versions_are_served_on_one_port() {
    let server = Server::plain().await;
    let body = vec![42; 3 << 20];
    let response = server.send1(echo_request(body.clone())).await;
    assert_eq!((response.version(), response.body() == &body), (Version::HTTP_11, true));
    let response = server.send2(echo_request(body.clone())).await;
    assert_eq!((response.version(), response.body() == &body), (Version::HTTP_2, true));
}

#[tokio::test]
async fn grpc_goes_its_own_way_and_only_over_http2() {
    let server = Server::plain().await;
    let response = server.send2(grpc_request("/any.Service/Call")).await;
    assert_eq!(header(&response, "grpc-status"), "12");
    assert_eq!(header(&response, "grpc-message"), "100 %25%0A");
    assert_eq!(header(&response, "content-type"), "application/grpc");
    let mut web = grpc_request("/any.Service/Call");
    web.headers_mut().insert("content-type", "application/grpc-web".parse().unwrap());
    assert_eq!(server.send2(web).await.status(), 404);
    assert_eq!(server.send1(grpc_request("/any.Service/Call")).await.status(), 404);
}

#[tokio::test]
async fn many_requests_share_a_connection() {
    let server = Server::plain().await;
    let client = Client2::over(server.connect().await).await;
    let start = Instant::now();
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.send(get_request("/slow")).await.unwrap() })
        })
        .collect();
    for call in calls {
        assert_eq!(text(&call.await.unwrap()), "slow");
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_end_answers_what_is_under_way() {
    let mut server = Server::plain().await;
    let client = Client2::over(server.connect().await).await;
    let mut idle = Client2::over(server.connect().await).await;
    assert_eq!(idle.send(get_request("/healthz")).await.unwrap().status(), 200);
    let mut calling = client.clone();
    let call = tokio::spawn(async move { calling.send(get_request("/slow")).await.unwrap() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.signal();
    // Still within the time in which connections stay open.
    assert_eq!(idle.send(get_request("/healthz")).await.unwrap().status(), 200);
    assert_eq!(text(&call.await.unwrap()), "slow");
    assert_eq!(server.stop().await, Summary { aborted: 0 });
    assert!(idle.is_closed().await);
}

#[tokio::test]
async fn the_end_comes_when_the_grace_is_over() {
    let (linger, grace) = (Duration::from_millis(20), Duration::from_millis(100));
    let options = Options { linger, grace, ..Options::default() };
    let server = Server::start(Guard::default(), options).await;
    let mut client = Client2::over(server.connect().await).await;
    let call = tokio::spawn(async move { client.send(get_request("/slow")).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(server.stop().await, Summary { aborted: 1 });
    assert!(call.await.unwrap().is_err());
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused_in_both_versions() {
    let server = Server::plain().await;
    let large = |bytes: usize| {
        let mut request = get_request("/healthz");
        request.headers_mut().insert("x-large", "a".repeat(bytes).parse().unwrap());
        request
    };
    for (bytes, expected) in [(16 << 10, 200), (64 << 10, 431)] {
        assert_eq!(server.send1(large(bytes)).await.status(), expected, "{bytes}");
    }
    let mut client = Client2::over(server.connect().await).await;
    assert_eq!(client.send(large(16 << 10)).await.unwrap().status(), 200);
    match client.send(large(64 << 10)).await {
        Ok(response) => assert_eq!(response.status(), 431),
        Err(error) => assert!(error.to_string().contains("http2"), "{error:?}"),
    }
}

#[tokio::test]
async fn keep_alive_serves_one_request_after_the_other() {
    let server = Server::plain().await;
    let mut client = Client1::over(server.connect().await).await;
    for number in 0..100_u8 {
        let response = client.send(echo_request(vec![number])).await;
        assert_eq!(response.body().as_ref(), [number]);
    }
}
