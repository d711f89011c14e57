//! Registering a model of the model store.

use super::fault::Fault;
use super::management::is_explicit;
use super::reply::status;
use super::route::Parameters;
use super::state::{Entry, State, WORKERS_MAX, Workers};
use crate::protocol::Call;
use crate::response::Reply;
use axum::http::header;
use jiter::JsonValue;
use repository::{
    Archive, Batching, Classes, Fingerprint, Limits, ModelFile, Priorities, version_text,
};
use server::{Refusal, Repository, Select, Service, Source};
use std::path::{Component, Path};
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds that the first request of a batch waits when nothing is said.
const MAX_BATCH_DELAY_MS: i64 = 100;

/// What a request wants to be registered.
struct Wanted {
    url: String,
    name: Option<String>,
    batching: Option<Batching>,
    workers: u64,
}

/// A model file, with what its archive says about it.
struct Found {
    name: String,
    version: u64,
    source: Source,
}

/// `POST /models`: the parameters stand in the query, or in a body of JSON.
pub(super) async fn register(
    call: &mut Call,
    state: &Arc<State>,
    mut parameters: Parameters,
) -> Result<Result<Reply, Fault>, Refusal> {
    if !is_explicit(call) {
        return Err(Refusal::ControlIsOff);
    }
    let content_type = call.head.headers.get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/json")) {
        let body = call.receive().await?.open()?;
        parameters.0.extend(of_json(&body));
    }
    let wanted = match wanted(&parameters) {
        Ok(wanted) => wanted,
        Err(fault) => return Ok(Err(fault)),
    };
    let (url, workers, shared) = (wanted.url.clone(), wanted.workers, state.clone());
    let registered = call
        .service
        .manage(move |repository, service| add(repository, service, &shared, &wanted))
        .await?;
    let (name, version) = match registered {
        Ok(registered) => registered,
        Err(fault) => return Ok(Err(fault)),
    };
    let entry = Entry { url: Some(url), workers: Workers { min: workers, max: workers } };
    state.note(&call.service, &name, version, entry);
    let version = version_text(version);
    let text =
        format!("Model \"{name}\" Version: {version} registered with {workers} initial workers");
    Ok(Ok(match (workers, parameters.flag("synchronous")) {
        (0, _) => {
            status(200, &format!("{text}. Use scale workers API to add workers for the model."))
        }
        (_, true) => status(200, &text),
        (_, false) => status(202, "Processing worker updates..."),
    }))
}

/// What the parameters mean. Nothing is fetched on a client's word, and no path leads out of the
/// model store.
fn wanted(parameters: &Parameters) -> Result<Wanted, Fault> {
    let missing = || Fault::bad_request("Parameter url is required.");
    let url = parameters.text("url").ok_or_else(missing)?;
    if url.contains("..") {
        let text = format!("Relative path is not allowed in url: {url}");
        return Err(Fault::new(404, "ModelNotFoundException", text));
    }
    if url.contains("://") {
        let text = format!("Failed to download archive from: {url}");
        return Err(Fault::new(400, "DownloadArchiveException", text));
    }
    let delay = parameters.number("max_batch_delay").unwrap_or(MAX_BATCH_DELAY_MS);
    let batching = parameters.number("batch_size").map(|rows| Batching {
        max_rows: usize::try_from(rows).unwrap_or(1).max(1),
        preferred: Vec::new(),
        max_delay: Duration::from_millis(u64::try_from(delay).unwrap_or(0).min(60_000)),
    });
    let workers = parameters.number("initial_workers").unwrap_or(0);
    Ok(Wanted {
        url: url.to_string(),
        name: parameters.text("model_name").map(str::to_string),
        batching,
        workers: u64::try_from(workers).unwrap_or(0).min(WORKERS_MAX),
    })
}

/// Scalars of a JSON object as parameters; anything else is none.
fn of_json(body: &[u8]) -> Vec<(String, String)> {
    let Ok(JsonValue::Object(object)) = JsonValue::parse(body, false) else { return Vec::new() };
    let text = |value: &JsonValue<'_>| match value {
        JsonValue::Str(text) => Some(text.to_string()),
        JsonValue::Int(number) => Some(number.to_string()),
        JsonValue::Bool(flag) => Some(flag.to_string()),
        _ => None,
    };
    object.iter().filter_map(|(key, value)| Some((key.to_string(), text(value)?))).collect()
}

/// Finds and loads the model; its name and version. Blocks.
fn add(
    repository: &Repository,
    service: &Service,
    state: &State,
    wanted: &Wanted,
) -> Result<Result<(String, u64), Fault>, Refusal> {
    match find(service, state, wanted) {
        Ok(Found { name, version, source }) => {
            repository.register(service, &name, version, source)?;
            Ok(Ok((name, version)))
        }
        Err(fault) => Ok(Err(fault)),
    }
}

fn find(service: &Service, state: &State, wanted: &Wanted) -> Result<Found, Fault> {
    let url = &wanted.url;
    let missing =
        || Fault::new(404, "ModelNotFoundException", format!("Model not found at: {url}"));
    let invalid = |text: String| Fault::new(400, "InvalidModelException", text);
    let is_inside = Path::new(url).components().all(|part| matches!(part, Component::Normal(_)));
    let folder = state.store.folder.as_ref().filter(|_| is_inside).ok_or_else(missing)?;
    let path = folder.join(url);
    if !path.exists() {
        return Err(missing());
    }
    let fingerprint = Fingerprint::of(&path).map_err(|error| invalid(error.to_string()))?;
    let suffixes = &state.store.suffixes;
    let is_model = suffixes.iter().any(|suffix| url.ends_with(suffix.as_str()));
    let mut source = Source {
        file: ModelFile::Plain(path.clone()),
        classes: Classes::Unknown,
        batching: wanted.batching.clone(),
        priorities: Priorities::default(),
        revision: fingerprint.revision(),
    };
    let (name, version) = if is_model && path.is_file() {
        (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), 1)
    } else {
        let archive = Archive::open(&path, suffixes, Limits::default());
        let archive = archive.map_err(|error| invalid(error.reason))?;
        source.file = archive.file();
        source.classes = archive.class_names.map_or(Classes::Unknown, Classes::Names);
        source.batching = source.batching.or(archive.batching);
        (archive.model, archive.number)
    };
    let name = wanted.name.clone().unwrap_or(name);
    if service.store().find(&name, Select::Version(version)).is_ok() {
        let version = version_text(version);
        let text = format!("Model version {version} is already registered for model {name}");
        return Err(Fault::new(409, "ConflictStatusException", text));
    }
    Ok(Found { name, version, source })
}
