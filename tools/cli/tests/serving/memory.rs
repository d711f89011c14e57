//! Memory: what is left for a second model, and what comes back when models go.

use crate::models::{adding, adding_with_weights, question};
use crate::site::{Site, Watched, extent};
use crate::support::{check, folder, word};
use std::fs;

#[test]
fn a_second_model_that_does_not_fit_is_refused_by_name() {
    let root = folder("serving-budget");
    fs::write(root.join("first.onnx"), adding_with_weights(1, 4)).unwrap();
    fs::write(root.join("second.onnx"), adding_with_weights(2, 4)).unwrap();
    // Room for the file, its constants and the runs of one of them.
    let budget = ["--memory", "12MB", "--max-batch", "1"];
    let served = Watched::start(&root, &[&[word(&root)], &budget[..]].concat());
    served.wait_for_words("model second");
    let status = |model: &str| {
        served.ask("POST", &format!("/v1/models/{model}:predict"), &question(1)).status
    };
    assert_eq!((status("first"), status("second")), (200, 404), "{}", served.log());
    let words = served.log().matches("model second").count();
    Watched::let_it_look();
    assert_eq!(served.log().matches("model second").count(), words, "it is told once");
    fs::remove_file(root.join("first.onnx")).unwrap();
    served.until("the second model has room", || status("second") == 200);
    // Who names a file wants just that file.
    fs::write(root.join("first.onnx"), adding_with_weights(1, 4)).unwrap();
    let files = [root.join("first.onnx"), root.join("second.onnx")];
    let words = ["serve", "--listen", "127.0.0.1:0", word(&files[0]), word(&files[1])];
    let (_, stderr) = check(&[&words[..], &budget[..]].concat(), 7);
    assert!(stderr.contains("second"), "{stderr}");
}

#[test]
fn versions_that_come_and_go_leave_no_memory_behind() {
    let cycles = extent("SCHOONER_FAULT_RELOADS", 5);
    let site = Site::new("reloads");
    site.put(1, "model.onnx", &adding_with_weights(1, 8));
    let served = site.serve(&["--max-batch", "1"]);
    let next = |version: u64| {
        site.put(version, "model.onnx", &adding_with_weights(version % 9, 8));
        fs::remove_dir_all(site.version(version - 1)).unwrap();
        served.wait_for(version % 9);
    };
    (2..=4).for_each(next);
    let (files, threads) = (served.files(), served.status("Threads"));
    let before = served.status("VmRSS");
    (5..5 + cycles).for_each(next);
    let after = served.status("VmRSS");
    eprintln!("{cycles} reloads: {} MB before, {} MB after", before >> 20, after >> 20);
    assert!(after < before + (12 << 20), "{before} before, {after} after");
    served.until("files are closed", || served.files() <= files);
    assert_eq!(served.status("Threads"), threads);
}

#[test]
fn a_model_that_ends_gives_its_memory_back() {
    const MEGABYTES: usize = 48;
    let cycles = extent("SCHOONER_FAULT_ENDS", 3);
    let root = folder("serving-given-back");
    let put = |model: &str, megabytes: usize| {
        let aside = folder("serving-given-back-aside");
        fs::write(aside.join("model.onnx"), adding_with_weights(1, megabytes)).unwrap();
        fs::create_dir(root.join(model)).unwrap();
        fs::rename(aside, root.join(model).join("1")).unwrap();
    };
    put("small", 1);
    let served = Watched::start(&root, &[word(&root), "--max-batch", "1"]);
    let status = || served.ask("POST", "/v1/models/large:predict", &question(1)).status;
    let before = served.status("VmRSS");
    // The allocator may do with the second model what it did not do with the first.
    for _ in 0..cycles {
        put("large", MEGABYTES);
        served.until("the large model answers", || status() == 200);
        let with = served.status("VmRSS");
        fs::remove_dir_all(root.join("large")).unwrap();
        served.until("the large model ends", || status() == 404);
        // What stays is the allocator's, and code that is in memory from now on.
        let is_back = || served.status("VmRSS") < before + (8 << 20);
        served.until("its memory is back", is_back);
        let after = served.status("VmRSS");
        let megabytes = [before, with, after].map(|bytes| bytes >> 20);
        eprintln!("{MEGABYTES} MB: before, with and after it {megabytes:?} MB");
        let most = before + ((MEGABYTES as u64 * 3 / 2) << 20);
        assert!(with < most, "{before} bytes before, {with} with it");
    }
}

#[test]
fn a_small_model_is_a_small_server() {
    let root = folder("serving-idle");
    fs::write(root.join("m.onnx"), adding(1)).unwrap();
    let served = Watched::start(&root, &[word(&root)]);
    assert_eq!(served.version(), 1);
    let idle = served.status("VmRSS") >> 20;
    eprintln!("idle: {idle} MB");
    assert!(idle < 40, "{idle} MB");
}
