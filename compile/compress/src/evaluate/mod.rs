//! What a compressed graph answers beside the original, sample by sample.

mod compare;
mod data;
mod store;

pub use compare::{Harm, Measure, Outcome};
pub use data::{Data, Split};
pub use store::Store;

use crate::gate::Pairs;
use crate::{
    CompressError, Config, Ranges, Refinement, Samples, correct_bias, learn_rounding, quantize,
};
use ir::Graph;
use runtime::{Constants, Model, Pool};
use serde::Serialize;
use sha2::{Digest, Sha256};
use simd::Token;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tensor::Tensor;

/// Samples between two saves: what a kill costs at most, and a small file.
const CHUNK: usize = 256;

/// What the original's answers may take in memory, in bytes.
const ANSWERS_BYTES_MAX: usize = 1 << 30;

/// Who is told how far the work is.
pub trait Progress: Sync {
    /// Work of this name begins, of so many samples.
    fn begin(&self, what: &str, samples: usize);
    /// So many samples more are done.
    fn advance(&self, samples: usize);
    /// The work is done.
    fn end(&self);
}

/// Where samples come from, who is asked, and how answers are held against each other.
pub struct Workbench<'a> {
    /// The original.
    pub original: &'a Graph,
    /// What is quantized: the original, or what computes the same.
    pub graph: &'a Graph,
    /// What was observed on the samples for calibration.
    pub ranges: &'a Ranges,
    /// Those samples.
    pub samples: &'a Samples,
    /// What is done beside rounding.
    pub refinement: Refinement,
    /// All samples.
    pub data: &'a dyn Data,
    /// How two answers are compared.
    pub measure: Measure,
    /// Samples that are run at the same time.
    pub threads: usize,
    /// What both models are run with.
    pub isa: Token,
    /// What earlier runs have left.
    pub store: &'a Store,
    /// Who is told.
    pub progress: &'a dyn Progress,
}

/// A graph to be made.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Made<'a> {
    /// The precision of each layer.
    pub config: &'a Config,
    /// With what is done beside rounding?
    pub is_refined: bool,
}

/// The original's answers to some samples.
pub struct Reference {
    samples: Vec<usize>,
    answers: Vec<Vec<f32>>,
}

impl Reference {
    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }
}

impl Workbench<'_> {
    /// Asks the original.
    pub fn reference(&self, what: &str, samples: Vec<usize>) -> Result<Reference, CompressError> {
        let model = prepared(self.original, self.isa)?;
        let (mut answers, mut bytes) = (Vec::new(), 0);
        self.progress.begin(what, samples.len());
        for chunk in samples.chunks(CHUNK) {
            let key = format!("original-{}", fingerprint(&chunk));
            let some: Vec<Vec<f32>> =
                self.store.remember(&key, || self.ask(&model, chunk, &|_, answer| answer))?;
            bytes += some.iter().map(|answer| size_of_val(answer.as_slice())).sum::<usize>();
            if bytes > ANSWERS_BYTES_MAX {
                let most = ANSWERS_BYTES_MAX >> 20;
                return Err(CompressError::Unfit(format!(
                    "the original's answers take more than {most} MiB; give fewer samples"
                )));
            }
            answers.extend(some);
            self.progress.advance(chunk.len());
        }
        self.progress.end();
        Ok(Reference { samples, answers })
    }

    /// Asks a graph on the samples of a reference.
    pub fn outcomes(
        &self,
        what: &str,
        made: Made<'_>,
        reference: &Reference,
    ) -> Result<Vec<Outcome>, CompressError> {
        let mut model = None;
        let mut outcomes = Vec::with_capacity(reference.len());
        self.progress.begin(what, reference.len());
        let chunks = reference.samples.chunks(CHUNK).zip(reference.answers.chunks(CHUNK));
        for (samples, expected) in chunks {
            let key = format!("{}-{}", fingerprint(&made), fingerprint(&samples));
            let some: Vec<Outcome> = self.store.remember(&key, || {
                if model.is_none() {
                    model = Some(prepared(&self.graph(made)?, self.isa)?);
                }
                let Some(model) = &model else { unreachable!("it was just made") };
                self.ask(model, samples, &|at, answer| {
                    let labels = self.data.labels(samples[at]);
                    self.measure.compare(&expected[at], &answer, labels)
                })
            })?;
            outcomes.extend(some);
            self.progress.advance(samples.len());
        }
        self.progress.end();
        Ok(outcomes)
    }

    /// The graph that a config makes.
    pub fn graph(&self, made: Made<'_>) -> Result<Graph, CompressError> {
        let mut graph = quantize(self.graph, self.ranges, made.config)?;
        if !made.is_refined {
            return Ok(graph);
        }
        if let Some(learning) = &self.refinement.learning {
            let progress = self.progress;
            progress.begin("learned rounding", 0);
            graph = learn_rounding(self.graph, &graph, self.samples, learning, &mut |_| {
                progress.advance(0);
            })?;
            progress.end();
        }
        if self.refinement.is_bias_corrected {
            graph = correct_bias(self.graph, &graph, self.samples, &mut || ())?;
        }
        Ok(graph)
    }

    /// Runs the model on these samples, several at the same time; what becomes of each answer does
    /// not depend on how many.
    fn ask<T: Send>(
        &self,
        model: &Model,
        samples: &[usize],
        then: &(dyn Fn(usize, Vec<f32>) -> T + Sync),
    ) -> Result<Vec<T>, CompressError> {
        let (next, has_failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let done: Mutex<Vec<(usize, Result<T, CompressError>)>> = Mutex::default();
        let work = || {
            while !has_failed.load(Ordering::Relaxed) {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(&sample) = samples.get(at) else { break };
                let result = self.answer(model, sample).map(|answer| then(at, answer));
                has_failed.fetch_or(result.is_err(), Ordering::Relaxed);
                done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..self.threads.min(samples.len()) {
                scope.spawn(work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    }

    fn answer(&self, model: &Model, sample: usize) -> Result<Vec<f32>, CompressError> {
        let inputs = self.data.inputs(sample)?;
        let outputs = model.run(&inputs.iter().collect::<Vec<_>>())?;
        let taken = if self.measure.is_of_classes() { 1 } else { outputs.len() };
        let mut answer = Vec::new();
        for output in outputs.iter().take(taken) {
            answer.extend_from_slice(numbers(output)?);
        }
        Ok(answer)
    }
}

/// What both models have right, or one of them, or neither, as the gate takes it.
pub fn pairs(outcomes: &[Outcome]) -> Pairs {
    let count = |is: &dyn Fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count() as u64;
    Pairs {
        samples: outcomes.len() as u64,
        lost: count(&|o| o.original && !o.compressed),
        gained: count(&|o| !o.original && o.compressed),
    }
}

/// A model of a graph on an instruction set, each run of which takes one thread.
pub fn prepared(graph: &Graph, isa: Token) -> Result<Model, CompressError> {
    let lowered = lower::lower(graph)?;
    let model = Model::for_isa(isa, lowered.plan, Constants::owned(lowered.constants))?;
    Ok(model.with_pool(Arc::new(Pool::new(1))))
}

fn numbers(output: &Tensor) -> Result<&[f32], CompressError> {
    output
        .as_slice::<f32>()
        .map_err(|_| CompressError::Unfit(format!("expected answers in f32, found {output:?}")))
}

/// Sixteen digits that tell things apart.
pub fn fingerprint(thing: &impl Serialize) -> String {
    let text = serde_json::to_vec(thing).unwrap_or_default();
    hex(&Sha256::digest(&text)[..8])
}

/// Bytes as digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
