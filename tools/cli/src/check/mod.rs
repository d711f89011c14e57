//! `schooner check`: can this model be served, and if not, why not and what to do.

mod case;
mod finding;
mod table;

use crate::compare::{Comparison, Tolerance, compare};
use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::inputs;
use crate::model::{Loaded, ModelArgs};
use case::Case;
use clap::Args;
use finding::{Finding, Severity};
use serde::Serialize;

/// Tell whether a model can be served: every node that cannot be, why, and what to do
///
/// Reads all of the model before it judges: what cannot be imported and what cannot be computed is
/// named together, with what looks like a mistake of the export. What can be served is run once.
/// Exit 4 when it cannot be, 7 when only --memory is too little, 3 when it runs but its outputs are
/// not finite or, with --compare, differ from the reference interpreter's.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner check fashion.onnx
  schooner check fashion.onnx --compare")]
pub(crate) struct Check {
    #[command(flatten)]
    model: ModelArgs,

    /// Hold the engine's outputs against the naive reference interpreter's; slow on large models
    #[arg(long, env = "SCHOONER_COMPARE")]
    compare: bool,
}

/// What was found.
#[derive(Serialize)]
struct Triage {
    verdict: Verdict,
    model: String,
    #[serde(flatten)]
    signature: Signature,
    recipe: String,
    figures: Figures,
    /// What a person should know: first what stands in the way, then what looks wrong.
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<Comparison>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Refused,
    OverBudget,
    NotFinite,
    Differs,
}

/// What the model takes and gives.
#[derive(Serialize)]
struct Signature {
    inputs: Vec<String>,
    outputs: Vec<String>,
}

/// What a run of the model takes.
#[derive(Serialize)]
struct Figures {
    /// Are memory and arithmetic those of what is known of the model?
    is_estimate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<usize>,
    macs: Option<u64>,
    constant_bytes: u64,
    arena_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_run_ms: Option<f64>,
}

impl Check {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let ModelArgs { model: path, options } = &self.model;
        let case = Case::open(console, path, options)?;
        let trial = case.try_out()?;
        let comparisons = match &case.loaded {
            Some(loaded) if self.compare => against_reference(loaded)?,
            Some(_) | None => Vec::new(),
        };
        let findings = finding::all(&case, &trial);
        let is_found = |severity| findings.iter().any(|f: &Finding| f.severity == severity);
        let verdict = if is_found(Severity::Refused) {
            if case.is_over_budget() { Verdict::OverBudget } else { Verdict::Refused }
        } else if comparisons.iter().any(|c| !c.agrees) {
            Verdict::Differs
        } else if is_found(Severity::No) {
            Verdict::NotFinite
        } else {
            Verdict::Ok
        };
        let signature = Signature {
            inputs: case.signature.inputs.iter().map(crate::show::port).collect(),
            outputs: case.signature.outputs.iter().map(crate::show::port).collect(),
        };
        let (model, recipe) = (case.name.clone(), case.recipe.why.clone());
        let figures = case.figures(&trial);
        let triage = Triage { verdict, model, signature, recipe, figures, findings, comparisons };
        console.result(&triage);
        let path = quoted(path.display());
        match verdict {
            Verdict::Ok => console.next(format_args!("schooner serve {path}")),
            Verdict::Refused => console.next("export the model again as said above, then check it"),
            Verdict::OverBudget => {
                console.next(format_args!("schooner check {path} --memory SIZE, with more"));
            }
            Verdict::NotFinite | Verdict::Differs => {
                console.next(format_args!("schooner inspect {path} --stage optimized"));
            }
        }
        Ok(verdict.exit())
    }
}

impl Verdict {
    fn exit(self) -> Exit {
        match self {
            Verdict::Ok => Exit::Ok,
            Verdict::Refused => Exit::Refused,
            Verdict::OverBudget => Exit::OverBudget,
            Verdict::NotFinite | Verdict::Differs => Exit::No,
        }
    }
}

fn against_reference(loaded: &Loaded) -> Result<Vec<Comparison>, Error> {
    let source = loaded.source.as_ref().ok_or_else(|| {
        Error::Usage("--compare needs the model file; a library holds only the plan".to_string())
    })?;
    let inputs = inputs::made_up(&loaded.model, &[])?;
    let expected = reference::run_values(&source.graph, &inputs)?;
    let found = loaded.model.run_values(&inputs)?;
    let ports = loaded.model.signature().outputs.iter();
    let tolerance = Tolerance { rtol: None, atol: None };
    Ok(ports
        .zip(expected.iter().zip(&found))
        .map(|(port, (expected, found))| compare(&port.name, expected, found, tolerance))
        .collect())
}
