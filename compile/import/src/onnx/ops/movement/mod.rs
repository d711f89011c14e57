//! Operators that move elements; cutting and padding are in `slice.rs`.

pub(super) mod slice;

use super::{Row, row};
use crate::decompose::{self, product, quotient};
use crate::error::Reason;
use crate::onnx::call::{self, Call, Made};
use ir::ops::elementwise::broadcast;
use ir::{Fact, Op};
use operators::require::Require;
use tensor::Dim;

pub(super) const OPS: &[Row] = &[
    row("Reshape", &["allowzero"], reshape),
    row("Flatten", &["axis"], flatten),
    row("Squeeze", &["axes"], squeeze),
    row("Unsqueeze", &["axes"], unsqueeze),
    row("Transpose", &["perm"], transpose),
    row("Concat", &["axis"], concat),
    row("Gather", &["axis"], gather),
    row("Expand", &[], expand),
    row("Tile", &[], tile),
    row("DepthToSpace", &["blocksize", "mode"], depth_to_space),
    row("SpaceToDepth", &["blocksize"], space_to_depth),
];

/// ONNX Reshape-1,5,13,14,19,21,23,24,25. Accepted: a target of constants and sizes, 0 for the
/// input's size unless `allowzero`, one -1 for the rest, or a target of known length
/// that is computed from data.
fn reshape(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let Some(target) = call.known_dims(1) else { return reshape_by(call) };
    let is_zero_kept = call.flag("allowzero", false)?;
    let shape = decompose::target_shape(&fact.shape, &target, !is_zero_kept);
    let shape = shape.ok_or_else(|| Reason::Input {
        input: 1,
        expected: format!("a shape with as many elements as {:?}", fact.shape),
        found: format!("{target:?}"),
    })?;
    Ok(vec![call.build.reshape(&x, shape)?])
}

/// A reshape to a shape that is computed from data.
fn reshape_by(call: &mut Call<'_>) -> Made {
    let (x, dtype, rank) = (call.input(0)?, call.fact(0)?.dtype, call.count(1)?);
    let target = call.as_vector(1)?;
    let allow_zero = call.flag("allowzero", false)?;
    let shape = (0..rank).map(|_| call.build.fresh()).collect();
    let operator = operators::dynamic::Reshape { allow_zero };
    call.build.dynamic(operator, &[&x, &target], vec![Fact { dtype, shape }])
}

/// Axes added or dropped that are computed from data.
fn axes_by(call: &mut Call<'_>, operator: operators::dynamic::Axes, rank: usize) -> Made {
    let (x, dtype) = (call.input(0)?, call.fact(0)?.dtype);
    let axes = call.as_vector(1)?;
    let shape = (0..rank).map(|_| call.build.fresh()).collect();
    call.build.dynamic(operator, &[&x, &axes], vec![Fact { dtype, shape }])
}

/// Are the axes an input that is computed from data?
fn has_computed_axes(call: &Call<'_>) -> bool {
    call.optional(1).is_some() && call.known_integers(1).is_none()
}

/// ONNX Flatten-1,9,11,13,21,23,24,25: a matrix whose columns are the axes from `axis` on.
fn flatten(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let rank = fact.rank();
    // One past the last axis is allowed: all elements in one column.
    let axis = match call.int("axis")?.unwrap_or(1) {
        value if usize::try_from(value) == Ok(rank) => rank,
        _ => call.axis("axis", 1, rank)?,
    };
    let shape = vec![product(&fact.shape[..axis]), product(&fact.shape[axis..])];
    Ok(vec![call.build.reshape(&x, shape)?])
}

/// The axes of Squeeze and Unsqueeze: an attribute before opset 13, an input since.
fn named_axes(call: &Call<'_>, rank: usize) -> Result<Option<Vec<usize>>, Reason> {
    let values = match call.optional(1) {
        Some(_) => call.integers(1, "axes")?,
        None => match call.ints("axes")? {
            Some(values) => values.to_vec(),
            None => return Ok(None),
        },
    };
    call::axes(&values, rank).map(Some).ok_or_else(|| {
        call.refuse("axes", &format!("distinct axes of {rank}"), &format!("{values:?}"))
    })
}

/// ONNX Squeeze-1,11,13,21,23,24,25. Where `axes` are left out, those of size 1 go. What size the
/// batch will have, the first axis of an input of the model, is not known then: it is taken to be
/// 1, as it is when such a file is written, and all other sizes to be none. The engine checks that.
/// Refused: leaving out `axes` beside sizes that only turn out while the model runs, and squeezing
/// an axis that is known not to be 1.
fn squeeze(call: &mut Call<'_>) -> Made {
    let (mut x, fact) = (call.input(0)?, call.fact(0)?);
    if has_computed_axes(call) {
        let rank = fact.rank().saturating_sub(call.count(1)?);
        return axes_by(call, operators::dynamic::Axes::Drop, rank);
    }
    let axes = match named_axes(call, fact.rank())? {
        Some(axes) => axes,
        None if !fact.shape.iter().any(Dim::is_measured) => {
            let mut axes = Vec::new();
            for (axis, size) in fact.shape.iter().enumerate() {
                let is_one = match size.known() {
                    Some(size) => size == 1,
                    None => {
                        let is_equal = is_batch(call, size);
                        let (size, expected) = (size.clone(), Dim::from(1));
                        let require = Require { size, expected, is_equal };
                        x = call.build.emit(Op::Whole(require.into()), &[&x])?;
                        is_equal
                    }
                };
                if is_one {
                    axes.push(axis);
                }
            }
            axes
        }
        None => {
            let found = format!("nothing, for shape {:?}", fact.shape);
            return Err(call.refuse("axes", "the axes to squeeze", &found));
        }
    };
    let is_other = |&&a: &&usize| fact.shape[a].known().is_some_and(|size| size != 1);
    if let Some(&axis) = axes.iter().find(is_other) {
        let found = format!("axis {axis} of {:?}", fact.shape);
        return Err(call.refuse("axes", "axes of size 1", &found));
    }
    let kept = (0..fact.rank()).filter(|axis| !axes.contains(axis));
    let shape = kept.map(|axis| fact.shape[axis].clone()).collect();
    Ok(vec![call.build.reshape(&x, shape)?])
}

/// Is it the size of the first axis of an input?
fn is_batch(call: &Call<'_>, size: &Dim) -> bool {
    let graph = &call.build.graph;
    graph.inputs.iter().any(|&id| graph.fact(id).shape.first() == Some(size))
}

/// ONNX Unsqueeze-1,11,13,21,23,24,25.
fn unsqueeze(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    if has_computed_axes(call) {
        let rank = fact.rank() + call.count(1)?;
        return axes_by(call, operators::dynamic::Axes::Add, rank);
    }
    let added = match call.optional(1) {
        Some(_) => call.integers(1, "axes")?.len(),
        None => call.ints("axes")?.map_or(0, <[i64]>::len),
    };
    let rank = fact.rank() + added;
    let axes =
        named_axes(call, rank)?.ok_or_else(|| call.refuse("axes", "the axes to add", "nothing"))?;
    let mut old = fact.shape.into_iter();
    let one = || Dim::from(1);
    let size = |axis| if axes.contains(&axis) { one() } else { old.next().unwrap_or_else(one) };
    let shape = (0..rank).map(size).collect();
    Ok(vec![call.build.reshape(&x, shape)?])
}

/// ONNX Transpose-1,13,21,23,24,25.
fn transpose(call: &mut Call<'_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let perm = match call.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(values) => {
            let axes: Option<Vec<usize>> = values.iter().map(|&v| call::axis(v, rank)).collect();
            axes.ok_or_else(|| {
                let expected = format!("a permutation of {rank} axes");
                call.refuse("perm", &expected, &format!("{values:?}"))
            })?
        }
    };
    Ok(vec![call.build.transpose(&x, perm)?])
}

/// ONNX Concat-1,4,11,13.
fn concat(call: &mut Call<'_>) -> Made {
    let inputs = call.variadic()?;
    if call.int("axis")?.is_none() && call.opset >= 4 {
        return Err(call.refuse("axis", "an axis", "nothing"));
    }
    let axis = call.axis("axis", 1, call.fact(0)?.rank())?;
    if let [one] = inputs.as_slice() {
        return Ok(vec![one.clone()]);
    }
    call.emit(Op::Concat { axis }, &inputs.iter().collect::<Vec<_>>())
}

/// ONNX Gather-1,11,13.
fn gather(call: &mut Call<'_>) -> Made {
    let axis = call.axis("axis", 0, call.fact(0)?.rank())?;
    let (x, indices) = (call.input(0)?, call.input(1)?);
    call.emit(Op::Gather { axis }, &[&x, &indices])
}

/// ONNX Expand-8,13.
fn expand(call: &mut Call<'_>) -> Made {
    let (x, fact) = (call.input(0)?, call.fact(0)?);
    let target = call.dims(1, "the shape")?;
    let shape = broadcast(&fact.shape, &target)
        .map_err(|error| Reason::Rule { error, inputs: vec![fact] })?;
    Ok(vec![call.build.expand(&x, shape)?])
}

/// ONNX Tile-1,6,13.
fn tile(call: &mut Call<'_>) -> Made {
    let (x, repeats) = (call.input(0)?, call.dims(1, "repeats")?);
    Ok(vec![decompose::tiled(call.build, &x, &repeats)?])
}

/// Shape `[N, C, H, W]` and the block's side, for the two operators below.
fn blocks(call: &Call<'_>) -> Result<([Dim; 4], Dim), Reason> {
    let shape = call.fact(0)?.shape;
    let shape: [Dim; 4] = shape.try_into().map_err(|shape: Vec<Dim>| Reason::Input {
        input: 0,
        expected: "[N, C, H, W]".to_string(),
        found: format!("{shape:?}"),
    })?;
    match call.int("blocksize")? {
        Some(side @ 1..=0xffff) => Ok((shape, Dim::from(side))),
        other => Err(call.refuse("blocksize", "1 to 65535", &format!("{other:?}"))),
    }
}

/// Refuses a size that is known not to be a multiple of the divisor.
fn divided(size: &Dim, divisor: &Dim, input: usize) -> Result<Dim, Reason> {
    quotient(std::slice::from_ref(size), std::slice::from_ref(divisor)).ok_or_else(|| {
        Reason::Input {
            input,
            expected: format!("a size that is a multiple of {divisor}"),
            found: size.to_string(),
        }
    })
}

/// ONNX DepthToSpace-1,11,13,28, as reshape, transpose, reshape.
fn depth_to_space(call: &mut Call<'_>) -> Made {
    let ([n, c, h, w], side) = blocks(call)?;
    let depth = divided(&c, &(side.clone() * side.clone()), 0)?;
    let (b, d) = (side.clone(), depth.clone());
    let (split, perm) = match call.text("mode")?.unwrap_or("DCR") {
        "DCR" => (vec![n.clone(), b.clone(), b, d, h.clone(), w.clone()], vec![0, 3, 4, 1, 5, 2]),
        "CRD" => (vec![n.clone(), d, b.clone(), b, h.clone(), w.clone()], vec![0, 1, 4, 2, 5, 3]),
        other => return Err(call.refuse("mode", "DCR or CRD", other)),
    };
    let x = call.input(0)?;
    let split = call.build.reshape(&x, split)?;
    let moved = call.build.transpose(&split, perm)?;
    Ok(vec![call.build.reshape(&moved, vec![n, depth, h * side.clone(), w * side])?])
}

/// ONNX SpaceToDepth-1,13, as reshape, transpose, reshape.
fn space_to_depth(call: &mut Call<'_>) -> Made {
    let ([n, c, h, w], side) = blocks(call)?;
    let (rows, columns) = (divided(&h, &side, 0)?, divided(&w, &side, 0)?);
    let (b, s) = (side.clone(), &side);
    let split = vec![n.clone(), c.clone(), rows.clone(), b.clone(), columns.clone(), b];
    let x = call.input(0)?;
    let split = call.build.reshape(&x, split)?;
    let moved = call.build.transpose(&split, vec![0, 3, 5, 1, 2, 4])?;
    let depth = c * s.clone() * s.clone();
    Ok(vec![call.build.reshape(&moved, vec![n, depth, rows, columns])?])
}
