//! The clients of other servers, unmodified.

use crate::support::Server;
use server::Limits;

async fn drive(script: &'static str, package: &'static str, lines: usize) {
    let server = Server::with(Limits { shares_memory: true, ..Limits::default() }).await;
    let address = server.address.to_string();
    let run = move || testkit::drive(script, package, &[&address], lines);
    tokio::task::spawn_blocking(run).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tritonclient_over_grpc_is_served() {
    drive("triton_grpc.py", "tritonclient", 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tensorflow_serving_api_is_served() {
    drive("tensorflow_serving_grpc.py", "tensorflow-serving-api", 5).await;
}
