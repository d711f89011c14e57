//! `schooner inspect`: what a model is.

use crate::console::{Console, Report, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, Loaded, ModelArgs};
use crate::{macs, show};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Show a model: what it takes and gives, its layers, parameters, arithmetic and memory
///
/// With --stage, print the whole model as one stage of the compiler leaves it: `ir` after the
/// import, `optimized` after the passes, `plan` as the engine runs it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner inspect fashion.onnx
  schooner inspect fashion.onnx --stage plan
  schooner inspect libfashion.so --json")]
pub(crate) struct Inspect {
    #[command(flatten)]
    model: ModelArgs,

    /// Print the model as this stage leaves it
    #[arg(long, value_enum, env = "SCHOONER_STAGE")]
    stage: Option<Stage>,
}

/// Where the compiler can stop.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Stage {
    /// The graph as imported.
    Ir,
    /// The graph after the passes.
    Optimized,
    /// Steps and buffers, as the engine runs them.
    Plan,
}

/// A stage in its text form.
#[derive(Serialize)]
struct StageText {
    stage: &'static str,
    text: String,
}

impl fmt::Display for StageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a model is.
#[derive(Serialize)]
struct Summary {
    name: String,
    origin: String,
    inputs: Vec<String>,
    outputs: Vec<String>,
    symbols: BTreeMap<String, i64>,
    recipe: String,
    layers: Vec<Layer>,
    parameters: Option<u64>,
    constant_bytes: u64,
    macs: Option<u64>,
    arena_bytes: Option<u64>,
    /// The most of it that is alive at one step.
    live_bytes: Option<u64>,
}

/// All steps of one kind.
#[derive(Serialize)]
struct Layer {
    operation: String,
    steps: usize,
}

impl Inspect {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        match self.stage {
            None => {
                let loaded = model::load(console, &self.model.model, &self.model.options)?;
                console.result(&summary(&loaded));
            }
            Some(stage) => console.result(&self.text_of(console, stage)?),
        }
        let path = quoted(self.model.model.display());
        console.next(format_args!("schooner check {path}"));
        Ok(Exit::Ok)
    }

    fn text_of(&self, console: &Console, stage: Stage) -> Result<impl Report + use<>, Error> {
        let ModelArgs { model: path, options } = &self.model;
        let is_built = model::is_built(path)?;
        match stage {
            Stage::Ir | Stage::Optimized if is_built => Err(Error::Usage(format!(
                "{}: a built library holds only the plan; give --stage plan, or the model file",
                path.display()
            ))),
            Stage::Ir => {
                let text = model::import(path, options)?.graph.to_string();
                Ok(StageText { stage: "ir", text })
            }
            Stage::Optimized => {
                let compiled = model::optimize(model::import(path, options)?)?;
                Ok(StageText { stage: "optimized", text: compiled.graph.to_string() })
            }
            Stage::Plan => {
                let loaded = model::load(console, path, options)?;
                Ok(StageText { stage: "plan", text: loaded.model.plan().to_string() })
            }
        }
    }
}

fn summary(loaded: &Loaded) -> Summary {
    let model = &loaded.model;
    let plan = model.plan();
    let mut layers: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &plan.steps {
        *layers.entry(step.operation.name()).or_default() += 1;
    }
    let mut layers: Vec<Layer> = layers
        .into_iter()
        .map(|(operation, steps)| Layer { operation: operation.to_string(), steps })
        .collect();
    layers.sort_by_key(|layer| std::cmp::Reverse(layer.steps));
    let origin = match &loaded.source {
        None => "a built library".to_string(),
        Some(source) => {
            let m = &source.metadata;
            let opsets: Vec<String> =
                m.opset_imports.iter().map(|(domain, v)| format!("{domain} {v}")).collect();
            let by = if m.producer.is_empty() { "an unnamed tool" } else { m.producer.as_str() };
            let opsets = match opsets.as_slice() {
                [] => String::new(),
                opsets => format!(", opset {}", opsets.join(", ")),
            };
            format!("{}, written by {by}{opsets}", m.format)
        }
    };
    Summary {
        name: model.name().to_string(),
        origin,
        inputs: model.signature().inputs.iter().map(show::port).collect(),
        outputs: model.signature().outputs.iter().map(show::port).collect(),
        symbols: plan.defaults.clone(),
        recipe: loaded.recipe_why.clone(),
        layers,
        parameters: loaded.source.as_ref().map(|s| parameters(&s.graph)),
        constant_bytes: model.constants().as_slice().len() as u64,
        macs: macs::of_plan(plan, &plan.defaults),
        arena_bytes: model.arena_bytes(&plan.defaults).ok().map(|n| n as u64),
        live_bytes: model.live_bytes(&plan.defaults).ok().map(|n| n as u64),
    }
}

/// Elements of the floating-point constants that nodes take.
fn parameters(graph: &ir::Graph) -> u64 {
    let uses = graph.use_counts();
    let taken = graph.values.iter().zip(uses).filter(|(_, uses)| *uses > 0);
    let constants = taken.filter_map(|(value, _)| value.constant.as_ref());
    constants.filter(|t| t.dtype().is_float()).map(|t| t.len() as u64).sum()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "model       {}", self.name)?;
        writeln!(f, "origin      {}", self.origin)?;
        for input in &self.inputs {
            writeln!(f, "input       {input}")?;
        }
        for output in &self.outputs {
            writeln!(f, "output      {output}")?;
        }
        let sizes: Vec<String> = self.symbols.iter().map(|(s, n)| format!("{s}={n}")).collect();
        if !sizes.is_empty() {
            writeln!(f, "figures for {}", sizes.join(", "))?;
        }
        writeln!(f, "recipe      {}", self.recipe)?;
        if let Some(parameters) = self.parameters {
            writeln!(f, "parameters  {parameters}")?;
        }
        if let Some(macs) = self.macs {
            writeln!(f, "arithmetic  {} multiply-accumulates", show::count(macs))?;
        }
        writeln!(f, "constants   {}", show::bytes(self.constant_bytes))?;
        if let Some(arena) = self.arena_bytes {
            let live = self.live_bytes.unwrap_or(arena);
            writeln!(
                f,
                "arena       {} ({} alive at once)",
                show::bytes(arena),
                show::bytes(live)
            )?;
        }
        let steps: usize = self.layers.iter().map(|l| l.steps).sum();
        writeln!(f, "steps       {steps}")?;
        for layer in &self.layers {
            writeln!(f, "  {:>4}  {}", layer.steps, layer.operation)?;
        }
        Ok(())
    }
}
