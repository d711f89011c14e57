//! The order of the passes.

use crate::{
    eliminate_common, eliminate_dead, eliminate_identity, fold_affine, fold_constants, fold_pad,
    fuse_activation, fuse_gelu, fuse_integer_product, sink_dequantize, unsign_bytes, widen_halves,
};
use ir::{Graph, GraphError};

/// One pass.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    /// Its name, which is that of its file.
    pub name: &'static str,
    /// Rewrites the graph and gives the number of rewrites.
    pub run: fn(&mut Graph) -> usize,
    /// Why it stands where it does.
    pub reason: &'static str,
}

/// All passes, in the order in which they run; the whole table runs again until nothing changes.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "fold_constants",
        run: fold_constants::run,
        reason: "first, since every other pass asks which values are known",
    },
    Pass {
        name: "widen_halves",
        run: widen_halves::run,
        reason: "after fold_constants, which computes with what the model holds; before all that \
                 know constants of 32 bits only, or drop the casts that it makes idle",
    },
    Pass {
        name: "fuse_integer_product",
        run: fuse_integer_product::run,
        reason: "before all passes that look for dequantized operands; after fold_constants, which \
                 multiplies scales that are known",
    },
    Pass {
        name: "unsign_bytes",
        run: unsign_bytes::run,
        reason: "before sink_dequantize, which takes each pair of quantize and dequantize apart",
    },
    Pass {
        name: "sink_dequantize",
        run: sink_dequantize::run,
        reason: "before the patterns, so that products find the integers right in front of them",
    },
    Pass {
        name: "eliminate_identity",
        run: eliminate_identity::run,
        reason: "before the patterns, so that they need not look through what does nothing",
    },
    Pass {
        name: "eliminate_common",
        run: eliminate_common::run,
        reason: "before the patterns, which take one value for the two that an exporter wrote",
    },
    Pass {
        name: "fuse_gelu",
        run: fuse_gelu::run,
        reason: "before fuse_activation: its tanh form reads as one formula only \
                 while whole",
    },
    Pass {
        name: "fuse_activation",
        run: fuse_activation::run,
        reason: "after fuse_gelu, whose erf and tanh forms hold no smaller activation",
    },
    Pass {
        name: "fold_pad",
        run: fold_pad::run,
        reason: "before fold_affine, which needs to know what padding a convolution has",
    },
    Pass {
        name: "fold_affine",
        run: fold_affine::run,
        reason: "after everything that could still find a pattern in what it takes away",
    },
    Pass {
        name: "eliminate_dead",
        run: eliminate_dead::run,
        reason: "last, since every other pass leaves behind what it replaced",
    },
];

/// Rounds after which the table is not run again even if something changed. Two suffice for all
/// models seen; a graph of thousands of constant nodes that wait for each other is bounded too.
const ROUNDS_MAX: usize = 8;

/// What one pass did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassReport {
    /// The pass.
    pub pass: &'static str,
    /// Rewrites in all rounds together.
    pub rewrites: usize,
}

/// A pass left a graph that is not well formed: a defect of the pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pass}: {error}")]
pub struct PassError {
    /// The pass, or `given` when the graph was not well formed from the beginning.
    pub pass: &'static str,
    /// What is wrong with the graph.
    pub error: Box<GraphError>,
}

/// Runs all passes until nothing changes, on the graphs inside of nodes first. The graph is
/// verified before and after all of them, in debug builds after each.
pub fn optimize(mut graph: Graph) -> Result<(Graph, Vec<PassReport>), PassError> {
    let verify = |pass: &'static str, graph: &Graph| {
        graph.verify().map_err(|error| PassError { pass, error: Box::new(error) })
    };
    verify("given", &graph)?;
    let report = |pass: &Pass| PassReport { pass: pass.name, rewrites: 0 };
    let mut reports: Vec<PassReport> = PASSES.iter().map(report).collect();
    for body in graph.nodes.iter_mut().flat_map(|node| &mut node.bodies) {
        let (optimized, inside) = optimize(std::mem::replace(body, Graph::new("")))?;
        *body = optimized;
        reports.iter_mut().zip(inside).for_each(|(all, one)| all.rewrites += one.rewrites);
    }
    for _ in 0..ROUNDS_MAX {
        let mut is_changed = false;
        for (pass, report) in PASSES.iter().zip(&mut reports) {
            let rewrites = (pass.run)(&mut graph);
            report.rewrites += rewrites;
            is_changed |= rewrites > 0;
            if cfg!(debug_assertions) {
                verify(pass.name, &graph)?;
            }
        }
        if !is_changed {
            break;
        }
    }
    verify("all", &graph)?;
    Ok((graph, reports))
}
