//! The Open Inference Protocol, version 2, with Triton's extensions: everything under `/v2`.

mod about;
mod control;
mod dialect;
mod infer;
mod reader;
mod reply;
mod request;
mod route;

pub(crate) use dialect::Dialect;

use crate::openapi;
use crate::protocol::{Call, Protocol};
use crate::response::{JSON, Reply};
use axum::http::Uri;
use infer::Infer;
use route::{About, Route};
use server::{Refusal, Select};
use std::sync::Arc;

/// The routes and texts of Triton, with the statuses of one dialect.
pub(crate) struct OpenInference {
    pub(crate) dialect: Dialect,
}

impl Protocol for OpenInference {
    const NAME: &'static str = "open_inference";

    async fn answer(&self, call: &mut Call) -> Result<Reply, Refusal> {
        match Route::parse(&call.head.method, call.head.uri.path())? {
            Route::Server => Ok(Reply::ok(JSON, about::server(self.dialect))),
            Route::Live => Ok(self.dialect.is_so(None, "live")),
            Route::Ready if call.service.is_ready() => Ok(self.dialect.is_so(None, "ready")),
            Route::Ready => Ok(self.dialect.not_ready(503)),
            Route::Model { model, select, about } => self.about(call, &model, select, about),
            Route::Infer { model, select } => infer(call, &model, select).await,
            Route::Trace { model } => control::trace(call, model.as_deref()).await,
            Route::Logging => control::logging(call).await,
            Route::AllStatistics => Ok(Reply::ok(JSON, statistics(call, None, &Select::Latest)?)),
            Route::Index => control::index(call).await,
            Route::Load { model } => control::load(call, model).await,
            Route::Unload { model } => control::unload(call, model).await,
            Route::Shared { memory, region, action } => {
                control::shared(call, memory, region.as_deref(), action).await
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, uri: &Uri) -> Reply {
        self.dialect.refuse(refusal, Route::is_of_infer(uri.path()))
    }
}

impl OpenInference {
    /// What is asked of a model, other than an answer.
    fn about(
        &self,
        call: &mut Call,
        model: &str,
        select: Select,
        about: About,
    ) -> Result<Reply, Refusal> {
        let found = call.find(model, select.clone());
        if about == About::Ready {
            return Ok(match found {
                Ok(_) => self.dialect.is_so(Some(model), "ready"),
                Err(refusal) => self.dialect.not_ready(refusal.row().http),
            });
        }
        let servable = found?;
        let body = match about {
            About::Metadata => {
                let versions = match select.version() {
                    Some(version) => vec![version],
                    None => ::oip::versions(&call.service, model),
                };
                about::metadata(&servable, &versions)
            }
            About::Config => about::config(&servable),
            About::OpenApi => openapi::open_inference(&servable),
            About::Statistics => statistics(call, Some(model), &select)?,
            About::Ready => Vec::new(),
        };
        Ok(Reply::ok(JSON, body))
    }
}

/// The statistics of one version, of all of a model, or of all models.
fn statistics(call: &Call, model: Option<&str>, select: &Select) -> Result<Vec<u8>, Refusal> {
    let models = ::oip::answering(&call.service, model, select)?;
    Ok(about::statistics(models.iter().map(Arc::as_ref)))
}

/// What can be refused by the head is refused before the body is read.
async fn infer(call: &mut Call, model: &str, select: Select) -> Result<Reply, Refusal> {
    let servable = call.find(model, select)?;
    let received = call.receive().await?;
    let max_images = call.service.limits().max_images;
    let regions = call.service.regions().clone();
    let exchange = Infer::new(received, &call.head.headers, max_images, regions);
    call.answer(servable, exchange).await
}
