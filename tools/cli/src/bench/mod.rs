//! `schooner bench`: how fast a model is, or a server.

mod drive;
mod load;

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, ModelArgs};
use crate::statistics::{Latency, median, peak_memory_bytes};
use crate::tune::{self, Tuned};
use crate::{inputs, macs, show};
use clap::Args;
use load::Load;
use runtime::{Model, Pool};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tensor::{Bindings, Value};

/// Time a model, or a server that runs
///
/// Of a model: latency for each number of threads, and the steps that take the time. Of a server,
/// which is given by the URL of a request: requests a second and latency for each number of
/// connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner bench fashion.onnx
  schooner bench fashion.onnx --threads-list 1,2,4 --seconds 10 --profile
  schooner bench fashion.onnx --tune
  schooner bench http://localhost:9000/v1/models/fashion:predict --body shoe.jpg")]
pub(crate) struct Bench {
    #[command(flatten)]
    model: ModelArgs,

    /// Numbers of threads to time [default: one, and all]
    #[arg(long, value_name = "N,N…", value_delimiter = ',', env = "SCHOONER_THREADS_LIST")]
    threads_list: Vec<std::num::NonZeroUsize>,

    /// How long to time each number of threads or connections, in seconds
    #[arg(long, default_value_t = 3.0, env = "SCHOONER_SECONDS")]
    seconds: f64,

    /// Size of the batch, where the model leaves it open
    #[arg(long, value_name = "N", env = "SCHOONER_BATCH")]
    batch: Option<i64>,

    /// First time the forms that steps can take on this machine, and use the fastest ones
    #[arg(long, env = "SCHOONER_TUNE")]
    tune: bool,

    /// List the steps that take most of the time
    #[arg(long, env = "SCHOONER_PROFILE")]
    profile: bool,

    #[command(flatten)]
    load: Load,
}

/// Everything that was timed.
#[derive(Serialize)]
struct Timings {
    model: String,
    isa: &'static str,
    precision: String,
    inputs: Vec<String>,
    macs: Option<u64>,
    /// What one core does at most, measured before the runs.
    peak_gflops: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tuned: Option<Tuned>,
    runs: Vec<Timed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profile: Vec<Step>,
    peak_memory_bytes: Option<u64>,
}

/// One number of threads.
#[derive(Serialize)]
struct Timed {
    threads: usize,
    runs: usize,
    latency: Latency,
    /// Of the median run, a multiply-accumulate being two operations.
    gflops: Option<f64>,
    /// The part of the peak of as many cores that this is. Convolutions in Winograd form do less
    /// arithmetic than is counted, so it may exceed 1.
    peak_share: Option<f64>,
}

/// One step, or all steps of one operation.
#[derive(Serialize)]
struct Step {
    name: String,
    operation: String,
    /// `family/kernel@isa`
    kernel: Option<String>,
    median_ms: f64,
    share: f64,
    /// Multiply-accumulates, where the step has any.
    macs: Option<u64>,
    gflops: Option<f64>,
}

/// Runs before the clock starts: the first binds the plan and touches its memory, the next ones
/// bring caches and the processor's frequency to where they stay.
const WARM_UP_RUNS: usize = 3;

/// Fewest runs that are timed, however slow they are.
const RUNS_MIN: usize = 5;

/// Profiled runs, of which the median counts.
const PROFILE_RUNS: usize = 15;

/// Steps that the listing names.
const STEPS_SHOWN: usize = 20;

impl Bench {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        if !(self.seconds > 0.0 && self.seconds < 3600.0) {
            let found = self.seconds;
            return Err(Error::Usage(format!("--seconds: expected 0 to 3600, found {found}")));
        }
        if let Some(url) = load::url(&self.model.model) {
            is_for(
                "a model, not for a URL",
                &[
                    ("--threads-list", !self.threads_list.is_empty()),
                    ("--batch", self.batch.is_some()),
                    ("--tune", self.tune),
                    ("--profile", self.profile),
                ],
            )?;
            return self.load.execute(console, url, Duration::from_secs_f64(self.seconds));
        }
        is_for("a URL as http://localhost:9000/…, not for a model", &self.load.given())?;
        let options = &self.model.options;
        let mut loaded = model::load(console, &self.model.model, options)?;
        let tune = || tune::tune(console, &mut loaded, options.precision);
        let tuned = self.tune.then(tune).transpose()?;
        let model = loaded.model;
        let (inputs, sizes) = self.inputs(&model)?;
        let macs = macs::of_plan(model.plan(), &sizes);
        let isa = runtime::isa()?;
        let peak_gflops = simd::peak_gflops(isa);
        let mut runs = Vec::new();
        for threads in self.threads(console) {
            let model = model.clone().with_pool(Arc::new(Pool::new(threads)));
            let times = time(&model, &inputs, self.seconds)?;
            let latency = Latency::of(&times);
            let gflops = macs.map(|macs| gflops(macs, latency.median_ms));
            let peak_share = gflops.map(|gflops| gflops / (peak_gflops * threads as f64));
            runs.push(Timed { threads, runs: times.len(), latency, gflops, peak_share });
        }
        let profile = if self.profile { profile(&model, &inputs, &sizes)? } else { Vec::new() };
        console.result(&Timings {
            model: model.name().to_string(),
            isa: isa.name(),
            precision: model.plan().arithmetic(),
            inputs: inputs.iter().map(|t| format!("{t:?}")).collect(),
            macs,
            peak_gflops,
            tuned,
            runs,
            profile,
            peak_memory_bytes: peak_memory_bytes(),
        });
        let path = quoted(self.model.model.display());
        let tune = if self.tune { " --tune" } else { "" };
        console.next(format_args!("schooner build {path}{tune} -o lib{}.so", model.name()));
        Ok(Exit::Ok)
    }

    fn threads(&self, console: &Console) -> Vec<usize> {
        if !self.threads_list.is_empty() {
            return self.threads_list.iter().map(|n| n.get()).collect();
        }
        let all = console.threads();
        if all == 1 { vec![1] } else { vec![1, all] }
    }

    /// Made-up inputs, and the sizes that they give the symbols.
    fn inputs(&self, model: &Model) -> Result<(Vec<Value>, Bindings), Error> {
        let mut shapes = Vec::new();
        if let Some(batch) = self.batch {
            let mut sizes = model.plan().defaults.clone();
            let first = |port: &plan::Port| port.shape.first()?.as_symbol().map(str::to_string);
            let symbol = model.signature().inputs.iter().find_map(first).ok_or_else(|| {
                Error::Usage("--batch: the model's first axis has a fixed size".to_string())
            })?;
            sizes.insert(symbol, batch);
            for port in &model.signature().inputs {
                let size = |d: &tensor::Dim| usize::try_from(d.evaluate(&sizes).ok()?).ok();
                let shape = port.shape.iter().map(size).collect::<Option<Vec<usize>>>();
                let shape = shape.ok_or_else(|| {
                    Error::Usage(format!("--batch: `{}` has no such size", port.name))
                })?;
                shapes.push((port.name.clone(), shape));
            }
        }
        let inputs = inputs::made_up(model, &shapes)?;
        let shapes: Vec<&[usize]> = inputs.iter().map(Value::shape).collect();
        let sizes = plan::bind(model.signature(), &shapes).map_err(runtime::RunError::from)?;
        Ok((inputs, sizes))
    }
}

/// Refuses flags that mean nothing to what is timed.
fn is_for(what: &str, flags: &[(&str, bool)]) -> Result<(), Error> {
    match flags.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Error::Usage(format!("{flag} is for {what}"))),
        None => Ok(()),
    }
}

fn time(model: &Model, inputs: &[Value], seconds: f64) -> Result<Vec<Duration>, Error> {
    for _ in 0..WARM_UP_RUNS {
        model.run_values(inputs)?;
    }
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while times.len() < RUNS_MIN || Instant::now() < end {
        let start = Instant::now();
        model.run_values(inputs)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Floating-point operations per nanosecond; a multiply-accumulate is two.
fn gflops(macs: u64, ms: f64) -> f64 {
    2.0 * macs as f64 / ms / 1e6
}

/// The median time of each step, the slowest first.
fn profile(model: &Model, inputs: &[Value], sizes: &Bindings) -> Result<Vec<Step>, Error> {
    let mut times: Vec<Vec<f64>> = Vec::new();
    let mut steps = Vec::new();
    for _ in 0..PROFILE_RUNS {
        let timings = model.profile(inputs)?;
        times.resize(timings.len(), Vec::new());
        for (list, timing) in times.iter_mut().zip(&timings) {
            list.push(timing.elapsed.as_secs_f64() * 1e3);
        }
        steps = timings;
    }
    let medians: Vec<f64> = times.iter_mut().map(|list| median(list)).collect();
    let total: f64 = medians.iter().sum();
    let mut steps: Vec<Step> = steps
        .into_iter()
        .zip(medians)
        .zip(macs::of_steps(model.plan(), sizes))
        .map(|((timing, median_ms), macs)| {
            let macs = macs.filter(|&macs| macs > 0);
            Step {
                name: timing.name,
                operation: timing.operation.to_string(),
                kernel: timing.kernel.map(ToString::to_string),
                median_ms,
                share: median_ms / total,
                macs,
                gflops: macs.map(|macs| gflops(macs, median_ms)),
            }
        })
        .collect();
    steps.sort_by(|a, b| b.median_ms.total_cmp(&a.median_ms));
    Ok(steps)
}

impl fmt::Display for Timings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} on {}, ", self.model, self.precision, self.isa)?;
        write!(f, "inputs {}", self.inputs.join(", "))?;
        match self.macs {
            Some(macs) => writeln!(f, ", {} multiply-accumulates", show::count(macs))?,
            None => writeln!(f)?,
        }
        if let Some(tuned) = &self.tuned {
            write!(f, "{tuned}")?;
        }
        for Timed { threads, runs, latency, gflops, peak_share } in &self.runs {
            let Latency { p10_ms, median_ms, p90_ms, .. } = latency;
            write!(
                f,
                "threads {threads}: median {median_ms:.3} ms, p10 {p10_ms:.3} ms, p90 {p90_ms:.3} \
                 ms ({runs} runs)"
            )?;
            match gflops.zip(*peak_share) {
                Some((gflops, share)) => {
                    let share = share * 100.0;
                    writeln!(f, ", {gflops:.1} GFLOP/s, {share:.0} % of the measured peak")?;
                }
                None => writeln!(f)?,
            }
        }
        let mut sums: BTreeMap<&str, (f64, usize)> = BTreeMap::new();
        for step in &self.profile {
            let sum = sums.entry(&step.operation).or_default();
            *sum = (sum.0 + step.share, sum.1 + 1);
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
        for (operation, (share, steps)) in sums {
            writeln!(f, "{:>6.1} %  {operation} ({steps} steps)", share * 100.0)?;
        }
        for step in self.profile.iter().take(STEPS_SHOWN) {
            let Step { name, operation, kernel, median_ms, share, gflops, .. } = step;
            write!(f, "{median_ms:>9.3} ms {:>5.1} %  ", share * 100.0)?;
            match gflops {
                Some(gflops) => write!(f, "{gflops:>6.1} GFLOP/s  ")?,
                None => write!(f, "{:>16}", "")?,
            }
            let kernel = kernel.as_deref().unwrap_or("-");
            writeln!(f, "{operation:<12} {kernel:<40} {name}")?;
        }
        match self.peak_memory_bytes {
            Some(bytes) => writeln!(f, "memory {} at the peak", show::bytes(bytes)),
            None => Ok(()),
        }
    }
}
