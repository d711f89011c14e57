//! The server without a protocol: which models there are, who may enter, and who waits.
//!
//! The life of a request: a protocol finds the [`Servable`], receives the body under a
//! [`Charge`] and hands an [`Exchange`] to [`Service::answer`]. The exchange waits in the
//! model's lane of a bounded queue. A worker thread takes it, alone or with others of its lane,
//! decodes it, runs the model and encodes the reply. Where there are threads to spare, a reader
//! decodes what comes next while every worker runs. Whatever goes wrong on the way is a
//! [`Refusal`], which knows its HTTP status, its gRPC code and its text.
//!
//! Invariants: no CPU work runs on a protocol's reactor threads, but for what takes less time than
//! to hand it over; every queue, body and wait is
//! bounded by a number in [`Limits`]; a job that panics costs its own request and no other.
#![forbid(unsafe_code)]

mod batching;
mod budget;
mod catalog;
mod engine;
mod exchange;
mod image;
mod job;
mod limits;
mod measure;
mod model_control;
mod queue;
mod refusal;
mod region;
mod servable;
mod service;
mod settings;
mod statistics;
mod store;
#[cfg(test)]
mod testing;
mod text;
mod worker;

pub use budget::Charge;
pub use catalog::{Catalog, Failure, LoadError, Loader, Source, Wanted};
pub use engine::Engine;
pub use exchange::{Exchange, Outcome, Request};
pub use image::{Answer, ClassScore, ImageRecipe};
pub use limits::Limits;
pub use measure::{measure_batching, measure_run};
pub use model_control::{Control, Repository, watch};
pub use refusal::{Code, Refusal, Row};
pub use region::{Region, Regions};
pub use servable::{Servable, Times};
pub use service::Service;
pub use settings::{LogSetting, Settings, TraceSetting, TraceUpdate};
pub use statistics::{Computed, Counts, Failures, Sum};
pub use store::{ModelStore, Select, State, VersionStatus};
pub use text::whole_text;
