//! The two documents about a model, printed as protobuf's JSON printer prints them.

use super::read::SIGNATURE;
use crate::json::Pretty;
use plan::Port;
use server::{Servable, VersionStatus};

/// Spaces a level, as protobuf's printer has.
const INDENT: usize = 1;

/// `GetModelStatusResponse`.
pub(crate) fn status(versions: &[VersionStatus]) -> Vec<u8> {
    let mut json = Pretty::new(INDENT);
    json.object();
    json.string("model_version_status");
    json.array();
    for version in versions {
        json.object();
        json.field("version", &version.version.to_string());
        json.field("state", version.state.name());
        json.string("status");
        json.object();
        // Loading fails for reasons that no other code of the protocol tells better.
        let code = if version.error.is_empty() { "OK" } else { "UNKNOWN" };
        json.field("error_code", code);
        json.field("error_message", &version.error);
        json.end_object();
        json.end_object();
    }
    json.end_array();
    json.end_object();
    lined(json)
}

/// `GetModelMetadataResponse`.
pub(crate) fn metadata(model: &Servable) -> Vec<u8> {
    let mut json = Pretty::new(INDENT);
    json.object();
    json.string("model_spec");
    json.object();
    json.field("name", model.name());
    json.field("signature_name", "");
    json.field("version", &model.version().to_string());
    json.end_object();
    for key in ["metadata", "signature_def", "signature_def", SIGNATURE] {
        json.string(key);
        json.object();
    }
    ports(&mut json, "inputs", &model.signature().inputs);
    ports(&mut json, "outputs", &model.signature().outputs);
    json.field("method_name", "tensorflow/serving/predict");
    json.string("defaults");
    json.object();
    for _ in 0..6 {
        json.end_object();
    }
    lined(json)
}

fn ports(json: &mut Pretty, key: &str, ports: &[Port]) {
    json.string(key);
    json.object();
    for port in ports {
        json.string(&port.name);
        json.object();
        json.field("dtype", &format!("DT_{}", ::tfs::type_name(port.dtype).to_ascii_uppercase()));
        json.string("tensor_shape");
        json.object();
        json.string("dim");
        json.array();
        for dim in &port.shape {
            let name = dim.as_symbol().unwrap_or_default();
            json.object();
            json.field("size", &dim.known().unwrap_or(-1).to_string());
            json.field("name", name);
            json.end_object();
        }
        json.end_array();
        json.string("unknown_rank");
        json.raw("false");
        json.end_object();
        json.field("name", &port.name);
        json.end_object();
    }
    json.end_object();
}

fn lined(json: Pretty) -> Vec<u8> {
    let mut text = json.finish();
    text.push(b'\n');
    text
}
