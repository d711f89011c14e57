//! The real binary on a pseudo-terminal, which it takes for somebody who reads and types.

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, Command, Stdio};

/// A command, the terminal that it reads from and writes its messages to, and what has been shown.
pub(crate) struct Terminal {
    process: Child,
    terminal: File,
    shown: String,
    /// Bytes of it that were expected.
    expected: usize,
}

impl Terminal {
    /// Starts a command; its results are read apart from what it says.
    pub(crate) fn start(mut command: Command) -> Terminal {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let name = std::ffi::OsStr::from_bytes(name.as_bytes());
        let end = OpenOptions::new().read(true).write(true).open(name).unwrap();
        command.stdin(end.try_clone().unwrap()).stderr(end).stdout(Stdio::piped());
        // The command's copies of the end are dropped with it: reading stops when the process does.
        let process = command.spawn().unwrap();
        Terminal { process, terminal: File::from(terminal), shown: String::new(), expected: 0 }
    }

    /// Reads until this is shown.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        loop {
            if let Some(at) = self.shown[self.expected..].find(text) {
                self.expected += at + text.len();
                return;
            }
            assert!(self.read(), "expected `{text}`, found the end of\n{}", self.shown);
        }
    }

    /// Types a line.
    pub(crate) fn enter(&mut self, line: &str) {
        self.terminal.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The exit code, the results, and all that was shown.
    pub(crate) fn end(mut self) -> (Option<i32>, String, String) {
        while self.read() {}
        let mut results = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut results).unwrap();
        (self.process.wait().unwrap().code(), results, self.shown)
    }

    /// Reads what there is; false at the end, which Linux calls an error.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.terminal.read(&mut bytes).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }
}
