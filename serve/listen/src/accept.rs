//! Accepting connections, and the graceful end.

use crate::connection::{Shared, connection};
use crate::gate::Gate;
use crate::{Guard, Options, Routes};
use server::Service;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Connections that were closed after the grace period with a request still running.
    pub aborted: usize,
}

/// Serves until `shutdown` resolves, then stops gracefully: connections that the system already
/// accepted are served, every response over HTTP/1.1 closes its connection, idle connections are
/// closed after `linger`, and the call returns when the last request is answered or `grace` is
/// over. The service itself still runs.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    guard: Guard,
    service: Service,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Summary {
    let (close, closing) = watch::channel(false);
    let mut server = Server {
        permits: Arc::new(Semaphore::new(options.max_connections)),
        connections: JoinSet::new(),
        shared: Shared {
            gate: Gate::new(routes, &guard, service.clone()),
            tls: guard.tls,
            options,
            closing,
        },
    };
    tokio::pin!(shutdown);
    tokio::select! {
        () = &mut shutdown => {}
        () = server.accept_forever(&listener) => {}
    }
    service.begin_drain();
    server.accept_backlog(listener);
    server.finish(&close).await
}

struct Server {
    permits: Arc<Semaphore>,
    connections: JoinSet<()>,
    shared: Shared,
}

impl Server {
    async fn accept_forever(&mut self, listener: &TcpListener) {
        loop {
            // The semaphore is never closed.
            let Ok(permit) = self.permits.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => self.spawn(stream, peer, permit),
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
                Ok((stream, peer)) => {
                    let stream = stream.set_nonblocking(true).map(|()| stream);
                    if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                        self.spawn(stream, peer, permit);
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return,
            }
        }
    }

    fn spawn(&mut self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        let connection = connection(stream, peer.ip(), self.shared.clone());
        self.connections.spawn(async move {
            connection.await;
            drop(permit);
        });
    }

    async fn finish(mut self, close: &watch::Sender<bool>) -> Summary {
        let all = async |connections: &mut JoinSet<()>| {
            while connections.join_next().await.is_some() {}
        };
        let Options { linger, grace, .. } = self.shared.options;
        if timeout(linger.min(grace), all(&mut self.connections)).await.is_ok() {
            return Summary { aborted: 0 };
        }
        // The server's own receiver listens, so that it cannot fail.
        let _ = close.send(true);
        let _ = timeout(grace.saturating_sub(linger), all(&mut self.connections)).await;
        let aborted = self.connections.len();
        self.connections.shutdown().await;
        Summary { aborted }
    }
}

/// Does the error concern only the connection that was to be accepted?
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
