//! The clients of other servers, unmodified, and the real binary: all its protocols on one port.

use crate::models::adding;
use crate::site::{Site, Watched};
use crate::support::word;
use testkit::drive;

/// A server of `m`, version 1.
fn served(name: &str, flags: &[&str]) -> (Site, Watched) {
    let site = Site::new(name);
    site.put(1, "model.onnx", &adding(1));
    let served = site.serve(flags);
    served.wait_for(1);
    (site, served)
}

#[test]
fn kserve_is_served() {
    let (_site, served) = served("kserve", &[]);
    drive("kserve_clients.py", "kserve", &[&served.server.address], 3);
}

#[test]
fn the_definitions_that_are_told_are_those_of_the_answers() {
    let (_site, served) = served("reflection", &[]);
    drive("reflection_grpc.py", "grpcio-reflection", &[&served.server.address], 4);
}

#[test]
fn tensorflow_serving_api_says_what_is_served() {
    let (site, served) = served("reload", &["--control", "explicit"]);
    for version in [1, 2] {
        let folder = site.root.join("other").join(version.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("model.onnx"), adding(version)).unwrap();
    }
    let words = [&served.server.address, word(&site.root)];
    drive("tensorflow_serving_reload.py", "tensorflow-serving-api", &words, 4);
}
