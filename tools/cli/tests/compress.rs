//! `compress` on the fashion example: what ships, what is refused, and what a kill leaves.

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use support::{check, fashion, folder, schooner, word};

/// A budget that the eighty samples of the gate can show, where ten answers differ.
const LARGE: &str = "30pp";

fn words(out: &Path, more: &[&str]) -> Vec<String> {
    let (model, data) = (fashion("fashion.onnx"), fashion("val"));
    let own = ["compress", &model, "--data", &data, "-o", word(out)];
    own.iter().chain(more).map(ToString::to_string).collect()
}

fn run(out: &Path, more: &[&str], code: i32) -> (String, String) {
    let words = words(out, more);
    check(&words.iter().map(String::as_str).collect::<Vec<_>>(), code)
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn what_ships_is_smaller_served_and_the_same_each_time() {
    let outs = ["compress-a", "compress-b"].map(folder);
    for out in &outs {
        let (stdout, stderr) = run(out, &["--max-drop", LARGE, "--for", "size"], 0);
        assert!(stdout.contains("compression rate"), "{stdout}");
        assert!(stdout.contains("inside the budget of 30pp"), "{stdout}");
        assert!(stderr.contains("next: schooner serve"), "{stderr}");
    }
    let [a, b] = outs.each_ref().map(|out| std::fs::read(out.join("certificate.json")).unwrap());
    assert_eq!(String::from_utf8(a), String::from_utf8(b), "a seed tells everything");
    let out = &outs[0];
    assert!(!out.join(".work").exists(), "only unfinished work is kept");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("http://localhost"), "{page}");
    let picture = std::fs::read(out.join("candidates.png")).unwrap();
    assert_eq!(&picture[1..4], b"PNG");
    let report = json(out.join("report.json"));
    assert!(report["layers"].as_array().unwrap().len() >= 9, "{report}");
    let bytes = |at: usize| report["candidates"][at]["bytes"].as_u64().unwrap();
    assert!(bytes(1) * 3 < bytes(0), "weights of 8 bits are a quarter: {report}");
    let certificate = &report["certificate"];
    let pairs = &certificate["pairs"];
    assert_eq!(pairs["samples"], 80);
    let count = |value: &Value| value.as_u64().unwrap();
    let difference =
        count(&certificate["original_right"]) + count(&pairs["gained"]) - count(&pairs["lost"]);
    assert_eq!(difference, count(&certificate["compressed_right"]));
    let (stdout, _) = check(&["eval", word(out), &fashion("val"), "--json"], 0);
    let evaluation: Value = serde_json::from_str(&stdout).unwrap();
    let right = count(&evaluation["top1"]["right"]);
    assert!(right >= 75, "the folder is a model: {right} of 100 right");
    let library = out.join("libfashion.so");
    check(&["build", word(out), "-o", word(&library)], 0);
    let (again, _) = check(&["eval", word(&library), &fashion("val"), "--json"], 0);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["top1"], evaluation["top1"], "the library is the same model");
}

#[test]
fn channels_go_and_weights_become_zero_as_asked() {
    let out = folder("compress-channels");
    let more = ["--prune-channels", "25%", "--method", "f32", "--max-drop", "60pp", "--json"];
    let (stdout, _) = run(&out, &[&more[..], &["--for", "size"]].concat(), 0);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let channels = report["channels"].as_array().unwrap();
    let count = |key: &str| channels.iter().map(|layer| layer[key].as_u64().unwrap()).sum::<u64>();
    assert!(count("after") < count("before"), "{report}");
    let bytes = |at: usize| report["candidates"][at]["bytes"].as_u64().unwrap();
    assert!(bytes(1) * 10 < bytes(0) * 9, "{report}");
    check(&["eval", word(&out), &fashion("val"), "--json"], 0);

    let out = folder("compress-zeros");
    let more = ["--prune-weights", "0.5", "--prune-pattern", "2:4", "--smooth", "--json"];
    let (stdout, _) = run(&out, &[&more[..], &["--max-drop", "60pp", "--for", "size"]].concat(), 0);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let zeros = report["zeros"].as_object().unwrap();
    assert!(zeros.values().any(|share| share.as_f64().unwrap() >= 0.5), "{report}");
    assert_eq!(report["certificate"]["method"]["preparation"]["is_smoothed"], true);

    let (_, stderr) = run(&folder("compress-nothing"), &["--method", "f32"], 2);
    assert!(stderr.contains("give --prune-channels"), "{stderr}");
    let (_, stderr) = run(&folder("compress-all"), &["--prune-channels", "100%"], 2);
    assert!(stderr.contains("above 0 and below 1"), "{stderr}");
}

#[test]
fn the_kernels_of_the_target_decide_and_are_named() {
    let out = folder("compress-generic");
    let more = ["--target", "generic", "--max-drop", LARGE, "--for", "size"];
    let (stdout, _) = run(&out, &more, 0);
    assert!(stdout.contains("latency on generic"), "{stdout}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("latency on generic"), "{page}");
    let report = json(out.join("report.json"));
    let certificate = json(out.join("certificate.json"));
    for certificate in [&report["certificate"], &certificate] {
        assert_eq!(certificate["target"], "generic", "{certificate}");
        assert_eq!(certificate["isa"], "generic", "{certificate}");
    }
}

#[test]
fn too_little_data_is_refused_with_the_number_that_is_needed() {
    let out = folder("compress-few");
    let (stdout, stderr) = run(&out, &["--max-drop", "0.5pp"], 3);
    assert!(stdout.contains("refused: not enough data: 80 samples for the gate"), "{stdout}");
    assert!(stderr.contains("80 samples can show no drop inside 0.5pp"), "{stderr}");
    let certificate = json(out.join("certificate.json"));
    assert_eq!(certificate["verdict"]["verdict"], "not_enough", "{certificate}");
    assert!(certificate["verdict"]["needed"].as_u64().unwrap() > 1000);
    assert!(!out.join("fashion.onnx").exists() && out.join("report.html").exists());
}

#[test]
fn without_labels_it_is_agreement_that_is_tested() {
    let out = folder("compress-agreement");
    let more = ["--max-drop", LARGE, "--for", "size", "--agreement", "--json"];
    let (stdout, _) = run(&out, &more, 0);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["certificate"]["measure"], "agreement");
    assert_eq!(report["certificate"]["pairs"]["gained"], 0);
    assert_eq!(report["certificate"]["original_right"], 80);
}

#[test]
fn what_makes_no_sense_is_refused_at_once() {
    let out = folder("compress-refused");
    std::fs::write(out.join("letter.txt"), "mine").unwrap();
    let (_, stderr) = run(&out, &["--max-drop", "5pp"], 2);
    assert!(stderr.contains("expected an empty folder"), "{stderr}");
    let (_, stderr) = run(&folder("compress-percent"), &["--max-drop", "1%"], 2);
    assert!(stderr.contains("write points"), "{stderr}");
    let out = folder("compress-target");
    let (_, stderr) = run(&out, &["--target", "sse2"], 2);
    assert!(stderr.contains("expected one of generic, avx2, avx512, neon, x86-vnni"), "{stderr}");
    let absent = if cfg!(target_arch = "aarch64") { "x86-vnni" } else { "neon" };
    let (_, stderr) = run(&out, &["--target", absent], 2);
    let expected = format!("--target {absent}: expected a processor that runs it");
    assert!(stderr.contains(&expected) && stderr.contains("--for size"), "{stderr}");
    assert!(std::fs::read_dir(&out).unwrap().next().is_none(), "nothing is written");
}

#[test]
fn killed_work_goes_on_where_it_stopped() {
    let more = ["--max-drop", LARGE, "--for", "size", "--seed", "3"];
    let (whole, killed) = (folder("compress-whole"), folder("compress-killed"));
    run(&whole, &more, 0);
    let words = words(&killed, &more);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut process = schooner(&words).spawn().unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while saved(&killed) < 6 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(saved(&killed) >= 6, "nothing was saved");
    assert!(!killed.join("certificate.json").exists(), "it was to be killed before its end");
    run(&killed, &more, 0);
    let [whole, killed] =
        [whole, killed].map(|out| std::fs::read_to_string(out.join("certificate.json")).unwrap());
    assert_eq!(whole, killed);
}

/// Files of unfinished work.
fn saved(out: &Path) -> usize {
    let keys = std::fs::read_dir(out.join(".work")).into_iter().flatten().flatten();
    let files = |key: std::fs::DirEntry| std::fs::read_dir(key.path()).into_iter().flatten();
    keys.map(|key| files(key).count()).sum()
}
