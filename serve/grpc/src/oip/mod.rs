//! The Open Inference Protocol's `GRPCInferenceService`, with Triton's extensions.

mod about;
mod control;
mod infer;
mod messages;
mod request;
mod stream;

use crate::call::{Api, Call, unknown};
use crate::reply::Reply;
use infer::Infer;
use messages::{Empty, Live, ModelConfigResponse, ModelStatisticsResponse, Named};
use server::{Code, Refusal, Select};
use std::sync::Arc;

/// The protocol's one service.
pub(crate) struct GrpcInferenceService;

impl Api for GrpcInferenceService {
    async fn answer(&self, method: &str, call: &mut Call) -> Result<Reply, Refusal> {
        match method {
            "ModelInfer" => infer(call).await,
            "ModelStreamInfer" => stream::answer(call),
            "ServerLive" => {
                let _: Empty = call.receive_control().await?;
                Ok(Reply::of(&Live { live: true }))
            }
            "ServerReady" => {
                let _: Empty = call.receive_control().await?;
                Ok(Reply::of(&Live { live: call.service.is_ready() }))
            }
            "ServerMetadata" => {
                let _: Empty = call.receive_control().await?;
                Ok(Reply::of(&about::server()))
            }
            "ModelReady" | "ModelMetadata" | "ModelConfig" | "ModelStatistics" => {
                of_model(method, call).await
            }
            "RepositoryIndex" => control::index(call).await,
            "RepositoryModelLoad" => control::load(call).await,
            "RepositoryModelUnload" => control::unload(call).await,
            "SystemSharedMemoryStatus" => control::regions(call).await,
            "SystemSharedMemoryRegister" => control::register(call).await,
            "SystemSharedMemoryUnregister" => control::unregister(call).await,
            "CudaSharedMemoryStatus"
            | "CudaSharedMemoryRegister"
            | "CudaSharedMemoryUnregister" => control::cuda(call, method).await,
            "TraceSetting" => control::trace(call).await,
            "LogSettings" => control::logging(call).await,
            _ => Err(unknown(method)),
        }
    }

    fn status(&self, refusal: &Refusal) -> (Code, String) {
        words(refusal)
    }
}

/// A refusal in Triton's words.
fn words(refusal: &Refusal) -> (Code, String) {
    (refusal.row().grpc, oip::text(refusal))
}

async fn infer(call: &mut Call) -> Result<Reply, Refusal> {
    let message = call.receive().await?;
    let (name, version, _) = request::outline(&message.bytes)?;
    let model = call.find(name, select(version)?)?;
    let (max_images, regions) = (call.service.limits().max_images, call.service.regions().clone());
    let exchange = Infer::new(message, max_images, regions, call.coding, false);
    call.answer(model, exchange).await
}

/// What is asked of a model, other than an answer.
async fn of_model(method: &str, call: &mut Call) -> Result<Reply, Refusal> {
    let Named { name, version } = call.receive_control().await?;
    let select = select(&version)?;
    if method == "ModelStatistics" {
        let model = Some(name.as_str()).filter(|name| !name.is_empty());
        let models = oip::answering(&call.service, model, &select)?;
        let model_stats =
            models.iter().map(|model| about::statistics(Arc::as_ref(model))).collect();
        return Ok(Reply::of(&ModelStatisticsResponse { model_stats }));
    }
    let found = call.find(&name, select.clone());
    if method == "ModelReady" {
        return Ok(Reply::of(&Live { live: found.is_ok() }));
    }
    let model = found?;
    Ok(match method {
        "ModelConfig" => Reply::of(&ModelConfigResponse { config: Some(about::config(&model)) }),
        _ => {
            let versions = match select.version() {
                Some(version) => vec![version],
                None => oip::versions(&call.service, &name),
            };
            Reply::of(&about::metadata(&model, &versions))
        }
    })
}

/// The version that a request means: a number, or none for the latest.
fn select(version: &str) -> Result<Select, Refusal> {
    if version.is_empty() {
        return Ok(Select::Latest);
    }
    // Triton's versions are above zero.
    let number = version.parse::<i64>().ok().filter(|number| *number > 0);
    number.map(|number| Select::Version(number.unsigned_abs())).ok_or_else(|| {
        Refusal::InvalidArgument(format!(
            "failed to get model version from specified version string '{version}' (version should \
             be an integral value > 0)"
        ))
    })
}
