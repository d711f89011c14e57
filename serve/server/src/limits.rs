//! The numbers that bound every body, queue and wait, each with its defence.

use std::num::NonZeroUsize;
use std::time::Duration;

/// What the server is willing to hold at one time. Every limit refuses, none truncates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest request body in bytes as received. 32 MiB: a camera's largest JPEG is under
    /// 30 MB, and 50 images of 3x224x224 fit as JSON numbers.
    pub max_body_bytes: usize,
    /// Longest request body in bytes after decompression. 128 MiB: JSON compresses about four
    /// times, so an honest body of the largest size still fits, while a gzip bomb (a thousand
    /// times) stops here.
    pub max_decompressed_bytes: usize,
    /// Bytes of request bodies, and of answers that are not sent yet, that all requests together
    /// may hold. 512 MiB: sixteen bodies of the largest size, and room for thousands of ordinary
    /// ones.
    pub max_buffered_bytes: usize,
    /// Most images in one request. 128: at 10 ms an image a worker is done in 1.3 s; more would
    /// hold it for longer than other requests like to wait.
    pub max_images: usize,
    /// Most jobs of one version of a model that wait for a worker. 256: at 5 ms a job on two
    /// workers the last one waits 0.6 s, after which a client does better to retry elsewhere.
    pub queue_length: usize,
    /// Threads that decode, run and encode. One for each CPU that the process may use: more
    /// would only make each request slower.
    pub workers: NonZeroUsize,
    /// Threads that read requests ahead while every worker runs. None: a processor that a worker
    /// computes on would only change hands, so there may be as many as processors are left over.
    pub readers: usize,
    /// Longest time from the received body to the reply; `None` waits for ever. 30 s: what
    /// TensorFlow Serving grants (`rest_api_timeout_in_ms`).
    pub request_timeout: Option<Duration>,
    /// May clients pass tensors through the system's shared memory? Not by default: who may name
    /// memory may read and change that of other programs, so the server must listen to this
    /// machine only.
    pub shares_memory: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_body_bytes: 32 << 20,
            max_decompressed_bytes: 128 << 20,
            max_buffered_bytes: 512 << 20,
            max_images: 128,
            queue_length: 256,
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            readers: 0,
            request_timeout: Some(Duration::from_secs(30)),
            shares_memory: false,
        }
    }
}
