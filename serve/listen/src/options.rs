//! The numbers that bound every connection, each with its defense.

use std::time::Duration;

/// Limits on connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Longest time for a request's head or a TLS handshake, and for an HTTP/1.1 connection
    /// without a request. 30 s: longer than the idle time of common client pools is rare, and a
    /// client that drips its head is gone soon.
    pub head_timeout: Duration,
    /// Longest pause within a body. 10 s: a mobile network recovers within it or not at all.
    pub body_idle_timeout: Duration,
    /// Longest time for a whole body. 120 s: the largest body at 2.2 Mbit/s.
    pub body_timeout: Duration,
    /// Longest time in which a client takes no byte of what it is sent. 60 s: whoever reads
    /// slower than that is gone.
    pub write_timeout: Duration,
    /// Longest time of an HTTP/2 connection without a request; it is then asked to end. 300 s:
    /// gRPC clients hold one connection for long and open another without a word when it ends.
    pub idle_timeout: Duration,
    /// How often an HTTP/2 connection is asked whether its other end still lives. 60 s: what
    /// stands between, forgets connections after some minutes.
    pub ping_interval: Duration,
    /// Most connections at one time; more wait in the system's backlog. 1024: the usual limit
    /// of open files, less what the server needs itself, is rarely lower.
    pub max_connections: usize,
    /// Most requests at one time on one HTTP/2 connection; a client waits with more. 256: as
    /// many as the queue holds, so that one connection can fill it.
    pub max_streams: u32,
    /// Longest head of a request in bytes. 32 KiB: twice what common servers take, for tokens
    /// that grew; the bytes are kept for as long as the request.
    pub max_head_bytes: u32,
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
            write_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            ping_interval: Duration::from_secs(60),
            max_connections: 1024,
            max_streams: 256,
            max_head_bytes: 32 << 10,
            linger: Duration::from_millis(250),
            grace: Duration::from_secs(25),
        }
    }
}
