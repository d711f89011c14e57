//! NVIDIA's own client drives both dialects.

use crate::support::Server;
use listen::Options;
use servables::{brightness, echo, model, n, port, words};
use server::{Limits, Servable};
use tensor::DType;

fn models() -> Vec<Servable> {
    let identity = model(
        "identity",
        vec![port("INPUT0", DType::F32, vec![n()])],
        vec![port("OUTPUT0", DType::F32, vec![n()])],
        |inputs| Ok(inputs.to_vec()),
    );
    vec![identity, echo("half", DType::F16, vec![n()]), brightness("brightness"), words()]
}

#[test]
fn tritonclient_over_http_is_served() {
    let limits = || Limits { shares_memory: true, ..Limits::default() };
    for server in [
        Server::triton(limits(), Options::default(), models()),
        Server::with(limits(), Options::default(), models()),
    ] {
        testkit::drive("triton_http.py", "tritonclient", &[&server.address.to_string()], 8);
    }
}
