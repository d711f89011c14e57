//! Pre- and post-processing as data, and the one code that runs it.
//!
//! A [`Recipe`] says how an encoded image becomes the model's input tensor (decode, resize, crop,
//! normalize, layout) and how the model's scores become an answer (activation, top-k, labels).
//! Evaluation, calibration, serving and the built library all run the same recipe through this
//! crate, so the image that a model is measured on is the image that it is served.
//!
//! The order of the steps is fixed: bytes → [`mod@decode`] → [`Pixels`] → resize → center crop
//! → `(x - mean) / std` per channel → tensor `[1, C, H, W]` or `[1, H, W, C]`. The arithmetic
//! is torchvision's over Pillow images: antialiased resize on 8-bit levels, then floating point.
//!
//! ```
//! use recipe::Recipe;
//! let recipe = Recipe::from_preset("imagenet", 224, 224, 3)?;
//! assert_eq!(recipe.output_shape(), Some([1, 3, 224, 224]));
//! let answer = recipe.answer(&[0.0, 3.0, 1.0])?;
//! assert_eq!(answer.classes[0].label, "class 1");
//! # Ok::<(), recipe::RecipeError>(())
//! ```
#![forbid(unsafe_code)]

mod answer;
pub mod beside;
pub mod decode;
mod discover;
mod error;
mod guess;
pub mod labels;
mod prepare;
pub mod presets;
mod recipe;
mod resize;
mod stated;

pub use answer::{Answer, ClassScore};
pub use decode::{ImageFormat, Limits, Pixels};
pub use discover::recipe_file;
pub use error::RecipeError;
pub use guess::{Guess, ModelInput};
pub use prepare::Sample;
pub use recipe::{
    Activation, Color, Crop, Filter, Layout, Normalize, Post, Recipe, Resize, ResizeTo, Rounding,
    SampleType,
};
pub use stated::{Framing, Part, Provenance, Stated};
