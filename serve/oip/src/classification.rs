//! The classification extension: an output as the names of its best classes.

use plan::Port;
use server::{Refusal, Servable};
use std::cmp::Ordering;
use tensor::{DType, Text, TextRow, Value};

/// The best `most` classes of each row, as `VALUE:INDEX` or `VALUE:INDEX:LABEL`, best first; a
/// model without a batch has one row of all elements.
///
/// # Errors
/// When the elements are of a type that has no order here.
pub fn best(model: &Servable, port: &Port, output: &Value, most: usize) -> Result<Text, Refusal> {
    let is_batched = port.shape.first().is_some_and(|dim| dim.known().is_none());
    let batch = output.shape().first().copied().filter(|_| is_batched);
    let rows = batch.unwrap_or(1);
    let elements = output.shape().iter().product::<usize>();
    let length = elements.checked_div(rows).unwrap_or(0);
    let count = most.min(length);
    let mut texts = TextRow::default();
    macro_rules! rank {
        ($($dtype:ident => $rust:ty, $order:expr, $format:expr;)*) => {
            match output.dtype() {
                $(DType::$dtype => {
                    let elements = output.as_slice::<$rust>().unwrap_or_default();
                    for row in elements.chunks(length.max(1)) {
                        let text = |index: usize| ($format)(row[index]);
                        texts.extend(rank(row, count, $order, text, model));
                    }
                })*
                other => {
                    return Err(Refusal::InvalidArgument(format!(
                        "class result not available for output '{}' of type {other}",
                        port.name
                    )));
                }
            }
        };
    }
    rank! {
        F32 => f32, f32::total_cmp, |v| format!("{v:.6}");
        F64 => f64, f64::total_cmp, |v| format!("{v:.6}");
        U8 => u8, u8::cmp, |v: u8| v.to_string();
        U16 => u16, u16::cmp, |v: u16| v.to_string();
        U32 => u32, u32::cmp, |v: u32| v.to_string();
        U64 => u64, u64::cmp, |v: u64| v.to_string();
        I8 => i8, i8::cmp, |v: i8| v.to_string();
        I16 => i16, i16::cmp, |v: i16| v.to_string();
        I32 => i32, i32::cmp, |v: i32| v.to_string();
        I64 => i64, i64::cmp, |v: i64| v.to_string();
    }
    let shape: Vec<usize> = batch.into_iter().chain([count]).collect();
    texts.shaped(&shape).map_err(|e| Refusal::InvalidArgument(e.to_string()))
}

/// The texts of the `count` largest elements, largest first; of equal ones the first.
fn rank<T>(
    row: &[T],
    count: usize,
    order: impl Fn(&T, &T) -> Ordering,
    text: impl Fn(usize) -> String,
    model: &Servable,
) -> Vec<String> {
    let mut indices: Vec<usize> = (0..row.len()).collect();
    let by_rank = |a: &usize, b: &usize| order(&row[*b], &row[*a]).then(a.cmp(b));
    if count < indices.len() {
        indices.select_nth_unstable_by(count, by_rank);
        indices.truncate(count);
    }
    indices.sort_unstable_by(by_rank);
    let named = |index| match model.label(index) {
        Some(label) => format!("{}:{index}:{label}", text(index)),
        None => format!("{}:{index}", text(index)),
    };
    indices.into_iter().map(named).collect()
}
