//! Version folders in every state but the right one.

use crate::models::{adding, build, with_golden_of};
use crate::site::{Site, Watched};
use crate::support::{folder, word};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::Duration;

#[test]
fn a_version_that_is_copied_slowly_comes_when_it_is_whole() {
    let site = Site::new("slow-copy");
    site.put(1, "model.onnx", &adding(1));
    let served = site.serve(&[]);
    let whole = adding(2);
    fs::create_dir(site.version(2)).unwrap();
    let mut file = File::create(site.version(2).join("model.onnx")).unwrap();
    let (first, second) = whole.split_at(whole.len() / 2);
    for piece in first.chunks(first.len() / 8) {
        file.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(served.version(), 1);
    }
    // The copy pauses for longer than a file is waited for: the half is tried, and refused.
    served.wait_for_words("cannot load version 2 of model m");
    assert_eq!(served.version(), 1);
    file.write_all(second).unwrap();
    drop(file);
    served.wait_for(2);
}

#[test]
fn a_corrupt_version_beside_a_good_one_is_refused() {
    let site = Site::new("corrupt");
    site.put(1, "model.onnx", &adding(1));
    let mut altered = adding(2);
    altered.truncate(altered.len() - 9);
    site.put(2, "model.onnx", &altered);
    // At the start it is not known yet that the version before it is good.
    let served = site.serve(&[]);
    served.wait_for_words("version 2 of model m");
    served.until("version 1 takes its place", || served.ask("GET", "/readyz", "").status == 200);
    assert_eq!(served.version(), 1);
    site.put(3, "model.onnx", &adding(3));
    served.wait_for(3);
    site.put(4, "model.onnx", b"no model");
    served.wait_for_words("version 4 of model m");
    assert_eq!(served.version(), 3);
    let told = served.log().matches("version 4 of model m").count();
    Watched::let_it_look();
    assert_eq!(served.log().matches("version 4 of model m").count(), told, "it is told once");
}

#[test]
fn a_library_that_answers_otherwise_than_when_it_was_built_is_refused() {
    let site = Site::new("golden");
    let [good, other] = [1, 2].map(|version| {
        let path = site.root.join(format!("{version}.schooner"));
        build(&adding(version), &path);
        path
    });
    site.put(1, "model.schooner", &fs::read(&good).unwrap());
    let served = site.serve(&[]);
    site.put(2, "model.schooner", &with_golden_of(&other, &good));
    served.wait_for_words("answers otherwise than when it was built");
    assert_eq!(served.version(), 1);
    site.put(3, "model.schooner", &fs::read(&other).unwrap());
    served.wait_for(2);
}

#[test]
fn a_folder_is_removed_and_put_back() {
    let site = Site::new("removed");
    site.put(1, "model.onnx", &adding(1));
    // An empty root might be a disk that is not there: it is told, and ends nothing.
    fs::create_dir_all(site.root.join("other/1")).unwrap();
    fs::write(site.root.join("other/1/model.onnx"), adding(5)).unwrap();
    let served = Watched::start(&site.root, &[word(&site.root)]);
    assert_eq!(served.version(), 1);
    let aside = folder("serving-removed-aside").join("m");
    fs::rename(&site.model, &aside).unwrap();
    let status = || served.ask("GET", "/v1/models/m/metadata", "").status;
    served.until("the model ends", || status() == 404);
    fs::rename(&aside, &site.model).unwrap();
    // While it is loaded, it is not gone either.
    served.until("the model is back", || status() == 200);
    assert_eq!(served.version(), 1);
    // The root itself: whoever cannot be asked what there is, has not said that there is nothing.
    let moved = folder("serving-removed-root").join("root");
    fs::rename(&site.root, &moved).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let reply = served.ask("POST", "/v1/models/m:predict", &crate::models::question(1));
    assert_eq!(reply.status, 200, "{reply:?}");
    fs::rename(&moved, &site.root).unwrap();
    served.wait_for_words("cannot be read");
}

#[test]
fn links_are_swapped_as_kubernetes_does() {
    let site = Site::new("links");
    let place = |name: &str, version: u64| {
        let folder = site.root.join(name).join("1");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("model.onnx"), adding(version)).unwrap();
    };
    // m/1 -> ..data/1, m/..data -> ../first
    place("first", 1);
    symlink("../first", site.model.join("..data")).unwrap();
    symlink("..data/1", site.model.join("1")).unwrap();
    let served = site.serve(&[]);
    assert_eq!(served.version(), 1);
    place("second", 2);
    symlink("../second", site.model.join("..data_tmp")).unwrap();
    fs::rename(site.model.join("..data_tmp"), site.model.join("..data")).unwrap();
    fs::remove_dir_all(site.root.join("first")).unwrap();
    served.wait_for(2);
    // A link to nothing, one to itself and one around: the version before stays.
    symlink("../nowhere", site.version(2)).unwrap();
    symlink("3", site.version(3)).unwrap();
    fs::create_dir(site.version(4)).unwrap();
    fs::write(site.version(4).join("model.onnx"), adding(4)).unwrap();
    symlink(".", site.version(4).join("around")).unwrap();
    served.wait_for_words("version 4");
    assert_eq!(served.version(), 2);
    fs::remove_file(site.version(4).join("around")).unwrap();
    served.wait_for(4);
}

#[test]
fn what_is_missing_from_a_folder_is_told_at_the_start() {
    let site = Site::new("nothing");
    fs::create_dir(site.version(1)).unwrap();
    fs::write(site.version(1).join("weights.bin"), b"x").unwrap();
    let served = site.serve(&[]);
    served.wait_for_words("expected a model file");
    assert_eq!(served.ask("GET", "/readyz", "").status, 503);
    fs::write(site.version(1).join("model.onnx"), adding(1)).unwrap();
    served.until("it is served", || served.ask("GET", "/readyz", "").status == 200);
    assert_eq!(served.version(), 1);
}

#[test]
fn thousands_of_files_cost_little() {
    let site = Site::new("thousands");
    site.put(1, "model.onnx", &adding(1));
    for at in 0..3000 {
        fs::write(site.version(1).join(format!("asset-{at}")), b"").unwrap();
    }
    let served = site.serve(&["--poll-seconds", "1"]);
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", served.server.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    assert_eq!(served.version(), 1);
    let before = ticks();
    std::thread::sleep(Duration::from_secs(3));
    let share = (ticks() - before) as f64 / 300.0;
    eprintln!("looking at 3000 files each second takes {:.1} % of a processor", share * 100.0);
    assert!(share < 0.2, "{share}");
}
