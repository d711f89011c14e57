//! Writes a model as a shared library, or as a container in a file of its own.
//!
//! No compiler and no linker takes part. A library is a *template*, the runtime built once as a
//! shared library that holds no model, with the model's container behind it; see
//! [`package`] for the bytes. Beside it go a C header and a C example.
//!
//! Files appear whole or not at all: each is written under another name, synchronized to the
//! disk and renamed, so a program that has the old library loaded keeps it.
#![forbid(unsafe_code)]

mod c_text;
mod example;
mod file;
mod header;
mod manifest;
mod template;

pub use manifest::source;

use package::{Golden, Machine, WriteError, Writer, abi, sections};
use plan::{Plan, Port};
use recipe::{Recipe, RecipeError};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tensor::DType;

/// What is written.
#[derive(Debug, Clone)]
pub struct Emission<'a> {
    /// Steps, buffers and signature.
    pub plan: &'a Plan,
    /// The packed weights that the plan's buffers lie in.
    pub constants: &'a [u8],
    /// Pre- and post-processing, when the model takes encoded images.
    pub recipe: Option<&'a Recipe>,
    /// What it answers to the input that is made up for it.
    pub golden: Option<&'a Golden>,
    /// The model's version, in the words of whoever builds it.
    pub version: &'a str,
    /// What it was made from; see [`source`].
    pub source: package::Source,
    /// Operator sets that the source used.
    pub opsets: BTreeMap<String, i64>,
    /// Names of the classes, where the source itself has some.
    pub labels: &'a [String],
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The library or container.
    pub path: PathBuf,
    /// The C header beside a library.
    pub header: Option<PathBuf>,
    /// The C example beside a library.
    pub example: Option<PathBuf>,
    /// Length of the library or container in bytes.
    pub bytes: u64,
    /// Checksum of its header: equal for equal files.
    pub checksum: u64,
    /// How long all of it took, in seconds.
    pub seconds: f64,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The file cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The template is not one.
    #[error(transparent)]
    Template(#[from] WriteError),
    /// The template is not a shared library for a processor that we know.
    #[error(
        "the library template is not a shared library for x86_64 or aarch64 (it begins with \
         {found:02x?}): rebuild schooner"
    )]
    TemplateKind {
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The library's file would be overwritten by the header or example that goes with it.
    #[error("{} is the name of what goes beside a library: choose another, such as libmodel.so",
        path.display())]
    Name {
        /// The name that was asked for.
        path: PathBuf,
    },
    /// A port with more dimensions than the C interface can state.
    #[error(
        "`{port}` has {found} dimensions, a library's inputs and outputs can have {}: reshape it \
         in the model, or build a .schooner file",
        abi::MAX_RANK
    )]
    Rank {
        /// The input or output.
        port: String,
        /// How many dimensions it has.
        found: usize,
    },
    /// A port that is no tensor.
    #[error("`{0}` is a sequence or an optional value, a library takes and gives tensors only")]
    NoTensor(String),
    /// The recipe has no written form.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
}

/// Writes the library `out`, made of `template` and the model, and a header and an example
/// beside it: `libm.so`, `libm.h`, `libm_example.c`.
///
/// Takes memory for the template, not for another copy of the constants.
pub fn library(emission: &Emission<'_>, template: &[u8], out: &Path) -> Result<Report, EmitError> {
    let start = Instant::now();
    let arch = template::arch(template)?;
    for port in ports(emission.plan) {
        if port.dtype == DType::Object {
            return Err(EmitError::NoTensor(port.name.clone()));
        }
        if port.shape.len() > abi::MAX_RANK {
            let (port, found) = (port.name.clone(), port.shape.len());
            return Err(EmitError::Rank { port, found });
        }
    }
    let header = out.with_extension("h");
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let example = out.with_file_name(format!("{stem}_example.c"));
    if out == header || out == example || out.file_name().is_none() {
        return Err(EmitError::Name { path: out.to_path_buf() });
    }
    let model = header::Model::new(emission, out);
    let machine = Machine::baseline(arch);
    let written = with_writer(emission, machine, |writer| {
        file::replace(out, file::Kind::Library, |to| writer.write_library(template, to))
    })?;
    write(&header, model.header().as_bytes())?;
    write(&example, model.example().as_bytes())?;
    Ok(Report {
        path: out.to_path_buf(),
        header: Some(header),
        example: Some(example),
        bytes: written.bytes,
        checksum: written.checksum,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Writes the container alone, for any machine that has `schooner` or another model's library.
pub fn bare(emission: &Emission<'_>, out: &Path) -> Result<Report, EmitError> {
    let start = Instant::now();
    let written = with_writer(emission, Machine::ANY, |writer| {
        file::replace(out, file::Kind::Data, |to| writer.write_bare(to))
    })?;
    Ok(Report {
        path: out.to_path_buf(),
        header: None,
        example: None,
        bytes: written.bytes,
        checksum: written.checksum,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// Inputs, then outputs.
fn ports(plan: &Plan) -> impl Iterator<Item = &Port> {
    plan.signature.inputs.iter().chain(&plan.signature.outputs)
}

/// Calls `act` with the sections of `emission`.
fn with_writer<T>(
    emission: &Emission<'_>,
    machine: Machine,
    act: impl FnOnce(&Writer<'_>) -> Result<T, EmitError>,
) -> Result<T, EmitError> {
    let manifest = manifest::of(emission).to_json();
    let recipe = emission.recipe.map(Recipe::to_json).transpose()?;
    let plan = emission.plan.encode();
    let golden = emission.golden.map(Golden::encode);
    let mut writer = Writer::new(machine)
        .section(&sections::MANIFEST, &manifest)
        .section(&sections::PLAN, &plan)
        .section(&sections::CONSTANTS, emission.constants);
    if let Some(golden) = &golden {
        writer = writer.section(&sections::GOLDEN, golden);
    }
    if let Some(recipe) = &recipe {
        writer = writer.section(&sections::RECIPE, recipe.as_bytes());
    }
    act(&writer)
}

fn write(path: &Path, text: &[u8]) -> Result<(), EmitError> {
    file::replace(path, file::Kind::Data, |to| Ok(to.write_all(text)?))
}
