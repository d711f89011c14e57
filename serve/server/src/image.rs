//! What turns image files into a model's input and its output into class names.

use tensor::Tensor;

/// The pre- and post-processing of one model.
pub trait ImageRecipe: Send + Sync + 'static {
    /// The model's input for one image file.
    ///
    /// # Errors
    /// In words for the client: what was expected and what was found.
    fn prepare(&self, image: &[u8]) -> Result<Tensor, String>;

    /// The best classes for one row of the model's first output.
    ///
    /// # Errors
    /// When the row is not what the recipe expects.
    fn answer(&self, scores: &[f32]) -> Result<Answer, String>;

    /// The name of the class at this position of the output, when it has one.
    fn label(&self, _index: usize) -> Option<&str> {
        None
    }
}

/// What the model sees in one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The best classes, most probable first.
    pub classes: Vec<ClassScore>,
}

/// One class and how sure the model is of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassScore {
    /// Position in the model's output.
    pub index: usize,
    /// The name of the class.
    pub label: String,
    /// Between 0 and 1.
    pub probability: f32,
}
