//! A server on a real socket with small models, and a client.

use listen::{Guard, Options, Patience, Routes, Summary};
use prost::Message;
use servables::{brightness, echo, half_plus_two, lengths, model, n, pair, port, words};
use server::{Limits, Servable, Service};
use std::net::SocketAddr;
use std::time::Duration;
use tensor::DType;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

/// Takes this long.
fn slow() -> Servable {
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    model("slow", ports("x"), ports("y"), |inputs| {
        std::thread::sleep(Duration::from_millis(400));
        Ok(inputs.to_vec())
    })
}

/// A running server with all models above.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) service: Service,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Summary>,
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Server {
        let service = Service::new(limits, monitor::Metrics::new()).unwrap();
        let echoes = [
            DType::F64,
            DType::F16,
            DType::BF16,
            DType::I8,
            DType::I16,
            DType::I32,
            DType::I64,
            DType::U8,
            DType::U16,
            DType::U32,
            DType::U64,
            DType::Bool,
        ];
        let echoes = echoes.map(|dtype| echo(dtype.name(), dtype, vec![n()]));
        let others =
            [half_plus_two(), pair(), words(), lengths(), slow(), brightness("brightness")];
        for model in echoes.into_iter().chain(others) {
            service.add(model, Duration::ZERO);
        }
        let listener = listen::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let options = Options::default();
        let grpc = grpc::router(service.clone(), Patience::from(&options));
        let routes = Routes { grpc, ..Routes::default() };
        let guard = Guard::default();
        let stop_signal = async { drop(stopped.await) };
        let served = listen::serve(listener, routes, guard, service.clone(), options, stop_signal);
        Server { address, service, stop: Some(stop), ended: tokio::spawn(served) }
    }

    pub(crate) fn signal(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) async fn stop(mut self) -> Summary {
        self.signal();
        self.ended.await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap();
        Client { channel: endpoint.connect().await.unwrap(), is_gzip: false }
    }

    pub(crate) fn has_metric(&self, line: &str) -> bool {
        self.service.metrics().export().lines().any(|found| found == line)
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) channel: Channel,
    pub(crate) is_gzip: bool,
}

impl Client {
    pub(crate) fn grpc(&self) -> Grpc<Channel> {
        let grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        match self.is_gzip {
            false => grpc,
            true => grpc
                .send_compressed(CompressionEncoding::Gzip)
                .accept_compressed(CompressionEncoding::Gzip),
        }
    }

    /// A call with one message each way.
    pub(crate) async fn call<M, R>(&self, path: &'static str, message: M) -> Result<R, Status>
    where
        M: Message + Default + 'static,
        R: Message + Default + 'static,
    {
        self.send(path, Request::new(message)).await.map(Response::into_inner)
    }

    pub(crate) async fn send<M, R>(
        &self,
        path: &'static str,
        request: Request<M>,
    ) -> Result<Response<R>, Status>
    where
        M: Message + Default + 'static,
        R: Message + Default + 'static,
    {
        let mut grpc = self.grpc();
        grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
        let path = tonic::codegen::http::uri::PathAndQuery::from_static(path);
        grpc.unary(request, path, ProstCodec::<M, R>::default()).await
    }
}

/// The code and words of a call that was refused.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    (status.code(), status.message().to_string())
}
