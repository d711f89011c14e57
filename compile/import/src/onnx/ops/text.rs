//! Sequences of tokens.

use super::{Row, row};
use crate::onnx::call::{Call, Made};
use operators::tf_idf::{TfIdf, Weighting};

pub(super) const OPS: &[Row] = &[row(
    "TfIdfVectorizer",
    &[
        "max_gram_length",
        "max_skip_count",
        "min_gram_length",
        "mode",
        "ngram_counts",
        "ngram_indexes",
        "pool_int64s",
        "pool_strings",
        "weights",
    ],
    tf_idf_vectorizer,
)];

/// ONNX TfIdfVectorizer-9.
fn tf_idf_vectorizer(call: &mut Call<'_>) -> Made {
    let missing = |name: &str| call.refuse(name, "a value", "nothing");
    let count = |name: &str| match call.int(name)?.ok_or_else(|| missing(name))? {
        value @ 0..=0x7fff_ffff => Ok(value as usize),
        other => Err(call.refuse(name, "0 to 2^31", &other.to_string())),
    };
    let counts = |name: &str| call.counts(name)?.ok_or_else(|| missing(name));
    let texts = call.texts("pool_strings")?.filter(|texts| !texts.is_empty());
    let pool = match &texts {
        // Each text is known by the place where the pool has it first.
        Some(texts) => texts
            .iter()
            .map(|text| texts.iter().position(|other| other == text).unwrap_or(0) as i64)
            .collect(),
        None => call.ints("pool_int64s")?.ok_or_else(|| missing("pool_int64s"))?.to_vec(),
    };
    let weighting = match call.text("mode")?.ok_or_else(|| missing("mode"))? {
        "TF" => Weighting::Frequency,
        "IDF" => Weighting::Inverse,
        "TFIDF" => Weighting::FrequencyInverse,
        other => return Err(call.refuse("mode", "TF, IDF or TFIDF", other)),
    };
    let operator = TfIdf {
        pool,
        starts: counts("ngram_counts")?,
        columns: counts("ngram_indexes")?,
        lengths: [count("min_gram_length")?, count("max_gram_length")?],
        skips: count("max_skip_count")?,
        weighting,
        weights: call.floats("weights")?.unwrap_or(&[]).to_vec(),
    };
    if let Some(texts) = texts {
        call.inputs[0] = Some(super::tabular::text::look_up(call, texts)?);
    }
    super::index::whole(call, operator)
}
