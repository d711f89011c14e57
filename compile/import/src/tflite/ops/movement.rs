//! Operators that move elements; cutting is in `slice.rs`.

use super::super::step::{Made, Step};
use super::{Row, row, same};
use crate::build::Operand;
use crate::error::Reason;
use crate::tensorflow::nodes::Attribute;
use tensor::Tensor;

pub(super) const ROWS: &[Row] = &[
    row("RESHAPE", reshape),
    row("SQUEEZE", |step| {
        let axes = step.ints(0);
        step.apply_all("Squeeze", &[("squeeze_dims", Attribute::Ints(axes))])
    }),
    same("EXPAND_DIMS", "ExpandDims"),
    same("TRANSPOSE", "Transpose"),
    row("CONCATENATION", concatenation),
    row("PACK", |step| {
        let axis = step.int(1);
        step.apply_all("Pack", &[("axis", Attribute::Int(axis))])
    }),
    row("UNPACK", |step| {
        let (count, axis) = (step.int(0), step.int(1));
        step.apply_all("Unpack", &[("num", Attribute::Int(count)), ("axis", Attribute::Int(axis))])
    }),
    row("SPLIT", |step| {
        let count = step.int(0);
        step.apply_all("Split", &[("num_split", Attribute::Int(count))])
    }),
    same("SPLIT_V", "SplitV"),
    same("TILE", "Tile"),
    same("BROADCAST_TO", "BroadcastTo"),
    same("PAD", "Pad"),
    same("PADV2", "PadV2"),
    row("MIRROR_PAD", |step| {
        let mode = if step.choice(0) == 0 { "REFLECT" } else { "SYMMETRIC" };
        step.apply_all("MirrorPad", &[("mode", Attribute::Text(mode))])
    }),
    same("REVERSE_V2", "ReverseV2"),
    row("SPACE_TO_DEPTH", |step| block(step, "SpaceToDepth")),
    row("DEPTH_TO_SPACE", |step| block(step, "DepthToSpace")),
    same("SPACE_TO_BATCH_ND", "SpaceToBatchND"),
    same("BATCH_TO_SPACE_ND", "BatchToSpaceND"),
];

/// The shape is an input, or an option.
fn reshape(step: &mut Step<'_, '_, '_>) -> Made {
    let x = step.input(0)?;
    let target = match step.optional(1)? {
        Some(target) => target,
        None => {
            let sizes = step.ints(0);
            let tensor = Tensor::from_slice(&[sizes.len()], &sizes);
            let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
            Operand::constant("shape", tensor)
        }
    };
    step.apply("Reshape", &[], &[&x, &target])
}

fn concatenation(step: &mut Step<'_, '_, '_>) -> Made {
    let mut inputs = step.all()?;
    inputs.push(Operand::constant("axis", Tensor::scalar(step.int(0) as i32)));
    let made = step.one("ConcatV2", &[], &inputs.iter().collect::<Vec<_>>())?;
    step.activated(made, 1)
}

fn block(step: &mut Step<'_, '_, '_>, op: &str) -> Made {
    let side = step.int(0);
    step.apply_all(op, &[("block_size", Attribute::Int(side))])
}
