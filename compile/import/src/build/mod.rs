//! What every importer builds its graph with: operands that are computed, constant or sizes; a
//! builder that folds the latter two away; and the arithmetic on symbolic sizes.

mod budget;
mod builder;
mod fold;
mod kind;
mod open;
mod operand;
mod sizes;
mod state;
mod text;

pub(crate) use budget::{Budget, NAME_BYTES, byte_count};
pub(crate) use builder::Builder;
pub(crate) use kind::{Kind, Rank};
pub(crate) use open::{open_size, open_size_beside};
pub(crate) use operand::{Operand, Sizes};
pub(crate) use sizes::lower_bound;
pub(crate) use state::State;
