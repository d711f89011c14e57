//! The REST interface of TensorFlow Serving: everything under `/v1`.

mod classify;
mod column;
mod examples;
mod metadata;
pub(crate) mod monitoring;
mod predict;
pub(crate) mod read;
pub(crate) mod reply;
mod route;

use crate::media::Media;
use crate::openapi;
use crate::protocol::{Call, Protocol};
use crate::response::{JSON, Reply};
use ::tfs::Method;
use axum::http::Uri;
use classify::Examples;
use predict::Predict;
use route::Route;
use server::{Refusal, Select};

/// TensorFlow Serving's routes and texts, and images as plain bodies.
pub(crate) struct TensorFlowServing;

impl Protocol for TensorFlowServing {
    const NAME: &'static str = "rest";

    async fn answer(&self, call: &mut Call) -> Result<Reply, Refusal> {
        match Route::parse(&call.head.method, call.head.uri.path())? {
            Route::Status { model, select } => {
                let status = call.service.store().status(&model, select)?;
                call.count_for(&model);
                Ok(Reply::ok(JSON, metadata::status(&status)))
            }
            Route::Metadata { model, select } => {
                let servable = call.find(&model, select)?;
                Ok(Reply::ok(JSON, metadata::metadata(&servable)))
            }
            Route::OpenApi { model, select } => {
                let servable = call.find(&model, select)?;
                Ok(Reply::ok(JSON, openapi::tensorflow_serving(&servable)))
            }
            Route::Explain { model, select } => {
                call.find(&model, select)?;
                Err(Refusal::NoExplainer { model })
            }
            Route::Predict { model, select } => predict(call, &model, select).await,
            Route::Classify { model, select } => {
                examples(call, &model, select, Method::Classify).await
            }
            Route::Regress { model, select } => {
                examples(call, &model, select, Method::Regress).await
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, _: &Uri) -> Reply {
        Reply::refused(refusal)
    }
}

/// What can be refused by the head is refused before the body is read.
async fn predict(call: &mut Call, model: &str, select: Select) -> Result<Reply, Refusal> {
    let servable = call.find(model, select)?;
    let media = Media::of(&call.head.headers)?;
    let received = call.receive().await?;
    let exchange = Predict::new(received, media, call.service.limits().max_images);
    call.answer(servable, exchange).await
}

/// `:classify` and `:regress`.
async fn examples(
    call: &mut Call,
    model: &str,
    select: Select,
    method: Method,
) -> Result<Reply, Refusal> {
    let servable = call.find(model, select)?;
    method.check(&servable)?;
    let received = call.receive().await?;
    let exchange = Examples::new(received, method, call.service.limits().max_images);
    call.answer(servable, exchange).await
}
