//! `grpc.health.v1`: whether the server, or one model, takes requests.

use crate::call::{Api, Call, unknown};
use crate::reflection::services;
use crate::reply::{Part, Reply, framed};
use listen::Coding;
use server::{Code, Refusal, Select, Service};
use std::time::Duration;
use tokio::sync::mpsc;

/// The protocol's one service.
pub(crate) struct Health;

/// How often a watched status is looked at. 250 ms: balancers act on it within seconds.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheckResponse {
    #[prost(enumeration = "ServingStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
enum ServingStatus {
    Unknown = 0,
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

impl Api for Health {
    async fn answer(&self, method: &str, call: &mut Call) -> Result<Reply, Refusal> {
        match method {
            "Check" => {
                let asked: HealthCheckRequest = call.receive_control().await?;
                match status(&call.service, &asked.service) {
                    ServingStatus::ServiceUnknown => {
                        let (model, version) = (asked.service, None);
                        Err(Refusal::StatusNotFound { model, version })
                    }
                    status => Ok(Reply::of(&HealthCheckResponse { status: status as i32 })),
                }
            }
            "Watch" => {
                let asked: HealthCheckRequest = call.receive_control().await?;
                let (sender, receiver) = mpsc::channel(1);
                tokio::spawn(watch(call.service.clone(), asked.service, sender));
                Ok(Reply::Many(receiver))
            }
            _ => Err(unknown(method)),
        }
    }

    fn status(&self, refusal: &Refusal) -> (Code, String) {
        match refusal {
            Refusal::StatusNotFound { .. } => (Code::NotFound, "unknown service".to_string()),
            other => (other.row().grpc, other.to_string()),
        }
    }
}

/// Of the server when no name is given; a name is that of a service here, or of a model.
fn status(service: &Service, name: &str) -> ServingStatus {
    let is_ready = if name.is_empty() || services().any(|service| service == name) {
        service.is_ready()
    } else {
        match service.store().find(name, Select::Latest) {
            Ok(_) => !service.is_draining(),
            Err(Refusal::ModelNotFound { .. }) => return ServingStatus::ServiceUnknown,
            Err(_) => false,
        }
    };
    if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing }
}

/// Sends the status now and whenever it changes, until the client is gone or the server is about
/// to end.
async fn watch(service: Service, name: String, sender: mpsc::Sender<Part>) {
    let mut last = None;
    loop {
        let now = status(&service, &name);
        if last != Some(now) {
            last = Some(now);
            let message = HealthCheckResponse { status: now as i32 };
            if sender.send(Ok(framed(&message, Coding::Identity))).await.is_err() {
                return;
            }
        }
        if service.is_draining() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = sender.closed() => return,
        }
    }
}
