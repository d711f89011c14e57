//! The port that manages models.

use super::describe;
use super::fault::{Fault, refused};
use super::openapi;
use super::register;
use super::reply::{document, status};
use super::route::{Parameters, Target, segments};
use super::state::{State, WORKERS_MAX, Workers};
use crate::protocol::{Call, Protocol};
use crate::response::Reply;
use axum::http::{Method, Uri};
use repository::version_text;
use server::{Control, Refusal, Repository, Select, Servable, Service};
use std::sync::{Arc, OnceLock};

/// One request to the port.
pub(super) struct Management {
    state: Arc<State>,
    /// What the request means, for the words of a refusal.
    target: OnceLock<Target>,
}

/// An answer, or why there is none: in TorchServe's words, or as the service refuses.
type Answer = Result<Result<Reply, Fault>, Refusal>;

impl Management {
    pub(super) fn new(state: Arc<State>) -> Management {
        Management { state, target: OnceLock::new() }
    }

    async fn route(&self, call: &mut Call) -> Answer {
        let path = segments(call.head.uri.path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = call.head.method.clone();
        let parameters = Parameters::of(call.head.uri.query());
        if !matches!(method, Method::GET | Method::OPTIONS) {
            call.service.check_managed()?;
        }
        match (&method, path.as_slice()) {
            (&Method::OPTIONS, [""]) | (_, ["api-description"]) => {
                Ok(Ok(openapi::description(openapi::MANAGEMENT)))
            }
            (&Method::GET, ["models"]) => {
                Ok(Ok(describe::list(&call.service, &self.state, &parameters)))
            }
            (&Method::POST, ["models"]) => register::register(call, &self.state, parameters).await,
            (&Method::GET, ["workflows"]) => Ok(Ok(no_workflows())),
            (&Method::GET, ["models", model, "all"]) => self.all(call, model),
            (&Method::GET, ["v1", "models", model]) => {
                let model = model.split(':').next().unwrap_or_default();
                let model = self.find(call, Target::new(model, None))?;
                Ok(Ok(ready(&self.state, call, &model)))
            }
            (&Method::PUT, ["models", model, version, "set-default"]) => {
                Ok(self.set_default(call, &Target::new(model, Some(version))))
            }
            (_, ["models", model]) => {
                self.model(call, Target::new(model, None), &method, &parameters).await
            }
            (_, ["models", model, version]) => {
                self.model(call, Target::new(model, Some(version)), &method, &parameters).await
            }
            (_, [""] | ["models"]) => Ok(Err(Fault::no_method())),
            _ => Ok(Err(Fault::no_route())),
        }
    }

    async fn model(
        &self,
        call: &mut Call,
        target: Target,
        method: &Method,
        parameters: &Parameters,
    ) -> Answer {
        match *method {
            Method::GET => {
                let model = self.find(call, target)?;
                Ok(Ok(describe::describe(&call.service, &self.state, &[model])))
            }
            Method::PUT => self.scale(call, target, parameters),
            Method::DELETE => self.unregister(call, target).await,
            Method::OPTIONS => {
                let model = self.find(call, target)?;
                Ok(Ok(openapi::of_model(&model)))
            }
            _ => Ok(Err(Fault::no_method())),
        }
    }

    fn find(&self, call: &mut Call, target: Target) -> Result<Arc<Servable>, Refusal> {
        self.target.get_or_init(|| target).find(call)
    }

    fn all(&self, call: &mut Call, model: &str) -> Answer {
        self.find(call, Target::new(model, None))?;
        let mut versions = call.service.store().available();
        versions.retain(|version| version.name() == model);
        Ok(Ok(describe::describe(&call.service, &self.state, &versions)))
    }

    /// Notes how many workers a version has; as many as the service has serve all models.
    fn scale(&self, call: &mut Call, target: Target, parameters: &Parameters) -> Answer {
        let min = parameters.number("min_worker").unwrap_or(1);
        let max = parameters.number("max_worker").unwrap_or(min);
        if max < min {
            let text = "max_worker cannot be less than min_worker.";
            return Ok(Err(Fault::bad_request(text)));
        }
        let version = target.version.as_deref().or(parameters.text("model_version"));
        let target = Target::new(&target.model, version);
        let version = target.version.clone();
        let model = self.find(call, target)?;
        let count = |count: i64| u64::try_from(count).unwrap_or(0).min(WORKERS_MAX);
        let workers = Workers { min: count(min), max: count(max) };
        let mut entry = self.state.entry(&call.service, &model);
        entry.workers = workers;
        self.state.note(&call.service, model.name(), model.version(), entry);
        if !parameters.flag("synchronous") {
            return Ok(Ok(status(202, "Processing worker updates...")));
        }
        let version = version.map_or(String::new(), |version| format!(", version: {version}"));
        let name = model.name();
        Ok(Ok(status(200, &format!("Workers scaled to {min} for model: {name}{version}"))))
    }

    fn set_default(&self, call: &mut Call, target: &Target) -> Result<Reply, Fault> {
        let (model, text) = (&target.model, target.version.as_deref().unwrap_or_default());
        if call.find(model, Select::Latest).is_err() {
            return Err(Fault::no_model(model));
        }
        let set = target
            .select()
            .map(|select| call.service.store().set_default(model, select.version()).is_ok());
        match set {
            Ok(true) => {
                let text = format!(
                    "Default version successfully updated for model \"{model}\" to \"{text}\""
                );
                Ok(status(200, &text))
            }
            Ok(false) | Err(_) => {
                let text = format!("Model version {text} does not exist for model {model}");
                Err(Fault::new(404, "ModelVersionNotFoundException", text))
            }
        }
    }

    /// Ends one version. The default one goes last.
    async fn unregister(&self, call: &mut Call, target: Target) -> Answer {
        if !is_explicit(call) {
            return Err(Refusal::ControlIsOff);
        }
        let model = self.find(call, target)?;
        let (name, version) = (model.name().to_string(), model.version());
        let default = call.find(&name, Select::Latest)?.version();
        let mut others = call.service.store().available();
        others.retain(|other| other.name() == name && other.version() != version);
        if version == default && !others.is_empty() {
            let text = format!("Cannot remove default version for model {name}");
            return Ok(Err(Fault::new(403, "InvalidModelVersionException", text)));
        }
        let ended = name.clone();
        let unload = move |repository: &Repository, service: &Service| {
            repository.unload(service, &ended, Some(version))
        };
        call.service.manage(unload).await?;
        self.state.forget(&name, version);
        Ok(Ok(status(200, &format!("Model \"{name}\" unregistered"))))
    }
}

/// May requests decide what is served?
pub(super) fn is_explicit(call: &Call) -> bool {
    call.service.repository().is_some_and(|r| r.control() == Control::Explicit)
}

fn no_workflows() -> Reply {
    document(200, |json| {
        json.object();
        json.string("workflows");
        json.array();
        json.end_array();
        json.end_object();
    })
}

/// KServe's word about a model.
fn ready(state: &State, call: &Call, model: &Servable) -> Reply {
    let is_ready = state.entry(&call.service, model).workers.max > 0;
    document(200, |json| {
        json.object();
        json.field("name", model.name());
        json.string("ready");
        json.raw(if is_ready { "true" } else { "false" });
        json.end_object();
    })
}

impl Protocol for Management {
    const NAME: &'static str = "torchserve";

    async fn answer(&self, call: &mut Call) -> Result<Reply, Refusal> {
        Ok(self.route(call).await?.unwrap_or_else(|fault| fault.reply()))
    }

    fn refuse(&self, refusal: &Refusal, _: &Uri) -> Reply {
        let default = Target::default();
        match (refusal, self.target.get()) {
            (Refusal::LoadFailed { model, version, .. }, None) => {
                refused(refusal, &Target::new(model, Some(&version_text(*version))))
            }
            (_, target) => refused(refusal, target.unwrap_or(&default)),
        }
    }
}
