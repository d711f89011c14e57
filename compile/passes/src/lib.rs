//! Rewrites that make a graph smaller and name what it computes, so that lowering meets few
//! forms. The table of passes with the order and its reasons is [`PASSES`]; one file stands for
//! each pass, headed by a graph before and after in text form, which is also a test.
//!
//! A pass never changes what is computed beyond the rounding of floats; each file says how its
//! results may differ.
//!
//! ```
//! let text = "\
//! graph # tiny
//! input %0 : f32[n] # x
//! %1 = sigmoid(%0)
//! %2 = mul(%1, %0) # swish
//! output %2 # y
//! ";
//! let graph = ir::text::parse(text, &[]).unwrap();
//! let (graph, reports) = passes::optimize(graph).unwrap();
//! assert!(graph.to_string().contains("%1 = silu(%0) : f32[n] # swish"));
//! let fused = reports.iter().find(|r| r.pass == "fuse_activation").unwrap();
//! assert_eq!(fused.rewrites, 1);
//! ```
#![forbid(unsafe_code)]

mod eliminate_common;
mod eliminate_dead;
mod eliminate_identity;
mod fold_affine;
mod fold_constants;
mod fold_pad;
mod fuse_activation;
mod fuse_gelu;
mod fuse_integer_product;
mod known;
mod pattern;
mod pipeline;
mod rewrite;
mod sink_dequantize;
mod unsign_bytes;
mod widen_halves;

pub use pipeline::{PASSES, Pass, PassError, PassReport, optimize};
