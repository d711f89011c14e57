//! Disks without room.

use crate::models::{adding, adding_with_weights};
use crate::site::{Site, Watched};
use crate::support::{Server, folder, schooner, word};
use std::fs::{self, File};
use std::process::Command;

/// A disk of 4 MB, in a mount namespace that ends with its process. `$0` is the folder.
const SMALL_DISK: &str = "mount -t tmpfs -o size=4m none \"$0\" && \"$@\"; code=$?; \
                          ls -A \"$0\"; exit $code";

#[test]
fn a_library_that_does_not_fit_the_disk_leaves_nothing() {
    let root = folder("serving-full");
    let disk = root.join("disk");
    fs::create_dir(&disk).unwrap();
    let model = root.join("wide.onnx");
    fs::write(&model, adding_with_weights(1, 8)).unwrap();
    let program = env!("CARGO_BIN_EXE_schooner");
    let within = |words: &[&str]| {
        let unshared = ["--mount", "--map-root-user", "sh", "-c", SMALL_DISK, word(&disk)];
        Command::new("unshare").args(unshared).args(words).output().unwrap()
    };
    if !within(&["true"]).status.success() {
        eprintln!("skipped: this system grants no mount namespace, so there is no full disk");
        return;
    }
    for name in ["libm.so", "m.schooner"] {
        let output = within(&[program, "build", word(&model), "-o", word(&disk.join(name))]);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let expected = format!("error: cannot write {}: No space left", disk.join(name).display());
        assert!(stderr.contains(&expected), "{stderr}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "something is left");
    }
}

#[test]
fn a_server_that_cannot_log_goes_on() {
    let site = Site::new("full-log");
    site.put(1, "model.onnx", &adding(1));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let words = ["serve", "--listen", "127.0.0.1:0", "--poll-seconds", "0.05"];
    let mut command = schooner(&[&words[..], &[word(&site.model)]].concat());
    command.stderr(full);
    let served = Watched::of(Server::spawn(command).expect("it starts"), &site.root);
    site.put(2, "model.onnx", b"no model");
    Watched::let_it_look();
    assert_eq!(served.version(), 1);
    site.put(3, "model.onnx", &adding(3));
    served.wait_for(3);
    served.server.terminate();
    assert_eq!(served.server.wait(), Some(0));
}

#[test]
fn errors_that_cannot_be_told_keep_their_exit_code() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let missing = schooner(&["inspect", "nowhere.onnx"]).stderr(full()).status().unwrap();
    assert_eq!(missing.code(), Some(5));
    let kernels = schooner(&["kernels"]).stdout(full()).stderr(full()).status().unwrap();
    assert_eq!(kernels.code(), Some(0));
}
