//! The steps from an image file to a tensor, in their order.

use crate::Difference;
use serde::Serialize;

/// A step of pre-processing that may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// To what size the image is resized.
    Resize,
    /// By which filter.
    Filter,
    /// Whether the filter is widened when it shrinks.
    Antialias,
    /// Which part is cut out.
    Crop,
    /// How the image lies: mirrored, rotated, height and width transposed.
    Orientation,
    /// Which colors the channels show, in which order.
    Channels,
    /// The range that levels are carried to.
    Scale,
    /// What is subtracted.
    Mean,
    /// What it is divided by.
    Std,
    /// How often it is normalized.
    Repeat,
    /// The order of the dimensions.
    Layout,
    /// The type of the elements.
    Dtype,
}

impl Step {
    /// What the step is called in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Step::Resize => "size of the resize",
            Step::Filter => "filter of the resize",
            Step::Antialias => "antialiasing",
            Step::Crop => "crop",
            Step::Orientation => "orientation",
            Step::Channels => "channel order",
            Step::Scale => "scale",
            Step::Mean => "mean",
            Step::Std => "std",
            Step::Repeat => "number of normalizations",
            Step::Layout => "layout",
            Step::Dtype => "dtype",
        }
    }
}

/// Does a step of the recipe do what the trainer did?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It does not, because of a step before it that does not.
    Follows,
}

/// One step: the recipe's, the trainer's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The step.
    pub step: Step,
    /// What the recipe does.
    pub recipe: String,
    /// What the trainer did.
    pub trainer: String,
    /// Are they the same?
    pub agrees: Agreement,
    /// How far the tensors are apart, in the tensor's numbers, when this step alone is the recipe's
    /// and all others are the trainer's; nothing where their shapes differ then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Difference>,
    /// How far they are apart when this step is the trainer's as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Difference>,
    /// What else is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
