//! Taking an address.

use std::io;
use std::net::SocketAddr;
use tokio::net::TcpListener;

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
