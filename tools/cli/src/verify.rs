//! `schooner verify`: a model's outputs held against stored ones.

use crate::compare::{Comparison, Tolerance, compare};
use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, Loaded, ModelArgs};
use crate::{run, tensors};
use clap::Args;
use plan::Port;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};
use tensor::Value;

/// Compare a model's outputs with golden ones; exit 3 when they differ
///
/// DIR holds input_0.pb, … and output_0.pb, … as ONNX publishes them beside its models, directly
/// or in folders test_data_set_0, …; the same in .npy; or input.npz and output.npz with arrays
/// named as the model's inputs and outputs. Floats may differ by atol + rtol * |expected|;
/// integers must be equal.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner verify resnet50.onnx --golden resnet50/
  schooner verify libfashion.so --golden golden/ --rtol 1e-3")]
pub(crate) struct Verify {
    #[command(flatten)]
    model: ModelArgs,

    /// Folder of golden inputs and outputs
    #[arg(long, value_name = "DIR", env = "SCHOONER_GOLDEN")]
    golden: PathBuf,

    /// Relative tolerance [default: 1e-4, or the distance of neighbors where that is more: 1e-3
    /// for outputs in f16, 8e-3 in bf16]
    #[arg(long, env = "SCHOONER_RTOL")]
    rtol: Option<f64>,

    /// Absolute tolerance [default: 1e-4 of each output's largest element, 1e-4 at most]
    #[arg(long, env = "SCHOONER_ATOL")]
    atol: Option<f64>,

    /// Compute with the naive reference interpreter instead of the engine
    #[arg(long, env = "SCHOONER_REFERENCE")]
    reference: bool,
}

/// All cases.
#[derive(Serialize)]
struct Verdict {
    agrees: bool,
    cases: Vec<Case>,
}

/// One set of inputs and outputs.
#[derive(Serialize)]
struct Case {
    case: String,
    outputs: Vec<Comparison>,
}

impl Verify {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let loaded = model::load(console, &self.model.model, &self.model.options)?;
        let mut cases = Vec::new();
        for folder in case_folders(&self.golden)? {
            cases.push(self.case(&loaded, &folder)?);
        }
        let agrees = cases.iter().flat_map(|c| &c.outputs).all(|o| o.agrees);
        console.result(&Verdict { agrees, cases });
        let path = quoted(self.model.model.display());
        if agrees {
            console.next(format_args!("schooner build {path} -o lib{}.so", loaded.model.name()));
            return Ok(Exit::Ok);
        }
        console.next(format_args!(
            "schooner verify {path} --golden {} --reference  # is it the engine or the import?",
            quoted(self.golden.display())
        ));
        Ok(Exit::No)
    }

    fn case(&self, loaded: &Loaded, folder: &Path) -> Result<Case, Error> {
        let signature = loaded.model.signature();
        let inputs = side(folder, "input", &signature.inputs)?;
        let inputs: Vec<Value> = inputs
            .into_iter()
            .zip(&signature.inputs)
            .map(|(tensor, port)| tensor.ok_or_else(|| absent(folder, "input", port)))
            .collect::<Result<_, _>>()?;
        let expected = side(folder, "output", &signature.outputs)?;
        if expected.iter().all(Option::is_none) {
            return Err(Error::Failure(format!("{}: there is no output", folder.display())));
        }
        let found = run::answer(loaded, &inputs, self.reference)?;
        let tolerance = Tolerance { rtol: self.rtol, atol: self.atol };
        let pairs = signature.outputs.iter().zip(expected).zip(&found);
        let outputs = pairs
            .filter_map(|((port, expected), found)| {
                Some(compare(&port.name, &expected?, found, tolerance))
            })
            .collect();
        let case = folder.file_name().unwrap_or(folder.as_os_str());
        Ok(Case { case: case.to_string_lossy().into_owned(), outputs })
    }
}

/// The folder itself when inputs lie in it, else those of its folders in which some do.
fn case_folders(golden: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(golden).map_err(|e| Error::of_file(golden, e))?;
    let is_case = |folder: &PathBuf| {
        ["input_0.pb", "input_0.npy", "input.npz"].iter().any(|name| folder.join(name).exists())
    };
    let golden = golden.to_path_buf();
    if is_case(&golden) {
        return Ok(vec![golden]);
    }
    let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_case).collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Error::Failure(format!(
            "{}: expected input_0.pb, input_0.npy or input.npz in it or in its folders, found none",
            golden.display()
        )));
    }
    Ok(folders)
}

/// The tensors of one side in the order of the ports; `None` where there is no file.
fn side(folder: &Path, side: &str, ports: &[Port]) -> Result<Vec<Option<Value>>, Error> {
    let archive = folder.join(format!("{side}.npz"));
    if archive.exists() {
        let named = tensors::read(&archive)?;
        let find = |port: &Port| {
            let is_it = |name: &Option<String>| name.as_deref() == Some(port.name.as_str());
            named.iter().find(|(name, _)| is_it(name)).map(|(_, tensor)| tensor.clone())
        };
        return Ok(ports.iter().map(find).collect());
    }
    let mut placed = vec![None; ports.len()];
    for at in 0.. {
        let files = ["pb", "npy"].map(|suffix| folder.join(format!("{side}_{at}.{suffix}")));
        let Some(file) = files.into_iter().find(|file| file.exists()) else { break };
        let Some((name, tensor)) = tensors::read(&file)?.into_iter().next() else { break };
        // A file's own name for its tensor wins over its number.
        let by_name = name.and_then(|name| ports.iter().position(|p| p.name == name));
        let place = placed.get_mut(by_name.unwrap_or(at)).ok_or_else(|| {
            let (file, expected) = (file.display(), ports.len());
            Error::Failure(format!("{file}: the model has {expected} {side}s"))
        })?;
        *place = Some(tensor);
    }
    Ok(placed)
}

fn absent(folder: &Path, side: &str, port: &Port) -> Error {
    let (folder, shown) = (folder.display(), crate::show::port(port));
    Error::Failure(format!("{folder}: there is no {side} for `{shown}`"))
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Case { case, outputs } in &self.cases {
            for output in outputs {
                writeln!(f, "{case}: {output}")?;
            }
        }
        writeln!(f, "{}", if self.agrees { "OK: all outputs agree" } else { "NO: outputs differ" })
    }
}
