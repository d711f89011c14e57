//! Layers that move elements.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::Operand;
use crate::decompose::arithmetic::with_axis;
use crate::decompose::product;
use crate::error::Reason;
use ir::{Op, PadMode, SliceAxis};
use serde_json::Value;
use tensor::Dim;

pub(super) const ROWS: &[Row] = &[
    row("Flatten", "", &[], flatten).without_mask().in_any_type(),
    row("Reshape", "", &[], reshape).without_mask().in_any_type(),
    row("Permute", "", &[], permute).without_mask().in_any_type(),
    row("RepeatVector", "", &[], repeat_vector).without_mask().in_any_type(),
    row("Cropping1D", "", &[], |call| cropping(call, 1)).without_mask().in_any_type(),
    row("Cropping2D", "", &[], |call| cropping(call, 2)).without_mask().in_any_type(),
    row("Cropping3D", "", &[], |call| cropping(call, 3)).without_mask().in_any_type(),
    row("ZeroPadding1D", "", &[], |call| padding(call, 1)).without_mask(),
    row("ZeroPadding2D", "", &[], |call| padding(call, 2)).without_mask(),
    row("ZeroPadding3D", "", &[], |call| padding(call, 3)).without_mask(),
];

/// All axes behind the first as one; channels that are second become last before.
fn flatten(call: &mut Call<'_, '_>) -> Made {
    let mut x = call.input()?;
    let is_last = call.config().is_channels_last();
    let build = &mut call.walk.build;
    let shape = build.fact(&x).shape;
    if !is_last && shape.len() > 2 {
        let perm = crate::decompose::to_last(shape.len());
        x = build.transpose(&x, perm)?;
    }
    let first = shape.first().cloned().unwrap_or_else(|| Dim::from(1));
    Ok(vec![build.reshape(&x, vec![first, product(shape.get(1..).unwrap_or_default())])?])
}

/// The sizes behind the first, of which one may be left open.
fn reshape(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let target = config.integers("target_shape")?;
    let target = target.ok_or_else(|| config.refuse("target_shape", "sizes"))?;
    let build = &mut call.walk.build;
    let shape = build.fact(&x).shape;
    let all = product(shape.get(1..).unwrap_or_default());
    let given = target.iter().filter(|&&size| size >= 0);
    let given = given.fold(Dim::from(1), |all, &size| all * Dim::from(size));
    let mut made = vec![shape.first().cloned().unwrap_or_else(|| Dim::from(1))];
    for &size in &target {
        made.push(match size {
            0.. => Dim::from(size),
            _ if given.known() == Some(0) => Dim::from(0),
            _ => all.floor_div(&given),
        });
    }
    Ok(vec![build.reshape(&x, made)?])
}

fn permute(call: &mut Call<'_, '_>) -> Made {
    let x = call.input()?;
    let config = call.config();
    let rank = call.walk.build.fact(&x).rank();
    let dims = config.integers("dims")?.unwrap_or_default();
    let perm: Option<Vec<usize>> = dims.iter().map(|&axis| usize::try_from(axis).ok()).collect();
    let perm: Option<Vec<usize>> = perm.map(|perm| [0].into_iter().chain(perm).collect());
    let is_order = |perm: &Vec<usize>| {
        let mut sorted = perm.clone();
        sorted.sort_unstable();
        sorted.into_iter().eq(0..rank)
    };
    let perm = perm.filter(is_order).ok_or_else(|| config.refuse("dims", "an order of axes"))?;
    Ok(vec![call.walk.build.transpose(&x, perm)?])
}

fn repeat_vector(call: &mut Call<'_, '_>) -> Made {
    let x = call.input_of_rank(2)?;
    let times = call.config().size("n")?;
    let build = &mut call.walk.build;
    let made = with_axis(build, &x, 1)?;
    let mut shape = build.fact(&made).shape;
    shape[1] = Dim::from(times);
    Ok(vec![build.expand(&made, shape)?])
}

/// Two numbers for each axis, in any of the forms in which they are written.
fn ends(call: &Call<'_, '_>, name: &str, axes: usize) -> Result<Vec<(usize, usize)>, Reason> {
    let config = call.config();
    let size =
        |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).map(|n| n as usize);
    let pair = |value: &Value| match value {
        Value::Array(list) => match list.as_slice() {
            [begin, end] => Some((size(begin)?, size(end)?)),
            [one] => size(one).map(|one| (one, one)),
            _ => None,
        },
        one => size(one).map(|one| (one, one)),
    };
    let value = config.get(name);
    let found: Option<Vec<(usize, usize)>> = match value {
        Some(Value::Array(list)) if axes == 1 && list.len() == 2 => {
            value.and_then(pair).map(|pair| vec![pair])
        }
        Some(Value::Array(list)) => list.iter().map(pair).collect(),
        Some(one) => pair(one).map(|pair| vec![pair; axes]),
        None => Some(vec![(1, 1); axes]),
    };
    let refused = || config.refuse(name, &format!("numbers for {axes} axes"));
    found.filter(|ends| ends.len() == axes).ok_or_else(refused)
}

/// The first spatial axis.
fn first(call: &Call<'_, '_>) -> usize {
    if call.config().is_channels_last() { 1 } else { 2 }
}

fn cropping(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let x = call.input_of_rank(axes + 2)?;
    let (ends, first) = (ends(call, "cropping", axes)?, first(call));
    let build = &mut call.walk.build;
    let shape = build.fact(&x).shape;
    let cuts = ends.iter().enumerate().filter(|(_, ends)| **ends != (0, 0));
    let cuts: Vec<SliceAxis> = cuts
        .map(|(at, &(begin, end))| SliceAxis {
            axis: first + at,
            start: Dim::from(begin),
            len: shape[first + at].clone() - Dim::from(begin) - Dim::from(end),
            step: 1,
        })
        .collect();
    if cuts.is_empty() {
        return Ok(vec![x]);
    }
    Ok(vec![build.emit(Op::Slice { axes: cuts }, &[&x])?])
}

fn padding(call: &mut Call<'_, '_>, axes: usize) -> Made {
    let x: Operand = call.input_of_rank(axes + 2)?;
    let (ends, mut first) = (ends(call, "padding", axes)?, first(call));
    let turned = call.walk.before_turn(&x).filter(|_| first == 1);
    let is_turned = turned.is_some();
    let x = turned.unwrap_or(x);
    if is_turned {
        first = 2;
    }
    let (mut before, mut after) = (vec![0; axes + 2], vec![0; axes + 2]);
    for (at, (begin, end)) in ends.into_iter().enumerate() {
        (before[first + at], after[first + at]) = (begin as i64, end as i64);
    }
    let pad = Op::Pad { before, after, mode: PadMode::Constant(0.0) };
    let made = call.walk.build.emit(pad, &[&x])?;
    Ok(vec![if is_turned { call.walk.channels_last(made)? } else { made }])
}
