//! Operators that pick, place and order elements by index.

use crate::call::{Call, Written};
use crate::messages::{flag, int, size, text};
use operators::cumulative::Cumulative;
use operators::gather_elements::GatherElements;
use operators::gather_nd::GatherNd;
use operators::numbers::{Numbers, read};
use operators::one_hot::OneHot;
use operators::range::Range;
use operators::scatter_elements::{ScatterElements, Update};
use operators::scatter_nd::ScatterNd;
use operators::top_k::TopK;
use operators::trilu::Trilu;
use tensor::{DType, Dim};

pub(super) fn cumulative(call: &mut Call<'_, '_>, cumulative: &Cumulative) -> Written {
    let attributes =
        vec![flag("exclusive", cumulative.is_exclusive), flag("reverse", cumulative.is_reverse)];
    if cumulative.is_product {
        call.writer.need(26);
        return call.same("CumProd", attributes);
    }
    call.same("CumSum", attributes)
}

pub(super) fn gather_elements(call: &mut Call<'_, '_>, gather: &GatherElements) -> Written {
    call.same("GatherElements", vec![size("axis", gather.axis)])
}

/// The standard's operator takes indices of 64 bits alone.
pub(super) fn gather_nd(call: &mut Call<'_, '_>, gather: &GatherNd) -> Written {
    let (x, indices) = (call.input(0), call.cast(1, DType::I64));
    call.last("GatherND", &[&x, &indices], vec![size("batch_dims", gather.batch_dims)])
}

const fn reduction(update: Update) -> &'static str {
    match update {
        Update::Replace => "none",
        Update::Add => "add",
        Update::Mul => "mul",
        Update::Max => "max",
        Update::Min => "min",
    }
}

pub(super) fn scatter_elements(call: &mut Call<'_, '_>, scatter: &ScatterElements) -> Written {
    let reduction = text("reduction", reduction(scatter.update));
    call.same("ScatterElements", vec![size("axis", scatter.axis), reduction])
}

/// The standard's operator takes indices of 64 bits alone.
pub(super) fn scatter_nd(call: &mut Call<'_, '_>, scatter: &ScatterNd) -> Written {
    let (x, indices, updates) = (call.input(0), call.cast(1, DType::I64), call.input(2));
    let reduction = text("reduction", reduction(scatter.update));
    call.last("ScatterND", &[&x, &indices, &updates], vec![reduction])
}

pub(super) fn top_k(call: &mut Call<'_, '_>, top: &TopK) -> Written {
    let (x, k) = (call.input(0), call.sizes(std::slice::from_ref(&top.k))?);
    call.last("TopK", &[&x, &k], vec![size("axis", top.axis), flag("largest", top.is_largest)])
}

pub(super) fn one_hot(call: &mut Call<'_, '_>, one_hot: &OneHot) -> Written {
    let depth = call.scalar(&one_hot.depth)?;
    let (indices, values) = (call.input(0), call.input(1));
    call.last("OneHot", &[&indices, &depth, &values], vec![size("axis", one_hot.axis)])
}

pub(super) fn trilu(call: &mut Call<'_, '_>, trilu: &Trilu) -> Written {
    let mut inputs = vec![call.input(0)];
    if call.inputs.len() > 1 {
        inputs.push(call.cast(1, DType::I64));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    call.last("Trilu", &inputs, vec![int("upper", i64::from(trilu.is_upper))])
}

/// `(start, limit, delta)`, computed in a type that the standard's operator has.
pub(super) fn computed_range(call: &mut Call<'_, '_>) -> Written {
    let dtype = call.fact(0).dtype;
    let wide = match dtype {
        DType::F32 | DType::F64 | DType::I16 | DType::I32 | DType::I64 => dtype,
        dtype if dtype.is_float() => DType::F64,
        _ => DType::I64,
    };
    let [start, limit, delta] = [0, 1, 2].map(|index| call.cast(index, wide));
    let inputs = [start.as_str(), &limit, &delta];
    if wide == dtype {
        return call.last("Range", &inputs, vec![]);
    }
    let made = call.step("Range", &inputs, vec![]);
    let to = call.element(dtype);
    call.last("Cast", &[&made], vec![int("to", to)])
}

/// `(start, delta)`. With constant integers the limit is a size; otherwise the elements are made
/// of 0, 1, 2, … in the precision that they are computed in.
pub(super) fn range(call: &mut Call<'_, '_>, range: &Range) -> Written {
    let dtype = call.fact(0).dtype;
    let integer = |index: usize| {
        let known = call.graph.known(call.node.inputs[index])?;
        match read(&known.view()) {
            Numbers::Integer(x) => i64::try_from(*x.first()?).ok(),
            Numbers::Float(_) => None,
        }
    };
    if let (DType::I64, Some(start), Some(delta)) = (dtype, integer(0), integer(1)) {
        let limit = Dim::from(start) + range.count.clone() * Dim::from(delta);
        let ends =
            [call.scalar(&Dim::from(start))?, call.scalar(&limit)?, call.scalar(&delta.into())?];
        return call.last("Range", &[&ends[0], &ends[1], &ends[2]], vec![]);
    }
    let (zero, one) = (call.scalar(&Dim::default())?, call.scalar(&Dim::from(1))?);
    let count = call.scalar(&range.count)?;
    let places = call.step("Range", &[&zero, &count, &one], vec![]);
    let wide = if dtype.is_float() { DType::F64 } else { dtype };
    let places = if wide == DType::I64 { places } else { call.converted(&places, wide) };
    let (start, delta) = (call.cast(0, wide), call.cast(1, wide));
    let distance = call.step("Mul", &[&places, &delta], vec![]);
    if wide == dtype {
        return call.last("Add", &[&start, &distance], vec![]);
    }
    let sum = call.step("Add", &[&start, &distance], vec![]);
    let to = call.element(dtype);
    call.last("Cast", &[&sum], vec![int("to", to)])
}
