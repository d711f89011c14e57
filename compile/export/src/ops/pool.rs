//! Pooling.

use super::conv::needed;
use crate::call::{Call, Written};
use crate::messages::{flag, pads, sizes};
use ir::{Op, Pool, PoolKind};
use operators::max_indices::MaxIndices;

pub(super) fn pool(call: &mut Call<'_, '_>, pool: &Pool) -> Written {
    let mut attributes = vec![
        sizes("kernel_shape", &pool.kernel),
        sizes("strides", &pool.strides),
        sizes("dilations", &pool.dilations),
        pads(&pool.pads),
        flag("ceil_mode", pool.ceil_mode),
    ];
    match pool.kind {
        PoolKind::Max => call.same("MaxPool", attributes),
        PoolKind::Average { count_include_pad } => {
            attributes.push(flag("count_include_pad", count_include_pad));
            call.same("AveragePool", attributes)
        }
    }
}

/// The second thing that the standard's operator makes. How many windows there are follows from
/// the padding behind the last element: that of the pooling beside it, or as much as is needed.
pub(super) fn max_indices(call: &mut Call<'_, '_>, indices: &MaxIndices) -> Written {
    let is_same = |pool: &Pool| {
        let before = pool.pads.iter().map(|pads| pads.0);
        pool.kind == PoolKind::Max
            && before.eq(indices.pads.iter().copied())
            && (&pool.kernel, &pool.strides) == (&indices.kernel, &indices.strides)
            && pool.dilations == indices.dilations
    };
    let beside = call.graph.nodes.iter().find_map(|node| match &node.op {
        Op::Pool(pool) if node.inputs == call.node.inputs && is_same(pool) => Some(pool),
        _ => None,
    });
    let x = call.fact(0);
    let after = (0..indices.kernel.len()).map(|axis| {
        let span = (indices.kernel[axis] - 1) * indices.dilations[axis] + 1;
        let reach = [indices.strides[axis], span];
        needed(&indices.windows[axis], reach, &x.shape[axis + 2], indices.pads[axis])
    });
    let after: Option<Vec<usize>> = after.collect();
    let (all, ceil_mode) = match (beside, after) {
        (Some(pool), _) => (pool.pads.clone(), pool.ceil_mode),
        (None, Some(after)) => (indices.pads.iter().copied().zip(after).collect(), false),
        (None, None) => return Err(call.refuse("windows of which no pooling is made")),
    };
    let attributes = vec![
        sizes("kernel_shape", &indices.kernel),
        sizes("strides", &indices.strides),
        sizes("dilations", &indices.dilations),
        pads(&all),
        flag("ceil_mode", ceil_mode),
        flag("storage_order", indices.is_column_major),
    ];
    let x = call.input(0);
    let made = call.outputs.clone();
    let largest = call.writer.names.fresh(&call.node.name);
    let outputs = [vec![largest], made].concat();
    call.writer.push("MaxPool", &[&x], outputs, attributes);
    Ok(())
}
