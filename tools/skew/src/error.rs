//! What can go wrong, each with what was expected, what was found and the fix.

use recipe::RecipeError;

/// Why two tensors cannot be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SkewError {
    /// The tensor has another shape than one image has.
    #[error(
        "expected the tensor of one image, [1, 3, H, W], [1, H, W, 3], the same without the 1 or \
         with 1 channel, or [H, W], found {shape:?}; save what the model is fed for one image: \
         numpy.save(\"x0.npy\", x[0])"
    )]
    Shape {
        /// The shape that was found.
        shape: Vec<usize>,
    },
    /// The tensor holds several images.
    #[error(
        "expected the tensor of one image, found a batch of {batch}, {shape:?}; save one of them: \
         numpy.save(\"x0.npy\", x[0])"
    )]
    Batch {
        /// How many images there are.
        batch: usize,
        /// The shape that was found.
        shape: Vec<usize>,
    },
    /// Shape and elements contradict each other.
    #[error("expected {expected} numbers for a tensor of shape {shape:?}, found {found}")]
    Count {
        /// The shape.
        shape: Vec<usize>,
        /// Its elements.
        expected: usize,
        /// Elements that are there.
        found: usize,
    },
    /// The tensor is larger or smaller than any input of a classifier.
    #[error(
        "expected an image of {min} to {max} pixels a side, found {height} high and {width} wide; \
         save what the model is fed, after the resize"
    )]
    Side {
        /// The least side.
        min: usize,
        /// The greatest side.
        max: usize,
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
    },
    /// An element is no number, or has no bound.
    #[error(
        "expected finite numbers, found {count} that are not, the first, {value}, at element \
         {index}; look for a division by zero in the trainer's pre-processing"
    )]
    NotFinite {
        /// How many there are.
        count: usize,
        /// The place of the first.
        index: usize,
        /// The first.
        value: f64,
    },
    /// Every element is the same.
    #[error(
        "expected the tensor of an image, found {value} everywhere; save the tensor after it was \
         filled, or of an image that is not of one color"
    )]
    Flat {
        /// The number that every element is.
        value: f64,
    },
    /// The type has no numbers.
    #[error("expected a tensor of numbers, found {dtype}; save what the model is fed")]
    Type {
        /// The type that was found.
        dtype: tensor::DType,
    },
    /// The image file cannot be read, or not by this recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The picture cannot be written.
    #[error("the picture cannot be encoded: {0}")]
    Picture(String),
}
