//! `schooner serve`: models behind HTTP until somebody says stop.

mod clients;
mod loader;
mod sources;

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::ModelOptions;
use clap::Args;
use clients::ListenOptions;
use listen::{BindError, Patience, Routes};
use loader::{BatchingOptions, Journal, Loader, Ready};
use monitor::Metrics;
use serde::Serialize;
use server::{Control, Failure, Limits, Refusal, Repository, Service};
use sources::Sources;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serve models over HTTP: images and TensorFlow Serving's JSON on one route
///
/// Each model is loaded, tested and measured, and then answers POST /v1/models/NAME:predict. New
/// and changed files are loaded while the server runs, beside the versions that answer; one that
/// fails its test leaves the one before it. SIGTERM or Ctrl-C ends the server after the requests
/// that it has accepted are answered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner serve fashion.onnx
  schooner serve libfashion.so --listen 0.0.0.0:8080
  schooner serve cats.onnx --recipe imagenet --labels cats.txt
  schooner serve models/             # model files, or NAME/VERSION/model.onnx
  schooner serve --models-config models.config
  curl -T shoe.jpg localhost:9000/v1/models/fashion:predict")]
pub(crate) struct Serve {
    #[command(flatten)]
    sources: Sources,

    #[command(flatten)]
    options: ModelOptions,

    /// Address to listen on; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:9000", env = "SCHOONER_LISTEN")]
    listen: String,

    /// Longest request body; k, M and G are powers of 1024
    #[arg(long, value_name = "BYTES", value_parser = bytes_of, default_value = "32M",
          env = "SCHOONER_MAX_BODY")]
    max_body: usize,

    /// How long accepted requests may take after the signal to stop, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 25, env = "SCHOONER_GRACE")]
    grace: u64,

    #[command(flatten)]
    batching: BatchingOptions,

    #[command(flatten)]
    clients: ListenOptions,
}

/// The server that now runs.
#[derive(Serialize)]
struct Started {
    address: SocketAddr,
    scheme: &'static str,
    models: Vec<Ready>,
    startup_ms: f64,
}

impl Serve {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let start = Instant::now();
        let reactor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Failure(format!("the system grants no event loop: {e}")))?;
        // Before models are loaded: what is wrong here should not cost their loading time.
        let guard = self.clients.guard()?;
        let listener = reactor.block_on(self.bind())?;
        let service = Service::new(self.limits(), Metrics::new())
            .map_err(|e| Error::Failure(format!("the system grants no threads: {e}")))?;
        let models = self.load(console, &service)?;
        let address = listener
            .local_addr()
            .map_err(|e| Error::Failure(format!("the socket has no address: {e}")))?;
        let startup_ms = start.elapsed().as_secs_f64() * 1e3;
        let scheme = if guard.tls.is_some() { "https" } else { "http" };
        console.result(&Started { address, scheme, models, startup_ms });
        let options = listen::Options {
            grace: Duration::from_secs(self.grace),
            ..listen::Options::default()
        };
        let rest = rest::router(service.clone(), Patience::from(&options));
        let grpc = grpc::router(service.clone(), Patience::from(&options));
        let routes = Routes { rest, grpc };
        let summary = reactor.block_on(async {
            let stop = stop_signal(console)?;
            let served = listen::serve(listener, routes, guard, service.clone(), options, stop);
            Ok::<_, Error>(served.await)
        })?;
        service.drain();
        match summary.aborted {
            0 => console.info("stopped: every accepted request is answered"),
            n => console.info(format_args!("stopped: {n} requests took longer than --grace")),
        }
        Ok(if summary.aborted == 0 { Exit::Ok } else { Exit::Failure })
    }

    fn limits(&self) -> Limits {
        let limits = Limits::default();
        Limits {
            max_body_bytes: self.max_body,
            max_decompressed_bytes: limits.max_decompressed_bytes.max(self.max_body),
            max_buffered_bytes: limits.max_buffered_bytes.max(self.max_body),
            ..limits
        }
    }

    /// Loads what there is, and goes on looking when that was asked for. A file that was named
    /// must be served; of what lies in folders, what can be.
    fn load(&self, console: &Console, service: &Service) -> Result<Vec<Ready>, Error> {
        let files = self.sources.open(console)?;
        files.settle()?;
        let journal = Journal::open();
        let workers = service.limits().workers.get();
        let loader = Loader::new(console, &self.options, &self.batching, workers, journal.clone());
        let (control, room) = (self.sources.control(), self.options.memory_bytes());
        let repository = Arc::new(Repository::new(loader, files, control, room));
        service.set_repository(repository.clone());
        repository.refresh(service).map_err(|refusal| Error::Usage(refusal.to_string()))?;
        let mut ready = Vec::new();
        let mut failed = Vec::new();
        for entry in journal.close() {
            match entry {
                Ok(model) => ready.push(model),
                Err(error) => failed.push(error),
            }
        }
        if self.sources.are_files() || ready.is_empty() {
            failed.pop().map_or(Ok(()), Err)?;
        }
        failed.iter().for_each(|error| console.info(format_args!("not served: {error}")));
        if control == Control::Poll {
            self.watch(console, service, repository)?;
        }
        Ok(ready)
    }

    fn watch(
        &self,
        console: &Console,
        service: &Service,
        repository: Arc<Repository>,
    ) -> Result<(), Error> {
        let (service, console) = (service.clone(), console.clone());
        let interval = self.sources.interval();
        let mut last = None;
        let report = move |refreshed: Result<Vec<Failure>, Refusal>| match refreshed {
            Ok(failures) => {
                last = None;
                for failure in failures {
                    console.info(Refusal::from(failure));
                }
            }
            Err(refusal) => {
                let text = refusal.to_string();
                if last.as_ref() != Some(&text) {
                    console.info(&text);
                }
                last = Some(text);
            }
        };
        let watch = move || server::watch(&repository, &service, interval, report);
        let thread = std::thread::Builder::new().name("watch".to_string()).spawn(watch);
        thread.map_err(|e| Error::Failure(format!("the system grants no threads: {e}")))?;
        Ok(())
    }

    async fn bind(&self) -> Result<TcpListener, Error> {
        let mut addresses = self.listen.to_socket_addrs().map_err(|e| {
            let found = &self.listen;
            Error::Usage(format!("--listen {found}: expected HOST:PORT as 127.0.0.1:9000: {e}"))
        })?;
        let address = addresses.next().ok_or_else(|| {
            Error::Unreachable(format!("--listen {}: the name has no address", self.listen))
        })?;
        listen::bind(address).await.map_err(|error| {
            let fix = match &error {
                BindError::InUse(_) => "; --listen 127.0.0.1:0 takes any free port",
                BindError::Denied(_) | BindError::NotLocal(_) | BindError::Other(..) => "",
            };
            Error::Unreachable(format!("--listen: {error}{fix}"))
        })
    }
}

/// Resolves at SIGTERM or SIGINT.
fn stop_signal(console: &Console) -> Result<impl Future<Output = ()>, Error> {
    let on = |kind| {
        signal(kind).map_err(|e| Error::Failure(format!("the system grants no signals: {e}")))
    };
    let (mut terminate, mut interrupt) =
        (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        console.info("stopping: requests that are accepted are still answered");
    })
}

/// Parses `32M`.
fn bytes_of(text: &str) -> Result<usize, String> {
    let split = text.trim_end_matches(char::is_alphabetic);
    let shift = match &text[split.len()..] {
        "" => 0,
        "k" | "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        unit => return Err(format!("expected k, M or G after the number, found `{unit}`")),
    };
    let number: usize = split.parse().map_err(|_| "expected a number as 32M".to_string())?;
    number.checked_mul(1 << shift).ok_or_else(|| "more than memory can hold".to_string())
}

impl fmt::Display for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base = format!("{}://{}/v1/models", self.scheme, self.address);
        for model in &self.models {
            let (inputs, outputs) = (model.inputs.join(", "), model.outputs.join(", "));
            writeln!(f, "{}: {inputs} -> {outputs}", model.name)?;
            writeln!(f, "  recipe: {}", model.recipe)?;
            writeln!(f, "  loaded {model}")?;
        }
        writeln!(
            f,
            "listening on {}://{} after {:.0} ms",
            self.scheme, self.address, self.startup_ms
        )?;
        for model in &self.models {
            let url = quoted(format_args!("{base}/{}:predict", model.name));
            if model.takes_images {
                writeln!(f, "  curl -T picture.jpg {url}")?;
            }
            if let Some(instance) = &model.instance {
                writeln!(f, "  curl -d '{{\"instances\": [{instance}]}}' {url}")?;
            }
            writeln!(f, "  curl {base}/{}/metadata", model.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::bytes_of;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [("100", 100), ("2k", 2048), ("32M", 32 << 20), ("1GiB", 1 << 30)] {
            assert_eq!(bytes_of(text), Ok(expected), "{text}");
        }
        for text in ["", "M", "1X", "-1", "99999999999G"] {
            bytes_of(text).unwrap_err();
        }
    }
}
