//! A model as far as it can be read: what findings are made from.

use super::Figures;
use crate::compare::is_finite;
use crate::console::Console;
use crate::error::Error;
use crate::inputs;
use crate::macs;
use crate::model::{self, Loaded, ModelOptions};
use crate::recipes::{self, Chosen};
use import::{Refusal, Survey};
use ir::{Graph, ValueId};
use lower::LowerError;
use plan::Signature;
use runtime::RunError;
use std::path::Path;
use std::time::Instant;
use tensor::{Bindings, Dim, Value};

/// A model as far as it can be read.
pub(super) struct Case {
    pub(super) name: String,
    /// What the model's caller gives and gets.
    pub(super) signature: Signature,
    pub(super) recipe: Chosen,
    /// What the import found; nothing for a built library.
    pub(super) survey: Option<Survey>,
    /// Nodes that the engine cannot compute.
    pub(super) lower_refusals: Vec<lower::Refusal>,
    /// The whole model, when nothing was refused.
    pub(super) loaded: Option<Loaded>,
    /// A size for each symbol, where none is given.
    pub(super) sizes: Bindings,
    load_ms: f64,
    /// Working memory and constants of the part that is understood.
    part: Option<(Option<u64>, u64)>,
}

/// What came of a run on zeros.
pub(super) enum Trial {
    /// There were answers.
    Ran {
        /// The names of outputs that are not finite, neither on zeros nor on other numbers.
        never_finite: Vec<String>,
        /// Those that are not finite on zeros only.
        not_of_zeros: Vec<String>,
        first_run_ms: f64,
    },
    /// The run gave no answer.
    Failed(RunError),
    /// There is no whole model to run.
    None,
}

impl Case {
    pub(super) fn open(
        console: &Console,
        path: &Path,
        options: &ModelOptions,
    ) -> Result<Case, Error> {
        let start = Instant::now();
        if model::is_built(path)? {
            let loaded = model::load(console, path, options)?;
            let mut case = Case::of(model::name_of(path), loaded.model.signature().clone());
            case.sizes = loaded.model.plan().defaults.clone();
            case.recipe.why.clone_from(&loaded.recipe_why);
            case.recipe.is_known = loaded.recipe_is_known;
            case.load_ms = start.elapsed().as_secs_f64() * 1e3;
            case.loaded = Some(loaded);
            return Ok(case);
        }
        let (survey, time) = model::survey(path, options)?;
        let whole = lower::signature(&survey.graph);
        let mut case = Case::of(model::name_of(path), whole.clone());
        case.signature.inputs.truncate(survey.inputs);
        case.signature.outputs.truncate(survey.outputs);
        case.sizes = lower::default_sizes(&whole);
        if survey.refusals.is_empty() {
            let compiled = model::compiled(path, survey.clone(), time)?;
            match model::compile(path, options, compiled) {
                Ok(loaded) => {
                    case.sizes = loaded.model.plan().defaults.clone();
                    case.loaded = Some(loaded.on(console, options));
                }
                Err(Error::Lower(LowerError(refusals))) => case.lower_refusals = refusals,
                Err(error) => return Err(error),
            }
        } else {
            case.look_at_part(&survey.graph)?;
        }
        case.recipe = match &case.loaded {
            Some(loaded) => {
                Chosen { is_known: loaded.recipe_is_known, ..Chosen::none(&loaded.recipe_why) }
            }
            None => {
                let source = Some((&survey.graph, &survey.metadata));
                recipes::choose(path, options, &case.signature, None, source)?
            }
        };
        case.survey = Some(survey);
        case.load_ms = start.elapsed().as_secs_f64() * 1e3;
        Ok(case)
    }

    fn of(name: String, signature: Signature) -> Case {
        Case {
            name,
            signature,
            recipe: Chosen::none(""),
            survey: None,
            lower_refusals: Vec::new(),
            loaded: None,
            sizes: Bindings::new(),
            load_ms: 0.0,
            part: None,
        }
    }

    /// Lowers what could be imported, so that what the engine refuses is told in the same run.
    fn look_at_part(&mut self, graph: &Graph) -> Result<(), Error> {
        let defect = |stage, reason| Error::Defect { stage, reason };
        let (graph, _) =
            passes::optimize(graph.clone()).map_err(|e| defect("passes", e.to_string()))?;
        match lower::lower(&graph) {
            Ok(lowered) => {
                let bytes = lowered.constants.len() as u64;
                let constants = runtime::Constants::owned(lowered.constants);
                let model = runtime::Model::new(lowered.plan, constants)
                    .map_err(|e| defect("lower", e.to_string()))?;
                let arena = model.arena_bytes(&self.sizes).ok().map(|n| n as u64);
                self.part = Some((arena, bytes));
            }
            Err(LowerError(refusals)) => self.lower_refusals = refusals,
        }
        Ok(())
    }

    /// Runs the model once on zeros, and where that has no finite answer on other numbers.
    pub(super) fn try_out(&self) -> Result<Trial, Error> {
        let Some(Loaded { model, .. }) = &self.loaded else { return Ok(Trial::None) };
        let start = Instant::now();
        let run = |inputs: Vec<Value>| model.run_values(&inputs);
        let outputs = match model.default_inputs().and_then(run) {
            Ok(outputs) => outputs,
            Err(error @ RunError::Memory { .. }) => return Err(error.into()),
            Err(error) => return Ok(Trial::Failed(error)),
        };
        let first_run_ms = start.elapsed().as_secs_f64() * 1e3;
        let not_finite = |outputs: &[Value]| -> Vec<String> {
            let ports = model.signature().outputs.iter().zip(outputs);
            let not_finite = ports.filter(|(_, output)| !is_finite(output));
            not_finite.map(|(port, _)| port.name.clone()).collect()
        };
        let mut never_finite = not_finite(&outputs);
        let mut not_of_zeros = Vec::new();
        // Silence has no logarithm, a blank image no deviation: such a model may be as it should.
        if !never_finite.is_empty()
            && let Ok(outputs) = run(inputs::made_up(model, &[])?)
        {
            let still = not_finite(&outputs);
            (never_finite, not_of_zeros) =
                never_finite.into_iter().partition(|name| still.contains(name));
        }
        Ok(Trial::Ran { never_finite, not_of_zeros, first_run_ms })
    }

    /// Nodes that cannot be imported.
    pub(super) fn refusals(&self) -> &[Refusal] {
        self.survey.as_ref().map_or(&[], |survey| &survey.refusals)
    }

    /// Is it only the memory budget that stands in the way?
    pub(super) fn is_over_budget(&self) -> bool {
        let refusals = self.refusals();
        let is_budget = |r: &Refusal| matches!(r.reason, import::Reason::TooLarge { .. });
        self.lower_refusals.is_empty() && !refusals.is_empty() && refusals.iter().all(is_budget)
    }

    /// Multiply-accumulates of the nodes that have this name in the graph as it was imported.
    pub(super) fn macs_of(&self, node: &str) -> Option<u64> {
        let graph = &self.survey.as_ref()?.graph;
        let nodes = graph.nodes.iter().filter(|n| n.name == node);
        nodes.map(|n| macs::of_node(graph, n, &self.sizes)).sum()
    }

    /// Multiply-accumulates of the whole model, refused nodes included as far as they tell.
    pub(super) fn macs(&self) -> Option<u64> {
        let Some(survey) = &self.survey else {
            return macs::of_plan(self.loaded.as_ref()?.model.plan(), &self.sizes);
        };
        let graph = &survey.graph;
        let known = graph.nodes.iter().map(|node| macs::of_node(graph, node, &self.sizes));
        let known: u64 = known.sum::<Option<u64>>()?;
        let refused = survey.refusals.iter().filter_map(|r| macs::of_refused(r, &self.sizes));
        Some(known.saturating_add(refused.fold(0, u64::saturating_add)))
    }

    pub(super) fn figures(&self, trial: &Trial) -> Figures {
        let first_run_ms = match trial {
            Trial::Ran { first_run_ms, .. } => Some(*first_run_ms),
            Trial::Failed(_) | Trial::None => None,
        };
        let (arena_bytes, constant_bytes) = match (&self.loaded, self.part, &self.survey) {
            (Some(Loaded { model, .. }), ..) => (
                model.arena_bytes(&self.sizes).ok().map(|n| n as u64),
                model.constants().as_slice().len() as u64,
            ),
            (None, Some(part), _) => part,
            (None, None, Some(survey)) => estimate(&survey.graph, &self.sizes),
            (None, None, None) => (None, 0),
        };
        Figures {
            is_estimate: self.loaded.is_none(),
            steps: self.loaded.as_ref().map(|loaded| loaded.model.plan().steps.len()),
            macs: self.macs(),
            constant_bytes,
            arena_bytes,
            load_ms: self.loaded.is_some().then_some(self.load_ms),
            first_run_ms,
        }
    }
}

/// Bytes of the values that live at the same time, at most, and of the constants, were the graph
/// run node by node.
fn estimate(graph: &Graph, sizes: &Bindings) -> (Option<u64>, u64) {
    let bytes = |id: ValueId| -> Option<u64> {
        let value = graph.value(id);
        let size = |dim: &Dim| u64::try_from(dim.evaluate(sizes).ok()?).ok();
        let each = value.dtype.size() as u64;
        value.shape.iter().try_fold(each, |product, dim| product.checked_mul(size(dim)?))
    };
    let constants = graph.values.iter().filter_map(|value| value.constant.as_ref());
    let constants = constants.map(|tensor| tensor.bytes().len() as u64).sum();
    let mut last = vec![usize::MAX; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|id| last[id.0 as usize] = index);
    }
    graph.outputs.iter().for_each(|output| last[output.value.0 as usize] = usize::MAX);
    let (mut live, mut most) = (0u64, Some(0u64));
    let mut made = vec![0u64; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        for id in node.outputs() {
            let Some(bytes) = bytes(id) else { return (None, constants) };
            made[id.0 as usize] = bytes;
            live = live.saturating_add(bytes);
        }
        most = most.max(Some(live));
        for id in node.inputs.iter().filter(|id| last[id.0 as usize] == index) {
            live = live.saturating_sub(std::mem::take(&mut made[id.0 as usize]));
        }
    }
    (most, constants)
}
