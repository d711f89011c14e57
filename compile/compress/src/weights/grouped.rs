//! Weights of 4 bits with a scale for each group of neighbours along the summed axis: so few bits
//! need scales that follow the weights closely.

use super::Rows;
use super::symmetric::{Symmetric, dequantized};
use crate::layers::Site;
use crate::{Clip, CompressError};
use ir::{Graph, Op, ValueId};
use tensor::{Dim, Tensor};

/// Weights that share a scale: with one of 32 bits for each, five bits a weight.
const GROUP: usize = 32;

/// The largest group of at most [`GROUP`] that a row is cut into without a rest, as long as it is
/// half as long; else the whole row.
fn group(depth: usize) -> usize {
    (GROUP / 2..=GROUP).rev().find(|&g| depth.is_multiple_of(g)).unwrap_or(depth)
}

pub(super) fn stored(graph: &mut Graph, site: &Site, clip: Clip) -> Result<ValueId, CompressError> {
    let rows = Rows::of(site)?;
    let (depth, group) = (rows.depth, group(rows.depth));
    // A row for each group: the same elements.
    let groups = Rows { depth: group, numbers: rows.numbers };
    let symmetric = Symmetric::of(&groups, 4, clip);
    let integers = symmetric.nearest(&groups);
    let shape = [integers.len() / group, group];
    let bytes = bytemuck::cast_slice(&integers);
    let integers = Tensor::from_bytes(symmetric.dtype(), &shape, bytes)?;
    let made = dequantized(graph, &site.name, integers, &symmetric.scales, 0)?;
    let name = format!("{}.weights", site.name);
    let reshape = |graph: &mut Graph, shape: &[usize]| {
        let shape = shape.iter().map(|&size| Dim::from(size)).collect();
        graph.add(&name, Op::Reshape { shape }, &[made])
    };
    if site.groups.is_some() {
        return Ok(reshape(graph, &site.shape)?);
    }
    let rows = reshape(graph, &[site.channels(), depth])?;
    Ok(graph.add(&name, Op::Transpose { perm: vec![1, 0] }, &[rows])?)
}

#[cfg(test)]
mod tests {
    use super::group;

    #[test]
    fn groups_leave_no_rest() {
        let depths = [32, 64, 27, 9, 144, 31, 1280, 37];
        assert_eq!(depths.map(group), [32, 32, 27, 9, 24, 31, 32, 37]);
    }
}
