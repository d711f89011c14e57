//! A server with three routes, and clients of both versions of HTTP.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use axum::routing::{any, get, post};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use listen::{Guard, Options, Routes, Summary};
use server::{Limits, Service};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// A running server; `/echo` gives back the body, `/slow` takes half a second, and every call of
/// gRPC is answered with status 12.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) service: Service,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<Summary>,
}

impl Server {
    pub(crate) async fn start(guard: Guard, options: Options) -> Server {
        let service = Service::new(Limits::default(), monitor::Metrics::new()).unwrap();
        let listener = listen::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let slow = async || {
            sleep(Duration::from_millis(500)).await;
            "slow"
        };
        let routes = Routes {
            rest: Router::new()
                .route("/healthz", get("ok"))
                .route("/echo", post(async |body: Body| body))
                .route("/slow", get(slow))
                .route("/large", get(async || vec![7; 64 << 20])),
            grpc: Router::new().fallback(any(async || listen::grpc_status(12, "100 %\n"))),
        };
        let stop_signal = async { drop(stopped.await) };
        let served = listen::serve(listener, routes, guard, service.clone(), options, stop_signal);
        Server { address, service, stop: Some(stop), ended: tokio::spawn(served) }
    }

    pub(crate) async fn plain() -> Server {
        Server::start(Guard::default(), Options::default()).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What SIGTERM does.
    pub(crate) fn signal(&mut self) {
        drop(self.stop.take());
    }

    pub(crate) async fn stop(mut self) -> Summary {
        self.signal();
        self.ended.await.unwrap()
    }

    pub(crate) async fn send1(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let mut client = Client1::over(self.connect().await).await;
        client.send(request).await
    }

    pub(crate) async fn send2(&self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        let mut client = Client2::over(self.connect().await).await;
        client.send(request).await.unwrap()
    }
}

pub(crate) fn get_request(path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://test{path}")).body(Full::default()).unwrap()
}

pub(crate) fn echo_request(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("http://test/echo").body(Full::new(body.into())).unwrap()
}

pub(crate) fn grpc_request(path: &str) -> Request<Full<Bytes>> {
    Request::post(format!("http://test{path}"))
        .header("content-type", "application/grpc+proto")
        .body(Full::default())
        .unwrap()
}

pub(crate) struct Client1(http1::SendRequest<Full<Bytes>>);

impl Client1 {
    pub(crate) async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Client1 {
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        Client1(sender)
    }

    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Response<Bytes> {
        self.0.ready().await.unwrap();
        whole(self.0.send_request(request).await.unwrap()).await
    }
}

#[derive(Clone)]
pub(crate) struct Client2(http2::SendRequest<Full<Bytes>>);

impl Client2 {
    pub(crate) async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Client2 {
        let io = TokioIo::new(io);
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        Client2(sender)
    }

    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Bytes>> {
        self.0.ready().await?;
        Ok(whole(self.0.send_request(request).await?).await)
    }

    pub(crate) async fn is_closed(&mut self) -> bool {
        self.0.ready().await.is_err()
    }
}

async fn whole(response: Response<hyper::body::Incoming>) -> Response<Bytes> {
    let (head, body) = response.into_parts();
    Response::from_parts(head, Body::new(body).collect().await.unwrap().to_bytes())
}

pub(crate) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

pub(crate) fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// What the server says to these bytes until it closes.
pub(crate) async fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = server.connect().await;
    stream.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    // A reset counts as an end.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}
