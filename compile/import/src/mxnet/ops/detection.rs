//! Boxes about what is found in images.

use super::super::call::{Call, Made};
use super::{Row, row};
use crate::build::{Builder, Operand, Sizes};
use crate::decompose::arithmetic::{slice, with, with_axis};
use crate::decompose::{positions, product};
use crate::error::Reason;
use ir::Op;
use operators::box_detection::BoxDetection;
use operators::box_proposal::BoxProposal;
use operators::box_suppression::{BoxForm, BoxSuppression};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor};

pub(super) const ROWS: &[Row] = &[
    row("_contrib_MultiBoxDetection", detection),
    row("_contrib_MultiBoxPrior", prior),
    row("_contrib_MultiProposal", proposal),
    row("_contrib_Proposal", proposal),
    row("_contrib_box_decode", decode),
    row("_contrib_box_iou", overlaps),
    row("_contrib_box_nms", suppression),
    row("_contrib_box_non_maximum_suppression", suppression),
];

fn form(call: &Call<'_, '_>, name: &str, default: BoxForm) -> Result<BoxForm, Reason> {
    match call.text(name) {
        None => Ok(default),
        Some("corner") => Ok(BoxForm::Corners),
        Some("center") => Ok(BoxForm::Center),
        Some(other) => Err(call.refuse(name, "corner or center", other)),
    }
}

/// A number of things; one below `least` stands for all there are.
fn most(call: &Call<'_, '_>, name: &str, least: i64) -> Result<Option<usize>, Reason> {
    let number = call.int(name)?.filter(|&number| number >= least);
    Ok(number.and_then(|number| usize::try_from(number).ok()))
}

fn suppression(call: &mut Call<'_, '_>) -> Made {
    let x = call.of_rank(0, 2)?;
    let class = most(call, "id_index", 0)?;
    let background = most(call, "background_id", 0)?;
    let operator = BoxSuppression {
        overlap: call.float("overlap_thresh", 0.5)? as f32,
        least_score: call.float("valid_thresh", 0.0)? as f32,
        most: most(call, "topk", 0)?,
        place: call.count("coord_start", 2)?,
        score: call.count("score_index", 1)?,
        class,
        background: background.map(|class| class as f32),
        is_by_class: class.is_some() && !call.flag("force_suppress", false)?,
        form: form(call, "in_format", BoxForm::Corners)?,
        made: form(call, "out_format", BoxForm::Corners)?,
    };
    call.emit(Op::Whole(operator.into()), &[&x])
}

/// The framework takes a background class, and heeds it not: it is the first one.
fn detection(call: &mut Call<'_, '_>) -> Made {
    let (scores, moves, anchors) = (call.of_rank(0, 3)?, call.of_rank(1, 2)?, call.of_rank(2, 3)?);
    let operator = BoxDetection {
        least_score: call.float("threshold", 0.01)? as f32,
        overlap: call.float("nms_threshold", 0.5)? as f32,
        is_by_class: !call.flag("force_suppress", false)?,
        most: most(call, "nms_topk", 1)?,
        is_clipped: call.flag("clip", true)?,
        variances: call.several("variances", [0.1, 0.1, 0.2, 0.2])?,
    };
    call.emit(Op::Whole(operator.into()), &[&scores, &moves, &anchors])
}

fn proposal(call: &mut Call<'_, '_>) -> Made {
    let (scores, moves, images) = (call.of_rank(0, 4)?, call.of_rank(1, 4)?, call.of_rank(2, 2)?);
    let operator = BoxProposal {
        candidates: most(call, "rpn_pre_nms_top_n", 1)?.unwrap_or(0),
        count: call.count("rpn_post_nms_top_n", 300)?,
        overlap: call.float("threshold", 0.7)? as f32,
        least_side: call.float("rpn_min_size", 16.0)? as f32,
        scales: call.floats("scales", &[4.0, 8.0, 16.0, 32.0])?,
        ratios: call.floats("ratios", &[0.5, 1.0, 2.0])?,
        stride: call.count("feature_stride", 16)?,
        moves_corners: call.flag("iou_loss", false)?,
    };
    let op = Op::Whole(operator.into());
    call.build().emit_all(op, &[&scores, &moves, &images])
}

/// One of the four numbers of each box.
fn part(build: &mut Builder, boxes: &Operand, at: usize) -> Result<Operand, Reason> {
    let rank = build.fact(boxes).rank();
    slice(build, boxes, rank - 1, Dim::from(at), Dim::from(1))
}

/// Center and side of boxes on an axis, which are at 0 or 1.
fn center(
    build: &mut Builder,
    boxes: &Operand,
    form: BoxForm,
    axis: usize,
) -> Result<[Operand; 2], Reason> {
    let (a, b) = (part(build, boxes, axis)?, part(build, boxes, axis + 2)?);
    if form == BoxForm::Center {
        return Ok([a, b]);
    }
    let side = build.binary(Binary::Sub, &b, &a)?;
    let half = with(build, Binary::Mul, &side, 0.5)?;
    Ok([build.binary(Binary::Add, &a, &half)?, side])
}

/// Both ends of boxes on an axis.
fn ends(
    build: &mut Builder,
    boxes: &Operand,
    form: BoxForm,
    axis: usize,
) -> Result<[Operand; 2], Reason> {
    let (a, b) = (part(build, boxes, axis)?, part(build, boxes, axis + 2)?);
    if form == BoxForm::Corners {
        return Ok([a, b]);
    }
    around(build, &a, &b)
}

/// Both ends of what has a center and a side.
fn around(build: &mut Builder, center: &Operand, side: &Operand) -> Result<[Operand; 2], Reason> {
    let half = with(build, Binary::Mul, side, 0.5)?;
    let low = build.binary(Binary::Sub, center, &half)?;
    Ok([low, build.binary(Binary::Add, center, &half)?])
}

/// `(moves[B, N, 4], anchors[1, N, 4])`: the corners of moved anchors.
fn decode(call: &mut Call<'_, '_>) -> Made {
    let (moves, anchors) = (call.of_rank(0, 3)?, call.of_rank(1, 3)?);
    let form = form(call, "format", BoxForm::Center)?;
    let clip = call.float("clip", -1.0)?;
    let mut corners = Vec::with_capacity(4);
    for axis in 0..2 {
        let factors = [
            call.float(&format!("std{axis}"), 1.0)?,
            call.float(&format!("std{}", axis + 2), 1.0)?,
        ];
        let build = call.build();
        let [own, side] = center(build, &anchors, form, axis)?;
        let place = part(build, &moves, axis)?;
        let place = with(build, Binary::Mul, &place, factors[0])?;
        let place = build.binary(Binary::Mul, &place, &side)?;
        let place = build.binary(Binary::Add, &place, &own)?;
        let size = part(build, &moves, axis + 2)?;
        let mut size = with(build, Binary::Mul, &size, factors[1])?;
        if clip > 0.0 {
            size = with(build, Binary::Min, &size, clip)?;
        }
        let size = build.unary(Unary::Exp, &size)?;
        let size = build.binary(Binary::Mul, &size, &side)?;
        corners.push(around(build, &place, &size)?);
    }
    let [[left, right], [top, bottom]] = &corners[..] else { return Err(Reason::UnknownRank) };
    call.emit(Op::Concat { axis: 2 }, &[left, top, right, bottom])
}

/// `(a[…, 4], b[…, 4])`: the overlap of each pair, intersection over union.
fn overlaps(call: &mut Call<'_, '_>) -> Made {
    let (a, b) = (call.of_rank(0, 2)?, call.of_rank(1, 2)?);
    let form = form(call, "format", BoxForm::Corners)?;
    let (rows, columns) = (call.fact(0)?.shape, call.fact(1)?.shape);
    let build = call.build();
    // Pairs are a matrix.
    let (wide, high) = (product(&columns[..columns.len() - 1]), product(&rows[..rows.len() - 1]));
    let a = build.reshape(&a, vec![high, Dim::from(1), Dim::from(4)])?;
    let b = build.reshape(&b, vec![Dim::from(1), wide, Dim::from(4)])?;
    let (mut shared, mut areas): (Option<Operand>, Vec<Operand>) = (None, Vec::new());
    let zero = build.number(build.fact(&a).dtype, 0.0)?;
    for axis in 0..2 {
        let ([a, end], [b, other]) = (ends(build, &a, form, axis)?, ends(build, &b, form, axis)?);
        let (low, high) =
            (build.binary(Binary::Max, &a, &b)?, build.binary(Binary::Min, &end, &other)?);
        let both = build.binary(Binary::Sub, &high, &low)?;
        let both = build.binary(Binary::Max, &both, &zero)?;
        shared = Some(match shared {
            None => both,
            Some(first) => build.binary(Binary::Mul, &first, &both)?,
        });
        areas.push(build.binary(Binary::Sub, &end, &a)?);
        areas.push(build.binary(Binary::Sub, &other, &b)?);
    }
    let Some(shared) = shared else { return Err(Reason::UnknownRank) };
    let (own, other) = (
        build.binary(Binary::Mul, &areas[0], &areas[2])?,
        build.binary(Binary::Mul, &areas[1], &areas[3])?,
    );
    let sum = build.binary(Binary::Add, &own, &other)?;
    let union = build.binary(Binary::Sub, &sum, &shared)?;
    let ratio = build.binary(Binary::Div, &shared, &union)?;
    // Boxes that share nothing overlap by 0, also where neither has an area.
    let is_apart = with(build, Binary::LessOrEqual, &shared, 0.0)?;
    let made = build.emit(Op::Select, &[&is_apart, &zero, &ratio])?;
    let mut shape = rows[..rows.len() - 1].to_vec();
    shape.extend_from_slice(&columns[..columns.len() - 1]);
    Ok(vec![build.reshape(&made, shape)?])
}

/// Where the centers of places on an axis lie, and the step between them.
fn centers(build: &mut Builder, count: &Dim, step: f32, offset: f32) -> Result<Operand, Reason> {
    let places = positions(build, count)?;
    let places = build.cast(&places, DType::F32)?;
    let places = with(build, Binary::Add, &places, f64::from(offset))?;
    if step > 0.0 {
        return with(build, Binary::Mul, &places, f64::from(step));
    }
    let count = size(build, count)?;
    build.binary(Binary::Div, &places, &count)
}

/// A size as a number.
fn size(build: &mut Builder, size: &Dim) -> Result<Operand, Reason> {
    let size = build.sizes(Sizes::scalar(size.clone()));
    build.cast(&size, DType::F32)
}

/// The anchors of each place of an image, as `[1, H * W * K, 4]`: those of all sizes with the first
/// ratio, which is 1, then those of the first size with all other ratios.
fn prior(call: &mut Call<'_, '_>) -> Made {
    let shape = call.fact(0)?.shape;
    call.of_rank(0, 4)?;
    let (sizes, ratios) = (call.floats("sizes", &[1.0])?, call.floats("ratios", &[1.0])?);
    let (steps, offsets) = (call.several("steps", [-1.0; 2])?, call.several("offsets", [0.5; 2])?);
    let is_clipped = call.flag("clip", false)?;
    let Some(&first) = sizes.first().filter(|_| !ratios.is_empty()) else {
        return Err(call.refuse("sizes", "a size and a ratio", "none"));
    };
    let others = ratios[1..].iter().map(|ratio| ratio.sqrt());
    let halves = sizes.iter().map(|&size| [size / 2.0, size / 2.0]);
    let halves: Vec<[f32; 2]> =
        halves.chain(others.map(|root| [first * root / 2.0, first / root / 2.0])).collect();
    let count = halves.len();
    let (high, wide) = (shape[2].clone(), shape[3].clone());
    let column = |axis: usize| halves.iter().map(|half| half[axis]).collect::<Vec<f32>>();
    let constant = |call: &mut Call<'_, '_>, numbers: Vec<f32>| {
        let tensor = Tensor::from_slice(&[1, 1, count, 1], &numbers);
        let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
        Ok::<Operand, Reason>(Operand::constant(&call.build().node, tensor))
    };
    let (across, down) = (constant(call, column(0))?, constant(call, column(1))?);
    let build = call.build();
    // Sizes are those of the height.
    let (rows, columns) = (size(build, &high)?, size(build, &wide)?);
    let ratio = build.binary(Binary::Div, &rows, &columns)?;
    let across = build.binary(Binary::Mul, &across, &ratio)?;
    let one = Dim::from(1);
    let y = centers(build, &high, steps[0], offsets[0])?;
    let y = build.reshape(&y, vec![high.clone(), one.clone(), one.clone(), one.clone()])?;
    let x = centers(build, &wide, steps[1], offsets[1])?;
    let x = build.reshape(&x, vec![one.clone(), wide.clone(), one.clone(), one])?;
    let mut corners = Vec::with_capacity(4);
    for sign in [Binary::Sub, Binary::Add] {
        for (center, half) in [(&x, &across), (&y, &down)] {
            let end = build.binary(sign, center, half)?;
            let whole = vec![high.clone(), wide.clone(), Dim::from(count), Dim::from(1)];
            corners.push(build.expand(&end, whole)?);
        }
    }
    let corners: Vec<&Operand> = corners.iter().collect();
    let mut made = build.emit(Op::Concat { axis: 3 }, &corners)?;
    if is_clipped {
        made = build.unary(Unary::Clip { min: 0.0, max: 1.0 }, &made)?;
    }
    let boxes = vec![high * wide * Dim::from(count), Dim::from(4)];
    let made = build.reshape(&made, boxes)?;
    Ok(vec![with_axis(build, &made, 0)?])
}
