//! Why a model is worse in service than it was in training: the tensor that the trainer fed to the
//! model, held against the one that a recipe makes of the same image file, step by step.
//!
//! The trainer's code is not read: what it did is searched for. Every resize, crop, turn and order
//! of channels that is in use is tried; for each, least squares say by what scale and shift levels
//! became the trainer's numbers, and so what mean and deviation were. What fits best with the
//! fewest changes of the recipe is the explanation, and each step of it that differs is named.
//!
//! ```
//! use recipe::{Layout, Limits, Recipe};
//! use skew::{Trainer, Verdict};
//! use tensor::DType;
//! # let photo = testkit::repository().join("suites/goldens/recipe/photo.png");
//! # let image = std::fs::read(photo).unwrap();
//! let recipe = Recipe::from_preset("unit", 32, 32, 3)?;
//! // A trainer that forgot to divide by 255.
//! let fed = Recipe::from_preset("raw", 32, 32, 3)?.prepare(&image)?;
//! let values: Vec<f64> = fed.as_slice::<f32>().unwrap().iter().map(|&x| x.into()).collect();
//! let trainer = Trainer::new(fed.shape(), DType::F32, &values, Layout::Nchw).unwrap();
//! let comparison = skew::compare(&image, &trainer, &recipe, &Limits::default()).unwrap();
//! assert_eq!(comparison.verdict, Verdict::Differs);
//! assert!(comparison.sentence.contains("scale"), "{}", comparison.sentence);
//! # Ok::<(), recipe::RecipeError>(())
//! ```
#![forbid(unsafe_code)]

mod channels;
mod compare;
mod error;
mod explanation;
mod fit;
mod geometry;
mod levels;
mod normalization;
mod orientation;
mod picture;
mod resample;
mod search;
mod steps;
mod text;
mod trainer;

pub use compare::{Comparison, Verdict, compare};
pub use error::SkewError;
pub use fit::Difference;
pub use steps::{Agreement, Row, Step};
pub use trainer::Trainer;
