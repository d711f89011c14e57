//! The clients of other servers, unmodified.

use crate::support::Server;
use server::Limits;
use std::path::Path;
use std::process::Command;

async fn drive(script: &str, package: &str, lines: usize) {
    let Some(python) = testkit::client(package) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/clients").join(script);
    let server = Server::with(Limits { shares_memory: true, ..Limits::default() }).await;
    let address = server.address.to_string();
    let run = move || Command::new(python).arg(script).arg(address).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complained}");
    assert_eq!(said.lines().count(), lines, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tritonclient_over_grpc_is_served() {
    drive("triton_grpc.py", "tritonclient", 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tensorflow_serving_api_is_served() {
    drive("tensorflow_serving_grpc.py", "tensorflow-serving-api", 4).await;
}
