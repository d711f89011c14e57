//! The report of what compression has found.

use super::{Change, LayerReport, Report};
use crate::certificate::{Certificate, Identity, Method};
use crate::layers::sites;
use crate::search::front;
use crate::{Compressed, Request};
use std::collections::BTreeMap;

/// What only the caller knows.
#[derive(Debug, Clone)]
pub struct About {
    /// The version of Schooner.
    pub schooner: String,
    /// The name of what the model was compressed for.
    pub target: String,
    /// The original.
    pub model: Identity,
    /// All samples.
    pub data: Identity,
    /// The name of the method.
    pub method: String,
    /// What chose the samples for calibration.
    pub seed: u64,
    /// Bytes of the original's file and of the one that was written; nothing when none was.
    pub disk_bytes: Option<(u64, u64)>,
}

impl Report {
    /// Of a request and what came of it.
    pub fn new(request: &Request<'_>, compressed: &Compressed, about: About) -> Report {
        let decided = &compressed.found.tested[compressed.decided];
        let share = |right: u64| right as f64 / decided.pairs.samples.max(1) as f64;
        let (before, after) = compressed.right;
        let pair = |(before, after): (u64, u64)| Change::new(before as f64, after as f64);
        let model = compressed.decided + 1;
        let race = &compressed.race;
        Report {
            model: about.model.name.clone(),
            refusal: compressed.result.as_ref().err().map(ToString::to_string),
            disk_bytes: about.disk_bytes.map(pair),
            memory_bytes: pair(compressed.memory_bytes),
            latency_ms: Change::new(race.median_ms(0), race.median_ms(model)),
            throughput: Change::new(compressed.throughput.0, compressed.throughput.1),
            accuracy: Change::new(share(before), share(after)),
            faster_rounds: race.wins(model),
            slow_layers: compressed.slow.clone(),
            channels: compressed.prepared.channels.clone(),
            zeros: compressed.prepared.zeros.clone(),
            layers: layers(compressed),
            front: front(&compressed.candidates),
            candidates: compressed.candidates.clone(),
            certificate: certificate(request, compressed, about),
        }
    }
}

fn certificate(request: &Request<'_>, compressed: &Compressed, about: About) -> Certificate {
    let decided = &compressed.found.tested[compressed.decided];
    let (original_right, compressed_right) = compressed.right;
    let config = decided.config.clone();
    Certificate {
        schooner: about.schooner,
        target: about.target,
        isa: request.isa.isa().name().to_string(),
        model: about.model,
        data: about.data,
        calibration_samples: request.split.calibration.len(),
        seed: about.seed,
        method: Method {
            name: about.method,
            observer: request.observer,
            preparation: request.preparation,
            refinement: request.refinement,
            config,
        },
        measure: request.measure,
        budget: request.gate.budget,
        confidence: request.gate.confidence,
        tests: compressed.found.tested.len(),
        test_confidence: decided.confidence,
        pairs: decided.pairs,
        original_right,
        compressed_right,
        verdict: decided.verdict,
    }
}

fn layers(compressed: &Compressed) -> Vec<LayerReport> {
    let config = &compressed.found.tested[compressed.decided].config;
    let sites: BTreeMap<String, _> =
        sites(&compressed.prepared.graph).into_iter().map(|s| (s.name, s.input)).collect();
    let blame = compressed.blame.iter().cloned();
    let row = blame.map(|blame| LayerReport {
        range: sites.get(&blame.layer).and_then(|&input| compressed.ranges.of(input)),
        kept: config.precision(&blame.layer),
        tried: blame.precision,
        layer: blame.layer,
        op: blame.op,
        macs_share: blame.macs_share,
        alone: blame.alone,
        without: blame.without,
        relief: blame.relief,
    });
    row.collect()
}
