//! `schooner check`: can this model be served, and if not, why not and what to do.

use crate::compare::{Comparison, Tolerance, compare, is_finite};
use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, Loaded, ModelArgs};
use crate::{inputs, macs, show};
use clap::Args;
use import::ImportError;
use serde::Serialize;
use std::fmt;
use std::time::Instant;

/// Tell whether a model can be served: every node that cannot be, why, and what to do
///
/// Imports and compiles the model and runs it once. Exit 4 when it is refused, 3 when it runs
/// but its outputs are not finite or, with --compare, differ from the reference interpreter's.
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
    /// Nodes that cannot be served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused>,
    /// Outputs that hold NaN or infinity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_finite: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    comparisons: Vec<Comparison>,
    #[serde(skip_serializing_if = "Option::is_none")]
    figures: Option<Figures>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Refused,
    NotFinite,
    Differs,
}

/// A node that cannot be served.
#[derive(Serialize)]
struct Refused {
    node: String,
    op: String,
    domain: String,
    opset: Option<i64>,
    reason: String,
    fix: String,
}

/// What a run of the model takes.
#[derive(Serialize)]
struct Figures {
    recipe: String,
    steps: usize,
    macs: Option<u64>,
    constant_bytes: u64,
    arena_bytes: Option<u64>,
    load_ms: f64,
    first_run_ms: f64,
}

impl Check {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let ModelArgs { model: path, options } = &self.model;
        let start = Instant::now();
        let triage = match model::load(console, path, options) {
            Ok(loaded) => self.try_out(&loaded, start.elapsed().as_secs_f64() * 1e3)?,
            Err(error) => Triage::refused(model::name_of(path), refusals(error)?),
        };
        console.result(&triage);
        let path = quoted(path.display());
        let exit = match triage.verdict {
            Verdict::Ok => Exit::Ok,
            Verdict::Refused => Exit::Refused,
            Verdict::NotFinite | Verdict::Differs => Exit::No,
        };
        match triage.verdict {
            Verdict::Ok => console.next(format_args!("schooner serve {path}")),
            Verdict::Refused => console.next("export the model again as said above, then check it"),
            Verdict::NotFinite | Verdict::Differs => {
                console.next(format_args!("schooner inspect {path} --stage optimized"));
            }
        }
        Ok(exit)
    }

    fn try_out(&self, loaded: &Loaded, load_ms: f64) -> Result<Triage, Error> {
        let model = &loaded.model;
        let inputs = model.default_inputs()?;
        let start = Instant::now();
        let outputs = model.run(&inputs.iter().collect::<Vec<_>>())?;
        let first_run_ms = start.elapsed().as_secs_f64() * 1e3;
        let ports = model.signature().outputs.iter();
        let not_finite: Vec<String> = ports
            .zip(&outputs)
            .filter(|(_, tensor)| !is_finite(tensor))
            .map(|(port, _)| port.name.clone())
            .collect();
        let comparisons = if self.compare { against_reference(loaded)? } else { Vec::new() };
        let verdict = if comparisons.iter().any(|c| !c.agrees) {
            Verdict::Differs
        } else if not_finite.is_empty() {
            Verdict::Ok
        } else {
            Verdict::NotFinite
        };
        let plan = model.plan();
        let figures = Figures {
            recipe: loaded.recipe_why.clone(),
            steps: plan.steps.len(),
            macs: macs::of_plan(plan, &plan.defaults),
            constant_bytes: model.constants().as_slice().len() as u64,
            arena_bytes: model.arena_bytes(&plan.defaults).ok().map(|n| n as u64),
            load_ms,
            first_run_ms,
        };
        Ok(Triage {
            verdict,
            model: model.name().to_string(),
            refused: Vec::new(),
            not_finite,
            comparisons,
            figures: Some(figures),
        })
    }
}

impl Triage {
    fn refused(model: String, refused: Vec<Refused>) -> Triage {
        let (not_finite, comparisons) = (Vec::new(), Vec::new());
        let verdict = Verdict::Refused;
        Triage { verdict, model, refused, not_finite, comparisons, figures: None }
    }
}

/// The nodes that an error names; an error that is about something else stays one.
fn refusals(error: Error) -> Result<Vec<Refused>, Error> {
    match error {
        Error::Lower(lower::LowerError(refusals)) => Ok(refusals
            .into_iter()
            .map(|r| Refused {
                node: r.node,
                op: r.op.to_string(),
                domain: "schooner".to_string(),
                opset: None,
                reason: r.reason,
                fix: "convert the model to f32, or express the node by others at export".into(),
            })
            .collect()),
        Error::Import { path, error } => match *error {
            ImportError::Unsupported(refusals) => Ok(refusals
                .into_iter()
                .map(|r| Refused {
                    node: r.node,
                    op: r.op,
                    domain: r.domain,
                    opset: r.opset,
                    reason: r.reason.to_string(),
                    fix: r.hint,
                })
                .collect()),
            error => Err(Error::Import { path, error: Box::new(error) }),
        },
        error => Err(error),
    }
}

fn against_reference(loaded: &Loaded) -> Result<Vec<Comparison>, Error> {
    let source = loaded.source.as_ref().ok_or_else(|| {
        Error::Usage("--compare needs the model file; a library holds only the plan".to_string())
    })?;
    let inputs = inputs::made_up(&loaded.model, &[])?;
    let expected = reference::run(&source.graph, &inputs)?;
    let found = loaded.model.run(&inputs.iter().collect::<Vec<_>>())?;
    let ports = loaded.model.signature().outputs.iter();
    let tolerance = Tolerance { rtol: None, atol: None };
    Ok(ports
        .zip(expected.iter().zip(&found))
        .map(|(port, (expected, found))| compare(&port.name, expected, found, tolerance))
        .collect())
}

impl fmt::Display for Triage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for refused in &self.refused {
            write!(f, "REFUSED node `{}` ({}.{}", refused.node, refused.domain, refused.op)?;
            if let Some(opset) = refused.opset {
                write!(f, ", opset {opset}")?;
            }
            writeln!(f, ")\n  why  {}\n  fix  {}", refused.reason, refused.fix)?;
        }
        for output in &self.not_finite {
            writeln!(f, "NO output `{output}` is not finite on an input of zeros")?;
        }
        for comparison in &self.comparisons {
            let verdict = if comparison.agrees { "OK" } else { "NO" };
            writeln!(f, "{verdict} {comparison}")?;
        }
        if let Some(figures) = &self.figures {
            write!(f, "{figures}")?;
        }
        match self.verdict {
            Verdict::Ok => writeln!(f, "OK {} can be served", self.model),
            Verdict::NotFinite => writeln!(f, "NO {} runs, but not to finite numbers", self.model),
            Verdict::Differs => writeln!(f, "NO {} runs, but differs from reference", self.model),
            Verdict::Refused => {
                let nodes = self.refused.len();
                writeln!(f, "REFUSED {} has {nodes} nodes that cannot be served", self.model)
            }
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "recipe      {}", self.recipe)?;
        writeln!(f, "steps       {}", self.steps)?;
        if let Some(macs) = self.macs {
            writeln!(f, "arithmetic  {} multiply-accumulates", show::count(macs))?;
        }
        writeln!(f, "constants   {}", show::bytes(self.constant_bytes))?;
        if let Some(arena) = self.arena_bytes {
            writeln!(f, "arena       {}", show::bytes(arena))?;
        }
        writeln!(f, "load        {:.1} ms", self.load_ms)?;
        writeln!(f, "first run   {:.1} ms", self.first_run_ms)
    }
}
