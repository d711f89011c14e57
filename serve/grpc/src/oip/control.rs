//! Triton's extensions that change how the server runs: model repository, shared memory, trace and
//! logging.

use super::messages::{
    Empty, LogChoice, LogSettings, LogValue, ModelIndex, Named, Region, RegionsResponse,
    RepositoryIndexRequest, RepositoryIndexResponse, RepositoryModelRequest, TraceSettings,
    TraceValues,
};
use crate::call::Call;
use crate::reply::Reply;
use oip::settings::{self, LogUpdate};
use server::{LogSetting, Refusal, Repository, Select, Service, TraceSetting, TraceUpdate};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every version of every model, or those that answer.
pub(super) async fn index(call: &mut Call) -> Result<Reply, Refusal> {
    let request: RepositoryIndexRequest = call.receive_control().await?;
    let entries = oip::index(&call.service, request.ready).await;
    let model = |entry: oip::IndexEntry| ModelIndex {
        name: entry.name,
        version: entry.version.map_or(String::new(), |version| version.to_string()),
        state: entry.state.to_string(),
        reason: entry.reason,
    };
    Ok(Reply::of(&RepositoryIndexResponse { models: entries.into_iter().map(model).collect() }))
}

/// What the repository has of the model, from anew.
pub(super) async fn load(call: &mut Call) -> Result<Reply, Refusal> {
    let request: RepositoryModelRequest = call.receive_control().await?;
    if let Some(key) = request.parameters.keys().next() {
        let text = format!("models are loaded from the repository only; found '{key}'");
        return Err(Refusal::Unimplemented(text));
    }
    let name = request.model_name;
    call.service.manage(move |repository, service| repository.load(service, &name)).await?;
    Ok(Reply::of(&Empty {}))
}

/// Models do not depend on each other, so there are no others to unload with it.
pub(super) async fn unload(call: &mut Call) -> Result<Reply, Refusal> {
    let request: RepositoryModelRequest = call.receive_control().await?;
    let name = request.model_name;
    let unload =
        move |repository: &Repository, service: &Service| repository.unload(service, &name, None);
    call.service.manage(unload).await?;
    Ok(Reply::of(&Empty {}))
}

/// The regions of shared memory, or one.
pub(super) async fn regions(call: &mut Call) -> Result<Reply, Refusal> {
    let request: Named = call.receive_control().await?;
    let name = Some(request.name.as_str()).filter(|name| !name.is_empty());
    let region = |region: &Arc<server::Region>| {
        let (name, key) = (region.name.clone(), region.key.clone());
        let (offset, byte_size) = (region.offset, region.byte_size);
        (name.clone(), Region { name, key, offset, byte_size })
    };
    let regions = call.service.regions().status(name)?.iter().map(region).collect();
    Ok(Reply::of(&RegionsResponse { regions }))
}

pub(super) async fn register(call: &mut Call) -> Result<Reply, Refusal> {
    let Region { name, key, offset, byte_size } = call.receive_control().await?;
    call.service.regions().register(&name, &key, offset, byte_size)?;
    Ok(Reply::of(&Empty {}))
}

pub(super) async fn unregister(call: &mut Call) -> Result<Reply, Refusal> {
    let request: Named = call.receive_control().await?;
    let name = Some(request.name.as_str()).filter(|name| !name.is_empty());
    call.service.regions().unregister(name)?;
    Ok(Reply::of(&Empty {}))
}

/// There is no memory of graphics cards.
pub(super) async fn cuda(call: &mut Call, method: &str) -> Result<Reply, Refusal> {
    let request: Named = call.receive_control().await?;
    match method {
        "CudaSharedMemoryRegister" => Err(Refusal::SharedMemory(format!(
            "failed to register CUDA shared memory region: '{}', GPUs not supported",
            request.name
        ))),
        "CudaSharedMemoryStatus" if !request.name.is_empty() => {
            Err(Refusal::RegionNotFound { kind: "cuda ", name: request.name })
        }
        // There are none, so none is told and none is left.
        _ => Ok(Reply::of(&Empty {})),
    }
}

/// Told, and changed where settings are given.
pub(super) async fn trace(call: &mut Call) -> Result<Reply, Refusal> {
    let request: TraceSettings = call.receive_control().await?;
    let model = Some(request.model_name.as_str()).filter(|name| !name.is_empty());
    if let Some(model) = model {
        call.find(model, Select::Latest)?;
    }
    let update = trace_update(&request.settings)?;
    let settings = call.service.settings();
    let setting = match update == TraceUpdate::default() {
        true => settings.trace(model),
        false => {
            call.service.check_managed()?;
            settings.update_trace(model, update)
        }
    };
    Ok(Reply::of(&TraceSettings { settings: told(&setting), model_name: String::new() }))
}

/// No value takes a setting back.
fn trace_update(given: &BTreeMap<String, TraceValues>) -> Result<TraceUpdate, Refusal> {
    let mut update = TraceUpdate::default();
    for (key, TraceValues { value }) in given {
        let one = match value.as_slice() {
            [] => None,
            [one] => Some(one.as_str()),
            [_, ..] if key == "trace_level" => None,
            _ => {
                let text = format!("expect only 1 value for '{key}'");
                return Err(Refusal::InvalidArgument(text));
            }
        };
        match key.as_str() {
            "trace_file" => return Err(settings::file_refused("trace")),
            "trace_level" if value.is_empty() => update.level = Some(None),
            "trace_level" => {
                let levels = value.iter().map(String::as_str);
                update.level = Some(Some(settings::level(levels)?));
            }
            "trace_rate" => update.rate = Some(settings::number(key, one, 0, u32::MAX)?),
            "trace_count" => update.count = Some(settings::number(key, one, -1, i32::MAX)?),
            "log_frequency" => {
                update.log_frequency = Some(settings::number(key, one, 0, u32::MAX)?);
            }
            _ => {}
        }
    }
    Ok(update)
}

fn told(setting: &TraceSetting) -> BTreeMap<String, TraceValues> {
    let one = |text: String| TraceValues { value: vec![text] };
    let levels = settings::levels(setting).into_iter().map(str::to_string).collect();
    BTreeMap::from([
        ("trace_level".to_string(), TraceValues { value: levels }),
        ("trace_rate".to_string(), one(setting.rate.to_string())),
        ("trace_count".to_string(), one(setting.count.to_string())),
        ("log_frequency".to_string(), one(setting.log_frequency.to_string())),
        ("trace_file".to_string(), one(String::new())),
        ("trace_mode".to_string(), one("triton".to_string())),
    ])
}

/// Told, and changed where settings are given.
pub(super) async fn logging(call: &mut Call) -> Result<Reply, Refusal> {
    let request: LogSettings = call.receive_control().await?;
    if !request.settings.is_empty() {
        call.service.check_managed()?;
    }
    let mut update = LogUpdate::default();
    for (key, LogValue { choice }) in request.settings {
        let Some(choice) = choice else { continue };
        match (key.as_str(), choice) {
            ("log_file", _) => return Err(settings::file_refused("log")),
            ("log_info", LogChoice::Bool(is_set)) => update.info = Some(is_set),
            ("log_warning", LogChoice::Bool(is_set)) => update.warning = Some(is_set),
            ("log_error", LogChoice::Bool(is_set)) => update.error = Some(is_set),
            ("log_verbose_level", LogChoice::Number(level)) => {
                update.verbose_level = Some(level);
            }
            ("log_format", LogChoice::Text(format)) => {
                update.is_iso8601 = Some(settings::is_iso8601(&format)?);
            }
            (key, _) => {
                let text = format!("expected another kind of value for '{key}'");
                return Err(Refusal::InvalidArgument(text));
            }
        }
    }
    let log = call.service.settings().update_log(|log| update.apply(log));
    Ok(Reply::of(&LogSettings { settings: log_told(&log) }))
}

fn log_told(log: &LogSetting) -> BTreeMap<String, LogValue> {
    let value = |key: &str, choice| (key.to_string(), LogValue { choice: Some(choice) });
    let format = settings::format_name(log).to_string();
    BTreeMap::from([
        value("log_file", LogChoice::Text(String::new())),
        value("log_info", LogChoice::Bool(log.info)),
        value("log_warning", LogChoice::Bool(log.warning)),
        value("log_error", LogChoice::Bool(log.error)),
        value("log_verbose_level", LogChoice::Number(log.verbose_level)),
        value("log_format", LogChoice::Text(format)),
    ])
}
