//! The documents about the server and its models, with the keys in Triton's order.

use super::dialect::Dialect;
use crate::json::Pretty;
use ::oip::{EXTENSIONS, PLATFORM, datatype};
use plan::Port;
use server::{Counts, Servable, Sum};
use tensor::{DType, Dim};

/// What Triton names.
const TRITON_EXTENSIONS: [&str; 13] = [
    "classification",
    "sequence",
    "model_repository",
    "model_repository(unload_dependents)",
    "schedule_policy",
    "model_configuration",
    "system_shared_memory",
    "cuda_shared_memory",
    "binary_tensor_data",
    "parameters",
    "statistics",
    "trace",
    "logging",
];

/// `GET /v2`.
pub(super) fn server(dialect: Dialect) -> Vec<u8> {
    let (name, version, extensions): (&str, &str, &[&str]) = match dialect {
        Dialect::Schooner => ("schooner", env!("CARGO_PKG_VERSION"), &EXTENSIONS),
        Dialect::Triton => ("triton", "2.51.0", &TRITON_EXTENSIONS),
    };
    let mut json = Pretty::compact();
    json.object();
    json.field("name", name);
    json.field("version", version);
    json.string("extensions");
    json.array();
    extensions.iter().for_each(|extension| json.string(extension));
    json.end_array();
    json.end_object();
    json.finish()
}

/// `GET /v2/models/M`; `versions` are those that answer.
pub(super) fn metadata(model: &Servable, versions: &[u64]) -> Vec<u8> {
    let mut json = Pretty::compact();
    json.object();
    json.field("name", model.name());
    json.string("versions");
    json.array();
    versions.iter().for_each(|version| json.string(&version.to_string()));
    json.end_array();
    json.field("platform", PLATFORM);
    let signature = model.signature();
    for (key, ports) in [("inputs", &signature.inputs), ("outputs", &signature.outputs)] {
        json.string(key);
        json.array();
        for port in ports {
            json.object();
            json.field("name", &port.name);
            json.field("datatype", datatype::name(port.dtype));
            sizes(&mut json, "shape", &port.shape);
            json.end_object();
        }
        json.end_array();
    }
    json.end_object();
    json.finish()
}

/// `GET /v2/models/M/config`: the configuration that Triton would have made of such a model.
pub(super) fn config(model: &Servable) -> Vec<u8> {
    // Where requests share a run, the first size is the batch's and is left out.
    let max_rows = model.batching().max_rows;
    let (max_batch, rank) = if max_rows > 1 { (max_rows, 1) } else { (0, 0) };
    let mut json = Pretty::compact();
    json.object();
    json.field("name", model.name());
    json.field("platform", "");
    json.field("backend", PLATFORM);
    json.field("runtime", "");
    raw(&mut json, &[("version_policy", r#"{"latest":{"num_versions":1}}"#)]);
    json.raw_field("max_batch_size", &max_batch.to_string());
    json.string("input");
    json.array();
    for port in &model.signature().inputs {
        port_config(
            &mut json,
            port,
            rank,
            |json| json.field("format", "FORMAT_NONE"),
            |json| {
                raw(json, &[("is_shape_tensor", "false"), ("allow_ragged_batch", "false")]);
                raw(json, &[("optional", "false"), ("is_non_linear_format_io", "false")]);
            },
        );
    }
    json.end_array();
    json.string("output");
    json.array();
    for port in &model.signature().outputs {
        port_config(
            &mut json,
            port,
            rank,
            |_| (),
            |json| {
                json.field("label_filename", "");
                raw(json, &[("is_shape_tensor", "false"), ("is_non_linear_format_io", "false")]);
            },
        );
    }
    json.end_array();
    raw(&mut json, &[("batch_input", "[]"), ("batch_output", "[]")]);
    raw(
        &mut json,
        &[(
            "optimization",
            "{\"priority\":\"PRIORITY_DEFAULT\",\
         \"input_pinned_memory\":{\"enable\":true},\
         \"output_pinned_memory\":{\"enable\":true},\
         \"gather_kernel_buffer_threshold\":0,\"eager_batching\":false}",
        )],
    );
    if max_batch > 0 || model.priorities().has_levels() {
        dynamic_batching(&mut json, model);
    }
    instance_group(&mut json, model.name());
    json.field("default_model_filename", "");
    raw(&mut json, &[("cc_model_filenames", "{}"), ("metric_tags", "{}"), ("parameters", "{}")]);
    raw(&mut json, &[("model_warmup", "[]")]);
    json.end_object();
    json.finish()
}

/// One instance; how many threads it has is the server's business.
fn instance_group(json: &mut Pretty, model: &str) {
    json.string("instance_group");
    json.array();
    json.object();
    json.field("name", &format!("{model}_0"));
    json.field("kind", "KIND_CPU");
    raw(json, &[("count", "1"), ("gpus", "[]"), ("secondary_devices", "[]")]);
    raw(json, &[("profile", "[]"), ("passive", "false"), ("host_policy", r#""""#)]);
    json.end_object();
    json.end_array();
}

fn port_config(
    json: &mut Pretty,
    port: &Port,
    rank: usize,
    before: impl Fn(&mut Pretty),
    after: impl Fn(&mut Pretty),
) {
    json.object();
    json.field("name", &port.name);
    json.field("data_type", &config_type(port.dtype));
    before(json);
    sizes(json, "dims", port.shape.get(rank..).unwrap_or_default());
    after(json);
    json.end_object();
}

/// The name of an element type in configurations.
fn config_type(dtype: DType) -> String {
    match datatype::name(dtype) {
        datatype::BYTES => "TYPE_STRING".to_string(),
        name => format!("TYPE_{name}"),
    }
}

fn dynamic_batching(json: &mut Pretty, model: &Servable) {
    let batching = model.batching();
    json.string("dynamic_batching");
    json.object();
    json.string("preferred_batch_size");
    json.array();
    batching.preferred.iter().for_each(|size| json.raw(&size.to_string()));
    json.end_array();
    let delay = batching.max_delay.as_micros().to_string();
    json.raw_field("max_queue_delay_microseconds", &delay);
    let priorities = model.priorities();
    raw(json, &[("preserve_ordering", "false")]);
    json.raw_field("priority_levels", &priorities.levels.to_string());
    json.raw_field("default_priority_level", &priorities.default_level.to_string());
    raw(json, &[("priority_queue_policy", "{}")]);
    json.end_object();
}

/// `GET /v2/models[/M]/stats`.
pub(super) fn statistics<'a>(models: impl Iterator<Item = &'a Servable>) -> Vec<u8> {
    let mut json = Pretty::compact();
    json.object();
    json.string("model_stats");
    json.array();
    for model in models {
        one(&mut json, model, &model.counts());
    }
    json.end_array();
    json.end_object();
    json.finish()
}

fn one(json: &mut Pretty, model: &Servable, counts: &Counts) {
    json.object();
    json.field("name", model.name());
    json.field("version", &model.version().to_string());
    json.raw_field("last_inference", &counts.last_inference_ms.to_string());
    json.raw_field("inference_count", &counts.inferences.to_string());
    json.raw_field("execution_count", &counts.executions.to_string());
    json.string("inference_stats");
    json.object();
    sum(json, "success", counts.success);
    sum(json, "fail", counts.fail);
    sum(json, "queue", counts.queue);
    sum(json, "compute_input", counts.computed.input);
    sum(json, "compute_infer", counts.computed.infer);
    sum(json, "compute_output", counts.computed.output);
    // There is no cache.
    sum(json, "cache_hit", Sum::default());
    sum(json, "cache_miss", Sum::default());
    json.end_object();
    raw(json, &[("response_stats", "{}")]);
    json.string("batch_stats");
    json.array();
    for (size, &infer) in &counts.batches {
        // Inputs are read and outputs written request by request, not batch by batch.
        let none = Sum { count: infer.count, ns: 0 };
        json.object();
        json.raw_field("batch_size", &size.to_string());
        sum(json, "compute_input", none);
        sum(json, "compute_infer", infer);
        sum(json, "compute_output", none);
        json.end_object();
    }
    json.end_array();
    json.string("memory_usage");
    json.array();
    if model.memory_bytes() > 0 {
        json.object();
        json.field("type", "CPU");
        json.raw_field("id", "0");
        json.raw_field("byte_size", &model.memory_bytes().to_string());
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

fn sum(json: &mut Pretty, key: &str, sum: Sum) {
    json.string(key);
    json.object();
    json.raw_field("count", &sum.count.to_string());
    json.raw_field("ns", &sum.ns.to_string());
    json.end_object();
}

fn sizes(json: &mut Pretty, key: &str, shape: &[Dim]) {
    json.string(key);
    json.array();
    shape.iter().for_each(|dim| json.raw(&dim.known().unwrap_or(-1).to_string()));
    json.end_array();
}

/// Fields whose values are their own JSON text.
fn raw(json: &mut Pretty, fields: &[(&str, &str)]) {
    fields.iter().for_each(|(key, value)| json.raw_field(key, value));
}
