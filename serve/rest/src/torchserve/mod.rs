//! TorchServe's interface: inference, management and metrics on three ports of their own, with its
//! paths, statuses, headers and texts. What only it has (workers, archives by their names) is kept
//! here; models, queue and limits are the service's.

mod describe;
mod fault;
mod form;
mod inference;
mod input;
mod management;
mod metrics;
mod openapi;
mod predict;
mod register;
mod reply;
mod route;
mod state;

use crate::protocol::{Protocol, Shared, answer};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use inference::Inference;
use listen::Patience;
use management::Management;
use metrics::MetricsPort;
use reply::RequestId;
use server::Service;
use state::State;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Where archives lie that may be registered by request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelStore {
    /// The folder of the archives; nothing can be registered without one.
    pub folder: Option<PathBuf>,
    /// How the names of files end that can be loaded, such as `.onnx`.
    pub suffixes: Vec<String>,
    /// What the models that are there at the start were read from, by name: told as `modelUrl`.
    pub files: BTreeMap<String, String>,
}

/// The routers of the three ports.
#[derive(Debug)]
pub struct TorchServe {
    /// Answers requests, usually on port 8080.
    pub inference: Router,
    /// Registers, scales and describes models, usually on port 8081: for this machine only.
    pub management: Router,
    /// Prometheus text under TorchServe's names, usually on port 8082.
    pub metrics: Router,
}

impl TorchServe {
    /// The three ports of one service, which know the same workers.
    pub fn new(service: Service, patience: Patience, store: ModelStore) -> TorchServe {
        let state = Arc::new(State::new(store));
        let shared = Shared { service, patience };
        TorchServe {
            inference: router(shared.clone(), &state, Inference::new),
            management: router(shared.clone(), &state, Management::new),
            metrics: router(shared, &state, MetricsPort::new),
        }
    }
}

/// Every path goes to one handler: a path that means nothing has an answer of its own here.
fn router<P: Protocol + Send + 'static>(
    shared: Shared,
    state: &Arc<State>,
    protocol: fn(Arc<State>) -> P,
) -> Router {
    let state = state.clone();
    Router::new().fallback(move |mut request: Request<Body>| {
        let (shared, state) = (shared.clone(), state.clone());
        async move {
            let id = RequestId::of(request.headers());
            id.mark(request.headers_mut());
            let response = answer(&protocol(state.clone()), shared, request).await;
            state.count(response.status().as_u16());
            id.stamp(response)
        }
    })
}
