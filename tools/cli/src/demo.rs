//! `schooner demo`: the whole way once, on a small model, with the commands a user would type.

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::http;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// Serve, ask, build a library and serve that: the whole way on a small model
///
/// DIR holds a model in .onnx and a folder `samples` of images.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner demo
  schooner demo examples/fashion")]
pub(crate) struct Demo {
    /// Folder with a model and samples
    #[arg(value_name = "DIR", default_value = "examples/fashion", env = "SCHOONER_DEMO")]
    folder: PathBuf,
}

impl Demo {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let model = first_file(&self.folder, &["onnx"])?;
        let sample = first_file(&self.folder.join("samples"), &["jpg", "jpeg", "png", "webp"])?;
        let image = std::fs::read(&sample).map_err(|e| Error::of_file(&sample, e))?;
        let out = std::env::temp_dir().join("schooner-demo");
        std::fs::create_dir_all(&out).map_err(|e| Error::of_file(&out, e))?;
        let stem = crate::model::name_of(&model);
        let library = out.join(format!("lib{stem}.so"));

        let from_model = served(&model, &sample, &image)?;
        told(&["build", &shown(&model), "-o", &shown(&library)])?;
        told(&["run", &shown(&library), "--image", &shown(&sample)])?;
        let from_library = served(&library, &sample, &image)?;

        if from_model != from_library {
            say("The library answered other bytes than the model.")?;
            return Ok(Exit::No);
        }
        say("The library answered the same bytes as the model.")?;
        console.next(format_args!("schooner serve {}", quoted(model.display())));
        Ok(Exit::Ok)
    }
}

/// Starts a server on a free port, sends it an image, stops it; gives the answer's bytes.
fn served(model: &Path, sample: &Path, image: &[u8]) -> Result<Vec<u8>, Error> {
    let words = ["serve", &shown(model), "--listen", "127.0.0.1:0"];
    let mut server = Server::start(&words)?;
    let (address, path) = server.address_and_path()?;
    say(&format!("$ curl -T {} http://{address}{path}", shown(sample)))?;
    let failed = |e: std::io::Error| Error::Unreachable(format!("http://{address}{path}: {e}"));
    let response = http::put(&address, &path, image).map_err(failed)?;
    say(String::from_utf8_lossy(&response.body).trim_end())?;
    if response.status != 200 {
        let status = response.status;
        return Err(Error::Failure(format!("expected status 200, found {status}")));
    }
    say("$ kill -TERM the server")?;
    server.stop()?;
    say("")?;
    Ok(response.body)
}

/// A server of our own program; killed when it is dropped without having been stopped.
struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    fn start(words: &[&str]) -> Result<Server, Error> {
        say(&format!("$ schooner {}", words.join(" ")))?;
        let mut process = program(words)?.stdout(Stdio::piped()).spawn().map_err(unstarted)?;
        let stdout = process.stdout.take().map(BufReader::new);
        let stdout = stdout.ok_or_else(|| Error::Failure("the server has no output".into()))?;
        Ok(Server { process, stdout })
    }

    /// Prints what the server prints up to its first command to try, and reads it from there.
    fn address_and_path(&mut self) -> Result<(String, String), Error> {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.stdout.read_line(&mut line).map_err(unstarted)?;
            if read == 0 {
                return Err(Error::Failure("the server ended before it listened".to_string()));
            }
            say(line.trim_end())?;
            let url = line.trim().strip_prefix("curl -T ").and_then(|rest| {
                rest.split_once("http://").and_then(|(_, rest)| rest.split_once('/'))
            });
            if let Some((address, path)) = url {
                let path = path.trim_end_matches('\'');
                return Ok((address.to_string(), format!("/{path}")));
            }
        }
    }

    fn stop(mut self) -> Result<(), Error> {
        if let Some(id) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let failed = |e| Error::Failure(format!("cannot stop the server: {e}"));
            kill_process(id, Signal::TERM).map_err(failed)?;
        }
        let status = self.process.wait().map_err(unstarted)?;
        if status.success() {
            return Ok(());
        }
        Err(Error::Failure(format!("the server ended with {status}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails when the server has ended, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs one of our own commands with its output in the transcript.
fn told(words: &[&str]) -> Result<(), Error> {
    say(&format!("$ schooner {}", words.join(" ")))?;
    let mut process = program(words)?.stdout(Stdio::piped()).spawn().map_err(unstarted)?;
    let mut text = String::new();
    if let Some(stdout) = &mut process.stdout {
        stdout.read_to_string(&mut text).map_err(unstarted)?;
    }
    let status = process.wait().map_err(unstarted)?;
    say(&text)?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failure(format!("the command ended with {status}")))
}

fn program(words: &[&str]) -> Result<Command, Error> {
    let path = std::env::current_exe().map_err(unstarted)?;
    let mut command = Command::new(path);
    command.arg("--quiet").args(words).stdin(Stdio::null());
    // The transcript is of commands as they are typed: nothing comes from the environment.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCHOONER_") && name != "SCHOONER_THREADS" {
            command.env_remove(name);
        }
    }
    Ok(command)
}

/// A line of the transcript.
fn say(line: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    written.map_err(|e| Error::Failure(format!("cannot write the transcript: {e}")))
}

fn first_file(folder: &Path, suffixes: &[&str]) -> Result<PathBuf, Error> {
    let entries = std::fs::read_dir(folder).map_err(|e| Error::of_file(folder, e))?;
    let is_wanted = |path: &PathBuf| {
        path.extension().is_some_and(|suffix| suffixes.iter().any(|s| suffix == *s))
    };
    let found = entries.flatten().map(|e| e.path()).filter(is_wanted).min();
    found.ok_or_else(|| {
        let (folder, wanted) = (folder.display(), suffixes.join(", ."));
        Error::Failure(format!("{folder}: expected a file in .{wanted}, found none"))
    })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn unstarted(error: std::io::Error) -> Error {
    Error::Failure(format!("cannot run schooner's own program: {error}"))
}
