//! `GetModelMetadata` and `GetModelStatus`: what is said of a model.

use super::messages::{
    Any, Dim, GetModelMetadataRequest, GetModelMetadataResponse, GetModelStatusResponse,
    ModelVersionStatus, SignatureDef, SignatureDefMap, StatusProto, TensorInfo, TensorShapeProto,
};
use super::proto::number;
use super::spec::{SIGNATURE, answered};
use plan::Port;
use prost::Message;
use server::{Code, Refusal, Servable, State, VersionStatus};
use std::collections::BTreeMap;

/// The one kind of metadata that there is.
const SIGNATURE_DEF: &str = "signature_def";

/// `UNKNOWN`: loading fails for reasons that no other code of the protocol tells better.
const UNKNOWN: i32 = 2;

/// Refuses to tell what there is not.
pub(super) fn check(request: &GetModelMetadataRequest) -> Result<(), Refusal> {
    let invalid = |text: String| Err(Refusal::InvalidArgument(text));
    if request.metadata_field.is_empty() {
        let text = "GetModelMetadataRequest must specify at least one metadata_field";
        return invalid(text.to_string());
    }
    match request.metadata_field.iter().find(|field| *field != SIGNATURE_DEF) {
        None => Ok(()),
        Some(field) => invalid(format!("Metadata field {field} is not supported")),
    }
}

pub(super) fn metadata(model: &Servable) -> GetModelMetadataResponse {
    let signature = SignatureDef {
        inputs: infos(&model.signature().inputs),
        outputs: infos(&model.signature().outputs),
        method_name: "tensorflow/serving/predict".to_string(),
    };
    let map =
        SignatureDefMap { signature_def: BTreeMap::from([(SIGNATURE.to_string(), signature)]) };
    let any = Any {
        type_url: "type.googleapis.com/tensorflow.serving.SignatureDefMap".to_string(),
        value: map.encode_to_vec(),
    };
    GetModelMetadataResponse {
        model_spec: Some(answered(model, "")),
        metadata: BTreeMap::from([(SIGNATURE_DEF.to_string(), any)]),
    }
}

fn infos(ports: &[Port]) -> BTreeMap<String, TensorInfo> {
    let info = |port: &Port| {
        let dim = port.shape.iter().map(|dim| Dim {
            size: dim.known().unwrap_or(-1),
            name: dim.as_symbol().unwrap_or_default().to_string(),
        });
        let info = TensorInfo {
            name: port.name.clone(),
            dtype: number(port.dtype),
            tensor_shape: Some(TensorShapeProto { dim: dim.collect() }),
        };
        (port.name.clone(), info)
    };
    ports.iter().map(info).collect()
}

pub(super) fn status(versions: &[VersionStatus]) -> GetModelStatusResponse {
    let one = |version: &VersionStatus| ModelVersionStatus {
        version: version.version.cast_signed(),
        state: match version.state {
            State::Loading => 20,
            State::Available => 30,
            State::End => 50,
        },
        status: Some(StatusProto {
            error_code: if version.error.is_empty() { 0 } else { UNKNOWN },
            error_message: version.error.clone(),
        }),
    };
    GetModelStatusResponse { model_version_status: versions.iter().map(one).collect() }
}

/// A refusal in TensorFlow Serving's words, most of which are the refusal's own.
pub(super) fn refusal(refusal: &Refusal) -> (Code, String) {
    match refusal {
        Refusal::SignatureNotFound(name) => {
            (Code::FailedPrecondition, format!("Serving signature key \"{name}\" not found."))
        }
        other => (other.row().grpc, other.to_string()),
    }
}
