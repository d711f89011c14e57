//! `schooner export`: a model of any format as ONNX.

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::memory::Memory;
use crate::model::{self, ModelOptions, Part};
use crate::show;
use clap::Args;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Write a model as ONNX, whatever format it came in
///
/// Other tools can run the file. What ONNX has no operator for is named with its node.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner export model.keras -o model.onnx
  schooner export model.onnx --optimized -o smaller.onnx
  schooner export model.onnx --size batch=1 -o fixed.onnx")]
pub(crate) struct Export {
    /// Model file (.onnx, .keras, .h5, .pb, .tflite, .pt2, .pt, model.json, .ubj and others) or the
    /// folder of a SavedModel
    #[arg(value_name = "MODEL")]
    model: PathBuf,

    /// Fix a symbolic size of the inputs; may be given again
    #[arg(long = "size", value_name = "NAME=N", env = "SCHOONER_SIZE", value_delimiter = ',',
          value_parser = model::name_and_size)]
    sizes: Vec<(String, i64)>,

    #[command(flatten)]
    part: Part,

    /// Memory that the model's constants may take, e.g. 512MB or 2GiB [default: half of the memory
    /// that this process may use]
    #[arg(long, value_name = "SIZE", env = "SCHOONER_MEMORY", value_parser = Memory::parse)]
    memory: Option<Memory>,

    /// File to write
    #[arg(short, long, value_name = "FILE", env = "SCHOONER_OUTPUT")]
    output: PathBuf,

    /// Write the model as the passes leave it: constants folded, normalizations inside convolutions
    #[arg(long, env = "SCHOONER_OPTIMIZED")]
    optimized: bool,
}

/// What was written.
#[derive(Serialize)]
struct Exported {
    file: PathBuf,
    bytes: u64,
    nodes: usize,
    stage: &'static str,
}

impl Export {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let path = &self.model;
        if model::is_built(path)? {
            let path = path.display();
            let found = "expected a model file, found a library built from one";
            return Err(Error::Usage(format!("{path}: {found}")));
        }
        let options = ModelOptions {
            recipe: None,
            labels: None,
            sizes: self.sizes.clone(),
            part: self.part.clone(),
            precision: None,
            memory: self.memory,
            reads_libraries: false,
        };
        let mut compiled = model::import(path, &options)?;
        if self.optimized {
            compiled = model::optimize(compiled)?;
        }
        let bytes = ::export::onnx(&compiled.graph, &compiled.metadata)
            .map_err(|error| Error::Export { path: path.clone(), error })?;
        std::fs::write(&self.output, &bytes).map_err(|e| Error::of_file(&self.output, e))?;
        console.result(&Exported {
            file: self.output.clone(),
            bytes: bytes.len() as u64,
            nodes: compiled.graph.nodes.len(),
            stage: if self.optimized { "optimized" } else { "as imported" },
        });
        console.next(format_args!("schooner check {}", quoted(self.output.display())));
        Ok(Exit::Ok)
    }
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = show::bytes(self.bytes);
        let (nodes, stage) = (self.nodes, self.stage);
        writeln!(f, "model  {} ({bytes}, {nodes} nodes, {stage})", self.file.display())
    }
}
