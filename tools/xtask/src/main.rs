//! The workspace's own tool: holds the stated rules (`tidy`), runs every check in order
//! (`check`), and counts (`measure`).
//!
//! The list of checks lives in `check.rs` and nowhere else: the justfile and `.ci/run` both
//! call it, so what passes on a desk passes in CI. The list of rules lives in `tidy.rs`.
#![forbid(unsafe_code)]

mod check;
mod measure;
mod repo;
mod syntax;
mod tidy;

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask tidy             hold the stated rules; exit 1 when one is broken
cargo xtask tidy --rules     print every rule and its reason
cargo xtask check [STEP]...  run the checks in order, or only the steps named
cargo xtask check --steps    print every step and its reason
cargo xtask measure          print the numbers that are looked at every few weeks
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = std::io::stdout().lock();
    let outcome = match arguments.as_slice() {
        ["tidy"] => tidy::run(&mut out),
        ["tidy", "--rules"] => tidy::print_rules(&mut out),
        ["check", "--steps"] => check::print_steps(&mut out),
        ["check", steps @ ..] => check::run(&mut out, steps),
        ["measure"] => measure::run(&mut out),
        ["help" | "--help" | "-h"] => {
            out.write_all(USAGE.as_bytes()).map(|()| true).map_err(repo::Error::from)
        }
        _ => {
            eprint!("expected one of these, found {arguments:?}:\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
