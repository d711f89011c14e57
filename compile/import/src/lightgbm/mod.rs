//! LightGBM: a model of trees, as text. What it answers is what `predict` of LightGBM's own
//! `Booster` answers; features, thresholds and leaves are `f64`, as there.

mod objective;
mod text;
mod trees;

use crate::build::{Budget, Builder};
use crate::decompose::arithmetic::with;
use crate::decompose::tabular::{self, refusal, refused};
use crate::error::{ImportError, Reason, Refusal};
use crate::{ModelMetadata, Options, Survey};
use bytes::Bytes;
use objective::Objective;
use std::collections::BTreeMap;
use tensor::DType;
use tensor::scalar::Binary;
use text::{Document, Wrong};

const FORMAT: &str = "LightGBM";

/// Most columns of what is made: classes.
const COLUMNS_MAX: usize = 1 << 16;

/// Could these be the bytes of a model?
pub fn is_format(bytes: &[u8]) -> bool {
    bytes.starts_with(b"tree\n") || bytes.starts_with(b"tree\r\n")
}

/// Every objective whose models are read.
pub fn objectives() -> impl Iterator<Item = &'static str> {
    objective::ROWS.iter().map(|row| row.name)
}

/// What a model is, as far as it can be expressed.
pub fn survey(bytes: Bytes, options: &Options) -> Result<Survey, ImportError> {
    let damaged = |reason: String| ImportError::Damaged { format: FORMAT, reason };
    let text = std::str::from_utf8(&bytes).map_err(|error| damaged(error.to_string()))?;
    let document = Document::of(text);
    if !document.is_whole {
        return Err(damaged(format!("it ends behind {} trees", document.trees.len())));
    }
    let mut build = Builder::new("lightgbm", Budget::new(options.memory));
    build.node = "trees".to_string();
    let outcome = predict(&mut build, &document, options);
    Ok(tabular::survey(build, metadata(&document), outcome))
}

fn metadata(document: &Document<'_>) -> ModelMetadata {
    let mut properties = BTreeMap::new();
    for name in ["objective", "feature_names"] {
        if let Some(value) = document.head.get(name) {
            properties.insert(name.to_string(), value.replace(' ', ", "));
        }
    }
    let version = document.head.get("version").unwrap_or_default();
    ModelMetadata {
        format: FORMAT.to_string(),
        producer: FORMAT.to_string(),
        format_version: version.trim_start_matches('v').parse().unwrap_or(0),
        properties,
        ..ModelMetadata::default()
    }
}

/// Adds to the graph what the model makes of rows of features.
fn predict(
    build: &mut Builder,
    document: &Document<'_>,
    options: &Options,
) -> Result<(), Box<Refusal>> {
    let of_model = |reason| refusal("model", "trees", reason);
    let of_line = |Wrong { name, expected, found }| of_model(refused(name, &expected, &found));
    let head = &document.head;
    let last: usize = head.number("max_feature_idx").map_err(of_line)?;
    let count = last.saturating_add(1);
    let features = tabular::features(build, options, DType::F64, count).map_err(of_model)?;
    let line = head.get("objective").unwrap_or_default();
    let objective =
        Objective::of(line).map_err(|name| refusal("objective", name, Reason::UnknownOperator))?;
    let columns: usize = head.number("num_tree_per_iteration").map_err(of_line)?;
    if !(1..=COLUMNS_MAX).contains(&columns) {
        let expected = format!("1 to {COLUMNS_MAX}");
        let reason = refused("num_tree_per_iteration", &expected, &columns.to_string());
        return Err(of_model(reason));
    }
    let ensemble = trees::ensemble(&document.trees, count, columns, &build.budget);
    let mut sums = ensemble.and_then(|trees| trees.of(build, &features)).map_err(of_model)?;
    build.node = tabular::PREDICTION.to_string();
    if head.get("average_output").is_some() {
        let rounds = document.trees.len() / columns;
        sums = with(build, Binary::Div, &sums, rounds as f64).map_err(of_model)?;
    }
    let made = objective.predict(build, &sums).map_err(of_model)?;
    tabular::predict(build, &made).map_err(of_model)
}
