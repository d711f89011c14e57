//! The reply of `infer`: JSON, and the bytes of binary outputs behind it.

use super::infer::HEADER_LENGTH;
use crate::json::{Pretty, list};
use crate::response::{JSON, Reply};
use ::oip::reply::{Asked, Output};
use ::oip::{Place, classification, datatype, share};
use axum::http::HeaderValue;
use plan::Port;
use server::{Refusal, Regions, Servable};
use tensor::Value;

/// Content type of a body that is not only JSON.
const OCTETS: &str = "application/octet-stream";

/// Writes the reply.
pub(super) fn write(
    asked: &Asked,
    model: &Servable,
    outputs: &[Value],
    regions: &Regions,
) -> Result<Reply, Refusal> {
    let mut json = Pretty::compact();
    let mut binary: Vec<u8> = Vec::new();
    json.object();
    if !asked.id.is_empty() {
        json.field("id", &asked.id);
    }
    json.field("model_name", model.name());
    json.field("model_version", &model.version().to_string());
    json.string("outputs");
    json.array();
    for output in &asked.outputs {
        let ports = &model.signature().outputs;
        let (Some(port), Some(value)) = (ports.get(output.index), outputs.get(output.index)) else {
            continue;
        };
        json.object();
        json.field("name", &port.name);
        match output.classes {
            0 => elements(&mut json, &mut binary, output, port, value, regions)?,
            most => {
                let classes = classification::best(model, port, value, most)?.into();
                elements(&mut json, &mut binary, output, port, &classes, regions)?;
            }
        }
        json.end_object();
    }
    json.end_array();
    json.end_object();
    let mut body = json.finish();
    if binary.is_empty() {
        return Ok(Reply::ok(JSON, body));
    }
    let header_length = HeaderValue::from(body.len());
    body.append(&mut binary);
    Ok(Reply::ok(OCTETS, body).with_header(HEADER_LENGTH, header_length))
}

fn elements(
    json: &mut Pretty,
    binary: &mut Vec<u8>,
    output: &Output,
    port: &Port,
    value: &Value,
    regions: &Regions,
) -> Result<(), Refusal> {
    json.field("datatype", datatype::name(value.dtype()));
    shape(json, value.shape());
    match (&output.place, value) {
        (Place::Json, Value::Text(text)) => {
            json.string("data");
            json.array();
            text.elements().for_each(|element| json.string(element));
            json.end_array();
            Ok(())
        }
        (Place::Json, Value::Tensor(tensor)) if list::has_numbers(tensor.dtype()) => {
            json.string("data");
            json.elements(tensor.dtype(), tensor.bytes());
            Ok(())
        }
        (Place::Json, _) => {
            let name = datatype::name(value.dtype());
            Err(Refusal::InvalidArgument(format!(
                "sending {name} data via JSON is not supported. Please use the binary data format \
                 for output {}",
                port.name
            )))
        }
        (Place::Binary, _) => {
            let bytes = value.wire_bytes();
            binary_size(json, bytes.len());
            binary.extend_from_slice(&bytes);
            Ok(())
        }
        (Place::Shared(shared), _) => share(shared, &port.name, &value.wire_bytes(), regions),
    }
}

fn shape(json: &mut Pretty, shape: &[usize]) {
    json.string("shape");
    json.array();
    shape.iter().for_each(|size| json.raw(&size.to_string()));
    json.end_array();
}

fn binary_size(json: &mut Pretty, bytes: usize) {
    json.string("parameters");
    json.object();
    json.raw_field("binary_data_size", &bytes.to_string());
    json.end_object();
}
