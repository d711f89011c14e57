//! Processes that are killed without a word, at any moment.

use crate::client::Client;
use crate::models::{adding_with_weights, build, question, version_of};
use crate::site::{PREDICT, Site, extent};
use crate::support::{schooner, word};
use std::fs;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Size of the model, so that loading and writing it take long enough to be hit.
const MEGABYTES: usize = 8;

/// The next number of a sequence that looks like chance and can be had again.
fn chance(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// Asks until the server is gone. Whatever is answered before is right.
fn ask_to_the_end(address: &str, stop: &AtomicBool) -> u64 {
    let Ok(mut client) = Client::connect(address) else { return 0 };
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok(reply) = client.ask("POST", PREDICT, &question(answers % 1000)) else { break };
        assert_eq!(reply.status, 200, "{reply:?}");
        assert!([1, 2].contains(&version_of(answers % 1000, &reply.body)));
        answers += 1;
    }
    answers
}

#[test]
fn a_killed_server_leaves_nothing_that_its_successor_cannot_serve() {
    let rounds = extent("SCHOONER_FAULT_KILLS", 4);
    let mut state = extent("SCHOONER_FAULT_SEED", 1);
    let site = Site::new("killed");
    let from = site.root.join("second.onnx");
    fs::write(&from, adding_with_weights(2, MEGABYTES)).unwrap();
    let first = site.root.join("first.schooner");
    build(&adding_with_weights(1, MEGABYTES), &first);
    site.put(1, "model.schooner", &fs::read(&first).unwrap());
    let (mut whole, mut answers) = (0, 0);
    for round in 0..rounds {
        // What a version's writer left when it was killed stays for the next one.
        fs::create_dir_all(site.version(2)).unwrap();
        let target = site.version(2).join("model.schooner");
        let served = site.serve(&[]);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..2)
                .map(|_| scope.spawn(|| ask_to_the_end(&served.server.address, &stop)))
                .collect();
            let mut writer = schooner(&["build", word(&from), "-o", word(&target)]);
            writer.stdout(Stdio::null()).stderr(Stdio::null());
            let mut writer = writer.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(chance(&mut state, 400)));
            if round % 2 == 0 {
                writer.kill().unwrap();
            }
            writer.wait().unwrap();
            // A version counts a second after it was written, and is then loaded.
            std::thread::sleep(Duration::from_millis(chance(&mut state, 1600)));
            served.server.kill();
            stop.store(true, Ordering::Relaxed);
            answers += asking.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>();
        });
        drop(served);
        let again = site.serve(&[]);
        let found = again.version();
        assert!([1, 2].contains(&found));
        whole += u64::from(found == 2);
        if target.exists() {
            again.wait_for(2);
            fs::remove_file(&target).unwrap();
        }
        again.server.terminate();
        assert_eq!(again.server.wait(), Some(0));
    }
    eprintln!("{rounds} kills, {answers} right answers before them, version 2 whole {whole} times");
    let left = fs::read_dir(site.version(2)).unwrap().flatten();
    let visible = left.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(visible.count(), 0, "a file that is not whole has its name");
}
