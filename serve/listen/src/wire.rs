//! A connection's bytes: those that were looked at come again, and a client that takes nothing
//! is given up.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How HTTP/2 begins when client and server know of each other that they speak it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection with limits.
#[derive(Debug)]
pub(crate) struct Wire<IO> {
    io: IO,
    /// Bytes that were looked at, to be read first.
    looked_at: Vec<u8>,
    write_timeout: Duration,
    /// Runs while the client takes nothing.
    stall: Option<Pin<Box<Sleep>>>,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Wire<IO> {
    pub(crate) fn new(io: IO, write_timeout: Duration) -> Wire<IO> {
        Wire { io, looked_at: Vec::new(), write_timeout, stall: None }
    }

    /// Does the connection begin as HTTP/2 does? Reads on until it is clear, which for HTTP/1.1
    /// is with the second byte at the latest: no method begins with `PRI`. Safe to drop at any
    /// time: what was read is kept.
    pub(crate) async fn begins_as_http2(&mut self) -> Result<bool> {
        loop {
            let mut piece = [0; PREFACE.len()];
            let free = &mut piece[self.looked_at.len()..];
            let count = self.io.read(free).await?;
            self.looked_at.extend_from_slice(&free[..count]);
            if count == 0 || !PREFACE.starts_with(&self.looked_at) {
                return Ok(false);
            }
            if self.looked_at.len() == PREFACE.len() {
                return Ok(true);
            }
        }
    }

    /// Did the client begin to say something that nobody has read?
    pub(crate) fn has_begun(&self) -> bool {
        !self.looked_at.is_empty()
    }

    /// Gives what a write gave, unless the client has taken nothing for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        if poll.is_ready() {
            self.stall = None;
            return poll;
        }
        let timeout = self.write_timeout;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes nothing")))
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Wire<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        if self.looked_at.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        let count = self.looked_at.len().min(buffer.remaining());
        buffer.put_slice(&self.looked_at[..count]);
        self.looked_at.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.unless_stalled(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let poll = Pin::new(&mut self.io).poll_write_vectored(cx, pieces);
        self.unless_stalled(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let poll = Pin::new(&mut self.io).poll_flush(cx);
        self.unless_stalled(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let poll = Pin::new(&mut self.io).poll_shutdown(cx);
        self.unless_stalled(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
