//! TensorFlow Serving's files: `models.config` and batching parameters.

use crate::candidate::Found;
use crate::text_proto::{self, Message, TEXT_BYTES_MAX, TextError};
use crate::{Batching, Error, ModelConfig, Policy, listing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Rows of a batch when nothing is said, as TensorFlow Serving has it.
const MAX_BATCH_SIZE: u64 = 1000;

/// The models of a `models.config`.
pub(crate) fn read(file: &Path, suffixes: &[String]) -> Result<Found, Error> {
    let text = listing::text(file, TEXT_BYTES_MAX)?;
    let failed = Error::of_text(file);
    let config = text_proto::parse(&text).map_err(&failed)?;
    let mut found = Found::default();
    if let Some(field) = config.others(&["model_config_list"]).next() {
        let reason = format!("expected model_config_list {{ … }}, found {}", field.name);
        return Err(Error::on_line(file, field.line, reason));
    }
    let mut names = BTreeSet::new();
    for list in config.messages("model_config_list").map_err(&failed)? {
        for field in list.others(&["config"]) {
            found.ignore(file, field.line, &field.name);
        }
        for model in list.messages("config").map_err(&failed)? {
            let name = required(model, "name").map_err(&failed)?;
            if !names.insert(name.clone()) {
                let reason = format!("there is a model `{name}` already");
                return Err(Error::on_line(file, model.line, reason));
            }
            // A relative path begins at the file, since a server's working folder is an accident.
            let root = file.parent().unwrap_or(Path::new(""));
            read_model(file, name, model, &mut found)?.find(root, suffixes, &mut found);
        }
    }
    Ok(found)
}

fn read_model(
    file: &Path,
    name: String,
    config: &Message<'_>,
    found: &mut Found,
) -> Result<ModelConfig, Error> {
    let failed = Error::of_text(file);
    let known = ["name", "base_path", "model_platform", "model_version_policy", "version_labels"];
    for field in config.others(&known) {
        found.ignore(file, field.line, &field.name);
    }
    let base_path = required(config, "base_path").map_err(&failed)?;
    let policy = config.message("model_version_policy").map_err(&failed)?;
    let policy = policy.map_or(Ok(Policy::Latest(1)), |policy| self::policy(policy, "versions"));
    let mut labels = BTreeMap::new();
    for label in config.messages("version_labels").map_err(&failed)? {
        let key = required(label, "key").map_err(&failed)?;
        labels.insert(key, label.number("value").map_err(&failed)?.unwrap_or(0));
    }
    let platform = config.string("model_platform").map_err(&failed)?.unwrap_or_default();
    Ok(ModelConfig { name, base_path, platform, policy: policy.map_err(&failed)?, labels })
}

/// `latest { num_versions: N }`, `all {}` or `specific { versions: N … }`, where nothing in it
/// means the newest.
pub(crate) fn policy(policy: &Message<'_>, specific: &str) -> Result<Policy, TextError> {
    if let Some(chosen) = policy.message("specific")? {
        let numbers = chosen.numbers(specific)?;
        if numbers.is_empty() {
            let reason = "specific: expected at least one of versions".to_string();
            return Err(TextError { line: chosen.line, reason });
        }
        return Ok(Policy::Specific(numbers));
    }
    if policy.message("all")?.is_some() {
        return Ok(Policy::All);
    }
    let count = match policy.message("latest")? {
        Some(latest) => latest.number("num_versions")?.unwrap_or(1).max(1),
        None => 1,
    };
    Ok(Policy::Latest(usize::try_from(count).unwrap_or(usize::MAX)))
}

fn required(message: &Message<'_>, name: &str) -> Result<String, TextError> {
    let value = message.string(name)?.filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        let reason = format!("expected the field {name}, found none");
        TextError { line: message.line, reason }
    })
}

/// A file of batching parameters.
pub(crate) fn batching(file: &Path, found: &mut Found) -> Result<Batching, Error> {
    let text = listing::text(file, TEXT_BYTES_MAX)?;
    let failed = Error::of_text(file);
    let parameters = text_proto::parse(&text).map_err(&failed)?;
    let known = ["max_batch_size", "batch_timeout_micros", "allowed_batch_sizes"];
    for field in parameters.others(&known) {
        found.ignore(file, field.line, &field.name);
    }
    let wrapped = |name: &str| match parameters.message(name)? {
        Some(wrapper) => wrapper.number("value"),
        None => Ok(None),
    };
    let max_rows = wrapped("max_batch_size").map_err(&failed)?.unwrap_or(MAX_BATCH_SIZE);
    let delay = wrapped("batch_timeout_micros").map_err(&failed)?.unwrap_or(0);
    let preferred = parameters.numbers("allowed_batch_sizes").map_err(&failed)?;
    Ok(crate::batching::of(max_rows, &preferred, Duration::from_micros(delay)))
}
