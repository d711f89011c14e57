//! Operators that pick, place and order elements by index.

use super::super::step::{Made, Step};
use super::{Row, row, same};
use crate::build::Operand;
use crate::tensorflow::nodes::Attribute;
use tensor::Tensor;

pub(super) const ROWS: &[Row] = &[
    row("GATHER", gather),
    same("GATHER_ND", "GatherNd"),
    row("EMBEDDING_LOOKUP", |step| {
        let (places, rows) = (step.input(0)?, step.input(1)?);
        step.apply("Gather", &[], &[&rows, &places])
    }),
    row("ONE_HOT", |step| {
        let axis = step.int(0);
        step.apply_all("OneHot", &[("axis", Attribute::Int(axis))])
    }),
    same("TOPK_V2", "TopKV2"),
    row("CUMSUM", |step| {
        let (is_exclusive, is_reverse) = (step.flag(0), step.flag(1));
        let attributes = [
            ("exclusive", Attribute::Flag(is_exclusive)),
            ("reverse", Attribute::Flag(is_reverse)),
        ];
        step.apply_all("Cumsum", &attributes)
    }),
    row("REVERSE_SEQUENCE", |step| {
        let (time, batch) = (step.int(0), step.int(1));
        let attributes = [("seq_dim", Attribute::Int(time)), ("batch_dim", Attribute::Int(batch))];
        step.apply_all("ReverseSequence", &attributes)
    }),
    same("SCATTER_ND", "ScatterNd"),
    same("WHERE", "Where"),
    row("UNIQUE", |step| {
        let to = step.made_type_of(1)?;
        step.apply_all("Unique", &[("out_idx", Attribute::Type(to))])
    }),
];

fn gather(step: &mut Step<'_, '_, '_>) -> Made {
    let (x, places) = (step.input(0)?, step.input(1)?);
    let axis = Operand::constant("axis", Tensor::scalar(step.int(0) as i32));
    let batch = step.int(1);
    step.apply("GatherV2", &[("batch_dims", Attribute::Int(batch))], &[&x, &places, &axis])
}
