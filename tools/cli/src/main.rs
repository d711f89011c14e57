//! `schooner`: from a trained model file to an answered request, one file for each command.
//!
//! Results go to stdout, as text or with `--json` as JSON; everything else goes to stderr. How a
//! command ends is one of the codes in `exit.rs`.
#![forbid(unsafe_code)]

mod console;
mod error;
mod exit;
mod model;

mod bench;
mod build;
mod check;
mod compress;
mod demo;
mod eval;
mod export;
mod inspect;
mod kernels;
mod recipe;
mod run;
mod serve;
mod skew;
mod verify;

mod compare;
mod golden;
mod http;
mod inputs;
mod macs;
mod memory;
mod recipes;
mod show;
mod sizes;
mod statistics;
mod template;
mod tensors;
mod tune;

use clap::{Parser, Subcommand};
use console::Console;
use error::Error;
use exit::Exit;
use std::process::ExitCode;

/// Serves trained models: import, check, build a library, answer requests
#[derive(Debug, Parser)]
#[command(name = "schooner", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    console: Console,

    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 ok, 1 failure, 2 usage, 3 ran well but the answer is no, 4 model refused,
            5 not found, 6 address not to be had, 7 over the memory budget";

/// Every command, in the order in which a new model meets them.
#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Inspect),
    Check(check::Check),
    Recipe(recipe::Recipe),
    Run(run::Run),
    Verify(verify::Verify),
    Skew(skew::Skew),
    Eval(eval::Eval),
    Compress(compress::Compress),
    Bench(bench::Bench),
    Serve(Box<serve::Serve>),
    Build(build::Build),
    Export(export::Export),
    Kernels(kernels::Kernels),
    Demo(demo::Demo),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match execute(&cli.console, &cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            console::tell(format_args!("error: {error}"));
            error.exit().into()
        }
    }
}

fn execute(console: &Console, command: &Command) -> Result<Exit, Error> {
    // First of all: a misspelled name should not cost the import of a large model.
    runtime::isa()?;
    match command {
        Command::Inspect(command) => command.execute(console),
        Command::Check(command) => command.execute(console),
        Command::Recipe(command) => command.execute(console),
        Command::Run(command) => command.execute(console),
        Command::Verify(command) => command.execute(console),
        Command::Skew(command) => command.execute(console),
        Command::Eval(command) => command.execute(console),
        Command::Compress(command) => command.execute(console),
        Command::Bench(command) => command.execute(console),
        Command::Serve(command) => command.execute(console),
        Command::Build(command) => command.execute(console),
        Command::Export(command) => command.execute(console),
        Command::Demo(command) => command.execute(console),
        Command::Kernels(command) => command.execute(console),
    }
}
