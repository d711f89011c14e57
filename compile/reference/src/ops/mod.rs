//! The naive twins, one file for each family of operators. Each relies on the operator's rule
//! having been applied to its inputs, and takes the type and shape of the result from it.

pub(crate) mod conv;
pub(crate) mod elementwise;
pub(crate) mod matmul;
pub(crate) mod movement;
pub(crate) mod norm;
pub(crate) mod pool;
pub(crate) mod quantize;
pub(crate) mod reduce;
pub(crate) mod trees;
