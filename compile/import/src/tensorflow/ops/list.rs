//! Lists of tensors, which loops read and fill.

use super::super::call::{Call, Flow, Flows, List, Made};
use super::{Row, flows, row};
use crate::build::{Kind, Operand, Rank, Sizes};
use crate::error::Reason;
use ir::Op;
use operators::dynamic::Sequence;
use std::rc::Rc;
use tensor::{DType, Dim};

pub(super) const ROWS: &[Row] = &[
    flows("TensorListFromTensor", |call| {
        let x = call.input(0)?;
        Ok(vec![Flow::List(Rc::new(List::Stacked(x)))])
    }),
    flows("TensorListReserve", |call| {
        let dtype = call.dtype("element_dtype")?;
        Ok(vec![Flow::List(Rc::new(List::Reserved { dtype }))])
    }),
    row("TensorListGetItem", get),
    flows("TensorListSetItem", set),
    row("TensorListStack", stack),
    row("TensorListLength", |call| {
        let first = call.length_of_list()?;
        let sizes = Sizes { dtype: DType::I32, ..Sizes::scalar(first) };
        Ok(vec![call.walk.build.sizes(sizes)])
    }),
];

impl Call<'_, '_> {
    /// The list that is the first input.
    fn list(&self) -> Result<Rc<List>, Reason> {
        match self.flow(0)? {
            Flow::List(list) => Ok(list),
            other => Err(unlike("a list of tensors", other.kind())),
        }
    }

    /// The tensor whose slices the first input is a list of.
    fn stacked(&self) -> Result<Operand, Reason> {
        match &*self.list()? {
            List::Stacked(x) => Ok(x.clone()),
            List::Sequence { .. } | List::Reserved { .. } | List::Set { .. } => {
                Err(unlike("a list whose tensors are all there", "one that is being filled"))
            }
        }
    }

    fn length_of_list(&self) -> Result<Dim, Reason> {
        let x = self.stacked()?;
        self.walk.fact(&x).shape.first().cloned().ok_or(Reason::UnknownRank)
    }
}

fn unlike(expected: &str, found: &str) -> Reason {
    Reason::Input { input: 0, expected: expected.to_string(), found: found.to_string() }
}

fn get(call: &mut Call<'_, '_>) -> Made {
    let (x, index) = (call.stacked()?, call.of_rank(1, 0)?);
    call.emit(Op::Gather { axis: 0 }, &[&x, &index])
}

fn set(call: &mut Call<'_, '_>) -> Flows {
    let list = call.list()?;
    if !matches!(&*list, List::Reserved { .. }) {
        return Err(unlike("a list of places", "one whose tensors are there"));
    }
    let (index, value) = (call.of_rank(1, 0)?, call.input(2)?);
    Ok(vec![Flow::List(Rc::new(List::Set { index, value }))])
}

fn stack(call: &mut Call<'_, '_>) -> Made {
    let list = call.list()?;
    let List::Sequence { values, rank } = &*list else { return Ok(vec![call.stacked()?]) };
    let kind = Kind::Tensor { dtype: DType::String, rank: Rank::Is(rank + 1) };
    let whole = Sequence::Concat { axis: 0, is_new: true };
    Ok(vec![call.build().object(whole, &[values], kind)?])
}
