//! Triton's model repository: a folder for each model, with `config.pbtxt` and numbered versions.

use crate::candidate::{self, Candidate, Found};
use crate::listing::{self, Entry};
use crate::text_proto::{self, Message, TEXT_BYTES_MAX, TextError};
use crate::{Classes, Error, priority, tensorflow_serving};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The name of a model's configuration.
pub(crate) const CONFIG: &str = "config.pbtxt";

/// Back ends whose files can be loaded; any other may still have one in its version folders.
const ONNX: [&str; 3] = ["", "onnxruntime", "onnxruntime_onnx"];

/// Fields of the configuration that are read. The types and shapes of inputs and outputs are the
/// model's own, so that those two are only looked through for what changes their meaning.
const KNOWN: [&str; 14] = [
    "name",
    "platform",
    "backend",
    "version_policy",
    "max_batch_size",
    "input",
    "output",
    "dynamic_batching",
    "instance_group",
    "default_model_filename",
    "model_warmup",
    "model_transaction_policy",
    "ensemble_scheduling",
    "sequence_batching",
];

/// Fields of `dynamic_batching` that are read here.
const BATCHING: [&str; 2] = ["preferred_batch_size", "max_queue_delay_microseconds"];

/// Every folder that has a configuration or numbered versions.
pub(crate) fn read(repository: &Path, suffixes: &[String]) -> Result<Found, Error> {
    let mut found = Found::default();
    for entry in listing::entries(repository)? {
        if entry.is_folder && is_model(&entry.path) {
            read_model(&entry, suffixes, &mut found)?;
        }
    }
    Ok(found)
}

/// Is the folder one of a model?
pub(crate) fn is_model(folder: &Path) -> bool {
    let is_version =
        |entry: &Entry| entry.is_folder && listing::version_number(&entry.name).is_some();
    folder.join(CONFIG).is_file()
        || listing::entries(folder).is_ok_and(|entries| entries.iter().any(is_version))
}

fn read_model(folder: &Entry, suffixes: &[String], found: &mut Found) -> Result<(), Error> {
    let file = folder.path.join(CONFIG);
    // A configuration is optional: the model knows its inputs and outputs.
    let text = match file.is_file() {
        true => listing::text(&file, TEXT_BYTES_MAX)?,
        false => String::new(),
    };
    let model = text_proto::parse(&text).and_then(|config| {
        for field in config.others(&KNOWN) {
            found.ignore(&file, field.line, &field.name);
        }
        for batching in config.messages("dynamic_batching")? {
            let known = [BATCHING.as_slice(), &priority::FIELDS].concat();
            for field in batching.others(&known) {
                found.ignore(&file, field.line, &field.name);
            }
        }
        let candidate = candidate(folder, &config)?;
        Ok(match refusal(&folder.name, &config)? {
            Some(reason) => Err(reason),
            None => Ok((candidate, choice(&config)?)),
        })
    });
    // One model's mistake is not the others'.
    let model = model.unwrap_or_else(|error| Err(error.to_string()));
    match model {
        Err(reason) => found.refuse(&folder.name, &file, reason),
        Ok((mut candidate, choice)) => {
            let choose =
                |version: &Path, entries: &[Entry]| choice.file(version, entries, suffixes);
            // Triton takes no version with a leading zero.
            let is_version = |name: &str| !name.starts_with('0');
            candidate.versions = candidate::numbered(&folder.path, is_version, choose)?;
            if candidate.versions.is_empty() {
                let reason = "expected a folder with a number for each version, found none";
                found.refuse(&folder.name, &folder.path, reason);
            }
            found.candidates.push(candidate);
        }
    }
    Ok(())
}

fn candidate(folder: &Entry, config: &Message<'_>) -> Result<Candidate, TextError> {
    let mut candidate = Candidate::new(&folder.name);
    let model = &mut candidate.model;
    if let Some(policy) = config.message("version_policy")? {
        model.policy = tensorflow_serving::policy(policy, "versions")?;
    }
    let max_rows = config.number("max_batch_size")?.unwrap_or(0);
    let batching = config.message("dynamic_batching")?;
    if let Some(batching) = batching {
        model.priorities = priority::read(batching)?;
    }
    if let (Some(batching), 1..) = (batching, max_rows) {
        let preferred = batching.numbers("preferred_batch_size")?;
        let delay = batching.number("max_queue_delay_microseconds")?.unwrap_or(0);
        let delay = Duration::from_micros(delay);
        model.batching = Some(crate::batching::of(max_rows, &preferred, delay));
    }
    for output in config.messages("output")? {
        if let Some(labels) = output.string("label_filename")? {
            model.classes = Classes::File(plain_name(&folder.path, &labels, output.line)?);
            break;
        }
    }
    let mut instances: Option<u64> = None;
    for group in config.messages("instance_group")? {
        let count = group.number("count")?.unwrap_or(1);
        instances = Some(instances.unwrap_or(0).saturating_add(count));
    }
    model.instance_count = instances.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    for warmup in config.messages("model_warmup")? {
        model.warmups.push(warmup.string("name")?.unwrap_or_default());
    }
    Ok(candidate)
}

/// Why the model as a whole cannot be served, if it cannot.
fn refusal(name: &str, config: &Message<'_>) -> Result<Option<String>, TextError> {
    let named = config.string("name")?.unwrap_or_default();
    if !named.is_empty() && named != name {
        return Ok(Some(format!("expected the folder's name {name} in `name`, found {named}")));
    }
    let says = |what: &str| Some(format!("{what} is not served; serve its models one by one"));
    let platform = config.string("platform")?.unwrap_or_default();
    if config.one("ensemble_scheduling")?.is_some() || platform == "ensemble" {
        return Ok(says("ensemble_scheduling"));
    }
    let not_served = |what: &str, why: &str| Some(format!("{what} is not served: {why}"));
    if config.one("sequence_batching")?.is_some() {
        return Ok(not_served("sequence_batching", "no state is kept between requests"));
    }
    if let Some(policy) = config.message("model_transaction_policy")?
        && policy.flag("decoupled")?
    {
        return Ok(not_served("decoupled", "each request has exactly one answer"));
    }
    for port in config.messages("input")?.into_iter().chain(config.messages("output")?) {
        if let Some(field) = port.one("reshape")? {
            let line = field.line;
            let why = "requests must have the model's own shapes";
            return Ok(not_served(&format!("line {line}: reshape"), why));
        }
        if port.flag("allow_ragged_batch")? {
            let why = "the requests of a batch must have the same shape";
            return Ok(not_served("allow_ragged_batch", why));
        }
    }
    Ok(None)
}

/// How the model file of a version is found.
struct Choice {
    file_name: Option<String>,
    backend: String,
}

fn choice(config: &Message<'_>) -> Result<Choice, TextError> {
    let file_name = config.string("default_model_filename")?.filter(|name| !name.is_empty());
    if let Some(name) = &file_name {
        plain_name(Path::new(""), name, config.line)?;
    }
    let backend = config.string("backend")?.filter(|backend| !backend.is_empty());
    let platform = config.string("platform")?.unwrap_or_default();
    Ok(Choice { file_name, backend: backend.unwrap_or(platform) })
}

impl Choice {
    fn file(
        &self,
        version: &Path,
        entries: &[Entry],
        suffixes: &[String],
    ) -> Result<PathBuf, String> {
        let file = match &self.file_name {
            Some(name) if listing::is_model(name, suffixes) => {
                let entry = entries.iter().find(|entry| entry.name == *name);
                let missing = || format!("{}: there is no {name}", version.display());
                return entry.map(|entry| entry.path.clone()).ok_or_else(missing);
            }
            _ => listing::model_file(version, entries, suffixes),
        };
        file.map_err(|reason| match ONNX.contains(&&*self.backend) {
            true => reason,
            false => format!("models of the backend {} are not read; {reason}", self.backend),
        })
    }
}

/// A file beside the configuration; a path that leads elsewhere is refused.
fn plain_name(folder: &Path, name: &str, line: usize) -> Result<PathBuf, TextError> {
    let is_plain = !name.contains(['/', '\\']) && name != ".." && name != ".";
    match is_plain {
        true => Ok(folder.join(name)),
        false => {
            let reason = format!("expected the name of a file in the model's folder, found {name}");
            Err(TextError { line, reason })
        }
    }
}
