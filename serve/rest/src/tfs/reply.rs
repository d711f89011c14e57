//! The reply of `:predict`.

use super::read::Form;
use crate::json::{Elements, Pretty, number, values};
use plan::Port;
use server::{Answer, Refusal, Servable};
use tensor::Value;

/// Spaces a level, as RapidJSON's `PrettyWriter` has by default.
const INDENT: usize = 4;

/// Classes with their names: our own form, since TensorFlow Serving has none for images.
pub(crate) fn answers(form: Form, model: &Servable, answers: &[Answer]) -> Vec<u8> {
    let mut json = Pretty::new(INDENT);
    json.object();
    json.field("model", model.name());
    json.field("version", &model.version().to_string());
    json.string(key(form));
    json.array();
    for answer in answers {
        json.object();
        json.string("classes");
        json.array();
        for class in &answer.classes {
            json.object();
            json.field("label", &class.label);
            json.string("index");
            json.raw(&class.index.to_string());
            json.string("probability");
            number::each(tensor::DType::F32, &class.probability.to_le_bytes(), |t| json.raw(t));
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.end_array();
    json.end_object();
    json.finish()
}

/// Tensors in the form of the request, byte for byte as TensorFlow Serving writes them, except
/// that floats have the fewest digits that read back as the same float.
pub(crate) fn tensors(form: Form, ports: &[Port], outputs: &[Value]) -> Result<Vec<u8>, Refusal> {
    let mut json = Pretty::new(INDENT);
    json.object();
    json.string(key(form));
    match form {
        Form::Row => rows(&mut json, ports, outputs)?,
        Form::Columnar => columns(&mut json, ports, outputs),
    }
    json.end_object();
    Ok(json.finish())
}

pub(crate) fn key(form: Form) -> &'static str {
    match form {
        Form::Row => "predictions",
        Form::Columnar => "outputs",
    }
}

fn rows(json: &mut Pretty, ports: &[Port], outputs: &[Value]) -> Result<(), Refusal> {
    let batch = batch(ports, outputs)?;
    json.array();
    for row in 0..batch {
        if ports.len() > 1 {
            json.object();
        }
        json.is_single_line = true;
        for (port, output) in ports.iter().zip(outputs) {
            if ports.len() > 1 {
                json.string(&port.name);
            }
            let elements = elements(port, output).part(row, batch);
            values(json, elements, &output.shape()[1..]);
        }
        json.is_single_line = false;
        if ports.len() > 1 {
            json.end_object();
        }
    }
    json.end_array();
    Ok(())
}

/// The elements of an output: those of one whose name ends so are bytes for TensorFlow Serving.
fn elements<'a>(port: &Port, output: &'a Value) -> Elements<'a> {
    let elements = Elements::of(output);
    if port.name.ends_with("_bytes") { elements.in_base64() } else { elements }
}

/// The first dimension, which all outputs must share.
fn batch(ports: &[Port], outputs: &[Value]) -> Result<usize, Refusal> {
    let mut batch = None;
    for (Port { name, .. }, output) in ports.iter().zip(outputs) {
        let Some(&found) = output.shape().first() else {
            let text = format!("Tensor name: {name} has no shape information ");
            return Err(Refusal::InvalidArgument(text));
        };
        let expected = *batch.get_or_insert(found);
        if expected != found {
            return Err(Refusal::InvalidArgument(format!(
                "Tensor name: {name} has inconsistent batch size: {found} expecting: {expected}; \
                 send 'inputs' instead of 'instances'"
            )));
        }
    }
    Ok(batch.unwrap_or(0))
}

fn columns(json: &mut Pretty, ports: &[Port], outputs: &[Value]) {
    if ports.len() > 1 {
        json.object();
    }
    for (port, output) in ports.iter().zip(outputs) {
        if ports.len() > 1 {
            json.string(&port.name);
        }
        values(json, elements(port, output), output.shape());
    }
    if ports.len() > 1 {
        json.end_object();
    }
}
