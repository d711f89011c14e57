//! Names that URLs do not like, and names that come twice.

use crate::client::ask;
use crate::models::{adding, question, version_of};
use crate::site::Watched;
use crate::support::{check, folder, word};
use std::fs;

/// As a client writes a name into a path.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => (byte as char).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn any_name_can_be_asked_for() {
    let root = folder("serving-names");
    let names =
        ["a b", "größe", "100%", "%41", "a:b", "c?d#e", "it's", "q\"q", "日本", "tab\there"];
    for (at, name) in names.iter().enumerate() {
        fs::write(root.join(format!("{name}.onnx")), adding(at as u64 + 1)).unwrap();
    }
    let served = Watched::start(&root, &[word(&root)]);
    for (at, name) in names.iter().enumerate() {
        let path = format!("/v1/models/{}", encoded(name));
        let reply = served.ask("POST", &format!("{path}:predict"), &question(3));
        assert_eq!(reply.status, 200, "{name}: {reply:?}");
        assert_eq!(version_of(3, &reply.body), at as u64 + 1, "{name}");
        assert_eq!(served.ask("GET", &format!("{path}/metadata"), "").status, 200, "{name}");
    }
    // A path that only looks like another one leads nowhere.
    for path in ["/v1/models/A:predict", "/v1/models/..%2Fx:predict", "/v1/models/%FF:predict"] {
        assert_eq!(served.ask("POST", path, &question(3)).status, 404, "{path}");
    }
    // Every line of the help that names a model is one that works.
    let help = served.ask("GET", "/", "").body;
    for line in help.lines().filter(|line| line.ends_with("/metadata") && line.contains("curl")) {
        let (_, path) = line.split_once("http://test").expect(line);
        assert_eq!(ask(&served.server.address, "GET", path, "").unwrap().status, 200, "{line}");
    }
}

#[test]
fn two_models_of_one_name_are_refused_by_their_places() {
    let root = folder("serving-twice");
    for file in ["a.onnx", "liba.so"] {
        fs::write(root.join(file), adding(1)).unwrap();
    }
    let (_, stderr) = check(&["serve", word(&root), "--listen", "127.0.0.1:0"], 2);
    assert!(stderr.contains("a.onnx") && stderr.contains("liba.so"), "{stderr}");
    fs::remove_file(root.join("liba.so")).unwrap();
    let served = Watched::start(&root, &[word(&root)]);
    fs::write(root.join("liba.so"), adding(2)).unwrap();
    served.wait_for_words("liba.so");
    assert_eq!(served.ask("POST", "/v1/models/a:predict", &question(1)).status, 200);
}
