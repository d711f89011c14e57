//! Which models there are, in Triton's words.

use server::{Refusal, Select, Servable, Service, State};
use std::sync::Arc;

/// One line of the index of models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// The model's name.
    pub name: String,
    /// `None` of a model that could be loaded.
    pub version: Option<u64>,
    /// `READY`, `LOADING` or `UNAVAILABLE`; empty of a model that could be loaded.
    pub state: &'static str,
    /// Why the version does not answer; may be empty.
    pub reason: String,
}

/// Every version of every model, or those that answer.
pub async fn index(service: &Service, ready_only: bool) -> Vec<IndexEntry> {
    let names = service.store().names();
    let mut entries = Vec::new();
    for name in &names {
        let versions = service.store().status(name, Select::Latest).unwrap_or_default();
        for version in versions.iter().rev() {
            if ready_only && version.state != State::Available {
                continue;
            }
            let (state, reason) = match version.state {
                State::Available => ("READY", ""),
                State::Loading => ("LOADING", ""),
                State::End if version.error.is_empty() => ("UNAVAILABLE", "unloaded"),
                State::End => ("UNAVAILABLE", version.error.as_str()),
            };
            let (name, reason) = (name.clone(), reason.to_string());
            entries.push(IndexEntry { name, version: Some(version.version), state, reason });
        }
    }
    if !ready_only {
        // What could be loaded, where requests say what is.
        let catalog = service.manage(|repository, _| repository.catalog()).await;
        for model in catalog.unwrap_or_default() {
            if !names.contains(&model.name) {
                let (name, reason) = (model.name, String::new());
                entries.push(IndexEntry { name, version: None, state: "", reason });
            }
        }
    }
    entries
}

/// The versions of a model that answer, lowest first.
pub fn versions(service: &Service, model: &str) -> Vec<u64> {
    let status = service.store().status(model, Select::Latest).unwrap_or_default();
    let available = status.iter().rev().filter(|version| version.state == State::Available);
    available.map(|version| version.version).collect()
}

/// What answers: one version, all of a model, or all models when none is named.
///
/// # Errors
/// When the model or version that is named does not answer.
pub fn answering(
    service: &Service,
    model: Option<&str>,
    select: &Select,
) -> Result<Vec<Arc<Servable>>, Refusal> {
    let names = match model {
        Some(model) => {
            service.store().find(model, select.clone())?;
            vec![model.to_string()]
        }
        None => service.store().names(),
    };
    let mut models = Vec::new();
    for name in &names {
        let versions = match select.version().filter(|_| model.is_some()) {
            Some(version) => vec![version],
            None => versions(service, name),
        };
        // A version may have ended in between.
        let found = versions.into_iter().map(|v| service.store().find(name, Select::Version(v)));
        models.extend(found.flatten());
    }
    Ok(models)
}
