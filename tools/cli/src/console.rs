//! What a person or a script sees: results on stdout, as text or as JSON; everything else on
//! stderr.

use clap::Args;
use runtime::Pool;
use serde::Serialize;
use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, OnceLock};

/// The flags of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Console {
    /// Print results as JSON on stdout
    #[arg(long, global = true, env = "SCHOONER_JSON", help_heading = "Global options")]
    pub(crate) json: bool,

    /// Threads of one run [default: the processors that this process may use]
    #[arg(
        long,
        global = true,
        value_name = "N",
        env = "SCHOONER_THREADS",
        help_heading = "Global options"
    )]
    threads: Option<std::num::NonZeroUsize>,

    /// Print more on stderr: how long each stage took
    #[arg(
        short,
        long,
        global = true,
        env = "SCHOONER_VERBOSE",
        conflicts_with = "quiet",
        help_heading = "Global options"
    )]
    verbose: bool,

    /// Print nothing on stderr but errors
    #[arg(short, long, global = true, env = "SCHOONER_QUIET", help_heading = "Global options")]
    quiet: bool,
}

/// A result: the same data for people and for scripts.
pub(crate) trait Report: Serialize + Display {}

impl<T: Serialize + Display> Report for T {}

impl Console {
    /// Threads of one run.
    pub(crate) fn threads(&self) -> usize {
        self.threads.map_or_else(runtime::threads, usize::from)
    }

    /// Is nothing told but errors?
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Is everything told?
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// The threads of all runs of this process: however many models there are, the processors are
    /// the same.
    pub(crate) fn pool(&self) -> Arc<Pool> {
        static POOL: OnceLock<Arc<Pool>> = OnceLock::new();
        POOL.get_or_init(|| Arc::new(Pool::new(self.threads()))).clone()
    }

    /// Prints a result on stdout. A reader that has gone away is no error: `schooner … | head`.
    pub(crate) fn result(&self, report: &impl Report) {
        let mut out = std::io::stdout().lock();
        let _ = if self.json {
            let json = serde_json::to_string_pretty(report)
                .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"));
            writeln!(out, "{json}")
        } else {
            write!(out, "{report}")
        };
        let _ = out.flush();
    }

    /// Tells on stderr what a person wants to know and a script does not.
    pub(crate) fn info(&self, message: impl Display) {
        if !self.quiet {
            tell(message);
        }
    }

    /// Tells on stderr what matters only when something is sought.
    pub(crate) fn detail(&self, message: impl Display) {
        if self.verbose {
            tell(message);
        }
    }

    /// The next useful command.
    pub(crate) fn next(&self, command: impl Display) {
        self.info(format_args!("next: {command}"));
    }

    /// A bar on stderr, hidden unless a person is there to see it.
    pub(crate) fn progress(&self, length: usize) -> indicatif::ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return indicatif::ProgressBar::hidden();
        }
        indicatif::ProgressBar::new(length as u64)
    }

    /// A bar of work in several stages, as [`Console::progress`].
    pub(crate) fn stages(&self, length: usize) -> indicatif::ProgressBar {
        let style = indicatif::ProgressStyle::with_template(STAGES);
        let style = style.unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
        self.progress(length).with_style(style)
    }
}

/// How a bar shows a stage of long work, and how much time it has left.
const STAGES: &str = "{msg:<36!} {wide_bar} {percent:>3} %, {eta} left";

/// A line on stderr. One that cannot be written is lost: a server must not end, nor a thread of it,
/// because the disk that takes its log is full.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// A path or word as a shell takes it.
pub(crate) fn quoted(word: impl Display) -> String {
    let word = word.to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word;
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
