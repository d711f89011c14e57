//! What is sent, and requests of a few bytes: messages of `tensorflow.serving` and of `tensorflow`.
//! The numbers are those of the published definitions.

use std::collections::BTreeMap;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Int64Value {
    #[prost(int64, tag = "1")]
    pub(super) value: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelSpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    pub(super) version: Option<Int64Value>,
    #[prost(string, tag = "3")]
    pub(super) signature_name: String,
    #[prost(string, tag = "4")]
    pub(super) version_label: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorShapeProto {
    #[prost(message, repeated, tag = "2")]
    pub(super) dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Dim {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
    #[prost(string, tag = "2")]
    pub(super) name: String,
}

/// Lists of numbers are declared as the bytes that they are on the wire.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorProto {
    #[prost(int32, tag = "1")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) tensor_shape: Option<TensorShapeProto>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) float_val: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) double_val: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(super) int_val: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(super) string_val: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "10")]
    pub(super) int64_val: Vec<u8>,
    #[prost(bytes = "vec", tag = "11")]
    pub(super) bool_val: Vec<u8>,
    #[prost(bytes = "vec", tag = "13")]
    pub(super) half_val: Vec<u8>,
    #[prost(bytes = "vec", tag = "16")]
    pub(super) uint32_val: Vec<u8>,
    #[prost(bytes = "vec", tag = "17")]
    pub(super) uint64_val: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PredictResponse {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) outputs: BTreeMap<String, TensorProto>,
    #[prost(message, optional, tag = "2")]
    pub(super) model_spec: Option<ModelSpec>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Class {
    #[prost(string, tag = "1")]
    pub(super) label: String,
    #[prost(float, tag = "2")]
    pub(super) score: f32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Classifications {
    #[prost(message, repeated, tag = "1")]
    pub(super) classes: Vec<Class>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ClassificationResult {
    #[prost(message, repeated, tag = "1")]
    pub(super) classifications: Vec<Classifications>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ClassificationResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) result: Option<ClassificationResult>,
    #[prost(message, optional, tag = "2")]
    pub(super) model_spec: Option<ModelSpec>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Regression {
    #[prost(float, tag = "1")]
    pub(super) value: f32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RegressionResult {
    #[prost(message, repeated, tag = "1")]
    pub(super) regressions: Vec<Regression>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RegressionResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) result: Option<RegressionResult>,
    #[prost(message, optional, tag = "2")]
    pub(super) model_spec: Option<ModelSpec>,
}

/// The one result that a task may have here.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferenceResult {
    #[prost(message, optional, tag = "1")]
    pub(super) model_spec: Option<ModelSpec>,
    #[prost(message, optional, tag = "2")]
    pub(super) classification_result: Option<ClassificationResult>,
    #[prost(message, optional, tag = "3")]
    pub(super) regression_result: Option<RegressionResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MultiInferenceResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) results: Vec<InferenceResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(int32, tag = "2")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) tensor_shape: Option<TensorShapeProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SignatureDef {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) inputs: BTreeMap<String, TensorInfo>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) outputs: BTreeMap<String, TensorInfo>,
    #[prost(string, tag = "3")]
    pub(super) method_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SignatureDefMap {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(super) signature_def: BTreeMap<String, SignatureDef>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Any {
    #[prost(string, tag = "1")]
    pub(super) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetModelMetadataRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) model_spec: Option<ModelSpec>,
    #[prost(string, repeated, tag = "2")]
    pub(super) metadata_field: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetModelMetadataResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) model_spec: Option<ModelSpec>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) metadata: BTreeMap<String, Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetModelStatusRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) model_spec: Option<ModelSpec>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StatusProto {
    #[prost(int32, tag = "1")]
    pub(super) error_code: i32,
    #[prost(string, tag = "2")]
    pub(super) error_message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ModelVersionStatus {
    #[prost(int64, tag = "1")]
    pub(super) version: i64,
    #[prost(int32, tag = "2")]
    pub(super) state: i32,
    #[prost(message, optional, tag = "3")]
    pub(super) status: Option<StatusProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GetModelStatusResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) model_version_status: Vec<ModelVersionStatus>,
}
