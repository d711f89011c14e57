//! The model as its file describes it, in JSON or UBJSON. Numbers of the model's parameters are
//! written as text.

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, de};
use std::collections::BTreeMap;
use std::fmt;

/// The whole file.
#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) learner: Learner,
    /// Of the program that wrote the file.
    #[serde(default)]
    pub(super) version: Vec<i64>,
}

/// What learned.
#[derive(Debug, Deserialize)]
pub(super) struct Learner {
    pub(super) learner_model_param: Parameters,
    pub(super) gradient_booster: Booster,
    pub(super) objective: Objective,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) feature_names: Vec<String>,
    #[serde(default)]
    pub(super) feature_types: Vec<String>,
}

/// Numbers as text.
#[derive(Debug, Deserialize)]
pub(super) struct Parameters {
    /// One number, or several in brackets.
    pub(super) base_score: String,
    pub(super) num_class: String,
    pub(super) num_feature: String,
    #[serde(default)]
    pub(super) num_target: Option<String>,
}

/// What was to be learned.
#[derive(Debug, Deserialize)]
pub(super) struct Objective {
    pub(super) name: String,
}

/// Trees, trees of which some were left out, or a linear model.
#[derive(Debug, Deserialize)]
pub(super) struct Booster {
    pub(super) name: String,
    #[serde(default)]
    pub(super) model: Option<Model>,
    /// Of `dart`: the trees.
    #[serde(default)]
    pub(super) gbtree: Option<Inner>,
    /// Of `dart`: what each tree counts.
    #[serde(default)]
    pub(super) weight_drop: Vec<f32>,
}

/// The trees in a `dart`.
#[derive(Debug, Deserialize)]
pub(super) struct Inner {
    pub(super) model: Model,
}

/// What was learned.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Model {
    #[serde(default)]
    pub(super) trees: Vec<Tree>,
    /// Which column each tree counts for.
    #[serde(default)]
    pub(super) tree_info: Vec<i64>,
    /// Of a linear model: a row for each feature, and the biases.
    #[serde(default)]
    pub(super) weights: Vec<f32>,
}

/// A tree: lists with an entry for each node.
#[derive(Debug, Deserialize)]
pub(super) struct Tree {
    pub(super) tree_param: TreeParameters,
    /// Negative for a leaf.
    pub(super) left_children: Vec<i64>,
    /// Of a leaf of several numbers, in newer files: which leaf it is.
    pub(super) right_children: Vec<i64>,
    pub(super) split_indices: Vec<i64>,
    /// What features are compared with; what a leaf of one number gives.
    pub(super) split_conditions: Vec<Real>,
    pub(super) default_left: Vec<Flag>,
    /// 1 for a node that asks for categories.
    #[serde(default)]
    pub(super) split_type: Vec<i64>,
    #[serde(default)]
    pub(super) categories: Vec<i64>,
    #[serde(default)]
    pub(super) categories_nodes: Vec<i64>,
    #[serde(default)]
    pub(super) categories_segments: Vec<i64>,
    #[serde(default)]
    pub(super) categories_sizes: Vec<i64>,
    /// Of leaves of several numbers: what each gives, in newer files.
    #[serde(default)]
    pub(super) leaf_weights: Vec<f32>,
    /// The same in older ones: what each node would give.
    #[serde(default)]
    pub(super) base_weights: Vec<f32>,
}

/// Numbers as text.
#[derive(Debug, Deserialize)]
pub(super) struct TreeParameters {
    #[serde(default)]
    pub(super) size_leaf_vector: Option<String>,
}

/// Yes or no, which newer files write as 1 or 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Flag, D::Error> {
        from.deserialize_any(FlagVisitor)
    }
}

/// A number; what stands for a word in JSON is not a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Real(pub(super) f32);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Real, D::Error> {
        let number: Option<f32> = Option::deserialize(from)?;
        Ok(Real(number.unwrap_or(f32::NAN)))
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "true, false, 0 or 1")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Flag, E> {
        match value {
            0 | 1 => Ok(Flag(value == 1)),
            _ => Err(E::invalid_value(de::Unexpected::Signed(value), &self)),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Flag, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(-1))
    }
}
