//! Versions that change while clients ask without pause.

use crate::models::{adding, build};
use crate::site::{Site, Watched, ask_until};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// Clients that ask without pause.
const CLIENTS: usize = 8;

/// Asks while `act` changes what is served; the versions that answered each client.
fn under_load(served: &Watched, act: impl FnOnce()) -> Vec<Vec<u64>> {
    let stop = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let asking = scope.spawn(|| ask_until(&served.server.address, CLIENTS, &stop));
        act();
        stop.store(true, Ordering::Relaxed);
        asking.join().unwrap()
    });
    let answers: usize = seen.iter().map(Vec::len).sum();
    eprintln!("{answers} answers, each whole and to its question");
    seen
}

/// The bytes of a model that adds its version, in the form that the file's name says.
fn model(site: &Site, file: &str, version: u64) -> Vec<u8> {
    if file == "model.onnx" {
        return adding(version);
    }
    let built = site.root.join("built.schooner");
    build(&adding(version), &built);
    fs::read(built).unwrap()
}

#[test]
fn versions_are_swapped_under_load_without_a_lost_answer() {
    for file in ["model.onnx", "model.schooner"] {
        let site = Site::new(&format!("swap-{file}"));
        let bytes = |version| model(&site, file, version);
        site.put(1, file, &bytes(1));
        let served = site.serve(&[]);
        let seen = under_load(&served, || {
            served.wait_for(1);
            for version in [2, 3] {
                site.put(version, file, &bytes(version));
                fs::remove_dir_all(site.version(version - 1)).unwrap();
                served.wait_for(version);
            }
        });
        for versions in &seen {
            assert!(versions.is_sorted(), "a version came back after its end");
        }
        for version in 1..=3 {
            assert!(seen.iter().flatten().any(|&v| v == version), "{version} was never asked");
        }
        let asked = r#"schooner_requests_total{model="m",protocol="rest",status="200"}"#;
        let counted = served.metric(asked) as usize;
        assert!(counted >= seen.iter().map(Vec::len).sum(), "answers that nobody gave");
        let others = served.ask("GET", "/metrics", "").body;
        let refused = others.lines().any(|l| l.starts_with("schooner_refusals_total{model=\"m\""));
        assert!(!refused, "{others}");
    }
}

#[test]
fn a_file_is_replaced_in_place_under_load() {
    for file in ["model.onnx", "model.schooner"] {
        let site = Site::new(&format!("in-place-{file}"));
        let path = site.version(1).join(file);
        let bytes = |version| model(&site, file, version);
        site.put(1, file, &bytes(1));
        let served = site.serve(&[]);
        let seen = under_load(&served, || {
            served.wait_for(1);
            // As `cp` does it: the same file, cut to nothing and written anew.
            fs::write(&path, vec![0x5a; 300_000]).unwrap();
            served.wait_for_words("cannot load version 1 of model m");
            assert_eq!(served.version(), 1, "what was good goes on");
            fs::write(&path, b"").unwrap();
            Watched::let_it_look();
            assert_eq!(served.version(), 1, "what was good goes on");
            fs::write(&path, bytes(2)).unwrap();
            served.wait_for(2);
        });
        assert!(seen.iter().flatten().all(|version| [1, 2].contains(version)));
    }
}
