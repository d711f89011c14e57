//! `schooner build`: one shared library with the model inside.

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, Loaded, ModelArgs};
use crate::tune::{self, Tuned};
use crate::{golden, inputs, show, template};
use clap::Args;
use emit::Emission;
use runtime::Model;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tensor::Value;

/// Build a shared library with the model, its weights and its recipe inside
///
/// Writes the library, a C header and a C example beside it. Needs no compiler and no linker.
/// A name in .schooner writes the model alone, for `schooner serve` and `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner build fashion.onnx -o libfashion.so
  schooner build fashion.onnx -o fashion.schooner
  schooner build fashion.onnx --precision bf16 --tune -o libfashion.so
  schooner serve libfashion.so")]
pub(crate) struct Build {
    #[command(flatten)]
    model: ModelArgs,

    /// File to write [default: libMODEL.so in the current folder]
    #[arg(short, long, value_name = "FILE", env = "SCHOONER_OUTPUT")]
    output: Option<PathBuf>,

    /// First time the forms that steps can take on this machine, and build the fastest ones in
    #[arg(long, env = "SCHOONER_TUNE")]
    tune: bool,

    /// Version of the model, as its package states it
    #[arg(long, default_value = "1", env = "SCHOONER_MODEL_VERSION")]
    model_version: String,
}

/// What was written.
#[derive(Serialize)]
struct Built {
    library: PathBuf,
    bytes: u64,
    constant_bytes: u64,
    checksum: String,
    header: Option<PathBuf>,
    example: Option<PathBuf>,
    recipe: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tuned: Option<Tuned>,
    write_seconds: f64,
    seconds: f64,
}

impl Build {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let start = Instant::now();
        let ModelArgs { model: path, options } = &self.model;
        let mut loaded = model::load(console, path, options)?;
        let tune = || tune::tune(console, &mut loaded, options.precision);
        let tuned = self.tune.then(tune).transpose()?;
        let Loaded { model, recipe_why, labels, source, .. } = loaded;
        let source = source.ok_or_else(|| {
            let path = path.display();
            Error::Usage(format!("{path}: expected a model file, found a library built from one"))
        })?;
        let named = || PathBuf::from(format!("lib{}.so", model.name()));
        let out = self.output.clone().unwrap_or_else(named);
        let (golden, file) = (golden::of(&model), model::main_file(path));
        if golden.is_none() {
            console.info("no finite answer to a made-up input: the library has no self-test");
        }
        let emission = Emission {
            golden: golden.as_ref(),
            plan: model.plan(),
            constants: model.constants().as_slice(),
            recipe: model.recipe(),
            version: &self.model_version,
            source: emit::source(&file).map_err(|e| Error::of_file(&file, e))?,
            opsets: source.metadata.opset_imports,
            labels: &labels,
        };
        let is_bare = out.extension().is_some_and(|suffix| suffix == "schooner");
        let report = if is_bare {
            emit::bare(&emission, &out)?
        } else {
            emit::library(&emission, template::TEMPLATE, &out)?
        };
        same_answer(&model, &out)?;
        console.result(&Built {
            library: report.path,
            bytes: report.bytes,
            constant_bytes: emission.constants.len() as u64,
            checksum: format!("{:016x}", report.checksum),
            header: report.header,
            example: report.example,
            recipe: recipe_why,
            tuned,
            write_seconds: report.seconds,
            seconds: start.elapsed().as_secs_f64(),
        });
        console.next(format_args!("schooner serve {}", quoted(out.display())));
        Ok(Exit::Ok)
    }
}

/// Opens what was written and holds its answer against that of the model it was made from.
fn same_answer(model: &Model, out: &Path) -> Result<(), Error> {
    let refused = |reason: String| Error::Library { path: out.to_path_buf(), reason };
    let opened = Model::open(out).map_err(|e| refused(e.to_string()))?;
    let inputs = inputs::made_up(model, &[])?;
    // Bytes, not numbers: a NaN is not equal to itself.
    let is_same = |(a, b): (&Value, &Value)| match (a.tensor(), b.tensor()) {
        (Some(a), Some(b)) => a.bytes() == b.bytes(),
        _ => a == b,
    };
    match (model.run_values(&inputs), opened.run_values(&inputs)) {
        (Ok(expected), Ok(found))
            if found.len() == expected.len() && found.iter().zip(&expected).all(is_same) =>
        {
            return Ok(());
        }
        (Ok(_), Ok(_)) => {}
        (Err(expected), Err(found))
            if inputs::is_unknown_text(&inputs, &expected) && found == expected =>
        {
            return Ok(());
        }
        (Err(error), _) | (_, Err(error)) => return Err(error.into()),
    }
    let reason = "the written library answers other bytes than the model".to_string();
    Err(Error::Defect { stage: "emit", reason })
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, constants) = (show::bytes(self.bytes), show::bytes(self.constant_bytes));
        writeln!(f, "library  {} ({bytes}, weights {constants})", self.library.display())?;
        for (what, file) in [("header ", &self.header), ("example", &self.example)] {
            if let Some(file) = file {
                writeln!(f, "{what}  {}", file.display())?;
            }
        }
        writeln!(f, "recipe   {}", self.recipe)?;
        if let Some(tuned) = &self.tuned {
            write!(f, "{tuned}")?;
        }
        writeln!(f, "checked  opened again, it answers the same bytes as the model")?;
        let (seconds, write) = (self.seconds, self.write_seconds);
        writeln!(f, "took     {seconds:.2} s, {write:.2} s of it to write")
    }
}
