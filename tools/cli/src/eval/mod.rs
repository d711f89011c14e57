//! `schooner eval`: how often a model is right, how fast it is, and what memory it takes.

pub(crate) mod dataset;

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, ModelArgs};
use crate::run::scores;
use crate::show;
use crate::statistics::{Latency, Share, peak_memory_bytes};
use clap::Args;
use dataset::Item;
use recipe::Recipe;
use runtime::Model;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Measure a classifier on labeled images: accuracy with bounds, latency, memory
///
/// DATA is a folder with one folder of images for each class, named as the class or numbered;
/// or a file labels.json, `[{"file": "x.png", "labels": [243]}, …]`, with the images beside it or
/// in a folder `images` beside it; or a folder that holds such a file. With several labels any
/// of them is right.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner eval fashion.onnx examples/fashion/val
  schooner eval efficientnet_lite0.onnx imagenet-mini/labels.json --json > eval.json")]
pub(crate) struct Eval {
    #[command(flatten)]
    model: ModelArgs,

    /// Folder of class folders, or labels.json
    #[arg(value_name = "DATA", env = "SCHOONER_DATA")]
    data: PathBuf,

    /// Stop after this many images
    #[arg(long, value_name = "N", env = "SCHOONER_LIMIT")]
    limit: Option<usize>,
}

/// Everything that was measured.
#[derive(Serialize)]
struct Evaluation {
    model: String,
    data: String,
    recipe: String,
    threads: usize,
    top1: Share,
    top5: Share,
    /// Of one image from its bytes to its classes.
    latency: Latency,
    /// The model's part of it.
    inference: Latency,
    images_per_second: f64,
    peak_memory_bytes: Option<u64>,
    answers: Vec<Scored>,
}

/// One image.
#[derive(Serialize)]
struct Scored {
    file: String,
    labels: Vec<usize>,
    top1: usize,
    top5: Vec<usize>,
    label: String,
    probability: f32,
    is_right: bool,
    #[serde(skip)]
    total: Duration,
    #[serde(skip)]
    inference: Duration,
}

/// How many guesses a top-5 answer has.
const TOP: usize = 5;

impl Eval {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let loaded = model::load(console, &self.model.model, &self.model.options)?;
        let mut recipe = loaded.model.recipe().cloned().ok_or_else(|| {
            let why = &loaded.recipe_why;
            Error::Usage(format!("the model has no recipe for images ({why}); give --recipe"))
        })?;
        console.info(format_args!("recipe: {}", loaded.recipe_why));
        recipe.post.top_k = TOP;
        let mut items = dataset::read(&self.data, &recipe.post.labels)?;
        items.truncate(self.limit.unwrap_or(usize::MAX));
        warm_up(&loaded.model)?;
        let bar = console.progress(items.len());
        let start = Instant::now();
        let answers = items.iter().map(|item| {
            bar.inc(1);
            score(&loaded.model, &recipe, item)
        });
        let answers: Vec<Scored> = answers.collect::<Result<_, _>>()?;
        let seconds = start.elapsed().as_secs_f64();
        bar.finish_and_clear();
        let of = answers.len();
        let right = answers.iter().filter(|a| a.is_right).count();
        let in_top = answers.iter().filter(|a| a.labels.iter().any(|l| a.top5.contains(l))).count();
        let times: Vec<Duration> = answers.iter().map(|a| a.total).collect();
        let inference: Vec<Duration> = answers.iter().map(|a| a.inference).collect();
        console.result(&Evaluation {
            model: loaded.model.name().to_string(),
            data: self.data.display().to_string(),
            recipe: loaded.recipe_why,
            threads: console.threads(),
            top1: Share::of(right, of),
            top5: Share::of(in_top, of),
            latency: Latency::of(&times),
            inference: Latency::of(&inference),
            images_per_second: of as f64 / seconds,
            peak_memory_bytes: peak_memory_bytes(),
            answers,
        });
        console.next(format_args!("schooner serve {}", quoted(self.model.model.display())));
        Ok(Exit::Ok)
    }
}

/// The first run binds the plan; it is not what a later request waits for.
fn warm_up(model: &Model) -> Result<(), Error> {
    let inputs = model.default_inputs()?;
    model.run_values(&inputs)?;
    Ok(())
}

fn score(model: &Model, recipe: &Recipe, item: &Item) -> Result<Scored, Error> {
    let encoded = std::fs::read(&item.path).map_err(|e| Error::of_file(&item.path, e))?;
    let failed = |e: &dyn fmt::Display| Error::Failure(format!("{}: {e}", item.path.display()));
    let start = Instant::now();
    let input = recipe.prepare(&encoded).map_err(|e| failed(&e))?;
    let prepared = Instant::now();
    let outputs = model.run_values(&[input.into()])?;
    let inference = prepared.elapsed();
    let classes = recipe.answer(scores(&outputs)?)?.classes;
    let total = start.elapsed();
    let best = classes.first().ok_or_else(|| failed(&"the model gave no class"))?;
    Ok(Scored {
        file: item.name.clone(),
        labels: item.labels.clone(),
        top1: best.index,
        top5: classes.iter().map(|c| c.index).collect(),
        label: best.label.clone(),
        probability: best.probability,
        is_right: item.labels.contains(&best.index),
        total,
        inference,
    })
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = |l: &Latency| {
            let Latency { median_ms, p95_ms, p99_ms, .. } = l;
            format!("median {median_ms:.2} ms, p95 {p95_ms:.2} ms, p99 {p99_ms:.2} ms")
        };
        writeln!(f, "top-1       {}", self.top1)?;
        writeln!(f, "top-5       {}", self.top5)?;
        writeln!(f, "latency     {}, decoding included", latency(&self.latency))?;
        writeln!(f, "inference   {}", latency(&self.inference))?;
        let (rate, threads) = (self.images_per_second, self.threads);
        writeln!(f, "throughput  {rate:.1} images/s, one at a time, threads {threads}")?;
        match self.peak_memory_bytes {
            Some(bytes) => writeln!(f, "memory      {} at the peak", show::bytes(bytes)),
            None => Ok(()),
        }
    }
}
