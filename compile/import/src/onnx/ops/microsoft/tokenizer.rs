//! Text to words, which exporters of scikit-learn write for its vectorizers.

use super::super::{Row, microsoft};
use crate::onnx::call::{Call, Made};
use ir::Fact;
use operators::dynamic::Dynamic;
use operators::dynamic::text::{By, TextOperator, Tokenize};
use tensor::{DType, Text};

pub(in crate::onnx::ops) const OPS: &[Row] = &[microsoft(
    "Tokenizer",
    &["mark", "mincharnum", "pad_value", "separators", "stopwords", "tokenexp"],
    tokenizer,
)];

/// ONNX com.microsoft.Tokenizer-1: a new last axis of the tokens of each text. Refused:
/// `stopwords`, which ONNX Runtime does not read; both of `separators` and `tokenexp`, or none.
fn tokenizer(call: &mut Call<'_>) -> Made {
    let (x, shape) = (call.input(0)?, call.fact(0)?.shape);
    let expression = call.text("tokenexp")?.filter(|text| !text.is_empty()).map(str::to_string);
    let separators = call.texts("separators")?.filter(|texts| !texts.is_empty());
    let by = match (expression, separators) {
        (Some(expression), None) => By::Match(expression),
        (None, Some(separators)) => By::Separators(separators),
        (given, _) => {
            let found = if given.is_some() { "both" } else { "none" };
            return Err(call.refuse("tokenexp", "either this or separators", found));
        }
    };
    if call.texts("stopwords")?.is_some_and(|words| !words.is_empty()) {
        return Err(call.refuse("stopwords", "none", "some"));
    }
    let characters_min = call.int("mincharnum")?.unwrap_or(1);
    let characters_min = usize::try_from(characters_min).ok().filter(|&most| most > 0);
    let characters_min = characters_min
        .ok_or_else(|| call.refuse("mincharnum", "at least 1", "a smaller number"))?;
    let padding = call.text("pad_value")?.unwrap_or("").to_string();
    let has_marks = call.flag("mark", false)?;
    let operator = TextOperator::Tokenize(Tokenize { by, characters_min, padding, has_marks });
    // Whether the expressions are some is found out before the model runs.
    let none = Text::new(&[0], [""; 0])
        .map(|none| Dynamic::from(operator.clone()).evaluate(&[none.into()], 0));
    if let Ok(Err(error)) = none {
        return Err(call.refuse("tokenexp", "regular expressions", &error.to_string()));
    }
    let tokens = shape.into_iter().chain([call.build.fresh()]).collect();
    let made = vec![Fact { dtype: DType::String, shape: tokens }];
    call.build.dynamic(operator, &[&x], made)
}
