//! NVIDIA's own client drives both dialects.

use crate::support::Server;
use listen::Options;
use servables::{brightness, echo, model, n, port};
use server::{Limits, Servable};
use std::path::Path;
use std::process::Command;
use tensor::DType;

fn models() -> Vec<Servable> {
    let identity = model(
        "identity",
        vec![port("INPUT0", DType::F32, vec![n()])],
        vec![port("OUTPUT0", DType::F32, vec![n()])],
        |inputs| Ok(inputs.to_vec()),
    );
    vec![identity, echo("half", DType::F16, vec![n()]), brightness("brightness")]
}

#[test]
fn tritonclient_over_http_is_served() {
    let Some(python) = testkit::client("tritonclient") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/clients/triton_http.py");
    let limits = || Limits { shares_memory: true, ..Limits::default() };
    for server in [
        Server::triton(limits(), Options::default(), models()),
        Server::with(limits(), Options::default(), models()),
    ] {
        let url = server.address.to_string();
        let output = Command::new(&python).arg(&script).arg(url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{complained}");
        assert_eq!(said.lines().count(), 7, "{said}");
    }
}
