//! Who may change what is served: clients of this machine, at an address of its own where the main
//! one is open to all.

use crate::client::ask;
use crate::models::{adding, question};
use crate::site::{PREDICT, Site};
use crate::support::{Server, schooner, word};
use std::process::Command;

const UNLOAD: &str = "/v2/repository/models/m/unload";
const LOAD: &str = "/v2/repository/models/m/load";

/// A free port of this machine, a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn serve(site: &Site, flags: &[&str]) -> Command {
    schooner(&[&["serve", word(&site.model), "--control", "explicit"], flags].concat())
}

#[test]
fn an_open_address_takes_no_changes_and_that_for_management_does() {
    let site = Site::new("managed");
    site.put(1, "model.onnx", &adding(1));
    let main = format!("0.0.0.0:{}", free_port());
    let flags = ["--listen", &main, "--listen", "manage=0"];
    // The first line about an address is that of the second listener.
    let server = Server::spawn(serve(&site, &flags)).expect("it listens");
    let (main, manage) = (main.replace("0.0.0.0", "127.0.0.1"), &server.address);
    let status = |address: &str, path, body: &str| {
        let reply = ask(address, "POST", path, body).unwrap();
        (reply.status, reply.body)
    };
    for path in [UNLOAD, LOAD, "/v2/logging"] {
        let (code, body) = status(&main, path, "{}");
        assert!(code == 403 && body.contains("--listen manage="), "{path}: {code} {body}");
    }
    assert_eq!(status(&main, PREDICT, &question(7)).0, 200);
    for path in [UNLOAD, LOAD, "/v2/logging"] {
        assert_eq!(status(manage, path, "{}").0, 200, "{path}");
    }
    assert_eq!(status(manage, PREDICT, &question(7)).0, 200, "it answers all the same");
}
