//! Connections: accepting, time limits on heads, and the graceful end.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use server::Service;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Limits on connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Longest time for a request's head, and for a connection without a request. 30 s: longer
    /// than the idle time of common client pools is rare, and a client that drips its head is
    /// gone soon.
    pub head_timeout: Duration,
    /// Longest pause within a body. 10 s: a mobile network recovers within it or not at all.
    pub body_idle_timeout: Duration,
    /// Longest time for a whole body. 120 s: the largest body at 2.2 Mbit/s.
    pub body_timeout: Duration,
    /// Most connections at one time; more wait in the system's backlog. 1024: the usual limit
    /// of open files, less what the server needs itself, is rarely lower.
    pub max_connections: usize,
    /// After the signal to stop, how long idle connections stay open for a request that is
    /// already on its way. 250 ms: a round trip around the world.
    pub linger: Duration,
    /// After the signal to stop, how long accepted requests may take. 25 s: Kubernetes kills
    /// after 30.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            head_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(120),
            max_connections: 1024,
            linger: Duration::from_millis(250),
            grace: Duration::from_secs(25),
        }
    }
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process, or this one, listens there.
    #[error("{0} is in use by another process; choose another port")]
    InUse(SocketAddr),
    /// The user may not listen there.
    #[error("no permission to listen on {0}; choose a port above 1023")]
    Denied(SocketAddr),
    /// The machine does not have this address.
    #[error("{0} is no address of this machine; listen on 127.0.0.1 or 0.0.0.0")]
    NotLocal(SocketAddr),
    /// Whatever else the system says.
    #[error("cannot listen on {0}: {1}")]
    Other(SocketAddr, io::Error),
}

/// How the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Connections that were closed after the grace period with a request still running.
    pub aborted: usize,
}

/// Listens on an address; port 0 takes any free one.
///
/// # Errors
/// When the system refuses; the error says what to do.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse(address),
        io::ErrorKind::PermissionDenied => BindError::Denied(address),
        io::ErrorKind::AddrNotAvailable => BindError::NotLocal(address),
        _ => BindError::Other(address, error),
    })
}

/// Serves until `shutdown` resolves, then stops gracefully: connections that the system already
/// accepted are served, every response closes its connection, idle connections are closed after
/// `linger`, and the call returns when the last request is answered or `grace` is over. The
/// service itself still runs: call [`Service::drain`] next.
pub async fn serve(
    listener: TcpListener,
    service: Service,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Summary {
    let (close, closing) = watch::channel(false);
    let mut server = Server {
        router: crate::router(service.clone(), &options),
        permits: Arc::new(Semaphore::new(options.max_connections)),
        connections: JoinSet::new(),
        closing,
        service,
        options,
    };
    tokio::pin!(shutdown);
    tokio::select! {
        () = &mut shutdown => {}
        () = server.accept_forever(&listener) => {}
    }
    server.service.begin_drain();
    server.accept_backlog(listener);
    server.finish(&close).await
}

struct Server {
    router: Router,
    permits: Arc<Semaphore>,
    connections: JoinSet<()>,
    closing: watch::Receiver<bool>,
    service: Service,
    options: Options,
}

impl Server {
    async fn accept_forever(&mut self, listener: &TcpListener) {
        loop {
            // The semaphore is never closed.
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => self.spawn(stream, permit),
                // The client is gone already, or the system is out of some resource: files
                // come back when connections end.
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
            while self.connections.try_join_next().is_some() {}
        }
    }

    /// Accepts what the system has accepted on our behalf before the signal, then listens no more.
    /// The system itself is asked: what the runtime knows of the socket may be older than the last
    /// connection.
    fn accept_backlog(&mut self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok(permit) = self.permits.clone().try_acquire_owned() {
            match listener.accept() {
                Ok((stream, _)) => {
                    let stream = stream.set_nonblocking(true).map(|()| stream);
                    if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                        self.spawn(stream, permit);
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn spawn(&mut self, stream: TcpStream, permit: OwnedSemaphorePermit) {
        let connection = connection(
            stream,
            TowerToHyperService::new(self.router.clone()),
            self.service.clone(),
            self.options.head_timeout,
            self.closing.clone(),
        );
        self.connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }

    async fn finish(mut self, close: &watch::Sender<bool>) -> Summary {
        let all = async |connections: &mut JoinSet<()>| {
            while connections.join_next().await.is_some() {}
        };
        let Options { linger, grace, .. } = self.options;
        if timeout(linger.min(grace), all(&mut self.connections)).await.is_ok() {
            return Summary { aborted: 0 };
        }
        // It fails when no connection listens, and then there is none to close.
        let _ = close.send(true);
        let _ = timeout(grace.saturating_sub(linger), all(&mut self.connections)).await;
        let aborted = self.connections.len();
        self.connections.shutdown().await;
        Summary { aborted }
    }
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    router: TowerToHyperService<Router>,
    service: Service,
    head_timeout: Duration,
    mut closing: watch::Receiver<bool>,
) {
    // Without it a reply waits for the client's acknowledgment of its first part. When it
    // fails the reply is only slower.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: Request<Incoming>| {
        let (answered, service) = (router.call(request), service.clone());
        Box::pin(async move {
            let mut response: axum::http::Response<Body> = answered.await?;
            if service.is_draining() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(header::CONNECTION, close);
            }
            Ok::<_, std::convert::Infallible>(response)
        })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), answer);
    let must_close = async { drop(closing.wait_for(|&is_closing| is_closing).await) };
    let ended = tokio::select! {
        result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(result),
        () = must_close => None,
    };
    let result = match ended {
        Some(result) => result,
        None => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    // A head that began and did not end is owed an answer; an idle connection is not.
    if result.is_err_and(|error| error.is_timeout()) && !parts.read_buf.is_empty() {
        // It fails when the client is gone.
        let _ = stream.write_all(&late_head(head_timeout)).await;
    }
    let _ = stream.shutdown().await;
}

/// The response to a head that did not arrive in time, which the HTTP library has no hook for.
fn late_head(head_timeout: Duration) -> Vec<u8> {
    let refusal = server::Refusal::ReadTimeout { seconds: head_timeout.as_secs() };
    let body = crate::response::error_json(&refusal);
    let mut response = format!(
        "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    response.extend_from_slice(&body);
    response
}

/// Does the error concern only the connection that was to be accepted?
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
