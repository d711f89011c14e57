//! A client that keeps its connection, and tells a lost answer from a refusal.

use crate::support::head;
use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest wait for an answer: a server that says nothing for so long has lost the question.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn connect(address: &str) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// Asks and waits for the answer, whatever its status.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Reply> {
        let head = head(method, path, body.len()).replace("close", "keep-alive");
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(Error::new(ErrorKind::UnexpectedEof, "the connection ended"));
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_ascii_lowercase()),
            }
        }
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.expect("every answer has a length").parse().unwrap()];
        self.stream.read_exact(&mut body)?;
        let status = lines[0][9..12].parse().unwrap();
        let body = String::from_utf8(body).unwrap();
        Ok(Reply { status, body })
    }
}

/// One question over a connection of its own.
pub(crate) fn ask(address: &str, method: &str, path: &str, body: &str) -> Result<Reply> {
    Client::connect(address)?.ask(method, path, body)
}

/// Sends a question and leaves the answer where it is.
pub(crate) fn begin(address: &str, path: &str, body: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("{}{body}", head("POST", path, body.len())).as_bytes())?;
    Ok(stream)
}
