//! What both forms of TensorFlow Serving's protocol share, REST and gRPC: which models classify and
//! regress, what an example must have, and where in the outputs the scores are.
#![forbid(unsafe_code)]

mod example;
mod method;
mod scores;
mod types;

pub use example::{CONTEXT_BYTES_MAX, Context, check_row, feature_shape};
pub use method::Method;
pub use scores::{Scores, scores_of};
pub use types::type_name;
