//! The reply of `infer`: JSON, and the bytes of binary outputs behind it.

use super::infer::HEADER_LENGTH;
use crate::json::{Pretty, list};
use crate::response::{JSON, Reply};
use ::oip::reply::{Asked, Output};
use ::oip::{Place, classification, datatype, share};
use axum::http::HeaderValue;
use plan::Port;
use server::{Refusal, Regions, Servable};
use tensor::Tensor;

/// Content type of a body that is not only JSON.
const OCTETS: &str = "application/octet-stream";

/// Writes the reply.
pub(super) fn write(
    asked: &Asked,
    model: &Servable,
    outputs: &[Tensor],
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
        let (Some(port), Some(tensor)) = (ports.get(output.index), outputs.get(output.index))
        else {
            continue;
        };
        json.object();
        json.field("name", &port.name);
        match output.classes {
            0 => elements(&mut json, &mut binary, output, port, tensor, regions)?,
            most => {
                let classes = classification::best(model, port, tensor, most)?;
                texts(&mut json, &mut binary, output, &classes, regions)?;
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
    tensor: &Tensor,
    regions: &Regions,
) -> Result<(), Refusal> {
    json.field("datatype", datatype::name(tensor.dtype()));
    shape(json, tensor.shape());
    match &output.place {
        Place::Json if list::has_numbers(tensor.dtype()) => {
            json.string("data");
            json.elements(tensor.dtype(), tensor.bytes());
            Ok(())
        }
        Place::Json => {
            let name = datatype::name(tensor.dtype());
            Err(Refusal::InvalidArgument(format!(
                "sending {name} data via JSON is not supported. Please use the binary data format \
                 for output {}",
                port.name
            )))
        }
        Place::Binary => {
            binary_size(json, tensor.bytes().len());
            binary.extend_from_slice(tensor.bytes());
            Ok(())
        }
        Place::Shared(shared) => share(shared, &port.name, tensor.bytes(), regions),
    }
}

/// Elements that are text.
fn texts(
    json: &mut Pretty,
    binary: &mut Vec<u8>,
    output: &Output,
    classes: &classification::Classes,
    regions: &Regions,
) -> Result<(), Refusal> {
    json.field("datatype", datatype::BYTES);
    shape(json, &classes.shape);
    if let Place::Json = output.place {
        json.string("data");
        json.array();
        classes.texts.iter().for_each(|text| json.string(text));
        json.end_array();
        return Ok(());
    }
    let mut bytes = ::oip::reply::texts(&classes.texts);
    match &output.place {
        Place::Shared(shared) => share(shared, &shared.region, &bytes, regions),
        Place::Json | Place::Binary => {
            binary_size(json, bytes.len());
            binary.append(&mut bytes);
            Ok(())
        }
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
