//! Operators on text.

use super::{Row, row};
use crate::build::{Kind, Operand, Rank};
use crate::onnx::call::{Call, Made};
use ir::Fact;
use operators::dynamic::text::{Case, Normalize, Split, TextOperator};
use tensor::DType;

pub(super) const OPS: &[Row] = &[
    row("RegexFullMatch", &["pattern"], full_match),
    row("StringConcat", &[], concat),
    row(
        "StringNormalizer",
        &["case_change_action", "is_case_sensitive", "locale", "stopwords"],
        normalize,
    ),
    row("StringSplit", &["delimiter", "maxsplit"], split),
];

/// Two inputs, and type and broadcast shape of the result.
fn pair(call: &mut Call<'_>, dtype: DType) -> Result<(Operand, Operand, Fact), crate::Reason> {
    let (a, b) = (call.input(0)?, call.input(1)?);
    let (left, right) = (call.fact(0)?, call.fact(1)?);
    let shape = ir::ops::elementwise::broadcast(&left.shape, &right.shape);
    let shape = shape.map_err(|error| crate::Reason::Rule {
        error,
        inputs: vec![left.clone(), right.clone()],
    })?;
    Ok((a, b, Fact { dtype, shape }))
}

/// ONNX StringConcat-20.
fn concat(call: &mut Call<'_>) -> Made {
    let (a, b, made) = pair(call, DType::String)?;
    call.build.dynamic(TextOperator::Concat, &[&a, &b], vec![made])
}

/// ONNX Equal-19 of text.
pub(super) fn equal(call: &mut Call<'_>) -> Made {
    let (a, b, made) = pair(call, DType::Bool)?;
    call.build.dynamic(TextOperator::Equal, &[&a, &b], vec![made])
}

/// ONNX RegexFullMatch-20.
fn full_match(call: &mut Call<'_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let pattern = call.text("pattern")?.unwrap_or("").to_string();
    let made = vec![Fact { dtype: DType::Bool, shape }];
    call.build.dynamic(TextOperator::FullMatch { pattern }, &[&x], made)
}

/// ONNX StringNormalizer-10. The locale is not heeded: case is that of Unicode.
fn normalize(call: &mut Call<'_>) -> Made {
    let (x, rank) = (call.input(0)?, call.fact(0)?.rank());
    let case = match call.text("case_change_action")?.unwrap_or("NONE") {
        "NONE" => Case::Kept,
        "LOWER" => Case::Lower,
        "UPPER" => Case::Upper,
        other => return Err(call.refuse("case_change_action", "NONE, LOWER or UPPER", other)),
    };
    let normalize = Normalize {
        case,
        stop_words: call.texts("stopwords")?.unwrap_or_default(),
        is_case_sensitive: call.flag("is_case_sensitive", false)?,
    };
    if normalize.stop_words.is_empty() {
        let made = vec![Fact { dtype: DType::String, shape: call.fact(0)?.shape }];
        return call.build.dynamic(TextOperator::Normalize(normalize), &[&x], made);
    }
    let kind = Kind::Tensor { dtype: DType::String, rank: Rank::Is(rank) };
    Ok(vec![call.build.object(TextOperator::Normalize(normalize), &[&x], kind)?])
}

/// ONNX StringSplit-20.
fn split(call: &mut Call<'_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let delimiter = call.text("delimiter")?.filter(|text| !text.is_empty()).map(str::to_string);
    let most = call.int("maxsplit")?.and_then(|most| usize::try_from(most).ok());
    let counts = Fact { dtype: DType::I64, shape: shape.clone() };
    let parts = shape.into_iter().chain([call.build.fresh()]).collect();
    let made = vec![Fact { dtype: DType::String, shape: parts }, counts];
    call.build.dynamic(TextOperator::Split(Split { delimiter, most }), &[&x], made)
}

/// ONNX Cast of text or to text.
pub(super) fn cast(call: &mut Call<'_>, x: &Operand, to: DType) -> Made {
    let Fact { dtype, shape } = call.build.fact(x);
    let operator = match (dtype, to) {
        (DType::String, DType::String) => return Ok(vec![x.clone()]),
        (DType::String, to) => TextOperator::Parse(to),
        _ => TextOperator::Print,
    };
    call.build.dynamic(operator, &[x], vec![Fact { dtype: to, shape }])
}
