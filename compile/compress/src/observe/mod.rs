//! The ranges of values, by running the model on samples: each value that an integer layer may
//! read is counted in a [`Histogram`], of which an [`Observer`] makes the range that is told apart.

mod drawn;
mod entropy;
mod histogram;
mod min_max;
mod patches;
mod percentile;
mod probe;
mod squared_error;

pub(crate) use drawn::{Draw, Drawn, draw};
pub use histogram::{Bin, Histogram};
pub(crate) use patches::Patches;
pub(crate) use probe::{Probe, drop_unneeded, is_observable};

use crate::quantize::{Affine, points};
use crate::{CompressError, Samples};
use ir::{Graph, ValueId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tensor::Tensor;

/// What becomes of the elements that were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observer {
    /// The smallest and the largest of them.
    MinMax,
    /// All but one of ten thousand at either end.
    Percentile,
    /// The range whose 256 steps are distributed most like the elements.
    Entropy,
    /// The range that rounds the elements with the least squared error.
    #[default]
    SquaredError,
}

/// The elements from `low` to `high` are told apart; others saturate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The smallest.
    pub low: f32,
    /// The largest.
    pub high: f32,
}

impl Observer {
    /// The range of what was counted.
    pub fn range(self, histogram: &Histogram) -> Range {
        if histogram.total() == 0 {
            return Range { low: 0.0, high: 0.0 };
        }
        match self {
            Observer::MinMax => min_max::range(histogram),
            Observer::Percentile => percentile::range(histogram),
            Observer::Entropy => entropy::range(histogram),
            Observer::SquaredError => squared_error::range(histogram),
        }
    }
}

/// What was observed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// By the number of the value in the graph that was run.
    values: BTreeMap<u32, Range>,
}

impl Ranges {
    /// The range of a value.
    pub fn of(&self, id: ValueId) -> Option<Range> {
        self.values.get(&id.0).copied()
    }

    pub(crate) fn affine(&self, id: ValueId) -> Option<Affine> {
        self.of(id).map(Affine::of)
    }
}

/// Bytes of values that are alive at once to be counted: with more, the model runs again.
const PROBED_BYTES_MAX: u64 = 256 << 20;

/// Counts of the values that integer layers may read.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    histograms: BTreeMap<u32, Histogram>,
}

impl Observed {
    /// The ranges that an observer makes of the counts.
    pub fn ranges(&self, observer: Observer) -> Ranges {
        let range = |(&id, histogram)| (id, observer.range(histogram));
        Ranges { values: self.histograms.iter().map(range).collect() }
    }
}

/// Runs the graph on every sample; `progress` is told after each.
pub fn observe(
    graph: &Graph,
    samples: &Samples,
    observer: Observer,
    progress: &mut dyn FnMut(),
) -> Result<Ranges, CompressError> {
    Ok(count(graph, samples, progress)?.ranges(observer))
}

/// Counts the values of every sample, to make ranges by several observers; `progress` is told after
/// each sample.
pub fn count(
    graph: &Graph,
    samples: &Samples,
    progress: &mut dyn FnMut(),
) -> Result<Observed, CompressError> {
    let mut observed = Observed::default();
    let values: Vec<ValueId> = points(graph).into_iter().collect();
    visit(graph, &values, samples, progress, &mut |_, id, tensor| {
        let histogram = observed.histograms.entry(id.0).or_default();
        if histogram.count(tensor.as_slice::<f32>()?) {
            return Ok(());
        }
        let name = &graph.value(id).name;
        Err(CompressError::Unfit(format!(
            "value `{name}`: expected finite numbers, found NaN or infinity; \
             look at the samples, and at what the model answers for them"
        )))
    })?;
    Ok(observed)
}

/// Shows `see` the number of each sample, and of some values what they are for it. Of models with
/// large values as many runs are made as keep [`PROBED_BYTES_MAX`].
pub(crate) fn visit(
    graph: &Graph,
    values: &[ValueId],
    samples: &Samples,
    progress: &mut dyn FnMut(),
    see: &mut dyn FnMut(usize, ValueId, &Tensor) -> Result<(), CompressError>,
) -> Result<(), CompressError> {
    let parts = parts(graph, values);
    let probes = parts.iter().map(|part| Probe::new(graph, part));
    let probes: Vec<Probe> = probes.collect::<Result<_, _>>()?;
    for (number, inputs) in samples.inputs.iter().enumerate() {
        for (probe, part) in probes.iter().zip(&parts) {
            let seen = probe.run(inputs)?;
            for (&id, tensor) in part.iter().zip(&seen) {
                see(number, id, tensor)?;
            }
        }
        progress();
    }
    Ok(())
}

/// Values that are probed by one run.
fn parts<'v>(graph: &Graph, values: &'v [ValueId]) -> Vec<&'v [ValueId]> {
    let sizes = lower::default_sizes(&lower::signature(graph));
    let bytes = |id: ValueId| {
        let dims = graph.value(id).shape.iter();
        let sizes = dims.map(|dim| dim.evaluate(&sizes).map_or(1, |n| n.unsigned_abs()));
        sizes.fold(4u64, u64::saturating_mul)
    };
    let mut parts = Vec::new();
    let (mut start, mut total) = (0, 0u64);
    for (end, &id) in values.iter().enumerate() {
        let next = bytes(id);
        if end > start && total.saturating_add(next) > PROBED_BYTES_MAX {
            parts.push(&values[start..end]);
            (start, total) = (end, 0);
        }
        total = total.saturating_add(next);
    }
    if start < values.len() {
        parts.push(&values[start..]);
    }
    parts
}
