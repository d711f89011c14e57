//! `schooner compress`: a smaller and faster model inside a budget, or a refusal with its reason.

mod data;
mod output;
mod progress;
mod pruning;
mod target;

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, Loaded, ModelArgs};
use clap::{Args, ValueEnum};
use compress::certificate::Identity;
use compress::evaluate::{Measure, Split, Store, fingerprint, hex};
use compress::gate::{Budget, Gate, needed};
use compress::report::{About, Report};
use compress::{
    ChannelPruning, Compressed, Config, Learning, Observer, Precision, Preparation, Refinement,
    Request, WeightPruning,
};
use ir::Graph;
use output::Output;
use plan::Precision as Arithmetic;
use progress::Bar;
use pruning::Pruning;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use target::Target;

/// Make a model smaller and faster inside a budget of accuracy, or say why not
///
/// DATA is what `schooner eval` takes, or a folder of images without labels, or a .npz file with an
/// array for each input of the model, one sample a row, and class numbers in an array `labels`, or
/// a .parquet file whose columns are such arrays or, but for `label`, the features of the only
/// input. A part of it calibrates the model and names the layers that do damage; the rest is seen
/// by the gate only. Without labels the drop is one of agreement with the original.
///
/// The drop is tested, not compared: the model is written only if an upper bound of its true drop,
/// by a paired test with the stated confidence, is inside the budget. The guiltiest layers are put
/// back until it is. A model that is not faster on this machine is not written either, unless it is
/// compressed for size; --target says whose kernels are timed. Work that was killed goes on where
/// it stopped when it is started again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner compress fashion.onnx --data val/ --max-drop 0.5pp -o fashion8
  schooner compress mobilenet.onnx --data labels.json --max-drop 1pp --for size -o mobilenet8
  schooner compress mobilenet.onnx --data val/ --target avx2 -o mobilenet8
  schooner compress encoder.onnx --data inputs.npz --tolerance 0.05 --max-drop 2pp -o encoder8
  schooner compress resnet.onnx --data val/ --prune-channels 50% --method f32 -o resnet-half
  schooner serve fashion8

Exit codes: 3 refused, with the reason")]
pub(crate) struct Compress {
    #[command(flatten)]
    model: ModelArgs,

    /// Samples: folder of class folders or of images, labels.json, .npz or .parquet
    #[arg(long, value_name = "DATA", env = "SCHOONER_DATA")]
    data: PathBuf,

    /// Drop of accuracy, or of agreement, that is allowed, in percentage points
    #[arg(long, value_name = "POINTS", default_value = "0.5pp", env = "SCHOONER_MAX_DROP")]
    max_drop: Budget,

    /// How sure to be that the true drop is inside the budget
    #[arg(long, value_name = "SHARE", default_value_t = 0.99, env = "SCHOONER_CONFIDENCE")]
    confidence: f64,

    /// What is a gain
    #[arg(long = "for", value_name = "GAIN", default_value = "latency", env = "SCHOONER_FOR")]
    gain: Gain,

    /// Whose kernels are timed and answer to the gate: generic, avx2, avx512, neon, or x86-vnni,
    /// which is avx512 on a processor that has VNNI; this machine must run it [default: its best]
    #[arg(long, value_name = "ISA", env = "SCHOONER_TARGET")]
    target: Option<Target>,

    /// How layers are compressed
    #[arg(long, value_name = "METHOD", default_value = "int8", env = "SCHOONER_METHOD")]
    method: Method,

    /// How calibration makes ranges of what it has seen
    #[arg(long, value_name = "NAME", default_value = "squared-error", env = "SCHOONER_OBSERVER")]
    observer: Seen,

    /// Learn what each weight is rounded to, rather than take the nearest; for 4 bits
    #[arg(long, env = "SCHOONER_LEARN_ROUNDING")]
    learn_rounding: bool,

    /// Correct in biases the means that rounding has moved
    #[arg(long, env = "SCHOONER_CORRECT_BIAS")]
    correct_bias: bool,

    /// Scale channels of neighboring layers alike before rounding
    #[arg(long, env = "SCHOONER_EQUALIZE")]
    equalize: bool,

    /// Divide channels that differ much in range, as behind the normalizations of transformers, and
    /// multiply the weights that read them
    #[arg(long, env = "SCHOONER_SMOOTH")]
    smooth: bool,

    #[command(flatten)]
    pruning: Pruning,

    /// Of a model that gives no classes: the relative distance up to which answers agree
    #[arg(long, value_name = "SHARE", env = "SCHOONER_TOLERANCE")]
    tolerance: Option<f64>,

    /// Ask for agreement with the original, though there are labels
    #[arg(long, env = "SCHOONER_AGREEMENT", conflicts_with = "tolerance")]
    agreement: bool,

    /// Samples for calibration [default: a fifth of them, 256 at most]
    #[arg(long, value_name = "N", env = "SCHOONER_CALIBRATION")]
    calibration: Option<usize>,

    /// Use the first samples only, so many
    #[arg(long, value_name = "N", env = "SCHOONER_LIMIT")]
    limit: Option<usize>,

    /// Draws the samples for calibration
    #[arg(long, value_name = "N", default_value_t = 0, env = "SCHOONER_SEED")]
    seed: u64,

    /// Folder to write: the model, certificate.json, report.html and report.json, pictures
    #[arg(short, long, value_name = "DIR", env = "SCHOONER_OUTPUT")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Gain {
    /// Faster on this machine, in a race in turns
    Latency,
    /// Smaller weights, be it slower
    Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Weights and activations of 8 bits, ranges by calibration
    Int8,
    /// Weights and activations of 8 bits, ranges while the model runs
    Int8Dynamic,
    /// Weights of 4 bits, activations of 8
    Int4,
    /// Weights of 8 bits only
    WeightsInt8,
    /// Weights of 4 bits in groups only
    WeightsInt4,
    /// Weights that share a table of 256 numbers
    Clusters,
    /// Weights of 16 bits, the range of f32
    Bf16,
    /// Weights of 16 bits, more digits
    F16,
    /// Numbers as they are: what is pruned is all
    F32,
}

impl Method {
    fn precision(self) -> Precision {
        match self {
            Method::Int8 => Precision::Int8Static,
            Method::Int8Dynamic => Precision::Int8Dynamic,
            Method::Int4 => Precision::Int4Static,
            Method::WeightsInt8 => Precision::WeightsInt8,
            Method::WeightsInt4 => Precision::WeightsInt4,
            Method::Clusters => Precision::Clusters,
            Method::Bf16 => Precision::Bf16,
            Method::F16 => Precision::F16,
            Method::F32 => Precision::F32,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Seen {
    /// The smallest and the largest
    MinMax,
    /// All but one of ten thousand at either end
    Percentile,
    /// Distributed most alike after rounding
    Entropy,
    /// The least squared error of rounding
    SquaredError,
}

impl Seen {
    fn observer(self) -> Observer {
        match self {
            Seen::MinMax => Observer::MinMax,
            Seen::Percentile => Observer::Percentile,
            Seen::Entropy => Observer::Entropy,
            Seen::SquaredError => Observer::SquaredError,
        }
    }
}

/// Relative distance up to which answers agree when nothing is said.
const TOLERANCE: f64 = 0.05;

impl Compress {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        self.check()?;
        let target = self.target.map_or_else(|| runtime::isa().map(Target::of), Ok)?;
        let isa = target.token()?;
        let loaded = model::load(console, &self.model.model, &self.model.options)?;
        let source = loaded.source.as_ref().ok_or_else(|| {
            let path = self.model.model.display();
            Error::Usage(format!("{path}: expected a model file, found a library built from one"))
        })?;
        let samples = data::read(&self.data, &loaded.model, self.limit)?;
        let measure = self.measure(&loaded, samples.is_labeled);
        let gate = Gate { budget: self.max_drop, confidence: self.confidence };
        let split = Split::new(samples.data.len(), self.calibration, self.seed);
        self.introduce(console, &loaded, &gate, &split, measure);
        let model = self.identity()?;
        let about = About {
            schooner: env!("CARGO_PKG_VERSION").to_string(),
            target: target.to_string(),
            model,
            data: Identity {
                name: self.data.display().to_string(),
                sha256: samples.sha256,
                size: samples.data.len() as u64,
            },
            method: self.pruning.describe(self.method.precision()),
            seed: self.seed,
            disk_bytes: None,
        };
        let output = Output::new(&self.output, &self.model.model)?;
        let store = self.store(&output, &about, measure)?;
        let config = self.config(&source.graph)?;
        let bar = Bar::new(console, &split, config.layers.len());
        let request = Request {
            graph: &source.graph,
            preparation: self.preparation(),
            refinement: self.refinement(),
            config,
            observer: self.observer.observer(),
            data: &*samples.data,
            split,
            measure,
            gate,
            is_for_size: self.gain == Gain::Size,
            store: &store,
            progress: &bar,
            isa,
            pool: console.pool(),
        };
        let compressed = compress::compress(&request)?;
        bar.clear();
        self.finish(console, &loaded, &output, &request, &compressed, about)
    }

    fn check(&self) -> Result<(), Error> {
        let within = |flag: &str, value: f64, low: f64, high: f64| {
            if value > low && value < high {
                return Ok(());
            }
            Err(Error::Usage(format!("{flag}: expected {low} to {high}, found {value}")))
        };
        within("--confidence", self.confidence, 0.5, 1.0)?;
        within("--tolerance", self.tolerance.unwrap_or(TOLERANCE), 0.0, 1.0)?;
        if self.method == Method::F32 && !self.preparation().is_pruning() {
            let reason = "--method f32 leaves numbers as they are; give --prune-channels or \
                          --prune-weights, or another method";
            return Err(Error::Usage(reason.to_string()));
        }
        if self.model.options.precision.is_some_and(|asked| asked != Arithmetic::F32) {
            let reason = "--precision: compression chooses it, layer by layer; give --method";
            return Err(Error::Usage(reason.to_string()));
        }
        Ok(())
    }

    fn refinement(&self) -> Refinement {
        let learning = Learning { seed: self.seed, ..Learning::default() };
        Refinement {
            learning: self.learn_rounding.then_some(learning),
            is_bias_corrected: self.correct_bias,
        }
    }

    fn preparation(&self) -> Preparation {
        let seed = self.seed;
        let channels = self.pruning.prune_channels.map(|share| ChannelPruning {
            macs_kept: 1.0 - share.0,
            seed,
            ..ChannelPruning::default()
        });
        let weights = self.pruning.prune_weights.map(|share| WeightPruning {
            criterion: self.pruning.by.criterion(),
            pattern: self.pruning.pattern,
            share: share.0,
            seed,
            ..WeightPruning::default()
        });
        Preparation { channels, weights, is_equalized: self.equalize, is_smoothed: self.smooth }
    }

    fn measure(&self, loaded: &Loaded, is_labeled: bool) -> Measure {
        let is_classifier = is_labeled || loaded.model.recipe().is_some();
        match self.tolerance {
            None if is_labeled && !self.agreement => Measure::Accuracy,
            None if is_classifier => Measure::Agreement,
            tolerance => Measure::Closeness { tolerance: tolerance.unwrap_or(TOLERANCE) },
        }
    }

    fn introduce(
        &self,
        console: &Console,
        loaded: &Loaded,
        gate: &Gate,
        split: &Split,
        measure: Measure,
    ) {
        if loaded.model.recipe().is_some() {
            console.info(format_args!("recipe: {}", loaded.recipe_why));
        }
        let (calibration, test) = (split.calibration.len(), split.test.len());
        console.info(format_args!(
            "data: {calibration} samples calibrate, {test} are for the gate; what is tested is \
             {measure}"
        ));
        if !gate.is_possible(test as u64) {
            let (least, budget) = (needed(gate, 0.0), gate.budget);
            console.info(format_args!(
                "data: {test} samples can show no drop inside {budget}; it takes {least} at least"
            ));
        }
    }

    fn identity(&self) -> Result<Identity, Error> {
        let path = &self.model.model;
        let bytes = std::fs::read(path).map_err(|e| Error::of_file(path, e))?;
        Ok(Identity {
            name: model::name_of(path),
            sha256: hex(&Sha256::digest(&bytes)),
            size: bytes.len() as u64,
        })
    }

    /// Where earlier runs on the same things have left what they found. The budget is no part of
    /// it: another one is judged by the same answers.
    fn store(&self, output: &Output, about: &About, measure: Measure) -> Result<Store, Error> {
        let key = fingerprint(&(
            (&about.schooner, &about.target, &about.model, &about.data),
            (&about.method, self.observer.observer(), self.seed, self.calibration),
            (measure, &self.model.options.sizes, self.refinement(), self.preparation()),
        ));
        let folder = output.work();
        Store::open(&folder, &key).map_err(|error| Error::Io { path: folder, error })
    }

    fn config(&self, graph: &Graph) -> Result<Config, Error> {
        let layers = compress::layers(graph);
        if layers.is_empty() {
            let reason = "the model has no convolution or product with known weights";
            return Err(Error::Failure(format!("{reason}: there is nothing to compress")));
        }
        let mut config = Config::default();
        if self.method != Method::F32 {
            let precision = self.method.precision();
            config.layers = layers.into_iter().map(|layer| (layer.name, precision)).collect();
        }
        Ok(config)
    }

    /// Writes what there is to write, and says how it ended.
    fn finish(
        &self,
        console: &Console,
        loaded: &Loaded,
        output: &Output,
        request: &Request<'_>,
        compressed: &Compressed,
        about: About,
    ) -> Result<Exit, Error> {
        let mut about = about;
        if let (Ok(graph), Some(source)) = (&compressed.result, &loaded.source) {
            let bytes = output.write_model(console, loaded, source, graph)?;
            about.disk_bytes = Some((about.model.size, bytes));
        }
        let report = Report::new(request, compressed, about);
        output.write_report(&report)?;
        console.result(&report);
        let folder = self.output.as_path();
        if compressed.result.is_err() {
            let page = folder.join("report.html");
            console.info(format_args!("what was found: {}", page.display()));
            return Ok(Exit::No);
        }
        output.clear_work()?;
        console.next(format_args!("schooner serve {}", shown(folder)));
        Ok(Exit::Ok)
    }
}

fn shown(folder: &Path) -> String {
    quoted(folder.display())
}
