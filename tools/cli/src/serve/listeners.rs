//! Where the server listens, and which protocol each port speaks.

use crate::error::Error;
use listen::{BindError, Guard, Options, Patience, Routes, Summary};
use rest::{ModelStore, TorchServe};
use server::Service;
use std::future::Future;
use std::net::{SocketAddr, ToSocketAddrs};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is spoken on one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// TensorFlow Serving's and the Open Inference Protocol, REST and gRPC, and our own.
    Main,
    /// The same as [`Role::Main`], for those who load models and change settings.
    Manage,
    /// Triton's REST, to the letter.
    TritonHttp,
    /// Triton's gRPC.
    TritonGrpc,
    /// Triton's metrics.
    TritonMetrics,
    /// TorchServe's inference API, to the letter.
    TorchInference,
    /// TorchServe's management API.
    TorchManagement,
    /// TorchServe's metrics.
    TorchMetrics,
}

/// One `--listen`: the addresses of one protocol's ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listen {
    ports: Vec<(Role, String)>,
}

impl Listen {
    /// Reads `HOST:PORT`, `manage=9001`, `triton=8000,8001,8002` or
    /// `torchserve=HOST:8080,8081,8082`. Ports behind a name are local ones unless the first of
    /// them has a host.
    pub(crate) fn parse(text: &str) -> Result<Listen, String> {
        let Some((protocol, ports)) = text.split_once('=') else {
            return Ok(Listen { ports: vec![(Role::Main, text.to_string())] });
        };
        let roles: &[Role] = match protocol {
            "manage" => &[Role::Manage],
            "triton" => &[Role::TritonHttp, Role::TritonGrpc, Role::TritonMetrics],
            "torchserve" => &[Role::TorchInference, Role::TorchManagement, Role::TorchMetrics],
            _ => {
                let expected = "expected manage=…, triton=… or torchserve=…";
                return Err(format!("{expected}, found `{protocol}=`"));
            }
        };
        let (host, ports) = ports.rsplit_once(':').unwrap_or(("127.0.0.1", ports));
        let ports: Vec<&str> = ports.split(',').collect();
        let is_port = |port: &&str| port.parse::<u16>().is_ok();
        if ports.len() > roles.len() || !ports.iter().all(is_port) {
            let more = ",PORT".repeat(roles.len() - 1);
            return Err(format!("expected {protocol}=[HOST:]PORT[{more}], found `{text}`"));
        }
        let ports = roles.iter().copied().zip(ports.iter().map(|port| format!("{host}:{port}")));
        Ok(Listen { ports: ports.collect() })
    }
}

/// Sockets that listen.
pub(crate) struct Listeners {
    bound: Vec<(Role, SocketAddr, TcpListener)>,
}

impl Listeners {
    /// Listens everywhere, or nowhere.
    pub(crate) async fn bind(listens: &[Listen]) -> Result<Listeners, Error> {
        let mut bound = Vec::new();
        for (role, text) in listens.iter().flat_map(|listen| &listen.ports) {
            let listener = bind(text).await?;
            let address = listener.local_addr();
            let address = address.map_err(|e| Error::Failure(format!("no address: {e}")))?;
            bound.push((*role, address, listener));
        }
        Ok(Listeners { bound })
    }

    /// The addresses, in the order in which they were asked for.
    pub(crate) fn addresses(&self) -> Vec<(Role, SocketAddr)> {
        self.bound.iter().map(|(role, address, _)| (*role, *address)).collect()
    }

    /// Serves on all of them until `stop` resolves.
    pub(crate) async fn serve(
        self,
        service: &Service,
        guard: &Guard,
        options: &Options,
        store: ModelStore,
        stop: impl Future<Output = ()>,
    ) -> Summary {
        let patience = Patience::from(options);
        let has_keys = guard.keys.is_some();
        let at = |is_open: bool| if is_open { service.for_anybody() } else { service.clone() };
        // Its ports know the same workers, and therefore are made together.
        let manages = |(role, ..): &&(Role, _, _)| *role == Role::TorchManagement;
        let mut managing = self.bound.iter().filter(manages);
        let is_torchserve_open = managing.any(|(_, address, _)| is_open(address, has_keys));
        let torchserve = TorchServe::new(at(is_torchserve_open), patience, store);
        let (stopping, stopped) = watch::channel(false);
        let mut serving = JoinSet::new();
        for (role, address, listener) in self.bound {
            let service = at(is_open(&address, has_keys));
            let mut stopped = stopped.clone();
            let stop = async move { drop(stopped.wait_for(|&is_over| is_over).await) };
            let routes = role.routes(&service, patience, &torchserve);
            let (guard, options) = (guard.clone(), options.clone());
            serving.spawn(listen::serve(listener, routes, guard, service, options, stop));
        }
        stop.await;
        // A receiver is in hand, so that it cannot fail.
        let _ = stopping.send(true);
        let mut aborted = 0;
        while let Some(ended) = serving.join_next().await {
            aborted += ended.map_or(0, |summary| summary.aborted);
        }
        Summary { aborted }
    }
}

impl Role {
    fn routes(self, service: &Service, patience: Patience, torchserve: &TorchServe) -> Routes {
        let grpc = || grpc::router(service.clone(), patience);
        let rest = |rest| Routes { rest, ..Routes::default() };
        match self {
            Role::Main | Role::Manage => {
                Routes { rest: rest::router(service.clone(), patience), grpc: grpc() }
            }
            Role::TritonHttp => rest(rest::triton(service.clone(), patience)),
            Role::TritonGrpc => Routes { grpc: grpc(), ..Routes::default() },
            Role::TritonMetrics => rest(rest::triton_metrics(service.clone())),
            Role::TorchInference => rest(torchserve.inference.clone()),
            Role::TorchManagement => rest(torchserve.management.clone()),
            Role::TorchMetrics => rest(torchserve.metrics.clone()),
        }
    }

    /// Can models be loaded or settings be changed there?
    pub(crate) fn takes_changes(self) -> bool {
        match self {
            Role::Main | Role::Manage => true,
            Role::TritonHttp | Role::TritonGrpc | Role::TorchManagement => true,
            Role::TritonMetrics | Role::TorchInference | Role::TorchMetrics => false,
        }
    }

    /// What is spoken there.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Main => "TensorFlow Serving, Open Inference Protocol, gRPC",
            Role::Manage => "management",
            Role::TritonHttp => "Triton HTTP",
            Role::TritonGrpc => "Triton gRPC",
            Role::TritonMetrics => "Triton metrics",
            Role::TorchInference => "TorchServe inference",
            Role::TorchManagement => "TorchServe management",
            Role::TorchMetrics => "TorchServe metrics",
        }
    }
}

/// May anybody be asking at this address?
pub(crate) fn is_open(address: &SocketAddr, has_keys: bool) -> bool {
    !has_keys && !address.ip().is_loopback()
}

async fn bind(text: &str) -> Result<TcpListener, Error> {
    let mut addresses = text.to_socket_addrs().map_err(|e| {
        Error::Usage(format!("--listen {text}: expected HOST:PORT as 127.0.0.1:9000: {e}"))
    })?;
    let address = addresses
        .next()
        .ok_or_else(|| Error::Unreachable(format!("--listen {text}: the name has no address")))?;
    listen::bind(address).await.map_err(|error| {
        let fix = match &error {
            BindError::InUse(_) => "; --listen 127.0.0.1:0 takes any free port",
            BindError::Denied(_) | BindError::NotLocal(_) | BindError::Other(..) => "",
        };
        Error::Unreachable(format!("--listen: {error}{fix}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_other_servers_are_read() {
        let parsed = |text: &str| Listen::parse(text).map(|listen| listen.ports);
        let port = |role, address: &str| (role, address.to_string());
        assert_eq!(parsed("0.0.0.0:80"), Ok(vec![port(Role::Main, "0.0.0.0:80")]));
        let triton = vec![
            port(Role::TritonHttp, "127.0.0.1:8000"),
            port(Role::TritonGrpc, "127.0.0.1:8001"),
            port(Role::TritonMetrics, "127.0.0.1:8002"),
        ];
        assert_eq!(parsed("triton=8000,8001,8002"), Ok(triton));
        assert_eq!(parsed("manage=9001"), Ok(vec![port(Role::Manage, "127.0.0.1:9001")]));
        let torchserve =
            vec![port(Role::TorchInference, "[::]:8080"), port(Role::TorchManagement, "[::]:8081")];
        assert_eq!(parsed("torchserve=[::]:8080,8081"), Ok(torchserve));
        for text in
            ["kserve=80", "triton=", "triton=1,2,3,4", "triton=99999", "triton=a:b", "manage=1,2"]
        {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
