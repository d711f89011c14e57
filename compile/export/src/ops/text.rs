//! Operators on text.

use crate::call::{Call, Written};
use crate::messages::{flag, int, ints, size, text, texts};
use operators::dynamic::text::{By, Case, Normalize, Split, TextOperator, Tokenize};
use tensor::DType;

pub(super) fn write(call: &mut Call<'_, '_>, operator: &TextOperator) -> Written {
    match operator {
        TextOperator::Concat => call.same("StringConcat", vec![]),
        TextOperator::Equal => call.same("Equal", vec![]),
        TextOperator::FullMatch { pattern } => {
            call.same("RegexFullMatch", vec![text("pattern", pattern)])
        }
        TextOperator::Lookup { keys } => {
            let attributes = vec![
                texts("keys_strings", keys.iter()),
                ints("values_int64s", 0..keys.iter().len() as i64),
                size("default_int64", keys.iter().len()),
            ];
            call.same("ai.onnx.ml.LabelEncoder", attributes)
        }
        TextOperator::Join => join(call),
        TextOperator::Take => {
            let (x, indices) = (row(call, 0), call.input(1));
            call.last("Gather", &[&x, &indices], vec![int("axis", 0)])
        }
        TextOperator::Parse(dtype) => super::elementwise::cast(call, *dtype),
        TextOperator::Print => super::elementwise::cast(call, DType::String),
        TextOperator::Normalize(p) => normalize(call, p),
        TextOperator::Split(p) => split(call, p),
        TextOperator::Tokenize(p) => tokenize(call, p),
        TextOperator::Place { .. } => Err(call.refuse("text that is no key is an error")),
        TextOperator::Cut(_)
        | TextOperator::Grams(_)
        | TextOperator::Bucket { .. }
        | TextOperator::Strip
        | TextOperator::Length { .. }
        | TextOperator::Replace { .. } => Err(call.refuse("ONNX has no such operator on text")),
    }
}

/// All elements of an input in a row.
fn row(call: &mut Call<'_, '_>, index: usize) -> String {
    let (x, rank) = (call.input(index), call.fact(index).rank());
    if rank == 1 {
        return x;
    }
    let all = call.integers(&[-1]);
    call.step("Reshape", &[&x, &all], vec![])
}

fn join(call: &mut Call<'_, '_>) -> Written {
    let rows: Vec<String> = (0..call.inputs.len()).map(|index| row(call, index)).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    call.last("Concat", &rows, vec![int("axis", 0)])
}

fn normalize(call: &mut Call<'_, '_>, normalize: &Normalize) -> Written {
    let case = match normalize.case {
        Case::Kept => "NONE",
        Case::Lower => "LOWER",
        Case::Upper => "UPPER",
    };
    let mut attributes = vec![
        text("case_change_action", case),
        flag("is_case_sensitive", normalize.is_case_sensitive),
    ];
    if !normalize.stop_words.is_empty() {
        attributes.push(texts("stopwords", normalize.stop_words.iter().map(String::as_str)));
    }
    call.same("StringNormalizer", attributes)
}

fn split(call: &mut Call<'_, '_>, split: &Split) -> Written {
    let delimiter = split.delimiter.as_deref().map(|delimiter| text("delimiter", delimiter));
    let most = split.most.map(|most| size("maxsplit", most));
    call.same("StringSplit", delimiter.into_iter().chain(most).collect())
}

fn tokenize(call: &mut Call<'_, '_>, tokenize: &Tokenize) -> Written {
    let by = match &tokenize.by {
        By::Match(expression) => text("tokenexp", expression),
        By::Separators(separators) => texts("separators", separators.iter().map(String::as_str)),
    };
    let attributes = vec![
        by,
        size("mincharnum", tokenize.characters_min),
        text("pad_value", &tokenize.padding),
        flag("mark", tokenize.has_marks),
    ];
    call.same("com.microsoft.Tokenizer", attributes)
}
