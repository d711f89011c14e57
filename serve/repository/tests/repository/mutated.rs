//! Damaged files: each is read or refused, none breaks the reader or takes it long.

use crate::support::{SUFFIXES, changed, manifest, zip};
use repository::{Archive, Limits, Properties, Repository, Source, text_proto};
use std::fs;
use testkit::Random;

const SEEDS: [&str; 3] = [
    "model_config_list: { config: { name: \"a\", base_path: 'm' model_version_policy { specific \
     { versions: [1, 2] } } version_labels { key: 'x' value: 1 } } }",
    "name: 'm' max_batch_size: 8 input [ { name: 'x' dims: [ -1, 3 ] } ] dynamic_batching { \
     preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 0x10 } # end",
    "a: 'x' \"\\u00e9\\x41\\101\\n\" b <c: -1.5e+3f> [ext.x/y] {} d: [] e: [<>, {}];",
];

#[test]
fn ten_thousand_texts_never_break_the_reader() {
    let mut random = Random(0x5eed_0001);
    let mut read = 0;
    for round in 0..10_000 {
        let bytes = changed(SEEDS[round % SEEDS.len()].as_bytes(), &mut random);
        let text = String::from_utf8_lossy(&bytes);
        match text_proto::parse(&text) {
            Ok(_) => read += 1,
            Err(error) => assert!(error.line <= 1 + text.matches('\n').count(), "{error}"),
        }
    }
    assert!((500..9_500).contains(&read), "{read} of 10000 were still texts");
}

#[test]
fn damaged_configurations_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(0x5eed_0002);
    fs::create_dir_all(folder.path().join("r/m/1")).unwrap();
    let (config, pbtxt) =
        (folder.path().join("models.config"), folder.path().join("r/m/config.pbtxt"));
    let properties = folder.path().join("config.properties");
    let lines = "model_store=.\nload_models=a=a.mar\nmodels={\"a\":{\"1.0\":{\"batchSize\":4}}}\n";
    for _ in 0..1_000 {
        fs::write(&config, changed(SEEDS[0].as_bytes(), &mut random)).unwrap();
        let _ = Repository::new(Source::ModelsConfig(config.clone()), &SUFFIXES).poll();
        fs::write(&pbtxt, changed(SEEDS[1].as_bytes(), &mut random)).unwrap();
        let _ = Repository::new(Source::Triton(folder.path().join("r")), &SUFFIXES).poll();
        fs::write(&properties, changed(lines.as_bytes(), &mut random)).unwrap();
        if let Ok(properties) = Properties::read(&properties) {
            let _ = Repository::new(Source::TorchServe(properties), &SUFFIXES).poll();
        }
    }
}

#[test]
fn damaged_archives_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(0x5eed_0003);
    let manifest = manifest("m", "1.0", "m.onnx");
    let seed = zip(&[
        ("MAR-INF/MANIFEST.json", manifest.as_bytes()),
        ("m.onnx", b"some bytes of a model that are worth to be compressed, compressed"),
        ("index_to_name.json", b"{\"0\": \"cat\"}"),
    ]);
    let suffixes = [".onnx".to_string()];
    let path = folder.path().join("m.mar");
    let mut opened = 0;
    for round in 0..2_000 {
        fs::write(&path, changed(&seed, &mut random)).unwrap();
        if let Ok(archive) = Archive::open(&path, &suffixes, Limits::default()) {
            opened += 1;
            let into = folder.path().join(round.to_string());
            fs::create_dir(&into).unwrap();
            let _ = archive.unpack(&into);
        }
    }
    assert!(opened > 20, "{opened} of 2000 were still archives");
}
