//! A server on a real socket with small models, and a client.

use listen::{Guard, Options, Patience, Routes, Summary};
use plan::{Port, Signature};
use prost::Message;
use server::{Answer, ClassScore, Engine, ImageRecipe, Limits, Servable, Service};
use std::net::SocketAddr;
use std::time::Duration;
use tensor::{DType, Dim, Tensor};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

struct Computed<F> {
    signature: Signature,
    function: F,
}

impl<F> Engine for Computed<F>
where
    F: Fn(&[Tensor]) -> Result<Vec<Tensor>, String> + Send + Sync + 'static,
{
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        (self.function)(inputs)
    }
}

/// A model of one function.
pub(crate) fn model<F>(name: &str, inputs: Vec<Port>, outputs: Vec<Port>, function: F) -> Servable
where
    F: Fn(&[Tensor]) -> Result<Vec<Tensor>, String> + Send + Sync + 'static,
{
    Servable::new(name, Computed { signature: Signature { inputs, outputs }, function })
}

pub(crate) fn port(name: &str, dtype: DType, shape: Vec<Dim>) -> Port {
    Port { name: name.to_string(), dtype, shape }
}

pub(crate) fn n() -> Dim {
    Dim::symbol("n")
}

/// Gives back its input `x` as `y`.
pub(crate) fn echo(name: &str, dtype: DType, shape: Vec<Dim>) -> Servable {
    let ports = |name: &str| vec![port(name, dtype, shape.clone())];
    model(name, ports("x"), ports("y"), |inputs| Ok(inputs.to_vec()))
}

/// `y = x / 2 + 2` over a batch of scalars.
fn half_plus_two() -> Servable {
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    model("half_plus_two", ports("x"), ports("y"), |inputs| {
        let y: Vec<f32> =
            inputs[0].as_slice::<f32>().unwrap().iter().map(|x| x / 2.0 + 2.0).collect();
        Ok(vec![Tensor::from_slice(inputs[0].shape(), &y).unwrap()])
    })
}

/// Gives back `a` (f32) and `b` (i64), each `n` rows of two.
fn pair() -> Servable {
    let ports = || {
        let shape = || vec![n(), Dim::from(2)];
        vec![port("a", DType::F32, shape()), port("b", DType::I64, shape())]
    };
    model("pair", ports(), ports(), |inputs| Ok(inputs.to_vec()))
}

/// Takes this long.
fn slow() -> Servable {
    let ports = |name| vec![port(name, DType::F32, vec![n()])];
    model("slow", ports("x"), ports("y"), |inputs| {
        std::thread::sleep(Duration::from_millis(400));
        Ok(inputs.to_vec())
    })
}

/// Takes the last byte of an "image" as its brightness; two classes.
struct Brightness;

impl ImageRecipe for Brightness {
    fn prepare(&self, image: &[u8]) -> Result<Tensor, String> {
        match image.last() {
            Some(0) | None => Err("the image is too dark to decode".to_string()),
            Some(&byte) => Ok(Tensor::from_slice(&[1, 1], &[f32::from(byte) / 256.0]).unwrap()),
        }
    }

    fn answer(&self, scores: &[f32]) -> Result<Answer, String> {
        let class = |index: usize, label: &str, probability| {
            let label = label.to_string();
            ClassScore { index, label, probability }
        };
        let bright = scores[0];
        Ok(Answer { classes: vec![class(1, "bright", bright), class(0, "dark", 1.0 - bright)] })
    }
}

fn brightness() -> Servable {
    echo("brightness", DType::F32, vec![Dim::from(1), Dim::from(1)]).with_recipe(Brightness)
}

/// A body that begins as a JPEG does.
pub(crate) fn jpeg(brightness: u8) -> Vec<u8> {
    vec![0xff, 0xd8, 0xff, 0xe0, brightness]
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
        for model in echoes.into_iter().chain([half_plus_two(), pair(), slow(), brightness()]) {
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
