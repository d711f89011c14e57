//! How a command ends: one number for each kind of end, so that scripts need not read text.

use std::process::ExitCode;

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what was asked.
    Ok = 0,
    /// Something failed that is none of the kinds below.
    Failure = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// It ran well, but the answer is no: outputs differ.
    No = 3,
    /// The model is refused: it is none, is damaged, or needs what is not supported.
    Refused = 4,
    /// A file is not there.
    NotFound = 5,
    /// An address cannot be had or reached.
    Unreachable = 6,
    /// It would take more memory than it may.
    OverBudget = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_documentation_has_every_exit_code() {
        let documentation = include_str!("../../../docs/errors.md");
        let codes = include_str!("exit.rs").lines().filter_map(|line| {
            let (name, code) = line.strip_suffix(',')?.trim().split_once(" = ")?;
            Some(format!("| {code} | `{name}` |"))
        });
        let codes: Vec<String> = codes.collect();
        assert_eq!(codes.len(), 8, "{codes:?}");
        for code in codes {
            assert!(documentation.contains(&code), "docs/errors.md has no row `{code}`");
        }
    }
}
