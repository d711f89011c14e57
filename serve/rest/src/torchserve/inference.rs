//! The port that answers requests.

use super::fault::{Fault, refused};
use super::input::Shape;
use super::openapi;
use super::predict::Predict;
use super::reply::status;
use super::route::{Parameters, Target, segments};
use super::state::State;
use crate::protocol::{Call, Protocol};
use crate::response::Reply;
use axum::http::{Method, Uri, header};
use server::Refusal;
use std::sync::{Arc, OnceLock};

/// One request to the port.
pub(super) struct Inference {
    state: Arc<State>,
    /// What the request means, for the words of a refusal.
    target: OnceLock<Target>,
}

/// What a path asks for.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Description,
    Ping,
    Predict {
        target: Target,
        is_enveloped: bool,
    },
    /// The model is named by a parameter.
    Invoke,
    Explain,
    ModelDescription(Target),
}

impl Inference {
    pub(super) fn new(state: Arc<State>) -> Inference {
        Inference { state, target: OnceLock::new() }
    }

    async fn predict(
        &self,
        call: &mut Call,
        target: Target,
        is_enveloped: bool,
    ) -> Result<Reply, Refusal> {
        let target = self.target.get_or_init(|| target);
        let model = target.find(call)?;
        if self.state.entry(&call.service, &model).workers.max == 0 {
            return Ok(Fault::no_workers(target).reply());
        }
        let content_type = call.head.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_string();
        let received = call.receive().await?;
        let max_images = call.service.limits().max_images;
        let shape = Shape::Bare;
        let exchange = Predict { received, content_type, max_images, is_enveloped, shape };
        call.answer(model, exchange).await
    }
}

impl Protocol for Inference {
    const NAME: &'static str = "torchserve";

    async fn answer(&self, call: &mut Call) -> Result<Reply, Refusal> {
        let path = segments(call.head.uri.path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let route = match route(&call.head.method, &path) {
            Ok(route) => route,
            Err(fault) => return Ok(fault.reply()),
        };
        match route {
            Route::Description => Ok(openapi::description(openapi::INFERENCE)),
            Route::Ping => Ok(ping(call)),
            Route::Explain => {
                let text = "explanations are not served; ask /predictions";
                Err(Refusal::Unimplemented(text.to_string()))
            }
            Route::ModelDescription(target) => {
                let target = self.target.get_or_init(|| target);
                let model = target.find(call)?;
                Ok(openapi::of_model(&model))
            }
            Route::Predict { target, is_enveloped } => {
                self.predict(call, target, is_enveloped).await
            }
            Route::Invoke => {
                let parameters = Parameters::of(call.head.uri.query());
                let mut models = call.service.store().available();
                models.dedup_by(|a, b| a.name() == b.name());
                let only = match models.as_slice() {
                    [only] => Some(only.name()),
                    _ => None,
                };
                let Some(model) = parameters.text("model_name").or(only) else {
                    return Ok(Fault::bad_request("Parameter model_name is required.").reply());
                };
                self.predict(call, Target::new(model, None), false).await
            }
        }
    }

    fn refuse(&self, refusal: &Refusal, _: &Uri) -> Reply {
        refused(refusal, self.target.get().unwrap_or(&Target::default()))
    }
}

/// 500 says that requests should go elsewhere.
fn ping(call: &Call) -> Reply {
    let is_empty = call.service.store().names().is_empty();
    match !call.service.is_draining() && (is_empty || call.service.is_ready()) {
        true => status(200, "Healthy"),
        false => status(500, "Unhealthy"),
    }
}

fn route(method: &Method, path: &[&str]) -> Result<Route, Fault> {
    let asks = |route: Route| match *method {
        Method::GET | Method::POST | Method::PUT => Ok(route),
        _ => Err(Fault::no_method()),
    };
    let predict = |model: &str, version| {
        let target = Target::new(model, version);
        match *method {
            Method::OPTIONS => Ok(Route::ModelDescription(target)),
            _ => asks(Route::Predict { target, is_enveloped: false }),
        }
    };
    match *path {
        [""] if method == Method::OPTIONS => Ok(Route::Description),
        [""] => Err(Fault::no_method()),
        ["api-description"] => Ok(Route::Description),
        ["ping"] => Ok(Route::Ping),
        ["invocations"] => asks(Route::Invoke),
        ["predictions", model] => predict(model, None),
        ["predictions", model, version] => predict(model, Some(version)),
        ["explanations", _] | ["explanations", _, _] => asks(Route::Explain),
        ["models", model, "invoke"] => predict(model, None),
        ["v1", "models", verb] => match verb.rsplit_once(':') {
            Some((_, "explain")) => asks(Route::Explain),
            Some((model, "predict")) if !model.is_empty() => {
                let target = Target::new(model, None);
                asks(Route::Predict { target, is_enveloped: true })
            }
            _ => Err(Fault::no_route()),
        },
        [model, "predict"] => predict(model, None),
        [model, version, "predict"] => predict(model, Some(version)),
        _ => Err(Fault::no_route()),
    }
}
