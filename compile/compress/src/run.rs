//! The whole way: calibrate, find the guilty, put them back until the gate holds, measure.

use crate::evaluate::{
    Data, Harm, Made, Measure, Outcome, Progress, Reference, Split, Store, Workbench,
};
use crate::gate::{Gate, Pairs, Verdict};
use crate::search::{self, Blame, Candidate, Found, Race, Slow, Trial};
use crate::{
    CompressError, Config, Learning, Observer, Preparation, Prepared, Ranges, Samples, evaluate,
    observe,
};
use ir::Graph;
use runtime::{Model, Pool};
use serde::{Deserialize, Serialize};
use simd::Token;
use std::collections::BTreeSet;
use std::sync::Arc;
use tensor::Tensor;

/// What is done beside rounding to make up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Refinement {
    /// Is what each weight is rounded to learned, and from how much?
    pub learning: Option<Learning>,
    /// Are the means of what layers make corrected in their biases?
    pub is_bias_corrected: bool,
}

/// What is to be compressed, by what, and how it is held to account.
pub struct Request<'a> {
    /// The original, its passes behind it.
    pub graph: &'a Graph,
    /// What is done before numbers are held in fewer bits.
    pub preparation: Preparation,
    /// What is done beside rounding. The guilty are found without it; the gate sees all of it.
    pub refinement: Refinement,
    /// The precision that each layer is tried in.
    pub config: Config,
    /// What calibration keeps of what it sees.
    pub observer: Observer,
    /// All samples.
    pub data: &'a dyn Data,
    /// Which of them are for what.
    pub split: Split,
    /// What counts as right.
    pub measure: Measure,
    /// What may be lost.
    pub gate: Gate,
    /// Is it enough that the model is smaller? Else it must be faster.
    pub is_for_size: bool,
    /// Where a run that was killed goes on.
    pub store: &'a Store,
    /// Who is told how far it is.
    pub progress: &'a dyn Progress,
    /// What the original and the compressed models are run with: whose latency decides.
    pub isa: Token,
    /// Threads of the runs whose latency is measured; as many samples are run at a time.
    pub pool: Arc<Pool>,
}

/// What came of it.
pub struct Compressed {
    /// What the layers' numbers were held in fewer bits of.
    pub prepared: Prepared,
    /// What calibration has found.
    pub ranges: Ranges,
    /// Layers that were left as they are, because they are slower compressed.
    pub slow: Vec<Slow>,
    /// The layers, the guiltiest first.
    pub blame: Vec<Blame>,
    /// Every test, and the config to take.
    pub found: Found,
    /// The test that decided: the chosen one, or the first.
    pub decided: usize,
    /// The answers of the original and of that model that were right.
    pub right: (u64, u64),
    /// The models that were measured, the original first.
    pub candidates: Vec<Candidate>,
    /// Their latencies.
    pub race: Race,
    /// Runs a second of the original and of the model that was decided on.
    pub throughput: (f64, f64),
    /// Constants and working memory of the same two, in bytes.
    pub memory_bytes: (u64, u64),
    /// The graph to write out, or why there is none.
    pub result: Result<Graph, Refusal>,
}

/// Why nothing is written out.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The samples do not tell.
    #[error(
        "not enough data: {found} samples for the gate, {needed} are needed to show a drop inside \
         {budget}; give more data with --data, or a larger --max-drop"
    )]
    NotEnough {
        /// Samples that the gate had.
        found: u64,
        /// Samples that it needs.
        needed: u64,
        /// What may be lost.
        budget: crate::gate::Budget,
    },
    /// Too much is lost.
    #[error(
        "too much is lost: with the fewest layers compressed that were tried the drop may still be \
         {bound:.3} points, the budget is {budget}; give a larger --max-drop or another --method"
    )]
    Lossy {
        /// The least upper bound of the drop, in points.
        bound: f64,
        /// What may be lost.
        budget: crate::gate::Budget,
    },
    /// It would be no gain.
    #[error(
        "not faster: {after_ms:.3} ms after {before_ms:.3} ms, in {wins} of {rounds} rounds; \
         --for size takes a model that is only smaller"
    )]
    NotFaster {
        /// Of the original.
        before_ms: f64,
        /// Of the compressed model.
        after_ms: f64,
        /// Rounds in which it was faster.
        wins: usize,
        /// All rounds.
        rounds: usize,
    },
    /// It would be no gain either.
    #[error("not smaller: weights of {after} bytes after {before}")]
    NotSmaller {
        /// Of the original.
        before: u64,
        /// Of the compressed model.
        after: u64,
    },
}

/// How sure it must be that a model is faster: one race of a thousand may lie.
const RACE_ERROR: f64 = 0.001;

/// What a race may take, in milliseconds, and its rounds: fewer than the least can show nothing,
/// more than the most change no median.
const RACE_MS: f64 = 8000.0;
const ROUNDS: (usize, usize) = (21, 400);

/// Goes the whole way.
pub fn compress(request: &Request<'_>) -> Result<Compressed, CompressError> {
    let samples = calibration_samples(request)?;
    let prepared = request.preparation.apply(request.graph, &samples, request.progress)?;
    let graph = &prepared.graph;
    let ranges = calibrate(request, graph, &samples)?;
    let bench = Workbench {
        original: request.graph,
        graph,
        samples: &samples,
        refinement: request.refinement,
        ranges: &ranges,
        data: request.data,
        measure: request.measure,
        threads: request.pool.threads(),
        isa: request.isa,
        store: request.store,
        progress: request.progress,
    };
    let calibration = bench.reference("original", request.split.probes())?;
    let test = bench.reference("original", request.split.test.clone())?;
    let mut trial = Bench { bench: &bench, calibration, test };
    let layers = crate::layers(graph);
    let slow = match request.is_for_size {
        true => Vec::new(),
        false => slow_layers(request, &bench)?,
    };
    let mut config = request.config.clone();
    for Slow { layer, .. } in &slow {
        config.layers.remove(layer);
    }
    let blame = search::blame(&layers, &config, &mut trial)?;
    let found = search::fallback(&config, &blame, &request.gate, &mut trial)?;
    let search = Search { prepared: prepared.clone(), ranges: ranges.clone(), slow, blame, found };
    measure(request, &trial, search)
}

/// Layers that are no gain.
fn slow_layers(request: &Request<'_>, bench: &Workbench<'_>) -> Result<Vec<Slow>, CompressError> {
    request.store.remember("slow", || {
        request.progress.begin("latency by layer", 0);
        let made = bench.graph(Made { config: &request.config, is_refined: false })?;
        let on_pool = |graph: &Graph| {
            let model = evaluate::prepared(graph, request.isa)?;
            Ok::<Model, CompressError>(model.with_pool(request.pool.clone()))
        };
        let names: Vec<String> = request.config.layers.keys().cloned().collect();
        let inputs = inputs(request)?;
        search::slow_layers(&on_pool(request.graph)?, &on_pool(&made)?, &inputs, &names)
    })
}

/// One sample, to measure latency with.
fn inputs(request: &Request<'_>) -> Result<Vec<Tensor>, CompressError> {
    let sample = request.split.test.first().or(request.split.calibration.first());
    let none = || CompressError::Unfit("expected samples, found none".to_string());
    request.data.inputs(*sample.ok_or_else(none)?)
}

fn calibration_samples(request: &Request<'_>) -> Result<Samples, CompressError> {
    let inputs = request.split.calibration.iter().map(|&sample| request.data.inputs(sample));
    Ok(Samples { inputs: inputs.collect::<Result<_, _>>()?, labels: None })
}

fn calibrate(
    request: &Request<'_>,
    graph: &Graph,
    samples: &Samples,
) -> Result<Ranges, CompressError> {
    request.store.remember("ranges", || {
        request.progress.begin("calibration", samples.len());
        let mut advance = || request.progress.advance(1);
        let ranges = observe(graph, samples, request.observer, &mut advance)?;
        request.progress.end();
        Ok(ranges)
    })
}

/// Trials on the workbench.
struct Bench<'a> {
    bench: &'a Workbench<'a>,
    calibration: Reference,
    test: Reference,
}

impl Bench<'_> {
    fn tested(&self, what: &str, config: &Config) -> Result<Vec<Outcome>, CompressError> {
        self.bench.outcomes(what, Made { config, is_refined: true }, &self.test)
    }
}

impl Trial for Bench<'_> {
    fn probe(&mut self, what: &str, config: &Config) -> Result<Harm, CompressError> {
        let made = Made { config, is_refined: false };
        Ok(Harm::of(&self.bench.outcomes(what, made, &self.calibration)?))
    }

    fn test(&mut self, what: &str, config: &Config) -> Result<Pairs, CompressError> {
        Ok(evaluate::pairs(&self.tested(what, config)?))
    }
}

/// What was found before anything was measured.
struct Search {
    prepared: Prepared,
    ranges: Ranges,
    slow: Vec<Slow>,
    blame: Vec<Blame>,
    found: Found,
}

/// Size and speed of every model that was tested, and what they mean for the choice.
fn measure(
    request: &Request<'_>,
    trial: &Bench<'_>,
    search: Search,
) -> Result<Compressed, CompressError> {
    let Search { prepared, ranges, slow, blame, found } = search;
    let made = |t: &search::Tested| trial.bench.graph(Made { config: &t.config, is_refined: true });
    let mut graphs: Vec<Graph> = found.tested.iter().map(made).collect::<Result<_, _>>()?;
    graphs.insert(0, request.graph.clone());
    let models: Vec<Model> = graphs
        .iter()
        .map(|graph| Ok(evaluate::prepared(graph, request.isa)?.with_pool(request.pool.clone())))
        .collect::<Result<_, CompressError>>()?;
    let inputs = inputs(request)?;
    request.progress.begin("latency", 0);
    let race = race(&models, &inputs)?;
    let bytes: Vec<u64> = graphs.iter().map(weight_bytes).collect();
    let mut candidates = candidates(&found, &bytes, &race);
    let result = choose(request, &found, &candidates, &race);
    let chosen = result.as_ref().ok().copied();
    let decided = chosen.or(found.chosen).unwrap_or(0);
    if let Some(chosen) = chosen {
        candidates[chosen + 1].is_chosen = true;
    }
    let throughput = |model: &Model| {
        let model = model.clone().with_pool(Arc::new(Pool::new(1)));
        search::throughput(&model, &inputs, request.pool.threads())
    };
    let throughput = (throughput(&models[0])?, throughput(&models[decided + 1])?);
    request.progress.end();
    let memory_bytes = (memory(&models[0]), memory(&models[decided + 1]));
    let outcomes = trial.tested("the gate", &found.tested[decided].config)?;
    let count = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count() as u64;
    let right = (count(&|o| o.original), count(&|o| o.compressed));
    let result = result.map(|chosen| graphs.swap_remove(chosen + 1));
    let found = Found { chosen, ..found };
    Ok(Compressed {
        prepared,
        ranges,
        slow,
        blame,
        found,
        decided,
        right,
        candidates,
        race,
        throughput,
        memory_bytes,
        result,
    })
}

fn race(models: &[Model], inputs: &[Tensor]) -> Result<Race, CompressError> {
    let models: Vec<&Model> = models.iter().collect();
    let once: f64 = search::race(&models, inputs, 1)?.rounds_ms.iter().flatten().sum();
    let rounds = (RACE_MS / once.max(0.001)) as usize;
    search::race(&models, inputs, rounds.clamp(ROUNDS.0, ROUNDS.1))
}

fn candidates(found: &Found, bytes: &[u64], race: &Race) -> Vec<Candidate> {
    let original = Candidate {
        name: "original".to_string(),
        bytes: bytes[0],
        latency_ms: race.median_ms(0),
        drop: 0.0,
        has_passed: true,
        is_chosen: false,
    };
    let tested = found.tested.iter().enumerate().map(|(at, tested)| Candidate {
        name: match tested.steps_back {
            0 => "every layer".to_string(),
            1 => "1 step back".to_string(),
            steps => format!("{steps} steps back"),
        },
        bytes: bytes[at + 1],
        latency_ms: race.median_ms(at + 1),
        drop: tested.pairs.drop(),
        has_passed: tested.verdict.is_ship(),
        is_chosen: false,
    });
    std::iter::once(original).chain(tested).collect()
}

/// Of the tests that passed and are a gain: the smallest model, or the one with the fewest steps
/// back.
fn choose(
    request: &Request<'_>,
    found: &Found,
    candidates: &[Candidate],
    race: &Race,
) -> Result<usize, Refusal> {
    let Some(first) = found.chosen else { return Err(refusal(request, found)) };
    let is_gain = |at: &usize| match request.is_for_size {
        true => candidates[at + 1].bytes < candidates[0].bytes,
        false => race.is_faster(at + 1, RACE_ERROR),
    };
    let mut passed: Vec<usize> =
        (0..found.tested.len()).filter(|&at| found.tested[at].verdict.is_ship()).collect();
    passed.sort_by_key(|&at| {
        let bytes = if request.is_for_size { candidates[at + 1].bytes } else { 0 };
        (bytes, found.tested[at].steps_back)
    });
    passed.into_iter().find(is_gain).ok_or_else(|| match request.is_for_size {
        true => {
            Refusal::NotSmaller { before: candidates[0].bytes, after: candidates[first + 1].bytes }
        }
        false => {
            let (before_ms, after_ms) = (race.median_ms(0), race.median_ms(first + 1));
            let (wins, rounds) = race.wins(first + 1);
            Refusal::NotFaster { before_ms, after_ms, wins, rounds }
        }
    })
}

/// Why no test has passed. More data is the answer only when it could be: not when a test that had
/// enough of it was refused as well.
fn refusal(request: &Request<'_>, found: &Found) -> Refusal {
    let budget = request.gate.budget;
    let needed = found.tested.iter().filter_map(|tested| match tested.verdict {
        Verdict::NotEnough { needed, .. } => Some(needed),
        Verdict::Ship { .. } | Verdict::Refuse { .. } => None,
    });
    match needed.min() {
        Some(needed) => {
            let found = request.split.test.len() as u64;
            Refusal::NotEnough { found, needed, budget }
        }
        None => {
            let bounds = found.tested.iter().map(|tested| tested.verdict.bound() * 100.0);
            Refusal::Lossy { bound: bounds.fold(f64::INFINITY, f64::min), budget }
        }
    }
}

/// Bytes of the constants that nodes take, each counted once, small elements as they are packed in
/// files.
fn weight_bytes(graph: &Graph) -> u64 {
    let taken: BTreeSet<_> = graph.nodes.iter().flat_map(|node| &node.inputs).collect();
    let known = taken.into_iter().filter_map(|&id| graph.known(id));
    known.map(|constant| (constant.len() * constant.dtype().bits()).div_ceil(8) as u64).sum()
}

/// Bytes of a model's constants and of the working memory of one run.
fn memory(model: &Model) -> u64 {
    let constants = model.constants().as_slice().len();
    (constants + model.arena_bytes(&model.plan().defaults).unwrap_or(0)) as u64
}
