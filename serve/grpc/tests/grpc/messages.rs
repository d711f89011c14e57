//! Messages as the published definitions have them.

use prost::Message;
use std::collections::HashMap;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Int64Value {
    #[prost(int64, tag = "1")]
    pub(crate) value: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelSpec {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) version: Option<Int64Value>,
    #[prost(string, tag = "3")]
    pub(crate) signature_name: String,
    #[prost(string, tag = "4")]
    pub(crate) version_label: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dim {
    #[prost(int64, tag = "1")]
    pub(crate) size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(crate) dim: Vec<Dim>,
    #[prost(bool, tag = "3")]
    pub(crate) unknown_rank: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    #[prost(int32, tag = "1")]
    pub(crate) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) tensor_shape: Option<Shape>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) tensor_content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub(crate) float_val: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub(crate) double_val: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    pub(crate) int_val: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) string_val: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "10")]
    pub(crate) int64_val: Vec<i64>,
    #[prost(bool, repeated, tag = "11")]
    pub(crate) bool_val: Vec<bool>,
    #[prost(int32, repeated, tag = "13")]
    pub(crate) half_val: Vec<i32>,
    #[prost(uint32, repeated, tag = "16")]
    pub(crate) uint32_val: Vec<u32>,
    #[prost(uint64, repeated, tag = "17")]
    pub(crate) uint64_val: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PredictRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) model_spec: Option<ModelSpec>,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) inputs: HashMap<String, TensorProto>,
    #[prost(string, repeated, tag = "3")]
    pub(crate) output_filter: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PredictResponse {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) outputs: HashMap<String, TensorProto>,
    #[prost(message, optional, tag = "2")]
    pub(crate) model_spec: Option<ModelSpec>,
}

/// One of the lists.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Feature {
    #[prost(message, optional, tag = "1")]
    pub(crate) bytes_list: Option<BytesList>,
    #[prost(message, optional, tag = "2")]
    pub(crate) float_list: Option<FloatList>,
    #[prost(message, optional, tag = "3")]
    pub(crate) int64_list: Option<Int64List>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FloatList {
    #[prost(float, repeated, tag = "1")]
    pub(crate) value: Vec<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Int64List {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BytesList {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(crate) value: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Features {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) feature: HashMap<String, Feature>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Example {
    #[prost(message, optional, tag = "1")]
    pub(crate) features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExampleList {
    #[prost(message, repeated, tag = "1")]
    pub(crate) examples: Vec<Example>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExampleListWithContext {
    #[prost(message, repeated, tag = "1")]
    pub(crate) examples: Vec<Example>,
    #[prost(message, optional, tag = "2")]
    pub(crate) context: Option<Example>,
}

/// One of the lists.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Input {
    #[prost(message, optional, tag = "1")]
    pub(crate) example_list: Option<ExampleList>,
    #[prost(message, optional, tag = "2")]
    pub(crate) example_list_with_context: Option<ExampleListWithContext>,
}

/// `RegressionRequest` is the same.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ClassificationRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) model_spec: Option<ModelSpec>,
    #[prost(message, optional, tag = "2")]
    pub(crate) input: Option<Input>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Class {
    #[prost(string, tag = "1")]
    pub(crate) label: String,
    #[prost(float, tag = "2")]
    pub(crate) score: f32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Classifications {
    #[prost(message, repeated, tag = "1")]
    pub(crate) classes: Vec<Class>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ClassificationResult {
    #[prost(message, repeated, tag = "1")]
    pub(crate) classifications: Vec<Classifications>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ClassificationResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) result: Option<ClassificationResult>,
    #[prost(message, optional, tag = "2")]
    pub(crate) model_spec: Option<ModelSpec>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Regression {
    #[prost(float, tag = "1")]
    pub(crate) value: f32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RegressionResult {
    #[prost(message, repeated, tag = "1")]
    pub(crate) regressions: Vec<Regression>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RegressionResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) result: Option<RegressionResult>,
    #[prost(message, optional, tag = "2")]
    pub(crate) model_spec: Option<ModelSpec>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferenceTask {
    #[prost(message, optional, tag = "1")]
    pub(crate) model_spec: Option<ModelSpec>,
    #[prost(string, tag = "2")]
    pub(crate) method_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MultiInferenceRequest {
    #[prost(message, repeated, tag = "1")]
    pub(crate) tasks: Vec<InferenceTask>,
    #[prost(message, optional, tag = "2")]
    pub(crate) input: Option<Input>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferenceResult {
    #[prost(message, optional, tag = "2")]
    pub(crate) classification_result: Option<ClassificationResult>,
    #[prost(message, optional, tag = "3")]
    pub(crate) regression_result: Option<RegressionResult>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MultiInferenceResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) results: Vec<InferenceResult>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetadataRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) model_spec: Option<ModelSpec>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) metadata_field: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetadataResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) model_spec: Option<ModelSpec>,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) metadata: HashMap<String, Any>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorInfo {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) dtype: i32,
    #[prost(message, optional, tag = "3")]
    pub(crate) tensor_shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SignatureDef {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) inputs: HashMap<String, TensorInfo>,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) outputs: HashMap<String, TensorInfo>,
    #[prost(string, tag = "3")]
    pub(crate) method_name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SignatureDefMap {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) signature_def: HashMap<String, SignatureDef>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusProto {
    #[prost(int32, tag = "1")]
    pub(crate) error_code: i32,
    #[prost(string, tag = "2")]
    pub(crate) error_message: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VersionStatus {
    #[prost(int64, tag = "1")]
    pub(crate) version: i64,
    #[prost(int32, tag = "2")]
    pub(crate) state: i32,
    #[prost(message, optional, tag = "3")]
    pub(crate) status: Option<StatusProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) model_version_status: Vec<VersionStatus>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReloadConfig {
    #[prost(message, optional, tag = "1")]
    pub(crate) config: Option<ModelServerConfig>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelServerConfig {
    #[prost(message, optional, tag = "1")]
    pub(crate) model_config_list: Option<ModelConfigList>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelConfigList {
    #[prost(message, repeated, tag = "1")]
    pub(crate) config: Vec<ModelConfig>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelConfig {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) base_path: String,
    #[prost(int32, tag = "3")]
    pub(crate) model_type: i32,
    #[prost(string, tag = "4")]
    pub(crate) model_platform: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) model_version_policy: Option<VersionPolicy>,
    #[prost(map = "string, int64", tag = "8")]
    pub(crate) version_labels: HashMap<String, i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct VersionPolicy {
    #[prost(oneof = "PolicyChoice", tags = "100, 102")]
    pub(crate) choice: Option<PolicyChoice>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum PolicyChoice {
    #[prost(message, tag = "100")]
    Latest(Latest),
    #[prost(message, tag = "102")]
    Specific(Specific),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Latest {
    #[prost(uint32, tag = "1")]
    pub(crate) num_versions: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Specific {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) versions: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReloadConfigResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) status: Option<StatusProto>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HealthRequest {
    #[prost(string, tag = "1")]
    pub(crate) service: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HealthResponse {
    #[prost(int32, tag = "1")]
    pub(crate) status: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferParameter {
    #[prost(oneof = "Choice", tags = "1, 2, 3, 5")]
    pub(crate) choice: Option<Choice>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Choice {
    #[prost(bool, tag = "1")]
    Bool(bool),
    #[prost(int64, tag = "2")]
    Int(i64),
    #[prost(string, tag = "3")]
    Text(String),
    #[prost(uint64, tag = "5")]
    Unsigned(u64),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Contents {
    #[prost(bool, repeated, tag = "1")]
    pub(crate) bools: Vec<bool>,
    #[prost(int32, repeated, tag = "2")]
    pub(crate) ints: Vec<i32>,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) longs: Vec<i64>,
    #[prost(uint32, repeated, tag = "4")]
    pub(crate) uints: Vec<u32>,
    #[prost(uint64, repeated, tag = "5")]
    pub(crate) ulongs: Vec<u64>,
    #[prost(float, repeated, tag = "6")]
    pub(crate) floats: Vec<f32>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) doubles: Vec<f64>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) bytes: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferTensor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) shape: Vec<i64>,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) parameters: HashMap<String, InferParameter>,
    #[prost(message, optional, tag = "5")]
    pub(crate) contents: Option<Contents>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RequestedOutput {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(map = "string, message", tag = "2")]
    pub(crate) parameters: HashMap<String, InferParameter>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferRequest {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) parameters: HashMap<String, InferParameter>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) inputs: Vec<InferTensor>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) outputs: Vec<RequestedOutput>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub(crate) raw_input_contents: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InferResponse {
    #[prost(string, tag = "1")]
    pub(crate) model_name: String,
    #[prost(string, tag = "2")]
    pub(crate) model_version: String,
    #[prost(string, tag = "3")]
    pub(crate) id: String,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) parameters: HashMap<String, InferParameter>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) outputs: Vec<InferTensor>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(crate) raw_output_contents: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamResponse {
    #[prost(string, tag = "1")]
    pub(crate) error_message: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) infer_response: Option<InferResponse>,
}
