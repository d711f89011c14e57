//! `schooner kernels`: what the engine can compute with.

use crate::console::Console;
use crate::error::Error;
use crate::exit::Exit;
use clap::Args;
use serde::Serialize;
use simd::Isa;
use std::fmt;

/// List the kernels, the instruction sets they are for, and which of them this machine uses
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner kernels
  schooner kernels --json
  SCHOONER_ISA=avx2 schooner bench MODEL")]
pub(crate) struct Kernels {}

/// Every kernel and instruction set.
#[derive(Serialize)]
struct Catalogue {
    isas: Vec<IsaRow>,
    kernels: Vec<Kernel>,
}

/// One instruction set.
#[derive(Serialize)]
struct IsaRow {
    isa: &'static str,
    is_available: bool,
    is_picked: bool,
}

/// One kernel on one instruction set.
#[derive(Serialize)]
struct Kernel {
    family: &'static str,
    name: &'static str,
    isa: &'static str,
    is_available: bool,
    is_picked: bool,
}

impl Kernels {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let picked = runtime::isa()?;
        let isas = Isa::ALL.into_iter().map(|isa| IsaRow {
            isa: isa.name(),
            is_available: isa.is_available(),
            is_picked: isa == picked,
        });
        let kernels = kernels::catalogue().map(|row| Kernel {
            family: row.family,
            name: row.name,
            isa: row.isa.name(),
            is_available: row.isa.is_available(),
            is_picked: row.isa == picked,
        });
        console.result(&Catalogue { isas: isas.collect(), kernels: kernels.collect() });
        console.next("schooner bench MODEL --profile");
        Ok(Exit::Ok)
    }
}

impl fmt::Display for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.isas {
            let state = state(row.is_available, row.is_picked);
            writeln!(f, "{:<10} {state}", row.isa)?;
        }
        for kernel in &self.kernels {
            let Kernel { family, name, isa, .. } = kernel;
            let state = state(kernel.is_available, kernel.is_picked);
            writeln!(f, "{family:<12} {name:<32} {isa:<10} {state}")?;
        }
        Ok(())
    }
}

fn state(is_available: bool, is_picked: bool) -> &'static str {
    match (is_available, is_picked) {
        (true, true) => "used here",
        (true, false) => "available",
        (false, _) => "not on this machine",
    }
}
