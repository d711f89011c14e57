//! XGBoost: a model of trees or weights, in JSON or UBJSON. What it answers is what `predict` of
//! XGBoost's own `Booster` answers: sums of leaves are computed as there, to the last bit.

mod model;
mod objective;
mod trees;
mod ubjson;

use crate::build::{Budget, Builder, Operand};
use crate::decompose::tabular::{self, refusal, refused};
use crate::error::{ImportError, Reason, Refusal};
use crate::{ModelMetadata, Options, Survey, json};
use bytes::Bytes;
use ir::Op;
use model::{Document, Learner};
use std::collections::BTreeMap;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Tensor};

const FORMAT: &str = "XGBoost";

/// Most columns of what is made: classes, targets or quantiles.
const COLUMNS_MAX: usize = 1 << 16;

/// First bytes among which the model's first keys are.
const HEAD_BYTES: usize = 1024;

/// Could these be the bytes of a model, in JSON or UBJSON?
pub fn is_format(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    let starts = head.trim_ascii_start().first() == Some(&b'{');
    let key: &[u8] = if is_binary(bytes) { b"learner" } else { b"\"learner\"" };
    starts && head.windows(key.len()).any(|window| window == key)
}

/// Is it UBJSON? Behind its brace stands the type of a key's length.
fn is_binary(bytes: &[u8]) -> bool {
    matches!(bytes, [b'{', b'i' | b'U' | b'I' | b'l' | b'L' | b'$' | b'#', ..])
}

/// Every objective whose models are read.
pub fn objectives() -> impl Iterator<Item = &'static str> {
    objective::ROWS.iter().map(|row| row.name)
}

/// What a model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let damaged = |reason: String| ImportError::Damaged { format: FORMAT, reason };
    let document: Document = match is_binary(&bytes) {
        true => ubjson::parse(&bytes).map_err(|error| damaged(error.to_string()))?,
        false => {
            let text = std::str::from_utf8(&bytes).map_err(|error| damaged(error.to_string()))?;
            serde_json::from_str(&json::plain(text)).map_err(|error| damaged(error.to_string()))?
        }
    };
    drop(bytes);
    let learner = &document.learner;
    let mut build = Builder::new("xgboost", Budget::new(options.memory));
    build.node = "trees".to_string();
    let outcome = predict(&mut build, learner, options);
    Ok(tabular::survey(build, metadata(&document), outcome))
}

fn metadata(document: &Document) -> ModelMetadata {
    let version: Vec<String> = document.version.iter().map(i64::to_string).collect();
    let learner = &document.learner;
    let mut properties = BTreeMap::new();
    properties.insert("objective".to_string(), learner.objective.name.clone());
    properties.insert("booster".to_string(), learner.gradient_booster.name.clone());
    for (name, list) in
        [("feature_names", &learner.feature_names), ("feature_types", &learner.feature_types)]
    {
        if !list.is_empty() {
            properties.insert(name.to_string(), list.join(", "));
        }
    }
    for (name, value) in &learner.attributes {
        properties.entry(name.clone()).or_insert_with(|| value.clone());
    }
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: format!("XGBoost {}", version.join(".")).trim().to_string(),
        format_version: document.version.first().copied().unwrap_or(0),
        properties,
        ..ModelMetadata::default()
    }
}

/// Adds to the graph what the model makes of rows of features.
fn predict(build: &mut Builder, learner: &Learner, options: &Options) -> Result<(), Box<Refusal>> {
    let of_model = |reason| refusal("booster", &learner.gradient_booster.name, reason);
    let count = number::<usize>("num_feature", &learner.learner_model_param.num_feature);
    let count = count.map_err(of_model)?;
    let features = tabular::features(build, options, DType::F32, count).map_err(of_model)?;
    let name = &learner.objective.name;
    let unknown = || refusal("objective", name, Reason::UnknownOperator);
    let row = objective::ROWS.iter().find(|row| row.name == name).ok_or_else(unknown)?;
    let margins = margins(learner, row).map_err(of_model)?;
    let sums = sums(build, learner, &features, count, &margins).map_err(of_model)?;
    build.node = tabular::PREDICTION.to_string();
    let made = row.transform.of(build, &sums).map_err(of_model)?;
    tabular::predict(build, &made).map_err(of_model)
}

/// What the sums of each column begin with.
fn margins(learner: &Learner, row: &objective::Row) -> Result<Vec<f32>, Reason> {
    let parameters = &learner.learner_model_param;
    let classes = number::<usize>("num_class", &parameters.num_class)?;
    let targets = parameters.num_target.as_deref().map_or(Ok(1), |x| number("num_target", x))?;
    let columns = classes.max(targets).max(1);
    if columns > COLUMNS_MAX {
        return Err(refused("num_class", &format!("at most {COLUMNS_MAX}"), &columns.to_string()));
    }
    let text = parameters.base_score.trim();
    let list = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let scores = list.split(',').map(|score| number::<f32>("base_score", score.trim()));
    let scores = scores.collect::<Result<Vec<f32>, Reason>>()?;
    let margins: Vec<f32> = scores.into_iter().map(row.margin).collect();
    match margins.as_slice() {
        [one] => Ok(vec![*one; columns]),
        several if several.len() == columns => Ok(margins),
        _ => Err(refused("base_score", &format!("1 or {columns} numbers"), text)),
    }
}

/// The sums of each row, `[N, columns]`.
fn sums(
    build: &mut Builder,
    learner: &Learner,
    features: &Operand,
    count: usize,
    margins: &[f32],
) -> Result<Operand, Reason> {
    let booster = &learner.gradient_booster;
    let none = || refused("model", "what was learned", "nothing");
    match booster.name.as_str() {
        "gbtree" => {
            let model = booster.model.as_ref().ok_or_else(none)?;
            trees::ensemble(model, &[], margins, count, &build.budget)?.of(build, features)
        }
        "dart" => {
            let model = &booster.gbtree.as_ref().ok_or_else(none)?.model;
            let weights = &booster.weight_drop;
            trees::ensemble(model, weights, margins, count, &build.budget)?.of(build, features)
        }
        "gblinear" => {
            let weights = &booster.model.as_ref().ok_or_else(none)?.weights;
            linear(build, weights, features, count, margins)
        }
        other => Err(refused("name", "gbtree, dart or gblinear", other)),
    }
}

/// `x * weights + biases`, and the first of the margins; what is missing counts 0.
fn linear(
    build: &mut Builder,
    weights: &[f32],
    features: &Operand,
    count: usize,
    margins: &[f32],
) -> Result<Operand, Reason> {
    let columns = margins.len();
    let expected = count.checked_add(1).and_then(|rows| rows.checked_mul(columns));
    if expected != Some(weights.len()) {
        let expected = format!("{count} rows of {columns} numbers, and the biases");
        return Err(refused("weights", &expected, &format!("{} numbers", weights.len())));
    }
    let (weights, biases) = weights.split_at(count * columns);
    let biases: Vec<f32> = biases.iter().map(|bias| bias + margins[0]).collect();
    let constant = |shape: &[usize], values: &[f32]| {
        let tensor = Tensor::from_slice(shape, values);
        let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
        Ok::<_, Reason>(Operand::constant(&build.node, tensor))
    };
    let (weights, biases) = (constant(&[count, columns], weights)?, constant(&[columns], &biases)?);
    let is_missing = build.unary(Unary::IsNan, features)?;
    let zero = build.number(DType::F32, 0.0)?;
    let there = build.emit(Op::Select, &[&is_missing, &zero, features])?;
    let product = build.emit(Op::MatMul, &[&there, &weights])?;
    build.binary(Binary::Add, &product, &biases)
}

/// A number that is written as text.
fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Reason> {
    text.parse().map_err(|_| refused(name, "a number", &format!("`{text}`")))
}
