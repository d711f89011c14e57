//! Type and shape rules, one file for each family of operators.

pub mod conv;
pub mod elementwise;
pub mod matmul;
pub mod movement;
pub mod norm;
pub mod pool;
pub mod quantize;
pub mod reduce;
pub mod trees;
