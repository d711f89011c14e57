//! The graph that every model becomes, whatever format it came from: a closed set of operators
//! with type and shape rules, values whose sizes may be symbolic, and a verifier.
//!
//! A [`Graph`] is built in execution order: [`Graph::add`] applies the operator's rule and gives
//! the values it makes. Foreign operators that are not in [`Op`] are decomposed at import.
//!
//! ```
//! use ir::{Graph, Op};
//! use tensor::{DType, Dim, scalar::Unary};
//!
//! let mut graph = Graph::new("tiny");
//! let x = graph.input("x", DType::F32, vec![Dim::symbol("n"), Dim::from(4)]);
//! let y = graph.add("act", Op::Unary(Unary::Relu), &[x]).unwrap();
//! graph.output("y", y);
//! graph.verify().unwrap();
//! assert_eq!(graph.value(y).shape[0], Dim::symbol("n"));
//! ```
#![forbid(unsafe_code)]

mod graph;
mod op;
pub mod ops;
mod rule;
pub mod text;

pub use graph::{Graph, GraphError, Node, Output, Value, ValueId};
pub use op::{Arg, Conv, Dynamic, Loop, Op, PadMode, Pool, PoolKind, SliceAxis};
pub use tensor::rule::{Fact, RuleError};
