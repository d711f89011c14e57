//! `schooner serve`: models behind HTTP until somebody says stop.

mod clients;
#[cfg(test)]
mod cycles;
mod idle;
mod listeners;
mod loader;
mod sources;
mod telemetry;

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::ModelOptions;
use clap::Args;
use clients::ListenOptions;
use listeners::{Listen, Listeners, Role};
use loader::{BatchingOptions, Journal, Loader, Ready};
use serde::Serialize;
use server::{Control, Failure, Limits, Refusal, Repository, Service};
use sources::Sources;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use telemetry::Telemetry;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

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

    /// Address to listen on, port 0 takes any free one; or the ports of another server, each of
    /// which answers as that server does: triton=HTTP,GRPC,METRICS or
    /// torchserve=INFERENCE,MANAGEMENT,METRICS, on this machine only unless a host and a colon
    /// stand before the first port; or manage=PORT, where models are loaded and settings changed
    /// while other addresses are open to all; may be given again
    #[arg(long, value_name = "ADDRESS|NAME=PORTS", default_value = "127.0.0.1:9000",
          value_parser = Listen::parse, env = "SCHOONER_LISTEN")]
    listen: Vec<Listen>,

    /// Longest request body; k, M and G are powers of 1024
    #[arg(long, value_name = "BYTES", value_parser = bytes_of, default_value = "32M",
          env = "SCHOONER_MAX_BODY")]
    max_body: usize,

    /// How long accepted requests may take after the signal to stop, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 25, env = "SCHOONER_GRACE")]
    grace: u64,

    /// Threads that decode, run and encode requests [default: the processors that this process may
    /// use]
    #[arg(long, value_name = "N", env = "SCHOONER_WORKERS")]
    workers: Option<std::num::NonZeroUsize>,

    /// Let requests name shared memory of this machine (Triton's extension)
    #[arg(long, env = "SCHOONER_SHARED_MEMORY")]
    shared_memory: bool,

    #[command(flatten)]
    batching: BatchingOptions,

    #[command(flatten)]
    clients: ListenOptions,

    #[command(flatten)]
    telemetry: Telemetry,
}

/// The server that now runs.
#[derive(Serialize)]
struct Started {
    address: SocketAddr,
    scheme: &'static str,
    listeners: Vec<Listening>,
    models: Vec<Ready>,
    startup_ms: f64,
}

/// One port.
#[derive(Serialize)]
struct Listening {
    address: SocketAddr,
    protocol: &'static str,
}

impl Serve {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let start = Instant::now();
        // Models come and go while the server runs.
        runtime::bound_freed_memory();
        let reactor = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Failure(format!("the system grants no event loop: {e}")))?;
        // Before models are loaded: what is wrong here should not cost their loading time.
        let guard = self.clients.guard()?;
        let listeners = reactor.block_on(Listeners::bind(&self.listen))?;
        self.check_reach(&listeners, guard.keys.is_some())?;
        let metrics = self.telemetry.metrics()?;
        let service = Service::new(self.limits(console), metrics)
            .map_err(|e| Error::Failure(format!("the system grants no threads: {e}")))?;
        let _log = self.telemetry.start_log(console);
        let models = self.load(console, &service)?;
        let store = self.sources.model_store(&service)?;
        let startup_ms = start.elapsed().as_secs_f64() * 1e3;
        let scheme = if guard.tls.is_some() { "https" } else { "http" };
        let addresses = listeners.addresses().into_iter();
        let listening =
            |(role, address): (Role, SocketAddr)| Listening { address, protocol: role.name() };
        let listening: Vec<Listening> = addresses.map(listening).collect();
        let address = listening.first().map(|first| first.address);
        let address = address.ok_or_else(|| Error::Usage("--listen: no address".to_string()))?;
        console.result(&Started { address, scheme, listeners: listening, models, startup_ms });
        let options = listen::Options {
            grace: Duration::from_secs(self.grace),
            ..listen::Options::default()
        };
        let summary = reactor.block_on(async {
            let stop = stop_signal()?;
            tokio::spawn(idle::give_back(service.clone()));
            Ok::<_, Error>(listeners.serve(&service, &guard, &options, store, stop).await)
        })?;
        service.metrics().flush();
        // Every answer that anybody waits for is sent: the process ends whether or not a model
        // still loads or a worker is busy for a client that has gone.
        reactor.shutdown_background();
        match summary.aborted {
            0 => info!("stopped: every accepted request is answered"),
            n => info!("stopped: {n} requests took longer than --grace"),
        }
        Ok(if summary.aborted == 0 { Exit::Ok } else { Exit::Failure })
    }

    /// Refuses to let strangers load models or name memory.
    fn check_reach(&self, listeners: &Listeners, has_keys: bool) -> Result<(), Error> {
        let addresses = listeners.addresses();
        let is_open = |(_, address): &&(Role, SocketAddr)| listeners::is_open(address, has_keys);
        let Some((_, open)) = addresses.iter().find(is_open) else { return Ok(()) };
        let manage = addresses.iter().filter(is_open).find(|(role, _)| *role == Role::Manage);
        let mut guarded = addresses.iter().filter(|address| !is_open(address));
        let is_explicit = self.sources.control() == Control::Explicit;
        let (flag, address, fix) = match manage {
            Some((_, address)) => ("--listen manage=…", address, ", or let it be local"),
            None if self.shared_memory => ("--shared-memory", open, ""),
            None if is_explicit && !guarded.any(|(role, _)| role.takes_changes()) => {
                ("--control explicit", open, ", or --listen manage=127.0.0.1:9001")
            }
            None => return Ok(()),
        };
        let reason = "lets whoever reaches it change what is served or read memory";
        Err(Error::Usage(format!("{flag} at {address} {reason}: add --api-keys{fix}")))
    }

    fn limits(&self, console: &Console) -> Limits {
        let limits = Limits::default();
        let workers = self.workers.unwrap_or(limits.workers);
        // One of the workers runs on all threads of the pool, the others on their own.
        let busy = (workers.get() - 1).saturating_add(console.threads());
        let readers = limits.workers.get().saturating_sub(busy).min(workers.get());
        Limits {
            shares_memory: self.shared_memory,
            max_body_bytes: self.max_body,
            max_decompressed_bytes: limits.max_decompressed_bytes.max(self.max_body),
            max_buffered_bytes: limits.max_buffered_bytes.max(self.max_body),
            workers,
            readers,
            ..limits
        }
    }

    /// Loads what there is, and goes on looking when that was asked for. A file that was named
    /// must be served; of what lies in folders, what can be.
    fn load(&self, console: &Console, service: &Service) -> Result<Vec<Ready>, Error> {
        let files = self.sources.open()?;
        files.settle()?;
        let journal = Journal::open();
        let workers = service.limits().workers.get();
        let loader = Loader::new(console, &self.options, &self.batching, workers, journal.clone());
        let (control, room) = (self.sources.control(), self.options.memory_bytes());
        let loader = if control == Control::Fixed { loader } else { loader.reading() };
        let repository = Arc::new(Repository::new(loader, files, control, room));
        service.set_repository(repository.clone());
        let failures = repository.refresh(service);
        let failures = failures.map_err(|refusal| Error::Usage(refusal.to_string()))?;
        let mut ready = Vec::new();
        let mut failed = Vec::new();
        for entry in journal.close() {
            match entry {
                Ok(model) => ready.push(model),
                Err(error) => failed.push(error),
            }
        }
        // Of a single model the error itself says enough.
        if ready.len() + failures.len() > 1 {
            for failure in failures {
                warn!("not served: {}", Refusal::from(failure));
            }
        }
        if self.sources.are_files() || ready.is_empty() {
            failed.into_iter().next().map_or(Ok(()), Err)?;
        }
        match (ready.is_empty(), control) {
            (false, _) => {}
            (true, Control::Fixed) => {
                let reason = "there is nothing to serve; with --control poll what comes is served";
                return Err(Error::Failure(reason.to_string()));
            }
            (true, Control::Poll | Control::Explicit) => {
                warn!("there is nothing to serve yet");
            }
        }
        if control != Control::Fixed {
            self.watch(service, repository)?;
        }
        Ok(ready)
    }

    fn watch(&self, service: &Service, repository: Arc<Repository>) -> Result<(), Error> {
        let service = service.clone();
        let interval = self.sources.interval();
        let mut last = None;
        let report = move |refreshed: Result<Vec<Failure>, Refusal>| match refreshed {
            Ok(failures) => {
                last = None;
                for failure in failures {
                    warn!("{}", Refusal::from(failure));
                }
            }
            Err(refusal) => {
                let text = refusal.to_string();
                if last.as_ref() != Some(&text) {
                    warn!("{text}");
                }
                last = Some(text);
            }
        };
        let watch = move || server::watch(&repository, &service, interval, report);
        let thread = std::thread::Builder::new().name("watch".to_string()).spawn(watch);
        thread.map_err(|e| Error::Failure(format!("the system grants no threads: {e}")))?;
        Ok(())
    }
}

/// Resolves at SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()>, Error> {
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
        info!("stopping: requests that are accepted are still answered");
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
        let base = format!("{}://{}", self.scheme, self.address);
        for model in &self.models {
            let (inputs, outputs) = (model.inputs.join(", "), model.outputs.join(", "));
            writeln!(f, "{}: {inputs} -> {outputs}", model.name)?;
            writeln!(f, "  recipe: {}", model.recipe)?;
            writeln!(f, "  loaded {model}")?;
        }
        for Listening { address, protocol } in &self.listeners[1..] {
            writeln!(f, "listening on {}://{address} for {protocol}", self.scheme)?;
        }
        let (scheme, address, startup_ms) = (self.scheme, self.address, self.startup_ms);
        writeln!(f, "listening on {scheme}://{address} after {startup_ms:.0} ms")?;
        for model in &self.models {
            let path = format!("{base}{}", rest::path(&model.name));
            let url = quoted(format_args!("{path}:predict"));
            if model.takes_images {
                writeln!(f, "  curl -T picture.jpg {url}")?;
            }
            if let Some(instance) = &model.instance {
                writeln!(f, "  curl -d '{{\"instances\": [{instance}]}}' {url}")?;
            }
            writeln!(f, "  curl {}", quoted(format_args!("{path}/metadata")))?;
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
