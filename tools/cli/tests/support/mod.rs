//! The real binary, run as a user runs it.

#![allow(dead_code, reason = "each test file uses its part of the support")]

#[cfg(target_os = "linux")]
pub(crate) mod terminal;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The command with nothing from the environment that would change what it does.
pub(crate) fn schooner(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_schooner"));
    command.args(words).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SCHOONER_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end and requires this exit code; gives stdout and stderr.
#[track_caller]
pub(crate) fn check(words: &[&str], code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = schooner(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(stdout), text(stderr));
    assert_eq!(status.code(), Some(code), "{words:?}\n{stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{words:?}\n{stderr}");
    (stdout, stderr)
}

/// A file of the fashion example.
pub(crate) fn fashion(file: &str) -> String {
    let path = testkit::repository().join("examples/fashion").join(file);
    path.to_str().unwrap().to_string()
}

/// A new folder for one test, under a name of its own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It fails when there is none from an earlier run.
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// A path as an argument.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A server on a free port; killed when it is dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
}

impl Server {
    pub(crate) fn start(words: &[&str]) -> Server {
        let words = [&["serve", "--listen", "127.0.0.1:0"], words].concat();
        Server::spawn(schooner(&words)).expect("the server listens")
    }

    /// Starts this command, which must be one that serves; `None` when it ends instead.
    pub(crate) fn spawn(mut command: Command) -> Option<Server> {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let address = stdout.lines().map_while(Result::ok).find_map(|line| {
            let rest = line.strip_prefix("listening on http://")?;
            Some(rest.split(' ').next()?.to_string())
        });
        // Whatever was started is killed when it is dropped.
        let server = Server { process, address: address.clone().unwrap_or_default() };
        address.map(|_| server)
    }

    /// The number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends SIGKILL.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
    }

    /// Sends a whole request; gives the status and the body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.write_all(head(method, path, body.len()).as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        response(stream)
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits for the end; gives the exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.process.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It fails when the server has ended, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn head(method: &str, path: &str, length: usize) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    )
}

/// Reads a response to the end of its connection.
pub(crate) fn response(mut stream: TcpStream) -> (u16, Vec<u8>) {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    (head[9..12].parse().unwrap(), bytes[end + 4..].to_vec())
}
