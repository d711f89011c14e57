//! Triton's extensions that change how the server runs: model repository, trace, logging and
//! shared memory.

use super::reader::{Reader, unparsable};
use super::route::{Action, Memory};
use crate::json::Pretty;
use crate::protocol::Call;
use crate::response::{JSON, Reply};
use ::oip::settings::{self, LogUpdate};
use server::{
    LogSetting, Refusal, Regions, Repository, Select, Service, TraceSetting, TraceUpdate,
};

/// `POST /v2/repository/index`: every version of every model, or those that answer.
pub(super) async fn index(call: &mut Call) -> Result<Reply, Refusal> {
    let mut ready_only = false;
    let body = call.receive_control().await?;
    if !body.is_empty() {
        Reader::new(&body).document(|reader, key| {
            match key {
                "ready" => ready_only = reader.boolean("ready")?,
                _ => reader.skip()?,
            }
            Ok(())
        })?;
    }
    let mut json = Pretty::compact();
    json.array();
    for entry in ::oip::index(&call.service, ready_only).await {
        json.object();
        json.field("name", &entry.name);
        if let Some(version) = entry.version {
            json.field("version", &version.to_string());
            json.field("state", entry.state);
        }
        if !entry.reason.is_empty() {
            json.field("reason", &entry.reason);
        }
        json.end_object();
    }
    json.end_array();
    Ok(Reply::ok(JSON, json.finish()))
}

/// `POST /v2/repository/models/M/load`: what the repository has of the model, from anew.
pub(super) async fn load(call: &mut Call, model: String) -> Result<Reply, Refusal> {
    let body = call.receive_control().await?;
    if !body.is_empty() {
        Reader::new(&body).document(|reader, key| match key {
            "parameters" => reader.object("parameters", |_, key| {
                let key = crate::json::quote(key.as_bytes());
                let text = format!("models are loaded from the repository only; found '{key}'");
                Err(Refusal::Unimplemented(text))
            }),
            _ => reader.skip(),
        })?;
    }
    call.service.manage(move |repository, service| repository.load(service, &model)).await?;
    Ok(Reply::ok(JSON, Vec::new()))
}

/// `POST /v2/repository/models/M/unload`. Models do not depend on each other, so there are no
/// others to unload with it.
pub(super) async fn unload(call: &mut Call, model: String) -> Result<Reply, Refusal> {
    call.receive_control().await?;
    let unload =
        move |repository: &Repository, service: &Service| repository.unload(service, &model, None);
    call.service.manage(unload).await?;
    Ok(Reply::ok(JSON, Vec::new()))
}

/// `/v2/trace/setting` and `/v2/models/M/trace/setting`: told, and changed by a `POST`.
pub(super) async fn trace(call: &mut Call, model: Option<&str>) -> Result<Reply, Refusal> {
    if let Some(model) = model {
        call.find(model, Select::Latest)?;
    }
    let update = match call.is_post() {
        false => TraceUpdate::default(),
        true => {
            call.service.check_managed()?;
            trace_update(&call.receive_control().await?)?
        }
    };
    let setting = match update == TraceUpdate::default() {
        true => call.service.settings().trace(model),
        false => call.service.settings().update_trace(model, update),
    };
    Ok(Reply::ok(JSON, trace_json(&setting)))
}

fn trace_update(body: &[u8]) -> Result<TraceUpdate, Refusal> {
    let mut update = TraceUpdate::default();
    Reader::new(body).document(|reader, key| {
        match key {
            "trace_file" => return Err(settings::file_refused("trace")),
            "trace_level" => {
                update.level = Some(if reader.null()? { None } else { Some(level(reader)?) });
            }
            "trace_rate" => update.rate = Some(number(reader, key, u32::MIN, u32::MAX)?),
            "trace_count" => update.count = Some(number(reader, key, -1, i32::MAX)?),
            "log_frequency" => {
                update.log_frequency = Some(number(reader, key, u32::MIN, u32::MAX)?);
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(update)
}

/// Times and tensors, or neither.
fn level(reader: &mut Reader<'_>) -> Result<(bool, bool), Refusal> {
    let mut names = Vec::new();
    reader.list("trace_level", |reader| {
        names.push(reader.string("trace_level")?);
        Ok(())
    })?;
    settings::level(names.iter().map(String::as_str))
}

/// A number, or `null`, which takes the setting back.
fn number<T>(reader: &mut Reader<'_>, key: &str, low: T, high: T) -> Result<Option<T>, Refusal>
where
    T: TryFrom<i64> + std::fmt::Display + PartialOrd,
{
    settings::number(key, reader.setting(key)?.as_deref(), low, high)
}

fn trace_json(setting: &TraceSetting) -> Vec<u8> {
    let mut json = Pretty::compact();
    json.object();
    json.string("trace_level");
    json.array();
    settings::levels(setting).into_iter().for_each(|level| json.string(level));
    json.end_array();
    json.field("trace_rate", &setting.rate.to_string());
    json.field("trace_count", &setting.count.to_string());
    json.field("log_frequency", &setting.log_frequency.to_string());
    json.field("trace_file", "");
    json.field("trace_mode", "triton");
    json.end_object();
    json.finish()
}

/// `/v2/logging`: told, and changed by a `POST`.
pub(super) async fn logging(call: &mut Call) -> Result<Reply, Refusal> {
    let mut log = call.service.settings().log();
    if call.is_post() {
        call.service.check_managed()?;
        let update = log_update(&call.receive_control().await?)?;
        log = call.service.settings().update_log(|log| update.apply(log));
    }
    Ok(Reply::ok(JSON, log_json(&log)))
}

/// What a `POST` changes of what is logged.
fn log_update(body: &[u8]) -> Result<LogUpdate, Refusal> {
    let mut update = LogUpdate::default();
    Reader::new(body).document(|reader, key| {
        if key == "log_file" {
            return Err(settings::file_refused("log"));
        }
        // A setting of `null` stays as it is.
        if reader.null()? {
            return Ok(());
        }
        match key {
            "log_info" => update.info = Some(reader.boolean(key)?),
            "log_warning" => update.warning = Some(reader.boolean(key)?),
            "log_error" => update.error = Some(reader.boolean(key)?),
            "log_verbose_level" => {
                let level = u32::try_from(reader.unsigned(key)?);
                update.verbose_level = Some(level.map_err(|_| unparsable(key, "too large"))?);
            }
            "log_format" => {
                update.is_iso8601 = Some(settings::is_iso8601(&reader.string(key)?)?);
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    Ok(update)
}

fn log_json(log: &LogSetting) -> Vec<u8> {
    let mut json = Pretty::compact();
    json.object();
    json.field("log_file", "");
    json.raw_field("log_info", &log.info.to_string());
    json.raw_field("log_warning", &log.warning.to_string());
    json.raw_field("log_error", &log.error.to_string());
    json.raw_field("log_verbose_level", &log.verbose_level.to_string());
    json.field("log_format", settings::format_name(log));
    json.end_object();
    json.finish()
}

/// `/v2/systemsharedmemory/…` and `/v2/cudasharedmemory/…`.
pub(super) async fn shared(
    call: &mut Call,
    memory: Memory,
    region: Option<&str>,
    action: Action,
) -> Result<Reply, Refusal> {
    let regions = call.service.regions().clone();
    let body = match (memory, action) {
        (Memory::System, Action::Status) => status(&regions, region)?,
        (Memory::System, Action::Unregister) => {
            regions.unregister(region)?;
            Vec::new()
        }
        (Memory::System, Action::Register) => {
            let body = call.receive_control().await?;
            register(&regions, region, &body)?;
            Vec::new()
        }
        (Memory::Cuda, Action::Status) => match region {
            None => b"[]".to_vec(),
            Some(name) => {
                let (kind, name) = ("cuda ", name.to_string());
                return Err(Refusal::RegionNotFound { kind, name });
            }
        },
        // There are none, so none is left.
        (Memory::Cuda, Action::Unregister) => Vec::new(),
        (Memory::Cuda, Action::Register) => {
            let name = region.ok_or_else(|| nameless("cuda"))?;
            return Err(Refusal::SharedMemory(format!(
                "failed to register CUDA shared memory region: '{name}', GPUs not supported"
            )));
        }
    };
    Ok(Reply::ok(JSON, body))
}

fn nameless(kind: &str) -> Refusal {
    let text = format!("'region name' is necessary to register {kind} shared memory region");
    Refusal::SharedMemory(text)
}

fn register(regions: &Regions, name: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
    let name = name.ok_or_else(|| nameless("system"))?;
    let (mut key, mut offset, mut byte_size) = (None, 0, None);
    Reader::new(body).document(|reader, field| {
        match field {
            "key" => key = Some(reader.string("")?),
            "offset" => offset = reader.unsigned("")?,
            "byte_size" => byte_size = Some(reader.unsigned("")?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    let missing = |field: &str| {
        Refusal::SharedMemory(format!("Shared memory register request has no '{field}' field"))
    };
    let key = key.ok_or_else(|| missing("key"))?;
    regions.register(name, &key, offset, byte_size.ok_or_else(|| missing("byte_size"))?)
}

fn status(regions: &Regions, name: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let mut json = Pretty::compact();
    json.array();
    for region in regions.status(name)? {
        json.object();
        json.field("name", &region.name);
        json.field("key", &region.key);
        json.raw_field("offset", &region.offset.to_string());
        json.raw_field("byte_size", &region.byte_size.to_string());
        json.end_object();
    }
    json.end_array();
    Ok(json.finish())
}
