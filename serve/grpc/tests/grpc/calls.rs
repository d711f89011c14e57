//! What all services share: compression, deadlines, limits, health, the end.

use crate::messages::*;
use crate::support::{Server, refused};
use crate::tensorflow_serving::{floats, request};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use listen::Summary;
use prost::Message;
use server::Limits;
use std::time::{Duration, Instant};
use tonic::{Code, Request};

const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";
const CHECK: &str = "/grpc.health.v1.Health/Check";

#[tokio::test]
async fn messages_are_compressed_both_ways() {
    let server = Server::start().await;
    let mut client = server.client().await;
    client.is_gzip = true;
    let asked = request("half_plus_two", &[("x", floats(&[100_000], &[4.0]))]);
    let response = client.send::<_, PredictResponse>(PREDICT, Request::new(asked)).await.unwrap();
    assert_eq!(response.metadata().get("grpc-encoding").unwrap(), "gzip");
    assert_eq!(response.into_inner().outputs["y"].float_val, vec![4.0; 100_000]);
}

/// With a bare client: others watch the time themselves.
#[tokio::test]
async fn the_client_s_deadline_counts() {
    let server = Server::start().await;
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let (executor, io) = (TokioExecutor::new(), TokioIo::new(stream));
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio::spawn(connection);
    let message = request("slow", &[("x", floats(&[1], &[4.0]))]).encode_to_vec();
    let body = [&[0, 0, 0, 0, message.len() as u8][..], &message].concat();
    let asked = hyper::Request::post(format!("http://test{PREDICT}"))
        .header("content-type", "application/grpc")
        .header("grpc-timeout", "100m")
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let start = Instant::now();
    let response = client.send_request(asked).await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(350), "{:?}", start.elapsed());
    assert_eq!(response.headers().get("grpc-status").unwrap(), "4", "{response:?}");
}

#[tokio::test]
async fn messages_have_a_largest_size() {
    let limits = Limits {
        max_body_bytes: 1 << 20,
        max_decompressed_bytes: 2 << 20,
        max_buffered_bytes: 8 << 20,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let mut client = server.client().await;
    let zeros = |count: usize| {
        request("half_plus_two", &[("x", floats(&[count as i64], &vec![0.0; count]))])
    };
    let ask = async |client: &crate::support::Client, count: usize| {
        refused(client.call::<_, PredictResponse>(PREDICT, zeros(count)).await)
    };
    assert_eq!(
        ask(&client, 1 << 18).await,
        (
            Code::ResourceExhausted,
            "expected a body of at most 1048576 bytes, found more; raise the limit on bodies"
                .to_string()
        )
    );
    client.is_gzip = true;
    assert_eq!(
        ask(&client, 1 << 20).await,
        (
            Code::ResourceExhausted,
            "expected a body of at most 2097152 bytes after decompression, found more".to_string()
        )
    );
    client.is_gzip = false;
    let fits = client.call::<_, PredictResponse>(PREDICT, zeros(200_000)).await.unwrap();
    assert_eq!(fits.outputs["y"].float_val.len(), 200_000);
}

#[tokio::test]
async fn what_is_not_served_is_unimplemented() {
    let server = Server::start().await;
    let client = server.client().await;
    for path in ["/tensorflow.serving.PredictionService/Nope", "/no.Service/Call", "/x"] {
        let (code, _) =
            refused(client.call::<_, HealthResponse>(path, HealthRequest::default()).await);
        assert_eq!(code, Code::Unimplemented, "{path}");
    }
}

async fn status(server: &Server, service: &str) -> Result<i32, Code> {
    let asked = HealthRequest { service: service.to_string() };
    let response = server.client().await.call::<_, HealthResponse>(CHECK, asked).await;
    response.map(|response| response.status).map_err(|status| status.code())
}

#[tokio::test]
async fn health_is_of_the_server_and_of_each_model() {
    let server = Server::start().await;
    assert_eq!(status(&server, "").await, Ok(1));
    assert_eq!(status(&server, "tensorflow.serving.PredictionService").await, Ok(1));
    assert_eq!(status(&server, "pair").await, Ok(1));
    assert_eq!(status(&server, "nope").await, Err(Code::NotFound));
    server.service.store().begin("new", 1);
    assert_eq!(status(&server, "").await, Ok(2), "a model is being loaded");
    assert_eq!(status(&server, "new").await, Ok(2));
}

#[tokio::test]
async fn a_watch_tells_changes_and_the_end() {
    let mut server = Server::start().await;
    let mut grpc = server.client().await.grpc();
    grpc.ready().await.unwrap();
    let path = "/grpc.health.v1.Health/Watch".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<HealthRequest, HealthResponse>::default();
    let asked = Request::new(HealthRequest::default());
    let mut stream = grpc.server_streaming(asked, path, codec).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().status, 1);
    server.service.store().begin("new", 1);
    assert_eq!(stream.message().await.unwrap().unwrap().status, 2);
    server.service.store().fail("new", 1, "no");
    assert_eq!(stream.message().await.unwrap().unwrap().status, 1);
    server.signal();
    assert_eq!(stream.message().await.unwrap().unwrap().status, 2);
    assert_eq!(stream.message().await.unwrap(), None);
    assert_eq!(server.stop().await, Summary { aborted: 0 });
}
