//! The ports described by OpenAPI 3.0.1 documents: which paths there are and what they take.

use super::reply::document;
use crate::json::Pretty;
use crate::response::Reply;
use server::Servable;

/// The version of TorchServe whose interface this is.
const VERSION: &str = "0.12.0";

/// One operation: its path, method, name and what it does; its parameters stand in the path.
pub(super) struct Operation(&'static str, &'static str, &'static str, &'static str);

/// The paths of the port that answers requests.
pub(super) const INFERENCE: &[Operation] = &[
    Operation("/", "options", "apiDescription", "This document"),
    Operation("/api-description", "get", "apiDescriptionAlias", "This document"),
    Operation("/ping", "get", "ping", "Can requests be answered?"),
    Operation("/predictions/{model_name}", "post", "predictions", PREDICT),
    Operation("/predictions/{model_name}/{model_version}", "post", "versionPredictions", PREDICT),
    Operation("/predictions/{model_name}", "options", "predictionsApi", "About one model"),
    Operation("/v1/models/{model_name}:predict", "post", "kservePredictions", "Ask a model"),
    Operation("/invocations", "post", "invocations", "Ask the model of a parameter model_name"),
    Operation("/models/{model_name}/invoke", "post", "invoke", PREDICT),
];

const PREDICT: &str = "Ask a model: an image, JSON, or a form with one of the two";

/// The paths of the port that manages models.
pub(super) const MANAGEMENT: &[Operation] = &[
    Operation("/", "options", "apiDescription", "This document"),
    Operation("/models", "get", "listModels", "The models"),
    Operation("/models", "post", "registerModel", "Serve an archive of the model store"),
    Operation("/models/{model_name}", "get", "describeModel", "About the default version"),
    Operation(
        "/models/{model_name}/{model_version}",
        "get",
        "versionDescribeModel",
        "About one version, or about all",
    ),
    Operation("/models/{model_name}", "put", "setAutoScale", "Say how many workers there are"),
    Operation("/models/{model_name}", "delete", "unregisterModel", "Serve it no more"),
    Operation(
        "/models/{model_name}/{model_version}/set-default",
        "put",
        "setDefault",
        "Make a version the default",
    ),
];

/// A port's document.
pub(super) fn description(operations: &[Operation]) -> Reply {
    write(operations, None)
}

/// The document of one model, which names its inputs and outputs.
pub(super) fn of_model(model: &Servable) -> Reply {
    let ports = |ports: &[plan::Port]| {
        let texts: Vec<String> = ports
            .iter()
            .map(|port| {
                let dims: Vec<String> = port.shape.iter().map(ToString::to_string).collect();
                format!("{} {}[{}]", port.name, port.dtype, dims.join(", "))
            })
            .collect();
        texts.join("; ")
    };
    let signature = model.signature();
    let (inputs, outputs) = (ports(&signature.inputs), ports(&signature.outputs));
    let about = format!("{} takes {inputs} and gives {outputs}", model.name());
    write(INFERENCE, Some((model.name(), &about)))
}

/// All operations, or those of one model with its name in the paths.
fn write(operations: &[Operation], model: Option<(&str, &str)>) -> Reply {
    document(200, |json| {
        json.object();
        json.field("openapi", "3.0.1");
        json.string("info");
        json.object();
        json.field("title", "TorchServe APIs");
        let all = "The interface of TorchServe, answered by Schooner";
        json.field("description", model.map_or(all, |(_, about)| about));
        json.field("version", VERSION);
        json.end_object();
        json.string("paths");
        json.object();
        let mut paths: Vec<&str> = operations.iter().map(|operation| operation.0).collect();
        paths.dedup();
        for path in paths.into_iter().filter(|path| model.is_none() || path.contains("{model")) {
            let name = model.map(|(name, _)| path.replace("{model_name}", name));
            json.string(name.as_deref().unwrap_or(path));
            json.object();
            for operation in operations.iter().filter(|operation| operation.0 == path) {
                self::operation(json, name.as_deref().unwrap_or(path), operation);
            }
            json.end_object();
        }
        json.end_object();
        json.end_object();
    })
}

fn operation(json: &mut Pretty, path: &str, operation: &Operation) {
    let Operation(_, method, id, description) = operation;
    json.string(method);
    json.object();
    json.field("description", description);
    json.field("operationId", id);
    json.string("parameters");
    json.array();
    for name in ["model_name", "model_version"] {
        if !path.contains(&format!("{{{name}}}")) {
            continue;
        }
        json.object();
        json.field("in", "path");
        json.field("name", name);
        json.string("required");
        json.raw("true");
        json.string("schema");
        json.object();
        json.field("type", "string");
        json.end_object();
        json.end_object();
    }
    json.end_array();
    json.string("responses");
    json.object();
    json.string("200");
    json.object();
    json.field("description", "It was done");
    json.end_object();
    json.end_object();
    json.end_object();
}
