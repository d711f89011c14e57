//! TensorFlow Serving's `PredictionService` and `ModelService`.

mod about;
mod classify;
mod examples;
mod messages;
mod predict;
mod proto;
mod reload;
mod spec;
mod types;

use crate::call::{Api, Call, unknown};
use crate::reply::Reply;
use ::tfs::Method;
use classify::Classify;
use messages::{GetModelMetadataRequest, GetModelStatusRequest};
use predict::Predict;
use reload::ReloadConfigRequest;
use server::{Code, Refusal, Repository, Service};
use spec::Spec;

/// Asks models.
pub(crate) struct PredictionService;

/// Asks which models there are, and says which there should be.
pub(crate) struct ModelService;

impl Api for PredictionService {
    async fn answer(&self, method: &str, call: &mut Call) -> Result<Reply, Refusal> {
        match method {
            "Predict" => {
                let message = call.receive().await?;
                let mut exchange = Predict::read(message, call.service.limits())?;
                let Spec { name, select, .. } = &exchange.spec;
                let model = call.find(name, select.clone())?;
                exchange.coding = call.coding;
                call.answer(model, exchange).await
            }
            "Classify" | "Regress" | "MultiInference" => examples(method, call).await,
            "GetModelMetadata" => {
                let request: GetModelMetadataRequest = call.receive_control().await?;
                about::check(&request)?;
                let spec = Spec::of(request.model_spec)?;
                let model = call.find(&spec.name, spec.select)?;
                Ok(Reply::of(&about::metadata(&model)))
            }
            _ => Err(unknown(method)),
        }
    }

    fn status(&self, refusal: &Refusal) -> (Code, String) {
        about::refusal(refusal)
    }
}

async fn examples(method: &str, call: &mut Call) -> Result<Reply, Refusal> {
    let message = call.receive().await?;
    let max_images = call.service.limits().max_images;
    let mut exchange = match method {
        "MultiInference" => Classify::read_multiple(message, max_images)?,
        "Regress" => Classify::read(message, max_images, Method::Regress)?,
        _ => Classify::read(message, max_images, Method::Classify)?,
    };
    let Spec { name, select, .. } = &exchange.spec;
    let model = call.find(name, select.clone())?;
    exchange.check_signature()?;
    exchange.method.check(&model)?;
    exchange.coding = call.coding;
    call.answer(model, exchange).await
}

impl Api for ModelService {
    async fn answer(&self, method: &str, call: &mut Call) -> Result<Reply, Refusal> {
        match method {
            "GetModelStatus" => {
                let request: GetModelStatusRequest = call.receive_control().await?;
                let spec = Spec::of(request.model_spec)?;
                let status = call.service.store().status(&spec.name, spec.select)?;
                call.count_for(&spec.name);
                Ok(Reply::of(&about::status(&status)))
            }
            "HandleReloadConfigRequest" => {
                let request: ReloadConfigRequest = call.receive_control().await?;
                let models = request.models()?;
                let configure = |repository: &Repository, service: &Service| {
                    repository.configure(service, models)
                };
                call.service.manage(configure).await?;
                Ok(Reply::of(&reload::done()))
            }
            _ => Err(unknown(method)),
        }
    }

    fn status(&self, refusal: &Refusal) -> (Code, String) {
        about::refusal(refusal)
    }
}
