//! All checks, in order. The justfile and `.ci/run` call this list and hold none of their own.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::repo::{Error, cargo, root};
use crate::tidy;

/// One check.
struct Step {
    name: &'static str,
    /// What it holds, and why it stands where it stands.
    reason: &'static str,
    does: Does,
}

enum Does {
    /// The stated rules, in this process.
    Tidy,
    /// `cargo` with these words, and one variable of the environment.
    Cargo { words: &'static [&'static str], variable: Option<(&'static str, &'static str)> },
    /// A tool that need not be there: `probe` tells whether it is, by exiting with 0.
    IfPresent {
        tool: &'static str,
        probe: &'static [&'static str],
        words: &'static [&'static str],
        without: &'static str,
    },
    /// All tests but the doc tests, by nextest or else by cargo itself: on this instruction set,
    /// or on the best one that this machine has.
    Tests { isa: Option<&'static str> },
}

/// Cheap ones first: a wrong space should not cost a build. One profile for all of them, so the
/// workspace is built once. Tests last: their closing line is what a reader looks for.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        reason: "one layout, so that a diff shows only what changed; takes a second",
        does: Does::Cargo { words: &["fmt", "--all", "--check"], variable: None },
    },
    Step { name: "tidy", reason: "the stated rules; reads sources only", does: Does::Tidy },
    Step {
        name: "typos",
        reason: "no misspelled word; reads sources only",
        does: Does::IfPresent {
            tool: "typos",
            probe: &["typos", "--version"],
            words: &["typos"],
            without: "pip install typos, or cargo install typos-cli, to run it",
        },
    },
    Step {
        name: "deny",
        reason: "licenses and sources of dependencies; reads manifests only. Advisories need a \
                 list that changes daily and are left to `cargo deny check advisories`",
        does: Does::IfPresent {
            tool: "cargo-deny",
            probe: &["cargo", "deny", "--version"],
            words: &["cargo", "deny", "check", "licenses", "bans", "sources"],
            without: "install the package cargo-deny to run it",
        },
    },
    Step {
        name: "clippy",
        reason: "no warning in any target; checks types without making code",
        does: Does::Cargo {
            words: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
            variable: None,
        },
    },
    Step {
        name: "doc",
        reason: "no broken link in the docs; needs no more than clippy has built",
        does: Does::Cargo {
            words: &["doc", "--no-deps", "--workspace"],
            variable: Some(("RUSTDOCFLAGS", "-D warnings")),
        },
    },
    Step {
        name: "doctest",
        reason: "every example runs; builds the libraries that the tests use too",
        does: Does::Cargo { words: &["test", "--doc", "--workspace"], variable: None },
    },
    Step {
        name: "generic",
        reason: "every other test by the kernels of machines without vectors that we know",
        does: Does::Tests { isa: Some("generic") },
    },
    Step {
        name: "avx2",
        reason: "the same by those of AVX2, which most servers have at least",
        does: Does::Tests { isa: Some("avx2") },
    },
    Step {
        name: "neon",
        reason: "kernels and engine by those of 64-bit Arm, built for it and run by an emulator",
        does: Does::IfPresent {
            tool: "qemu-aarch64 and a cross compiler",
            probe: &["sh", "-c", "qemu-aarch64 --version && aarch64-linux-gnu-gcc --version"],
            words: &[
                "cargo",
                "test",
                "--lib",
                "--tests",
                "--target",
                "aarch64-unknown-linux-gnu",
                "-p",
                "schooner-simd",
                "-p",
                "schooner-kernels",
                "-p",
                "schooner-lower",
            ],
            without: "install qemu-user and gcc-aarch64-linux-gnu, and run rustup target add \
                      aarch64-unknown-linux-gnu, to run it",
        },
    },
    Step {
        name: "test",
        reason: "the same by the best kernels here; the one whose last line is read",
        does: Does::Tests { isa: None },
    },
];

/// Tests that need large files read the folder that this names.
const FIXTURES: &str = "SCHOONER_FIXTURES";

/// Tests append a line for each case that they skip to the file that this names.
const SKIPPED: &str = "SCHOONER_SKIPPED";

/// The instruction set that the engine computes with instead of the best one.
const ISA: &str = "SCHOONER_ISA";

/// Runs the steps named, or all of them, in the order of the list; stops at the first that
/// fails, and prints how long each took.
pub(crate) fn run(out: &mut impl Write, names: &[&str]) -> Result<bool, Error> {
    for name in names {
        if !STEPS.iter().any(|step| step.name == *name) {
            return Err(Error::UnknownStep((*name).to_owned()));
        }
    }
    let chosen = STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name));
    let mut lines = Vec::new();
    let mut passed = true;
    for step in chosen {
        let start = Instant::now();
        let outcome = run_step(out, step)?;
        lines.push((step.name, outcome, start.elapsed()));
        passed = outcome != Outcome::Failed;
        if !passed {
            break;
        }
    }
    summarize(out, &lines)?;
    if lines.iter().any(|(name, ..)| *name == "test") {
        print_skipped(out, &std::fs::read_to_string(skipped_list()).unwrap_or_default())?;
    }
    Ok(passed)
}

/// Prints every step with its reason.
pub(crate) fn print_steps(out: &mut impl Write) -> Result<bool, Error> {
    for step in STEPS {
        writeln!(out, "{:<8} {}", step.name, step.reason)?;
    }
    Ok(true)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

fn summarize(out: &mut impl Write, lines: &[(&str, Outcome, Duration)]) -> Result<(), Error> {
    writeln!(out, "\nchecks")?;
    for (name, outcome, took) in lines {
        let outcome = match outcome {
            Outcome::Passed => "ok",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped, see above",
        };
        writeln!(out, "    {name:<8} {:>7.1} s  {outcome}", took.as_secs_f64())?;
    }
    Ok(())
}

/// Says what the tests left out, and how it is had: a passing test says it to nobody.
fn print_skipped(out: &mut impl Write, list: &str) -> Result<(), Error> {
    let files = list.lines().count();
    if files == 0 {
        return Ok(writeln!(out, "no test case was skipped")?);
    }
    write!(out, "{list}")?;
    Ok(writeln!(
        out,
        "{files} absent files kept tests from running; to run them, let {FIXTURES} name \
         a folder with these files"
    )?)
}

fn skipped_list() -> PathBuf {
    root().join("target/skipped.txt")
}

fn run_step(out: &mut impl Write, step: &Step) -> Result<Outcome, Error> {
    match step.does {
        Does::Tidy => {
            writeln!(out, "\n== {}", step.name)?;
            Ok(passed_if(tidy::run(out)?))
        }
        Does::Cargo { words, variable } => {
            let mut command = Command::new(cargo());
            command.args(words).envs(variable);
            spawn(out, step.name, command)
        }
        Does::IfPresent { tool, probe, words, without } => {
            if !succeeds_silently(probe) {
                writeln!(
                    out,
                    "\n== {}\nskipped: {tool} is not on this machine; {without}",
                    step.name
                )?;
                return Ok(Outcome::Skipped);
            }
            spawn(out, step.name, command(words))
        }
        Does::Tests { isa } => tests(out, step.name, isa),
    }
}

fn tests(out: &mut impl Write, name: &str, isa: Option<&str>) -> Result<Outcome, Error> {
    if isa == Some("avx2") && !has_avx2() {
        writeln!(out, "\n== {name}\nskipped: this processor has no AVX2")?;
        return Ok(Outcome::Skipped);
    }
    match std::env::var(FIXTURES) {
        Ok(folder) => writeln!(out, "\n{FIXTURES} is {folder}: tests on large files run")?,
        Err(_) => writeln!(out, "\n{FIXTURES} is not set: tests on large files skip themselves")?,
    }
    // It fails when there is none from an earlier run.
    let _ = std::fs::remove_file(skipped_list());
    let mut command = Command::new(cargo());
    command.env(SKIPPED, skipped_list());
    command.envs(isa.map(|isa| (ISA, isa)));
    if succeeds_silently(&["cargo", "nextest", "--version"]) {
        command.args(["nextest", "run", "--workspace"]);
        if std::env::var_os("CI").is_some() {
            command.args(["--profile", "ci"]);
        }
    } else {
        writeln!(out, "cargo-nextest is not on this machine: cargo test runs the same tests")?;
        command.args(["test", "--workspace", "--lib", "--bins", "--tests"]);
    }
    spawn(out, name, command)
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

fn spawn(out: &mut impl Write, name: &str, mut command: Command) -> Result<Outcome, Error> {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or(&program).to_owned();
    writeln!(out, "\n== {name}: {program} {}", words.join(" "))?;
    out.flush()?;
    let status = command
        .current_dir(root())
        .stdin(Stdio::null())
        .status()
        .map_err(|error| Error::Command { command: program, reason: error.to_string() })?;
    Ok(passed_if(status.success()))
}

fn passed_if(passed: bool) -> Outcome {
    if passed { Outcome::Passed } else { Outcome::Failed }
}

/// A command of these words; the word `cargo` stands for the cargo that runs this tool.
fn command(words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().expect("a step has at least one word");
    let mut command =
        if *program == "cargo" { Command::new(cargo()) } else { Command::new(program) };
    command.args(arguments);
    command
}

fn succeeds_silently(words: &[&str]) -> bool {
    let mut command = command(words);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_refused_before_anything_runs() {
        let mut out = Vec::new();
        let refusal = run(&mut out, &["fmt", "fnt"]).unwrap_err().to_string();
        assert!(refusal.contains("`fnt`"), "{refusal}");
        assert!(out.is_empty(), "it began before it refused");
    }

    #[test]
    fn an_absent_tool_is_skipped_and_says_so() {
        let step = Step {
            name: "nothing",
            reason: "a test",
            does: Does::IfPresent {
                tool: "schooner-no-such-tool",
                probe: &["schooner-no-such-tool"],
                words: &["schooner-no-such-tool"],
                without: "nothing to do",
            },
        };
        let mut out = Vec::new();
        assert_eq!(run_step(&mut out, &step).unwrap(), Outcome::Skipped);
        let said = String::from_utf8(out).unwrap();
        assert!(said.contains("skipped: schooner-no-such-tool is not on this machine"), "{said}");
    }

    #[test]
    fn a_failing_command_fails_its_step() {
        for (words, expected) in
            [(["cargo", "--version"], Outcome::Passed), (["cargo", "--no-such"], Outcome::Failed)]
        {
            assert_eq!(spawn(&mut Vec::new(), "a", command(&words)).unwrap(), expected);
        }
    }

    #[test]
    fn skipped_cases_are_counted_with_what_enables_them() {
        let said = |list: &str| {
            let mut out = Vec::new();
            print_skipped(&mut out, list).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(said(""), "no test case was skipped\n");
        let two = said("a: x.onnx is needed\nb: y.onnx is needed\n");
        assert!(two.starts_with("a: x.onnx is needed\n"), "{two}");
        assert!(two.contains("\n2 absent files kept tests"), "{two}");
        assert!(two.contains("SCHOONER_FIXTURES"), "{two}");
    }

    #[test]
    fn the_test_step_is_last() {
        assert_eq!(STEPS.last().map(|step| step.name), Some("test"));
    }
}
