//! One model's routes as an OpenAPI 3.1 document, made from its signature: what generators of
//! clients and form-like consoles read.

use crate::json::Pretty;
use oip::datatype;
use plan::Port;
use server::Servable;
use tensor::{DType, Dim};

/// Spaces a level: people read it too.
const INDENT: usize = 2;

/// The model by TensorFlow Serving's routes.
pub(crate) fn tensorflow_serving(model: &Servable) -> Vec<u8> {
    let name = model.name();
    document(model, |json| {
        path(json, &format!("/v1/models/{name}:predict"), "post", "Ask the model", |json| {
            field(json, "requestBody", |json| {
                json.raw_field("required", "true");
                field(json, "content", |json| {
                    content(json, "application/json", predict_request(model));
                    if model.takes_images() {
                        for kind in ["image/jpeg", "image/png", "image/webp"] {
                            content(json, kind, |_| ());
                        }
                    }
                });
            });
            responses(json, predict_reply(model));
        });
        let about = [("", "States of the versions"), ("/metadata", "Inputs and outputs")];
        for (suffix, summary) in about {
            path(json, &format!("/v1/models/{name}{suffix}"), "get", summary, |json| {
                responses(json, |json| json.field("type", "object"));
            });
        }
    })
}

/// The model by the routes of the Open Inference Protocol.
pub(crate) fn open_inference(model: &Servable) -> Vec<u8> {
    let name = model.name();
    document(model, |json| {
        path(json, &format!("/v2/models/{name}/infer"), "post", "Ask the model", |json| {
            field(json, "requestBody", |json| {
                json.raw_field("required", "true");
                field(json, "content", |json| {
                    content(json, "application/json", infer_request(model));
                    // JSON with the elements of tensors behind it.
                    content(json, "application/octet-stream", |_| ());
                });
            });
            responses(json, infer_reply(model));
        });
        path(json, &format!("/v2/models/{name}"), "get", "Inputs and outputs", |json| {
            responses(json, |json| json.field("type", "object"));
        });
        path(json, &format!("/v2/models/{name}/ready"), "get", "Does it answer?", |json| {
            field(json, "responses", |json| {
                field(json, "200", |json| json.field("description", "It does"));
                refused(json);
            });
        });
    })
}

fn document(model: &Servable, paths: impl FnOnce(&mut Pretty)) -> Vec<u8> {
    let mut json = Pretty::new(INDENT);
    json.object();
    json.field("openapi", "3.1.0");
    field(&mut json, "info", |json| {
        json.field("title", model.name());
        json.field("version", &model.version().to_string());
    });
    field(&mut json, "paths", paths);
    field(&mut json, "components", |json| {
        field(json, "schemas", |json| {
            field(json, "Error", |json| {
                json.field("type", "object");
                list(json, "required", ["error"]);
                field(json, "properties", |json| {
                    field(json, "error", |json| json.field("type", "string"));
                });
            });
        });
    });
    json.end_object();
    json.finish()
}

fn path(
    json: &mut Pretty,
    path: &str,
    method: &str,
    summary: &str,
    operation: impl FnOnce(&mut Pretty),
) {
    field(json, path, |json| {
        field(json, method, |json| {
            json.field("summary", summary);
            operation(json);
        });
    });
}

fn responses(json: &mut Pretty, schema: impl FnOnce(&mut Pretty)) {
    field(json, "responses", |json| {
        field(json, "200", |json| {
            json.field("description", "The answer");
            field(json, "content", |json| content(json, "application/json", schema));
        });
        refused(json);
    });
}

fn refused(json: &mut Pretty) {
    field(json, "default", |json| {
        json.field("description", "Why not");
        field(json, "content", |json| {
            content(json, "application/json", |json| {
                json.field("$ref", "#/components/schemas/Error");
            });
        });
    });
}

fn content(json: &mut Pretty, kind: &str, schema: impl FnOnce(&mut Pretty)) {
    field(json, kind, |json| field(json, "schema", schema));
}

/// `instances`, one for each row, or `inputs`, one for each tensor.
fn predict_request(model: &Servable) -> impl FnOnce(&mut Pretty) {
    let inputs = &model.signature().inputs;
    move |json| {
        json.string("oneOf");
        json.array();
        for (key, is_row) in [("instances", true), ("inputs", false)] {
            predict_form(json, key, inputs, is_row);
        }
        json.end_array();
    }
}

fn predict_reply(model: &Servable) -> impl FnOnce(&mut Pretty) {
    let outputs = &model.signature().outputs;
    move |json| {
        json.string("oneOf");
        json.array();
        for (key, is_row) in [("predictions", true), ("outputs", false)] {
            predict_form(json, key, outputs, is_row);
        }
        json.end_array();
    }
}

fn predict_form(json: &mut Pretty, key: &str, ports: &[Port], is_row: bool) {
    json.object();
    json.field("type", "object");
    list(json, "required", [key]);
    field(json, "properties", |json| {
        field(json, key, |json| {
            if is_row {
                json.field("type", "array");
                field(json, "items", |json| named(json, ports, 1));
            } else {
                named(json, ports, 0);
            }
        });
    });
    json.end_object();
}

/// One tensor as itself, several as an object of them; without their first `skip` sizes.
fn named(json: &mut Pretty, ports: &[Port], skip: usize) {
    let sizes = |port: &Port| port.shape.get(skip..).unwrap_or_default().to_vec();
    if let [port] = ports {
        return nested(json, port.dtype, &sizes(port));
    }
    json.field("type", "object");
    list(json, "required", ports.iter().map(|port| port.name.as_str()));
    field(json, "properties", |json| {
        for port in ports {
            field(json, &port.name, |json| nested(json, port.dtype, &sizes(port)));
        }
    });
}

fn infer_request(model: &Servable) -> impl FnOnce(&mut Pretty) {
    let (inputs, outputs) = (&model.signature().inputs, &model.signature().outputs);
    move |json| {
        json.field("type", "object");
        list(json, "required", ["inputs"]);
        field(json, "properties", |json| {
            field(json, "id", |json| json.field("type", "string"));
            field(json, "parameters", |json| json.field("type", "object"));
            field(json, "inputs", |json| tensors(json, inputs));
            field(json, "outputs", |json| {
                json.field("type", "array");
                field(json, "items", |json| {
                    json.field("type", "object");
                    list(json, "required", ["name"]);
                    field(json, "properties", |json| {
                        field(json, "name", |json| {
                            list(json, "enum", outputs.iter().map(|port| port.name.as_str()));
                        });
                        field(json, "parameters", |json| json.field("type", "object"));
                    });
                });
            });
        });
    }
}

fn infer_reply(model: &Servable) -> impl FnOnce(&mut Pretty) {
    let outputs = &model.signature().outputs;
    move |json| {
        json.field("type", "object");
        list(json, "required", ["model_name", "model_version", "outputs"]);
        field(json, "properties", |json| {
            for key in ["id", "model_name", "model_version"] {
                field(json, key, |json| json.field("type", "string"));
            }
            field(json, "outputs", |json| tensors(json, outputs));
        });
    }
}

/// A list of one object for each tensor.
fn tensors(json: &mut Pretty, ports: &[Port]) {
    json.field("type", "array");
    field(json, "items", |json| {
        json.string("oneOf");
        json.array();
        for port in ports {
            json.object();
            json.field("type", "object");
            list(json, "required", ["name", "shape", "datatype", "data"]);
            field(json, "properties", |json| {
                field(json, "name", |json| json.field("const", &port.name));
                field(json, "shape", |json| shape(json, &port.shape));
                field(json, "datatype", |json| {
                    json.field("const", datatype::name(port.dtype));
                });
                // Row by row, nested or not.
                field(json, "data", |json| json.field("type", "array"));
            });
            json.end_object();
        }
        json.end_array();
    });
}

/// The sizes of a tensor, each its own or any.
fn shape(json: &mut Pretty, sizes: &[Dim]) {
    json.field("type", "array");
    json.string("prefixItems");
    json.array();
    for size in sizes {
        json.object();
        match size.known() {
            Some(size) => json.raw_field("const", &size.to_string()),
            None => {
                json.field("type", "integer");
                json.raw_field("minimum", "0");
            }
        }
        json.end_object();
    }
    json.end_array();
    json.raw_field("minItems", &sizes.len().to_string());
    json.raw_field("maxItems", &sizes.len().to_string());
}

/// Lists in lists, as deep as there are sizes.
fn nested(json: &mut Pretty, dtype: DType, sizes: &[Dim]) {
    let [size, inner @ ..] = sizes else { return element(json, dtype) };
    json.field("type", "array");
    if let Some(size) = size.known() {
        json.raw_field("minItems", &size.to_string());
        json.raw_field("maxItems", &size.to_string());
    }
    field(json, "items", |json| nested(json, dtype, inner));
}

fn element(json: &mut Pretty, dtype: DType) {
    let kind = match dtype {
        DType::Bool => "boolean",
        DType::String | DType::Object => "string",
        _ if dtype.is_float() => "number",
        DType::F8E4M3FN
        | DType::F8E4M3FNUZ
        | DType::F8E5M2
        | DType::F8E5M2FNUZ
        | DType::F8E8M0
        | DType::F4E2M1 => "number",
        _ => "integer",
    };
    json.field("type", kind);
    match dtype {
        DType::F32 => json.field("format", "float"),
        DType::F64 => json.field("format", "double"),
        DType::I32 => json.field("format", "int32"),
        DType::I64 => json.field("format", "int64"),
        _ => {}
    }
}

/// A key and an object.
fn field(json: &mut Pretty, key: &str, fields: impl FnOnce(&mut Pretty)) {
    json.string(key);
    json.object();
    fields(json);
    json.end_object();
}

/// A key and a list of strings.
fn list<'a>(json: &mut Pretty, key: &str, strings: impl IntoIterator<Item = &'a str>) {
    json.string(key);
    json.array();
    strings.into_iter().for_each(|string| json.string(string));
    json.end_array();
}
