//! TorchServe's model archives (`.mar`), read as data: a zip file, or the folder that one unpacks
//! to, with `MAR-INF/MANIFEST.json`. Python files in it are never run.

mod class_names;
pub(crate) mod manifest;
mod members;

use crate::listing::is_model;
use crate::{Batching, Error, ModelFile, version_number};
use manifest::{Manifest, Settings};
use members::Members;
use std::path::{Path, PathBuf};

/// The manifest's place; its folder tells an unpacked archive from others.
pub(crate) const MANIFEST: &str = "MAR-INF/MANIFEST.json";

/// Names of classes by index.
const CLASS_NAMES: &str = "index_to_name.json";

/// Longest manifest or settings, in bytes: they have a dozen lines.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// Longest file of class names, in bytes: a hundred thousand long names.
const CLASS_NAMES_BYTES_MAX: u64 = 16 << 20;

/// What an archive may unpack to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together. 16 GiB: more than one machine's processors want to serve.
    pub unpacked_bytes_max: u64,
    /// How many times the archive's own size, since weights hardly compress. 100: a model of
    /// zeros stays below, a bomb (a thousand times) does not.
    pub ratio_max: u64,
    /// Files. 10 000: archives have a dozen.
    pub members_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { unpacked_bytes_max: 16 << 30, ratio_max: 100, members_max: 10_000 }
    }
}

/// What a model archive says.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    limits: Limits,
    /// What requests call the model.
    pub model: String,
    /// The version as the manifest writes it, such as `1.0`.
    pub version: String,
    /// The same as a number.
    pub number: u64,
    /// The code that would have answered requests: named, never run.
    pub handler: Option<String>,
    /// The model file's name inside of the archive.
    pub member: String,
    /// The names of the classes by the position in the model's output.
    pub class_names: Option<Vec<String>>,
    /// How requests are joined, when they are.
    pub batching: Option<Batching>,
    /// How many requests run at one time, when something is said about it.
    pub workers: Option<usize>,
}

impl Archive {
    /// Reads what the archive says; its model file must end as one of `suffixes`.
    ///
    /// # Errors
    /// When it is no archive, is damaged or too large, or has no model that can be served.
    pub fn open(path: &Path, suffixes: &[String], limits: Limits) -> Result<Archive, Error> {
        let failed = |reason: String| Error::new(path, reason);
        let mut members = Members::open(path, limits).map_err(failed)?;
        let missing = || format!("expected {MANIFEST} in the archive, found none");
        let text = members.read(MANIFEST, MANIFEST_BYTES_MAX).map_err(failed)?;
        let text = text.ok_or_else(missing).map_err(failed)?;
        let manifest = Manifest::parse(&text).map_err(failed)?;
        let member = model_member(&manifest, &members.names(), suffixes).map_err(failed)?;
        let version = manifest.model.version.unwrap_or_else(|| "1.0".to_string());
        let number = version_number(&version).ok_or_else(|| {
            failed(format!("modelVersion: expected numbers as 1.0 or 2.1.3, found {version}"))
        })?;
        let names = members.read(CLASS_NAMES, CLASS_NAMES_BYTES_MAX).map_err(failed)?;
        let class_names = names.map(|text| class_names::parse(&text)).transpose();
        let class_names = class_names.map_err(|e| failed(format!("{CLASS_NAMES}: {e}")))?;
        let settings = match &manifest.model.config_file {
            Some(name) => members.read(name, MANIFEST_BYTES_MAX).map_err(failed)?,
            None => None,
        };
        let settings = Settings::of_yaml(&settings.unwrap_or_default());
        Ok(Archive {
            path: path.to_path_buf(),
            limits,
            model: manifest.model.name,
            version,
            number,
            handler: manifest.model.handler,
            member,
            class_names,
            batching: settings.batching(),
            workers: settings.workers(),
        })
    }

    /// Where the model lies.
    pub fn file(&self) -> ModelFile {
        match self.path.is_dir() {
            true => ModelFile::Plain(self.path.join(&self.member)),
            false => {
                let (archive, member) = (self.path.clone(), self.member.clone());
                ModelFile::Archived { archive, member }
            }
        }
    }

    /// Writes the model and what lies beside it, but no code, into a folder that is there; the
    /// path of the model. Files that are there are not overwritten.
    ///
    /// # Errors
    /// When the archive is damaged or too large, a name in it leads out of the folder, or the
    /// folder cannot be written.
    pub fn unpack(&self, into: &Path) -> Result<PathBuf, Error> {
        if let ModelFile::Plain(path) = self.file() {
            return Ok(path);
        }
        let failed = |reason: String| Error::new(&self.path, reason);
        let mut members = Members::open(&self.path, self.limits).map_err(failed)?;
        for name in members.names() {
            let is_code = name.ends_with(".py") || name.starts_with("MAR-INF/");
            if !is_code && !name.ends_with('/') {
                members.unpack(&name, into).map_err(failed)?;
            }
        }
        Ok(into.join(&self.member))
    }
}

/// The model that can be loaded: the serialized file, or the only other one.
fn model_member(
    manifest: &Manifest,
    names: &[String],
    suffixes: &[String],
) -> Result<String, String> {
    let file = manifest.model.serialized_file.as_deref().unwrap_or_default();
    if is_model(file, suffixes) {
        let is_there = names.iter().any(|name| name == file);
        let missing = || format!("serializedFile: the archive has no {file}");
        return is_there.then(|| file.to_string()).ok_or_else(missing);
    }
    let others: Vec<&String> = names.iter().filter(|name| is_model(name, suffixes)).collect();
    let fix = "export the model to ONNX and archive that file with --serialized-file";
    match others.as_slice() {
        [only] => Ok((*only).clone()),
        [] if file.is_empty() => Err(format!("expected a model in the archive, found none; {fix}")),
        [] => Err(format!("serializedFile {file}: PyTorch models are not imported yet; {fix}")),
        _ => {
            Err(format!("serializedFile {file}: expected one model to load, found several; {fix}"))
        }
    }
}
