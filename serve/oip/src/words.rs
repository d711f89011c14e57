//! Triton's words, which clients match on.

use server::Refusal;

/// What is served of the protocol's extensions. Triton names more: what it names says nothing of
/// what its models do.
pub const EXTENSIONS: [&str; 10] = [
    "classification",
    "model_repository",
    "model_configuration",
    "system_shared_memory",
    "cuda_shared_memory",
    "binary_tensor_data",
    "parameters",
    "statistics",
    "trace",
    "logging",
];

/// The name by which the engine goes.
pub const PLATFORM: &str = "schooner";

/// A refusal in Triton's words, where it has some.
pub fn text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::ModelNotFound { model, version: None } => {
            format!("Request for unknown model: '{model}' is not found")
        }
        Refusal::ModelNotFound { model, version: Some(version) } => {
            format!("Request for unknown model: '{model}' version {version} is not found")
        }
        Refusal::RouteNotFound { .. } => "Not Found".to_string(),
        Refusal::MethodNotAllowed { .. } => "Method Not Allowed".to_string(),
        Refusal::ControlIsOff => {
            "explicit model load / unload is not allowed if polling is enabled".to_string()
        }
        other => other.to_string(),
    }
}

/// `[request id: …] `, which begins the texts about a request that could be read.
pub fn refused(id: &str, text: &str) -> Refusal {
    let id = if id.is_empty() { "<id_unknown>" } else { id };
    Refusal::InvalidArgument(format!("[request id: {id}] {text}"))
}
