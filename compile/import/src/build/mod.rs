//! What every importer builds its graph with: operands that are computed, constant or sizes; a
//! builder that folds the latter two away; and the arithmetic on symbolic sizes.

mod builder;
mod fold;
mod operand;
mod sizes;

pub(crate) use builder::Builder;
pub(crate) use operand::{Operand, Sizes};
pub(crate) use sizes::lower_bound;
