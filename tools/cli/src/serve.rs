//! `schooner serve`: models behind HTTP until somebody says stop.

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, ModelOptions};
use crate::serve_listen::ListenOptions;
use crate::{compare, show};
use clap::Args;
use listen::{BindError, Patience, Routes};
use monitor::Metrics;
use recipe::Recipe;
use runtime::Model;
use serde::Serialize;
use server::{Limits, Servable, Service};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tensor::Tensor;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Serve models over HTTP: images and TensorFlow Serving's JSON on one route
///
/// Each model is loaded, run once as a self-test, and then answers
/// POST /v1/models/NAME:predict. SIGTERM or Ctrl-C ends the server after the requests that it
/// has accepted are answered.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner serve fashion.onnx
  schooner serve libfashion.so --listen 0.0.0.0:8080
  schooner serve cats.onnx --recipe imagenet --labels cats.txt
  curl -T shoe.jpg localhost:9000/v1/models/fashion:predict")]
pub(crate) struct Serve {
    /// Model files: .onnx, or libraries or packages that `schooner build` made
    #[arg(value_name = "MODEL", required = true)]
    models: Vec<PathBuf>,

    #[command(flatten)]
    options: ModelOptions,

    /// Address to listen on; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:9000", env = "SCHOONER_LISTEN")]
    listen: String,

    /// Name in the URL [default: the model's file without its suffix]
    #[arg(long, env = "SCHOONER_NAME")]
    name: Option<String>,

    /// Longest request body; k, M and G are powers of 1024
    #[arg(long, value_name = "BYTES", value_parser = bytes_of, default_value = "32M",
          env = "SCHOONER_MAX_BODY")]
    max_body: usize,

    /// How long accepted requests may take after the signal to stop, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 25, env = "SCHOONER_GRACE")]
    grace: u64,

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

/// One model that answers.
#[derive(Serialize)]
struct Ready {
    name: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    recipe: String,
    takes_images: bool,
    load_ms: f64,
    self_test_ms: f64,
    /// An input that fits on a line, for the printed command.
    #[serde(skip)]
    instance: Option<String>,
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
        let limits = Limits { max_body_bytes: self.max_body, ..Limits::default() };
        let limits = Limits {
            max_decompressed_bytes: limits.max_decompressed_bytes.max(self.max_body),
            max_buffered_bytes: limits.max_buffered_bytes.max(self.max_body),
            ..limits
        };
        let service = Service::new(limits, Metrics::new())
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
        let routes = Routes { rest, ..Routes::default() };
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

    fn load(&self, console: &Console, service: &Service) -> Result<Vec<Ready>, Error> {
        if self.name.is_some() && self.models.len() > 1 {
            return Err(Error::Usage("--name names one model, several are given".to_string()));
        }
        let mut names = BTreeSet::new();
        let mut ready = Vec::new();
        for path in &self.models {
            let (servable, model) = self.load_one(console, path)?;
            if !names.insert(model.name.clone()) {
                let (name, path) = (&model.name, path.display());
                return Err(Error::Usage(format!("{path}: there is a model `{name}` already")));
            }
            service.add(servable, Duration::from_secs_f64(model.load_ms / 1e3));
            ready.push(model);
        }
        Ok(ready)
    }

    fn load_one(&self, console: &Console, path: &Path) -> Result<(Servable, Ready), Error> {
        let start = Instant::now();
        let loaded = model::load(console, path, &self.options)?;
        let load_ms = start.elapsed().as_secs_f64() * 1e3;
        let model = loaded.model;
        let name = self.name.clone().unwrap_or_else(|| model.name().to_string());
        let start = Instant::now();
        self_test(&model)?;
        let self_test_ms = start.elapsed().as_secs_f64() * 1e3;
        let ready = Ready {
            name: name.clone(),
            inputs: model.signature().inputs.iter().map(show::port).collect(),
            outputs: model.signature().outputs.iter().map(show::port).collect(),
            recipe: loaded.recipe_why,
            takes_images: model.recipe().is_some(),
            load_ms,
            self_test_ms,
            instance: instance(&model),
        };
        let recipe = model.recipe().cloned();
        let servable = Servable::new(&name, Engine(model));
        let servable = match recipe {
            Some(recipe) => servable.with_recipe(Prepared(recipe)),
            None => servable,
        };
        Ok((servable, ready))
    }
}

/// One run on zeros: it must give numbers, and the first request need not bind the plan.
fn self_test(model: &Model) -> Result<(), Error> {
    let inputs = model.default_inputs()?;
    let outputs = model.run(&inputs.iter().collect::<Vec<_>>())?;
    let ports = model.signature().outputs.iter();
    match ports.zip(&outputs).find(|(_, tensor)| !compare::is_finite(tensor)) {
        None => Ok(()),
        Some((port, _)) => Err(Error::Failure(format!(
            "self-test of `{}`: output `{}` is not finite on an input of zeros; see `schooner \
             check`",
            model.name(),
            port.name
        ))),
    }
}

/// The model as the server knows it.
struct Engine(Model);

impl server::Engine for Engine {
    fn signature(&self) -> &plan::Signature {
        self.0.signature()
    }

    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        let inputs: Vec<&Tensor> = inputs.iter().collect();
        self.0.run(&inputs).map_err(|error| error.to_string())
    }
}

/// The recipe as the server knows it.
struct Prepared(Recipe);

impl server::ImageRecipe for Prepared {
    fn prepare(&self, image: &[u8]) -> Result<Tensor, String> {
        self.0.prepare(image).map_err(|error| error.to_string())
    }

    fn answer(&self, scores: &[f32]) -> Result<server::Answer, String> {
        let answer = self.0.answer(scores).map_err(|error| error.to_string())?;
        let class = |c: recipe::ClassScore| server::ClassScore {
            index: c.index,
            label: c.label,
            probability: c.probability,
        };
        Ok(server::Answer { classes: answer.classes.into_iter().map(class).collect() })
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

/// Elements of an input that is printed as a command.
const INSTANCE_MAX: usize = 16;

/// One row of zeros for a model with one small input.
fn instance(model: &Model) -> Option<String> {
    let [input] = model.signature().inputs.as_slice() else { return None };
    let [_, rest @ ..] = input.shape.as_slice() else { return None };
    let sizes: Vec<usize> = rest.iter().map(|d| d.known_size()).collect::<Option<_>>()?;
    if sizes.iter().product::<usize>() > INSTANCE_MAX {
        return None;
    }
    let row = |text: String, &size: &usize| format!("[{}]", vec![text; size].join(", "));
    Some(sizes.iter().rev().fold("0".to_string(), row))
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
            let Ready { name, recipe, load_ms, self_test_ms, .. } = model;
            let (inputs, outputs) = (model.inputs.join(", "), model.outputs.join(", "));
            writeln!(f, "{name}: {inputs} -> {outputs}")?;
            writeln!(f, "  recipe: {recipe}")?;
            writeln!(f, "  loaded in {load_ms:.0} ms, self-test passed in {self_test_ms:.1} ms")?;
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
