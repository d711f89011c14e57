//! What is said of the server and its models.

use super::messages::{
    BatchStatistics, Duration, DynamicBatching, InferStatistics, InputConfig, InstanceGroup,
    Latest, MemoryUsage, ModelConfig, ModelMetadata, ModelStatistics, OutputConfig, ServerMetadata,
    TensorMetadata, VersionPolicy,
};
use plan::Port;
use server::{Counts, Servable, Sum};
use tensor::{DType, Dim};

/// `KIND_CPU`.
const KIND_CPU: i32 = 2;

pub(super) fn server() -> ServerMetadata {
    ServerMetadata {
        name: "schooner".to_string(),
        version: env!("CARGO_PKG_VERSION").to_string(),
        extensions: oip::EXTENSIONS.map(str::to_string).to_vec(),
    }
}

/// `versions` are those that answer.
pub(super) fn metadata(model: &Servable, versions: &[u64]) -> ModelMetadata {
    let tensors = |ports: &[Port]| {
        let tensor = |port: &Port| TensorMetadata {
            name: port.name.clone(),
            datatype: oip::datatype::name(port.dtype).to_string(),
            shape: dims(&port.shape),
        };
        ports.iter().map(tensor).collect()
    };
    ModelMetadata {
        name: model.name().to_string(),
        versions: versions.iter().map(u64::to_string).collect(),
        platform: oip::PLATFORM.to_string(),
        inputs: tensors(&model.signature().inputs),
        outputs: tensors(&model.signature().outputs),
    }
}

/// The configuration that Triton would have made of such a model.
pub(super) fn config(model: &Servable) -> ModelConfig {
    let batching = model.batching();
    // Where requests share a run, the first size is the batch's and is left out.
    let is_batched = batching.max_rows > 1;
    let left_out = usize::from(is_batched);
    let sizes = |port: &Port| dims(port.shape.get(left_out..).unwrap_or_default());
    let number = |size: usize| i32::try_from(size).unwrap_or(i32::MAX);
    let input = model.signature().inputs.iter().map(|port| InputConfig {
        name: port.name.clone(),
        data_type: data_type(port.dtype),
        dims: sizes(port),
    });
    let output = model.signature().outputs.iter().map(|port| OutputConfig {
        name: port.name.clone(),
        data_type: data_type(port.dtype),
        dims: sizes(port),
    });
    let priorities = model.priorities();
    let is_said = is_batched || priorities.has_levels();
    let dynamic_batching = is_said.then(|| DynamicBatching {
        preferred_batch_size: batching.preferred.iter().map(|&size| number(size)).collect(),
        max_queue_delay_microseconds: nanoseconds(batching.max_delay) / 1000,
        priority_levels: priorities.levels,
        default_priority_level: priorities.default_level,
    });
    ModelConfig {
        name: model.name().to_string(),
        version_policy: Some(VersionPolicy { latest: Some(Latest { num_versions: 1 }) }),
        max_batch_size: if is_batched { number(batching.max_rows) } else { 0 },
        input: input.collect(),
        output: output.collect(),
        instance_group: vec![InstanceGroup {
            name: format!("{}_0", model.name()),
            count: 1,
            kind: KIND_CPU,
        }],
        dynamic_batching,
        backend: oip::PLATFORM.to_string(),
    }
}

pub(super) fn statistics(model: &Servable) -> ModelStatistics {
    let counts: Counts = model.counts();
    let none = Some(Duration::default());
    let batches = counts.batches.iter().map(|(&size, &infer)| {
        // Inputs are read and outputs written request by request, not batch by batch.
        let others = duration(Sum { count: infer.count, ns: 0 });
        BatchStatistics {
            batch_size: size as u64,
            compute_input: others,
            compute_infer: duration(infer),
            compute_output: others,
        }
    });
    let memory = (model.memory_bytes() > 0).then(|| MemoryUsage {
        kind: "CPU".to_string(),
        id: 0,
        byte_size: model.memory_bytes() as u64,
    });
    ModelStatistics {
        name: model.name().to_string(),
        version: model.version().to_string(),
        last_inference: counts.last_inference_ms,
        inference_count: counts.inferences,
        execution_count: counts.executions,
        inference_stats: Some(InferStatistics {
            success: duration(counts.success),
            fail: duration(counts.fail),
            queue: duration(counts.queue),
            compute_input: duration(counts.computed.input),
            compute_infer: duration(counts.computed.infer),
            compute_output: duration(counts.computed.output),
            // There is no cache.
            cache_hit: none,
            cache_miss: none,
        }),
        batch_stats: batches.collect(),
        memory_usage: memory.into_iter().collect(),
    }
}

fn duration(sum: Sum) -> Option<Duration> {
    Some(Duration { count: sum.count, ns: sum.ns })
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn dims(shape: &[Dim]) -> Vec<i64> {
    shape.iter().map(|dim| dim.known().unwrap_or(-1)).collect()
}

/// The number of an element type in configurations; 0 when there is none.
fn data_type(dtype: DType) -> i32 {
    const NUMBERED: [DType; 12] = [
        DType::Bool,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::F16,
        DType::F32,
        DType::F64,
    ];
    match (dtype, NUMBERED.iter().position(|&numbered| numbered == dtype)) {
        (DType::String, _) => 13,
        (DType::BF16, _) => 14,
        (_, found) => found.map_or(0, |at| at as i32 + 1),
    }
}
