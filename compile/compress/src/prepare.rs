//! What is done to a graph before its numbers are held in fewer bits.

use crate::evaluate::Progress;
use crate::{
    ChannelPruning, Channels, CompressError, Samples, WeightPruning, equalize, prune_channels,
    prune_weights, smooth,
};
use ir::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which of it, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Preparation {
    /// The channels that go.
    pub channels: Option<ChannelPruning>,
    /// The weights that become zero.
    pub weights: Option<WeightPruning>,
    /// Are channels of neighboring layers scaled alike?
    pub is_equalized: bool,
    /// Are channels of normalized values divided by what their layers are multiplied with?
    pub is_smoothed: bool,
}

/// A graph that was prepared, and what is gone from it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The graph; without any preparation the original.
    pub graph: Graph,
    /// What is left of the layers' channels, where some were to go.
    pub channels: Vec<Channels>,
    /// The share of zeros among each layer's weights, where some were to go.
    pub zeros: BTreeMap<String, f64>,
}

impl Preparation {
    /// Does anything go?
    pub fn is_pruning(&self) -> bool {
        self.channels.is_some() || self.weights.is_some()
    }

    /// Prepares a graph by samples.
    pub(crate) fn apply(
        &self,
        graph: &Graph,
        samples: &Samples,
        progress: &dyn Progress,
    ) -> Result<Prepared, CompressError> {
        let mut prepared =
            Prepared { graph: graph.clone(), channels: Vec::new(), zeros: BTreeMap::new() };
        let mut tick = || progress.advance(0);
        if let Some(pruning) = &self.channels {
            progress.begin("pruning of channels", 0);
            (prepared.graph, prepared.channels) =
                prune_channels(&prepared.graph, samples, pruning, &mut tick)?;
            progress.end();
        }
        if let Some(pruning) = &self.weights {
            progress.begin("pruning of weights", 0);
            (prepared.graph, prepared.zeros) =
                prune_weights(&prepared.graph, samples, pruning, &mut tick)?;
            progress.end();
        }
        if self.is_equalized {
            (prepared.graph, _) = equalize(&prepared.graph)?;
        }
        if self.is_smoothed {
            progress.begin("smoothing", 0);
            (prepared.graph, _) = smooth(&prepared.graph, samples, &mut tick)?;
            progress.end();
        }
        Ok(prepared)
    }
}
