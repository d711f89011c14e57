//! Damaged files: each is read or refused, none breaks the reader or takes it long.

use crate::support::{SUFFIXES, changed};
use repository::{Properties, Repository, Source};
use std::fs;
use testkit::Random;

const SEEDS: [&str; 2] = [
    "model_config_list: { config: { name: \"a\", base_path: 'm' model_version_policy { specific \
     { versions: [1, 2] } } version_labels { key: 'x' value: 1 } } }",
    "name: 'm' max_batch_size: 8 input [ { name: 'x' dims: [ -1, 3 ] } ] dynamic_batching { \
     preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 0x10 } # end",
];

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
