//! One connection from its first byte to its last.

use crate::activity::{Activity, Sent};
use crate::gate::Gate;
use crate::wire::Wire;
use crate::{Options, Tls, refused};
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

/// What all connections of a listener share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) gate: Gate,
    pub(crate) tls: Option<Tls>,
    pub(crate) options: Options,
    /// Turns true when idle connections are to be closed.
    pub(crate) closing: watch::Receiver<bool>,
}

/// Serves one connection to its end.
pub(crate) async fn connection(stream: TcpStream, peer: IpAddr, shared: Shared) {
    // Without it a reply waits for the client's acknowledgment of its first part. When it
    // fails the reply is only slower.
    let _ = stream.set_nodelay(true);
    let Some(tls) = &shared.tls else { return plain(stream, peer, shared).await };
    // A client that does not get through the handshake has been told why by TLS itself.
    let handshake = timeout(shared.options.head_timeout, tls.0.accept(stream));
    if let Ok(Ok(stream)) = handshake.await {
        match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => {
                over_http2(Wire::new(stream, shared.options.write_timeout), peer, shared).await
            }
            _ => plain(stream, peer, shared).await,
        }
    }
}

/// Finds out which version of HTTP it is.
async fn plain<IO>(io: IO, peer: IpAddr, shared: Shared)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Options { head_timeout, write_timeout, .. } = shared.options;
    let mut wire = Wire::new(io, write_timeout);
    let mut closing = shared.closing.clone();
    let found = tokio::select! {
        found = timeout(head_timeout, wire.begins_as_http2()) => found,
        // Whoever began to speak is heard out.
        () = must_close(&mut closing) => Ok(Ok(false)),
    };
    match found {
        Ok(Ok(true)) => over_http2(wire, peer, shared).await,
        Ok(Ok(false)) => over_http1(wire, peer, shared).await,
        Ok(Err(_)) => {}
        Err(_) => {
            let late = wire.has_begun().then_some(&shared.options);
            end(wire, late).await;
        }
    }
}

async fn over_http1<IO>(wire: Wire<IO>, peer: IpAddr, shared: Shared)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Shared { gate, options, mut closing, .. } = shared;
    let answer = service_fn(move |request: Request<Incoming>| {
        let gate = gate.clone();
        Box::pin(async move { gate.answer(peer, request).await })
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_timeout)
        .max_buf_size(options.max_head_bytes as usize)
        .serve_connection(TokioIo::new(wire), answer);
    let ended = tokio::select! {
        result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => Some(result),
        () = must_close(&mut closing) => None,
    };
    let result = match ended {
        Some(result) => result,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            poll_fn(|cx| connection.poll_without_shutdown(cx)).await
        }
    };
    let parts = connection.into_parts();
    // A head that began and did not end is owed an answer; an idle connection is not.
    let is_late = result.is_err_and(|error| error.is_timeout()) && !parts.read_buf.is_empty();
    end(parts.io.into_inner(), is_late.then_some(&options)).await;
}

async fn over_http2<IO>(wire: Wire<IO>, peer: IpAddr, shared: Shared)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Shared { gate, options, mut closing, .. } = shared;
    let activity = Activity::new();
    let begun = activity.clone();
    let answer = service_fn(move |request: Request<Incoming>| {
        let (gate, under_way) = (gate.clone(), begun.begin());
        async move {
            let response: Response<Body> = gate.answer(peer, request).await?;
            Ok::<_, Infallible>(response.map(|body| Sent::new(body, under_way)))
        }
    });
    let mut connection = pin!(
        http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(options.ping_interval)
            .keep_alive_timeout(options.head_timeout)
            .max_concurrent_streams(options.max_streams)
            .max_header_list_size(options.max_head_bytes)
            .serve_connection(TokioIo::new(wire), answer)
    );
    let is_idle = tokio::select! {
        _ = connection.as_mut() => return,
        () = must_close(&mut closing) => false,
        () = activity.idle_for(options.idle_timeout) => true,
    };
    connection.as_mut().graceful_shutdown();
    // How it ends matters to nobody: every request has been answered or is its client's loss.
    match is_idle {
        false => drop(connection.await),
        true => drop(timeout(options.write_timeout, connection).await),
    }
}

/// Resolves when idle connections are to be closed.
async fn must_close(closing: &mut watch::Receiver<bool>) {
    drop(closing.wait_for(|&is_closing| is_closing).await);
}

/// Closes in an orderly way; a head that is late gets its answer, for which the HTTP library has
/// no hook.
async fn end<IO: AsyncRead + AsyncWrite + Unpin>(mut wire: Wire<IO>, late: Option<&Options>) {
    if let Some(options) = late {
        let refusal = server::Refusal::ReadTimeout { seconds: options.head_timeout.as_secs() };
        let body = refused::error_json(&refusal);
        let mut response = format!(
            "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        response.extend_from_slice(&body);
        // It fails when the client is gone.
        let _ = wire.write_all(&response).await;
    }
    let _ = wire.shutdown().await;
}
