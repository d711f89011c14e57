//! A model that is loaded and ended a thousand times leaves nothing behind.

use crate::console::Console;
use crate::model::ModelOptions;
use crate::serve::loader::{BatchingOptions, Journal, Loader};
use clap::Parser;
use monitor::Metrics;
use repository::{Classes, ModelFile, Priorities};
use server::{Catalog, Control, Limits, Repository, Select, Service, Source, Wanted};
use std::collections::BTreeMap;
use std::path::PathBuf;
use testkit::onnx::{F32, Model};

/// Columns of the weights, which have four rows: a megabyte.
const COLUMNS: usize = 1 << 16;

/// How much memory may have grown after all cycles, in bytes: a few hundred for each cycle, while
/// a model that stays would be a thousand times its megabyte.
const GROWTH_MAX: u64 = 8 << 20;

/// What the loader takes from the command line.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    console: Console,
    #[command(flatten)]
    options: ModelOptions,
    #[command(flatten)]
    batching: BatchingOptions,
}

/// One model in one file.
struct Single(PathBuf);

impl Catalog for Single {
    fn wanted(&self) -> Result<Vec<Wanted>, String> {
        let file = ModelFile::Plain(self.0.clone());
        let source = Source {
            file,
            classes: Classes::Unknown,
            batching: None,
            priorities: Priorities::default(),
            revision: 0,
        };
        let versions = BTreeMap::from([(1, source)]);
        Ok(vec![Wanted { name: "m".to_string(), versions, ..Wanted::default() }])
    }
}

/// A number that the system keeps of this process, memory in bytes.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let number: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    if line.ends_with("kB") { number << 10 } else { number }
}

fn weights() -> Vec<u8> {
    let weights: Vec<u8> = (0..4 * COLUMNS).flat_map(|i| (i as f32).to_le_bytes()).collect();
    Model::new(17)
        .input("x", F32, &["n", "4"])
        .output("y", F32, &["n", "65536"])
        .weight("w", F32, &[4, COLUMNS as i64], &weights)
        .node("MatMul", &["x", "w"], &["y"], &[])
        .encode()
}

#[test]
fn memory_is_flat_over_a_thousand_loads() {
    let given = std::env::var("SCHOONER_FAULT_CYCLES").ok();
    let cycles: usize = given.map_or(1000, |text| text.parse().unwrap());
    println!("SCHOONER_FAULT_CYCLES: {cycles} (default 1000)");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    std::fs::write(&path, weights()).unwrap();
    let line = Line::parse_from(["", "--quiet", "--max-batch", "1"]);
    let journal = Journal::default();
    let loader = Loader::new(&line.console, &line.options, &line.batching, 1, journal).reading();
    let service = Service::new(Limits::default(), Metrics::new()).unwrap();
    let room = line.options.memory_bytes();
    let repository = Repository::new(loader, Single(path), Control::Explicit, room);
    let cycle = || {
        repository.load(&service, "m").unwrap();
        let model = service.store().find("m", Select::Latest).unwrap();
        assert_eq!(model.signature().inputs.len(), 1);
        drop(model);
        repository.unload(&service, "m", None).unwrap();
    };
    (0..cycles / 10).for_each(|_| cycle());
    let (before, threads) = (status("VmRSS"), status("Threads"));
    (0..cycles).for_each(|_| cycle());
    let after = status("VmRSS");
    println!("{cycles} cycles: {} kB before, {} kB after", before >> 10, after >> 10);
    assert!(after < before + GROWTH_MAX, "{before} bytes before, {after} after");
    assert!(status("Threads") <= threads, "threads stay");
}
