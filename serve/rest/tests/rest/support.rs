//! A server on a real socket with small models, and a client that sends exact bytes.

use listen::{Guard, Options, Patience, Routes, Summary};
use servables::{brightness, echo, half_plus_two, n, pair};
use server::{Limits, Servable, Service};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use tensor::{DType, Dim};
use tokio::sync::oneshot;

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) service: Service,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Summary>>,
}

impl Server {
    /// A server with all models above.
    pub(crate) fn start() -> Server {
        let models = vec![
            half_plus_two(),
            pair(),
            brightness("brightness"),
            echo("rows", DType::F32, vec![n(), Dim::from(2)]),
            echo("bools", DType::Bool, vec![n()]),
            echo("bytes", DType::U8, vec![n()]),
            echo("doubles", DType::F64, vec![Dim::symbol("a"), Dim::symbol("b")]),
        ];
        Server::with(Limits::default(), Options::default(), models)
    }

    pub(crate) fn with(limits: Limits, options: Options, models: Vec<Servable>) -> Server {
        Server::routed(rest::router, limits, options, models)
    }

    /// A server whose only listener stands in for Triton.
    pub(crate) fn triton(limits: Limits, options: Options, models: Vec<Servable>) -> Server {
        Server::routed(rest::triton, limits, options, models)
    }

    /// A server whose only listener is Triton's port for metrics.
    pub(crate) fn triton_metrics(models: Vec<Servable>) -> Server {
        let router = |service, _| rest::triton_metrics(service);
        Server::routed(router, Limits::default(), Options::default(), models)
    }

    /// A server whose only listener is one that anybody may reach.
    pub(crate) fn for_anybody(models: Vec<Servable>) -> Server {
        let router = |service: Service, patience| rest::router(service.for_anybody(), patience);
        Server::routed(router, Limits::default(), Options::default(), models)
    }

    fn routed(
        router: fn(Service, Patience) -> axum::Router,
        limits: Limits,
        options: Options,
        models: Vec<Servable>,
    ) -> Server {
        let service = Service::new(limits, monitor::Metrics::new()).unwrap();
        for model in models {
            service.add(model, Duration::ZERO);
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = std::sync::mpsc::channel();
        let served = service.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = listen::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                let rest = router(served.clone(), Patience::from(&options));
                let routes = Routes { rest, ..Routes::default() };
                let stop = async { drop(stopped.await) };
                listen::serve(listener, routes, Guard::default(), served, options, stop).await
            })
        });
        let address = address.recv().unwrap();
        Server { address, service, stop: Some(stop), thread: Some(thread) }
    }

    /// What SIGTERM does.
    pub(crate) fn signal(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until the server has ended by itself.
    pub(crate) fn join(&mut self) -> Summary {
        self.thread.take().unwrap().join().unwrap()
    }

    pub(crate) fn stop(&mut self) -> Summary {
        self.signal();
        self.join()
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on its own connection.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
        self.connect().send(method, path, headers, body)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"")
    }

    /// `:predict` with JSON.
    pub(crate) fn predict(&self, model: &str, body: &str) -> Response {
        self.send("POST", &format!("/v1/models/{model}:predict"), &[], body.as_bytes())
    }

    pub(crate) fn has_metric(&self, line: &str) -> bool {
        self.get("/metrics").text().lines().any(|found| found == line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal();
    }
}

/// A connection that is kept alive.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// Bytes that were received and not yet read.
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, buffer: Vec::new() }
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Response {
        self.try_send(method, path, headers, body).unwrap()
    }

    pub(crate) fn try_send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &[u8],
    ) -> std::io::Result<Response> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\n");
        for header in headers {
            request.push_str(&format!("{header}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.stream.write_all(&bytes)?;
        self.receive(method == "HEAD")
    }

    /// Bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    pub(crate) fn receive(&mut self, is_head: bool) -> std::io::Result<Response> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            self.fill()?;
        };
        let head = String::from_utf8(self.buffer.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: BTreeMap<String, String> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_string()))
            .collect();
        let length = headers.get("content-length").map_or(0, |v| v.parse::<usize>().unwrap());
        let length = if is_head { 0 } else { length };
        while self.buffer.len() < length {
            self.fill()?;
        }
        let body = self.buffer.drain(..length).collect();
        Ok(Response { status, headers, body })
    }

    /// Has the server closed the connection in an orderly way?
    pub(crate) fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0))
    }

    fn fill(&mut self) -> std::io::Result<()> {
        let mut piece = [0; 65536];
        let count = self.stream.read(&mut piece)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(())
    }
}

impl Response {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The words of `{"error": …}`.
    pub(crate) fn error(&self) -> String {
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(self.header("content-type"), "application/json");
        value["error"].as_str().unwrap().to_string()
    }
}
