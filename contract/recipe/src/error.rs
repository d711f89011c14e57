//! What can go wrong, each with what was expected, what was found and the fix.

use crate::decode::ImageFormat;
use std::path::PathBuf;

/// Why a recipe could not be read, or could not be run on an image or on scores.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RecipeError {
    /// The bytes begin like none of the formats that are read.
    #[error(
        "expected a JPEG, PNG or WebP image, found {length} bytes that begin with \
         {first_bytes:02x?}; send the image file itself, not a form or text around it"
    )]
    NotAnImage {
        /// The first bytes, 12 at most.
        first_bytes: Vec<u8>,
        /// How many bytes there are.
        length: usize,
    },
    /// The image is truncated or corrupt.
    #[error(
        "expected a whole {format} image of {length} bytes, found it truncated or corrupt: \
         {reason}; send the file again or re-encode it"
    )]
    Damaged {
        /// The format that the first bytes announce.
        format: ImageFormat,
        /// How many bytes there are.
        length: usize,
        /// What the decoder says.
        reason: String,
    },
    /// The image is of a kind that the decoder does not read.
    #[error("{format} image: {what} is not supported; re-encode it as a baseline JPEG or a PNG")]
    Unsupported {
        /// The format that the first bytes announce.
        format: ImageFormat,
        /// The feature that is not read.
        what: String,
    },
    /// The image, or a step of its resize, has more pixels than the limit.
    #[error(
        "expected at most {limit} pixels, found {width}x{height} {stage}; \
         send a smaller image or raise the pixel limit"
    )]
    TooManyPixels {
        /// Where: in the file's header, or after a resize.
        stage: &'static str,
        /// Width in pixels.
        width: usize,
        /// Height in pixels.
        height: usize,
        /// The limit in pixels.
        limit: usize,
    },
    /// The image is smaller than the crop.
    #[error(
        "expected an image of at least {crop_width}x{crop_height} pixels to crop, found \
         {width}x{height}; send a larger image or give the recipe a resize"
    )]
    CropOutside {
        /// Width of the image in pixels, after the resize if there is one.
        width: usize,
        /// Height of the image in pixels, after the resize if there is one.
        height: usize,
        /// Width of the crop in pixels.
        crop_width: usize,
        /// Height of the crop in pixels.
        crop_height: usize,
    },
    /// The caller's buffer does not have the tensor's number of elements.
    #[error("expected a buffer of {expected} elements for the tensor {shape:?}, found {found}")]
    BufferLength {
        /// The shape of the tensor.
        shape: [usize; 4],
        /// Its number of elements.
        expected: usize,
        /// Elements in the buffer.
        found: usize,
    },
    /// The caller's buffer is of another type than the recipe's.
    #[error("expected a buffer of {expected}, the recipe's dtype, found one of {found}")]
    BufferType {
        /// The recipe's type.
        expected: tensor::DType,
        /// The buffer's type.
        found: tensor::DType,
    },
    /// A field of the recipe has a value that cannot be run.
    #[error("recipe field `{field}`: expected {expected}, found {found}; {fix}")]
    Invalid {
        /// The field, as written in the file: `normalize.std`.
        field: &'static str,
        /// What it may hold.
        expected: String,
        /// What it holds.
        found: String,
        /// What to change.
        fix: String,
    },
    /// The text is not a recipe.
    #[error("expected a recipe in {notation}, found text that is not one: {reason}")]
    Syntax {
        /// `TOML` or `JSON`.
        notation: &'static str,
        /// Line, column and cause.
        reason: String,
    },
    /// A file beside the model could not be used.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file says how images are prepared, in a way that no recipe can express.
    #[error(
        "{origin}: {what}, which no recipe can say; feed the model tensors, or store the nearest \
         recipe: schooner recipe MODEL --recipe PRESET --write"
    )]
    Inexpressible {
        /// The file.
        origin: String,
        /// What it says.
        what: String,
    },
    /// There is no preset of that name.
    #[error("expected a preset, one of {known}; found `{found}`")]
    UnknownPreset {
        /// The name asked for.
        found: String,
        /// The names there are, joined by commas.
        known: String,
    },
    /// The model's input does not look like an image.
    #[error(
        "expected an image input [N, 1 or 3, H, W] or [N, H, W, 1 or 3] of f32 or u8, found \
         {found}; feed it tensors, or write a recipe file beside the model"
    )]
    NotAnImageInput {
        /// The input's type and shape, unknown sizes as `?`.
        found: String,
    },
    /// The text is not a list of labels.
    #[error("expected {expected}, found {found}; {fix}")]
    Labels {
        /// What a list of labels is.
        expected: String,
        /// What was there.
        found: String,
        /// What to change.
        fix: String,
    },
    /// The number of labels differs from the number of scores.
    #[error(
        "expected one label for each of the model's {classes} classes, found {labels} labels; \
         correct the labels file or remove it"
    )]
    LabelCount {
        /// Classes, which is scores, of the model.
        classes: usize,
        /// Labels in the list.
        labels: usize,
    },
    /// There is no score at all.
    #[error("expected at least one score, found none; check which output holds the classes")]
    NoScores,
    /// A score is not a number that can be ranked.
    #[error(
        "expected finite scores, found {value} for class {index}; check the model with the \
         input that gave it"
    )]
    BadScore {
        /// The class.
        index: usize,
        /// Its score.
        value: f32,
    },
}

impl RecipeError {
    /// Is the image that was sent at fault (and neither recipe, model nor caller's buffers)?
    pub fn is_about_image(&self) -> bool {
        match self {
            RecipeError::NotAnImage { .. }
            | RecipeError::Damaged { .. }
            | RecipeError::Unsupported { .. }
            | RecipeError::TooManyPixels { .. }
            | RecipeError::CropOutside { .. } => true,
            RecipeError::BufferLength { .. }
            | RecipeError::BufferType { .. }
            | RecipeError::Invalid { .. }
            | RecipeError::Syntax { .. }
            | RecipeError::File { .. }
            | RecipeError::Inexpressible { .. }
            | RecipeError::UnknownPreset { .. }
            | RecipeError::NotAnImageInput { .. }
            | RecipeError::Labels { .. }
            | RecipeError::LabelCount { .. }
            | RecipeError::NoScores
            | RecipeError::BadScore { .. } => false,
        }
    }
}
