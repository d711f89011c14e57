//! What is sent, and requests of a few bytes: messages of `inference`. The numbers are those of the
//! published definitions.

use bytes::Bytes;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Live {
    #[prost(bool, tag = "1")]
    pub(super) live: bool,
}

/// What has no fields.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Empty {}

/// A model and one of its versions, as most requests name it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Named {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ServerMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) extensions: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, repeated, tag = "2")]
    pub(super) versions: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) platform: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) inputs: Vec<TensorMetadata>,
    #[prost(message, repeated, tag = "5")]
    pub(super) outputs: Vec<TensorMetadata>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(super) shape: Vec<i64>,
}

/// The one kind of parameter that is sent.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferParameter {
    #[prost(bool, optional, tag = "1")]
    pub(super) bool_param: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelInferResponse {
    #[prost(string, tag = "1")]
    pub(super) model_name: String,
    #[prost(string, tag = "2")]
    pub(super) model_version: String,
    #[prost(string, tag = "3")]
    pub(super) id: String,
    #[prost(btree_map = "string, message", tag = "4")]
    pub(super) parameters: BTreeMap<String, InferParameter>,
    #[prost(message, repeated, tag = "5")]
    pub(super) outputs: Vec<TensorMetadata>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub(super) raw_output_contents: Vec<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelStreamInferResponse {
    #[prost(string, tag = "1")]
    pub(super) error_message: String,
    #[prost(message, optional, tag = "2")]
    pub(super) infer_response: Option<ModelInferResponse>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub(super) struct Duration {
    #[prost(uint64, tag = "1")]
    pub(super) count: u64,
    #[prost(uint64, tag = "2")]
    pub(super) ns: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferStatistics {
    #[prost(message, optional, tag = "1")]
    pub(super) success: Option<Duration>,
    #[prost(message, optional, tag = "2")]
    pub(super) fail: Option<Duration>,
    #[prost(message, optional, tag = "3")]
    pub(super) queue: Option<Duration>,
    #[prost(message, optional, tag = "4")]
    pub(super) compute_input: Option<Duration>,
    #[prost(message, optional, tag = "5")]
    pub(super) compute_infer: Option<Duration>,
    #[prost(message, optional, tag = "6")]
    pub(super) compute_output: Option<Duration>,
    #[prost(message, optional, tag = "7")]
    pub(super) cache_hit: Option<Duration>,
    #[prost(message, optional, tag = "8")]
    pub(super) cache_miss: Option<Duration>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct BatchStatistics {
    #[prost(uint64, tag = "1")]
    pub(super) batch_size: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) compute_input: Option<Duration>,
    #[prost(message, optional, tag = "3")]
    pub(super) compute_infer: Option<Duration>,
    #[prost(message, optional, tag = "4")]
    pub(super) compute_output: Option<Duration>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MemoryUsage {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(int64, tag = "2")]
    pub(super) id: i64,
    #[prost(uint64, tag = "3")]
    pub(super) byte_size: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelStatistics {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
    #[prost(uint64, tag = "3")]
    pub(super) last_inference: u64,
    #[prost(uint64, tag = "4")]
    pub(super) inference_count: u64,
    #[prost(uint64, tag = "5")]
    pub(super) execution_count: u64,
    #[prost(message, optional, tag = "6")]
    pub(super) inference_stats: Option<InferStatistics>,
    #[prost(message, repeated, tag = "7")]
    pub(super) batch_stats: Vec<BatchStatistics>,
    #[prost(message, repeated, tag = "8")]
    pub(super) memory_usage: Vec<MemoryUsage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelStatisticsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) model_stats: Vec<ModelStatistics>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RepositoryIndexRequest {
    #[prost(string, tag = "1")]
    pub(super) repository_name: String,
    #[prost(bool, tag = "2")]
    pub(super) ready: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RepositoryIndexResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) models: Vec<ModelIndex>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelIndex {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) version: String,
    #[prost(string, tag = "3")]
    pub(super) state: String,
    #[prost(string, tag = "4")]
    pub(super) reason: String,
}

/// A request to load or unload a model; of a parameter only the name matters.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RepositoryModelRequest {
    #[prost(string, tag = "1")]
    pub(super) repository_name: String,
    #[prost(string, tag = "2")]
    pub(super) model_name: String,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(super) parameters: BTreeMap<String, Empty>,
}

/// A region of shared memory, as requests and replies have it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Region {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) key: String,
    #[prost(uint64, tag = "3")]
    pub(super) offset: u64,
    #[prost(uint64, tag = "4")]
    pub(super) byte_size: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RegionsResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) regions: BTreeMap<String, Region>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TraceValues {
    #[prost(string, repeated, tag = "1")]
    pub(super) value: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TraceSettings {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) settings: BTreeMap<String, TraceValues>,
    /// Of the request only.
    #[prost(string, tag = "2")]
    pub(super) model_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LogValue {
    #[prost(oneof = "LogChoice", tags = "1, 2, 3")]
    pub(super) choice: Option<LogChoice>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum LogChoice {
    #[prost(bool, tag = "1")]
    Bool(bool),
    #[prost(uint32, tag = "2")]
    Number(u32),
    #[prost(string, tag = "3")]
    Text(String),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LogSettings {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) settings: BTreeMap<String, LogValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelConfigResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) config: Option<ModelConfig>,
}

/// What is told of a model's configuration; all else has its default.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelConfig {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "3")]
    pub(super) version_policy: Option<VersionPolicy>,
    #[prost(int32, tag = "4")]
    pub(super) max_batch_size: i32,
    #[prost(message, repeated, tag = "5")]
    pub(super) input: Vec<InputConfig>,
    #[prost(message, repeated, tag = "6")]
    pub(super) output: Vec<OutputConfig>,
    #[prost(message, repeated, tag = "7")]
    pub(super) instance_group: Vec<InstanceGroup>,
    #[prost(message, optional, tag = "11")]
    pub(super) dynamic_batching: Option<DynamicBatching>,
    #[prost(string, tag = "17")]
    pub(super) backend: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct VersionPolicy {
    #[prost(message, optional, tag = "1")]
    pub(super) latest: Option<Latest>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Latest {
    #[prost(uint32, tag = "1")]
    pub(super) num_versions: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InputConfig {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(int64, repeated, tag = "4")]
    pub(super) dims: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OutputConfig {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) data_type: i32,
    #[prost(int64, repeated, tag = "3")]
    pub(super) dims: Vec<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InstanceGroup {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) count: i32,
    #[prost(int32, tag = "4")]
    pub(super) kind: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DynamicBatching {
    #[prost(int32, repeated, tag = "1")]
    pub(super) preferred_batch_size: Vec<i32>,
    #[prost(uint64, tag = "2")]
    pub(super) max_queue_delay_microseconds: u64,
    #[prost(uint64, tag = "4")]
    pub(super) priority_levels: u64,
    #[prost(uint64, tag = "5")]
    pub(super) default_priority_level: u64,
}
