//! Layers that make one value of several.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic::{axis, unit, with};
use crate::error::Reason;
use ir::Op;
use tensor::scalar::Binary;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    row("Add", "", &[], |call| joined(call, Binary::Add)).of_elements(),
    row("Subtract", "", &[], |call| joined(call, Binary::Sub)).of_elements(),
    row("Multiply", "", &[], |call| joined(call, Binary::Mul)).of_elements(),
    row("Maximum", "", &[], |call| joined(call, Binary::Max)).of_elements(),
    row("Minimum", "", &[], |call| joined(call, Binary::Min)).of_elements(),
    row("Average", "", &[], |call| {
        let count = call.inputs.len() as f64;
        let sum = joined(call, Binary::Add)?.swap_remove(0);
        Ok(vec![with(&mut call.walk.build, Binary::Div, &sum, count)?])
    })
    .of_elements(),
    row("CustomScaleLayer", "of keras.applications.InceptionResNetV2", &[], scaled_sum),
    row("Concatenate", "", &[], concatenate),
    row("Dot", "", &[], dot).without_mask(),
];

/// A function of all values, one after another.
fn joined(call: &mut Call<'_, '_>, function: Binary) -> Made {
    let mut made = call.input()?;
    for index in 1..call.inputs.len() {
        let next = call.input_at(index)?;
        let build = &mut call.walk.build;
        let [a, b] = of_equal_rank(build, &made, &next)?;
        made = build.binary(function, &a, &b)?;
    }
    call.mask = mask_of_joined(call)?;
    Ok(vec![made])
}

/// `a + scale * b`.
fn scaled_sum(call: &mut Call<'_, '_>) -> Made {
    let scale = call.config().float_or("scale", 1.0)?;
    let (a, b) = (call.input_at(0)?, call.input_at(1)?);
    let build = &mut call.walk.build;
    let b = with(build, Binary::Mul, &b, f64::from(scale))?;
    Ok(vec![build.binary(Binary::Add, &a, &b)?])
}

/// From Keras 3 on a step counts that counts in any value, and all do where one value has no mask.
/// Before, a step counts that counts in all values, those without a mask aside.
fn mask_of_joined(call: &mut Call<'_, '_>) -> Result<Option<Operand>, Reason> {
    let is_of_3 = call.walk.dialect >= 3;
    let masks: Vec<Operand> = call.inputs.iter().filter_map(|flow| flow.mask.clone()).collect();
    if is_of_3 && masks.len() < call.inputs.len() {
        return Ok(None);
    }
    let function = if is_of_3 { Binary::Or } else { Binary::And };
    let mut masks = masks.into_iter();
    let Some(first) = masks.next() else { return Ok(None) };
    let build = &mut call.walk.build;
    masks.try_fold(first, |a, b| build.binary(function, &a, &b)).map(Some)
}

/// Values of few axes stand for the same at each place of those that they lack behind the first.
fn of_equal_rank(build: &mut Builder, a: &Operand, b: &Operand) -> Result<[Operand; 2], Reason> {
    let rank = build.fact(a).rank().max(build.fact(b).rank());
    let mut widened = |x: &Operand| {
        let mut shape = build.fact(x).shape;
        while shape.len() < rank && !shape.is_empty() {
            shape.insert(1, Dim::from(1));
        }
        build.reshape(x, shape)
    };
    Ok([widened(a)?, widened(b)?])
}

fn concatenate(call: &mut Call<'_, '_>) -> Made {
    let rank = call.fact()?.rank();
    let config = call.config();
    let named = config.integer("axis")?.unwrap_or(-1);
    let axis = axis(named, rank).ok_or_else(|| config.refuse("axis", &format!("one of {rank}")))?;
    let inputs: Vec<Operand> = call.inputs.iter().map(|flow| flow.operand.clone()).collect();
    let build = &mut call.walk.build;
    let made = build.emit(Op::Concat { axis }, &inputs.iter().collect::<Vec<_>>())?;
    call.mask = mask_of_concatenation(call, axis)?;
    Ok(vec![made])
}

/// Along the steps masks lie behind each other; otherwise a step counts that counts in all.
fn mask_of_concatenation(call: &mut Call<'_, '_>, axis: usize) -> Result<Option<Operand>, Reason> {
    if call.inputs.iter().all(|flow| flow.mask.is_none()) {
        return Ok(None);
    }
    let mut masks = Vec::with_capacity(call.inputs.len());
    for flow in &call.inputs {
        let build = &mut call.walk.build;
        let shape = build.fact(&flow.operand).shape;
        masks.push(match &flow.mask {
            Some(mask) => mask.clone(),
            None if shape.len() < 2 => return Ok(None),
            None => {
                let all = build.number(DType::F32, 1.0)?;
                let all = build.cast(&all, DType::Bool)?;
                build.expand(&all, shape[..2].to_vec())?
            }
        });
    }
    let build = &mut call.walk.build;
    if axis == 1 {
        return build.emit(Op::Concat { axis: 1 }, &masks.iter().collect::<Vec<_>>()).map(Some);
    }
    let mut masks = masks.into_iter();
    let Some(first) = masks.next() else { return Ok(None) };
    masks.try_fold(first, |a, b| build.binary(Binary::And, &a, &b)).map(Some)
}

/// Sums of products along an axis of each value, all other axes but the first side by side.
fn dot(call: &mut Call<'_, '_>) -> Made {
    let (mut a, mut b) = (call.input()?, call.input_at(1)?);
    let config = call.config();
    let axes = config.integers("axes")?.unwrap_or_default();
    let normalizes = config.flag("normalize", false);
    let build = &mut call.walk.build;
    let ranks = [build.fact(&a).rank(), build.fact(&b).rank()];
    let pair = match *axes {
        [one] => [one, one],
        [one, other] => [one, other],
        _ => return Err(config.refuse("axes", "one axis or two")),
    };
    let refused = || config.refuse("axes", &format!("axes of values of {ranks:?}"));
    let pair = [axis(pair[0], ranks[0]), axis(pair[1], ranks[1])];
    let [Some(of_a), Some(of_b)] = pair else { return Err(refused()) };
    if of_a == 0 || of_b == 0 || ranks.iter().any(|&rank| !(2..=8).contains(&rank)) {
        return Err(refused());
    }
    if normalizes {
        a = unit(build, &a, &[of_a], 1e-12)?;
        b = unit(build, &b, &[of_b], 1e-12)?;
    }
    let mut letters = ('a'..='z').skip(2);
    let mut labels = |rank: usize, summed: usize| -> String {
        let each = (0..rank).map(|axis| match axis {
            0 => 'a',
            axis if axis == summed => 'b',
            _ => letters.next().unwrap_or('z'),
        });
        each.collect()
    };
    let (left, right) = (labels(ranks[0], of_a), labels(ranks[1], of_b));
    let rest = |term: &str| term.chars().filter(|&c| c != 'a' && c != 'b').collect::<String>();
    let equation = format!("{left},{right}->a{}{}", rest(&left), rest(&right));
    let made = crate::decompose::einsum(build, &equation, &[&a, &b])?.ok_or_else(refused)?;
    let mut shape = build.fact(&made).shape;
    if shape.len() == 1 {
        shape.push(Dim::from(1));
    }
    Ok(vec![build.reshape(&made, shape)?])
}
