//! Triton's extensions that change how the server runs: model repository, trace, logging and
//! shared memory.

use super::reader::{Reader, unparsable};
use super::route::{Action, Memory};
use crate::json::Pretty;
use crate::protocol::Call;
use crate::response::{JSON, Reply};
use server::{
    LogSetting, Refusal, Regions, Repository, Select, Service, State, TraceSetting, TraceUpdate,
    VersionStatus,
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
    let names = call.service.store().names();
    let mut json = Pretty::compact();
    json.array();
    for name in &names {
        let versions = call.service.store().status(name, Select::Latest).unwrap_or_default();
        for version in versions.iter().rev() {
            if !ready_only || version.state == State::Available {
                entry(&mut json, name, version);
            }
        }
    }
    if !ready_only {
        // What could be loaded, where requests say what is.
        let catalog = call.service.manage(|repository, _| repository.catalog()).await;
        for model in catalog.unwrap_or_default() {
            if !names.contains(&model.name) {
                json.object();
                json.field("name", &model.name);
                json.end_object();
            }
        }
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

fn entry(json: &mut Pretty, name: &str, version: &VersionStatus) {
    json.object();
    json.field("name", name);
    json.field("version", &version.version.to_string());
    let (state, reason) = match version.state {
        State::Available => ("READY", ""),
        State::Loading => ("LOADING", ""),
        State::End if version.error.is_empty() => ("UNAVAILABLE", "unloaded"),
        State::End => ("UNAVAILABLE", version.error.as_str()),
    };
    json.field("state", state);
    if !reason.is_empty() {
        json.field("reason", reason);
    }
    json.end_object();
}

/// `/v2/trace/setting` and `/v2/models/M/trace/setting`: told, and changed by a `POST`.
pub(super) async fn trace(call: &mut Call, model: Option<&str>) -> Result<Reply, Refusal> {
    if let Some(model) = model {
        call.find(model, Select::Latest)?;
    }
    let update = match call.is_post() {
        false => TraceUpdate::default(),
        true => trace_update(&call.receive_control().await?)?,
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
            "trace_file" => return Err(file_refused("trace")),
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
    let (mut timestamps, mut tensors, mut is_off, mut count) = (false, false, false, 0);
    reader.list("trace_level", |reader| {
        count += 1;
        match reader.string("trace_level")?.as_str() {
            "OFF" => is_off = true,
            "TIMESTAMPS" => timestamps = true,
            "TENSORS" => tensors = true,
            other => {
                let quoted = crate::json::quote(other.as_bytes());
                return Err(Refusal::InvalidArgument(format!(
                    "expected the trace levels OFF, TIMESTAMPS or TENSORS, found '{quoted}'"
                )));
            }
        }
        Ok(())
    })?;
    if is_off && count > 1 {
        let text = "Expect only one trace level 'OFF' is specified";
        return Err(Refusal::InvalidArgument(text.to_string()));
    }
    Ok((timestamps, tensors))
}

/// A number, or `null`, which takes the setting back. Triton's clients send numbers as strings.
fn number<T>(reader: &mut Reader<'_>, key: &str, low: T, high: T) -> Result<Option<T>, Refusal>
where
    T: TryFrom<i64> + std::fmt::Display + PartialOrd,
{
    let Some(text) = reader.setting(key)? else { return Ok(None) };
    let quoted = crate::json::quote(text.as_bytes());
    let none = || Refusal::InvalidArgument(format!("Unable to parse '{key}', got: {quoted}"));
    let wide: i64 = text.trim().parse().map_err(|_| none())?;
    let value = T::try_from(wide).ok().filter(|value| *value >= low && *value <= high);
    value.map(Some).ok_or_else(|| {
        Refusal::InvalidArgument(format!(
            "Unable to parse '{key}', value is out of range [ {low}, {high} ], got: {quoted}"
        ))
    })
}

fn trace_json(setting: &TraceSetting) -> Vec<u8> {
    let mut json = Pretty::compact();
    json.object();
    json.string("trace_level");
    json.array();
    let levels = [(setting.timestamps, "TIMESTAMPS"), (setting.tensors, "TENSORS")];
    levels.iter().filter(|(is_set, _)| *is_set).for_each(|(_, level)| json.string(level));
    if !setting.timestamps && !setting.tensors {
        json.string("OFF");
    }
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
        let update = log_update(&call.receive_control().await?)?;
        log = call.service.settings().update_log(|log| update.apply(log));
    }
    Ok(Reply::ok(JSON, log_json(&log)))
}

/// What a `POST` changes of what is logged.
#[derive(Default)]
struct LogUpdate {
    info: Option<bool>,
    warning: Option<bool>,
    error: Option<bool>,
    verbose_level: Option<u32>,
    is_iso8601: Option<bool>,
}

impl LogUpdate {
    fn apply(self, log: &mut LogSetting) {
        log.info = self.info.unwrap_or(log.info);
        log.warning = self.warning.unwrap_or(log.warning);
        log.error = self.error.unwrap_or(log.error);
        log.verbose_level = self.verbose_level.unwrap_or(log.verbose_level);
        log.is_iso8601 = self.is_iso8601.unwrap_or(log.is_iso8601);
    }
}

fn log_update(body: &[u8]) -> Result<LogUpdate, Refusal> {
    let mut update = LogUpdate::default();
    Reader::new(body).document(|reader, key| {
        if key == "log_file" {
            return Err(file_refused("log"));
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
                update.is_iso8601 = Some(match reader.string(key)?.as_str() {
                    "default" => false,
                    "ISO8601" => true,
                    other => {
                        let quoted = crate::json::quote(other.as_bytes());
                        let text = format!("invalid argument for log_format, got: {quoted}");
                        return Err(Refusal::InvalidArgument(text));
                    }
                });
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
    json.field("log_format", if log.is_iso8601 { "ISO8601" } else { "default" });
    json.end_object();
    json.finish()
}

/// Nobody on the network says where this server writes.
fn file_refused(what: &str) -> Refusal {
    let text = format!("{what} file location can not be updated through network protocol");
    Refusal::Unimplemented(text)
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

/// The versions of a model that answer, lowest first.
pub(super) fn available(service: &Service, model: &str) -> Vec<u64> {
    let status = service.store().status(model, Select::Latest).unwrap_or_default();
    let available = status.iter().rev().filter(|version| version.state == State::Available);
    available.map(|version| version.version).collect()
}
