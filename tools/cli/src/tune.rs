//! Forms of steps by measurement: each candidate is timed on this machine, the fastest is taken.
//!
//! A step that has one form only is left out. Each form runs within the whole model, so that
//! caches are as full as they will be.

use crate::console::Console;
use crate::error::Error;
use crate::inputs;
use crate::model::Loaded;
use crate::statistics::median;
use ir::Graph;
use lower::{CHAIN_ARROW, Chains, ConvolutionForm, Forms, Options};
use plan::{Operation, Plan, Precision, Step, WinogradTile};
use runtime::{Constants, Model};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;
use tensor::Value;

/// Runs of each candidate, of which the median counts.
const ROUNDS: usize = 15;

/// The whole model must win so much of its time, or the expected plan stays.
const WHOLE_GAIN_MIN: f64 = 0.01;

/// A form must win so much of the time of the expected one to be taken instead: less is noise.
const GAIN_MIN: f64 = 0.03;

/// What tuning has found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Tuned {
    /// Steps that take another form than the expected one.
    changes: Vec<Change>,
    /// The whole model by expectation and as tuned, measured in turns.
    expected_ms: f64,
    tuned_ms: f64,
    /// Is the tuned plan the one that is used from here on?
    is_taken: bool,
}

/// One step, or several that became one or no longer are.
#[derive(Debug, Clone, Serialize)]
struct Change {
    step: String,
    form: &'static str,
    expected_form: &'static str,
    ms: f64,
    expected_ms: f64,
}

/// Times the forms of the model's steps and gives it the fastest ones.
pub(crate) fn tune(
    console: &Console,
    loaded: &mut Loaded,
    precision: Option<Precision>,
) -> Result<Tuned, Error> {
    let source = loaded.source.as_ref().ok_or_else(|| {
        let reason = "--tune needs the model file; the forms of a library's steps are fixed";
        Error::Usage(reason.to_string())
    })?;
    let lowering = Lowering { graph: &source.graph, precision: precision.unwrap_or_default() };
    let inputs = inputs::made_up(&loaded.model, &[])?;
    let candidates = Candidates::measure(console, &lowering, loaded, &inputs)?;
    let (forms, changes) = candidates.choose();
    let expected = loaded.model.clone();
    let tuned = lowering.model(forms, loaded)?;
    let [expected_ms, tuned_ms] = in_turns(&[&expected, &tuned], &inputs)?;
    let is_taken = !changes.is_empty() && tuned_ms < expected_ms * (1.0 - WHOLE_GAIN_MIN);
    if is_taken {
        loaded.model = tuned;
    }
    Ok(Tuned { changes, expected_ms, tuned_ms, is_taken })
}

/// The graph, ready to be lowered in several ways.
struct Lowering<'g> {
    graph: &'g Graph,
    precision: Precision,
}

impl Lowering<'_> {
    /// The loaded model with other forms.
    fn model(&self, forms: Forms, loaded: &Loaded) -> Result<Model, Error> {
        let options = Options { precision: self.precision, forms };
        let lowered = lower::lower_with(self.graph, &options)?;
        let model = Model::new(lowered.plan, Constants::owned(lowered.constants))
            .map_err(|e| Error::Defect { stage: "lower", reason: e.to_string() })?;
        let recipe = loaded.model.recipe().cloned();
        Ok(model.with_recipe(recipe).with_pool(loaded.model.pool().clone()))
    }
}

/// What was measured.
struct Candidates {
    /// The plan by expectation.
    expected: Plan,
    /// Milliseconds of each form of a single convolution, by the name of its step.
    convolutions: BTreeMap<String, BTreeMap<ConvolutionForm, f64>>,
    /// Milliseconds of each chain, by its name.
    chains: BTreeMap<String, f64>,
}

impl Candidates {
    fn measure(
        console: &Console,
        lowering: &Lowering<'_>,
        loaded: &Loaded,
        inputs: &[Value],
    ) -> Result<Candidates, Error> {
        let mut variants: Vec<Forms> = ConvolutionForm::ALL
            .into_iter()
            .map(|form| {
                let every_convolution = Some(form);
                Forms { every_convolution, chains: Chains::None, ..Forms::default() }
            })
            .collect();
        variants.push(Forms { chains: Chains::All, ..Forms::default() });
        let mut convolutions: BTreeMap<String, BTreeMap<ConvolutionForm, f64>> = BTreeMap::new();
        let mut chains = BTreeMap::new();
        let progress = console.progress(variants.len() * ROUNDS);
        for forms in variants {
            let model = lowering.model(forms, loaded)?;
            let times = step_times(&model, inputs, || progress.inc(1))?;
            for (step, ms) in model.plan().steps.iter().zip(times) {
                if let Some(form) = form_of(step) {
                    let best = convolutions.entry(step.name.clone()).or_default();
                    // The same form in another variant: the faster time is the quieter one.
                    let known = best.entry(form).or_insert(ms);
                    *known = known.min(ms);
                } else if matches!(step.operation, Operation::Chain(_)) {
                    chains.insert(step.name.clone(), ms);
                }
            }
        }
        progress.finish_and_clear();
        Ok(Candidates { expected: loaded.model.plan().clone(), convolutions, chains })
    }

    /// The fastest forms, and where they differ from the expected ones.
    fn choose(&self) -> (Forms, Vec<Change>) {
        let expected: BTreeMap<&str, &Step> =
            self.expected.steps.iter().map(|step| (step.name.as_str(), step)).collect();
        let (mut forms, mut changes) = (Forms::default(), Vec::new());
        for (name, times) in &self.convolutions {
            let Some(usual) = expected.get(name.as_str()).and_then(|step| form_of(step)) else {
                continue;
            };
            let Some(&usual_ms) = times.get(&usual) else { continue };
            let Some((&form, &ms)) = times.iter().min_by(|a, b| a.1.total_cmp(b.1)) else {
                continue;
            };
            if ms < usual_ms * (1.0 - GAIN_MIN) {
                forms.convolutions.insert(name.clone(), form);
                let (form, expected_form) = (name_of(form), name_of(usual));
                let expected_ms = usual_ms;
                changes.push(Change { step: name.clone(), form, expected_form, ms, expected_ms });
            }
        }
        forms.chains = self.choose_chains(&expected, &mut changes);
        (forms, changes)
    }

    fn choose_chains(&self, expected: &BTreeMap<&str, &Step>, changes: &mut Vec<Change>) -> Chains {
        let fastest = |name: &str| {
            let times = self.convolutions.get(name)?.values();
            times.copied().min_by(f64::total_cmp)
        };
        let mut named = std::collections::BTreeSet::new();
        for (name, &chain_ms) in &self.chains {
            let parts: Option<f64> = name.split(CHAIN_ARROW).map(fastest).sum();
            let Some(parts_ms) = parts else { continue };
            let is_expected = expected.contains_key(name.as_str());
            let (usual, other) =
                if is_expected { (chain_ms, parts_ms) } else { (parts_ms, chain_ms) };
            let is_changed = other < usual * (1.0 - GAIN_MIN);
            if is_expected != is_changed {
                named.insert(name.clone());
            }
            if is_changed {
                let names = if is_expected { ["steps", "chain"] } else { ["chain", "steps"] };
                let [form, expected_form] = names;
                let (step, ms, expected_ms) = (name.clone(), other, usual);
                changes.push(Change { step, form, expected_form, ms, expected_ms });
            }
        }
        Chains::Named(named)
    }
}

/// The form of a step that has several, or could be a link of a chain.
fn form_of(step: &Step) -> Option<ConvolutionForm> {
    match &step.operation {
        Operation::Convolution(_) | Operation::Depthwise(_) => Some(ConvolutionForm::Direct),
        Operation::Winograd { tile, .. } => Some(ConvolutionForm::Winograd(*tile)),
        _ => None,
    }
}

const fn name_of(form: ConvolutionForm) -> &'static str {
    match form {
        ConvolutionForm::Direct => "direct",
        ConvolutionForm::Winograd(WinogradTile::Two) => "winograd 2x2",
        ConvolutionForm::Winograd(WinogradTile::Four) => "winograd 4x4",
    }
}

/// The median milliseconds of each step.
fn step_times(model: &Model, inputs: &[Value], mut after: impl FnMut()) -> Result<Vec<f64>, Error> {
    model.run_values(inputs)?;
    let mut times = vec![Vec::with_capacity(ROUNDS); model.plan().steps.len()];
    for _ in 0..ROUNDS {
        for (list, timing) in times.iter_mut().zip(model.profile(inputs)?) {
            list.push(timing.elapsed.as_secs_f64() * 1e3);
        }
        after();
    }
    Ok(times.iter_mut().map(|list| median(list)).collect())
}

/// The median milliseconds of whole runs, taken in turns.
fn in_turns<const N: usize>(models: &[&Model; N], inputs: &[Value]) -> Result<[f64; N], Error> {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=2 * ROUNDS {
        for (model, list) in models.iter().zip(&mut times) {
            let start = Instant::now();
            model.run_values(inputs)?;
            // The first round binds the plan.
            if round > 0 {
                list.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    Ok(times.map(|mut list| median(&mut list)))
}

impl fmt::Display for Tuned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tuned { changes, expected_ms, tuned_ms, is_taken } = self;
        for Change { step, form, expected_form, ms, expected_ms } in changes {
            writeln!(f, "tuned    {step}: {form} {ms:.3} ms, {expected_form} {expected_ms:.3} ms")?;
        }
        let verdict = match (changes.is_empty(), is_taken) {
            (true, _) => "every step has its fastest form already",
            (false, true) => "taken",
            (false, false) => "not taken: the whole is not faster",
        };
        writeln!(f, "tuned    {expected_ms:.3} ms before, {tuned_ms:.3} ms after: {verdict}")
    }
}
