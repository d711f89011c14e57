//! One version of one model, with what turns images into its inputs.

use crate::{Answer, Engine, ImageRecipe, Outcome, Refusal, Request};
use plan::Signature;
use std::fmt;
use std::time::{Duration, Instant};
use tensor::Tensor;

/// One version of one model that answers requests.
pub struct Servable {
    name: String,
    version: u64,
    engine: Box<dyn Engine>,
    recipe: Option<Box<dyn ImageRecipe>>,
}

/// How long one request took in each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Decoding, resizing and normalizing images.
    pub decode: Duration,
    /// Running the model.
    pub infer: Duration,
    /// Post-processing.
    pub encode: Duration,
}

impl Servable {
    /// Version 1 of a model that takes tensors.
    pub fn new(name: &str, engine: impl Engine) -> Servable {
        Servable { name: name.to_string(), version: 1, engine: Box::new(engine), recipe: None }
    }

    /// The same under another version number.
    #[must_use]
    pub fn with_version(self, version: u64) -> Servable {
        Servable { version, ..self }
    }

    /// The same, and it takes images too. The model must have one input.
    #[must_use]
    pub fn with_recipe(self, recipe: impl ImageRecipe) -> Servable {
        Servable { recipe: Some(Box::new(recipe)), ..self }
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version's number.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What the model takes and gives.
    pub fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    /// Does it take images?
    pub fn takes_images(&self) -> bool {
        self.recipe.is_some()
    }

    /// The answer to one request, without a queue: what workers call, and what a self-test does.
    ///
    /// # Errors
    /// When the request does not fit the model, or the model fails.
    pub fn answer(&self, request: Request) -> Result<(Outcome, Times), Refusal> {
        match request {
            Request::Images(images) => self.answer_images(&images),
            Request::Tensors(inputs) => {
                self.check(&inputs)?;
                let start = Instant::now();
                let outputs = self.run(&inputs)?;
                let times = Times { infer: start.elapsed(), ..Times::default() };
                Ok((Outcome::Tensors(outputs), times))
            }
        }
    }

    /// Images run one after the other, so that only one decoded image is in memory, and an
    /// image's answer does not depend on its neighbors.
    fn answer_images(&self, images: &[Vec<u8>]) -> Result<(Outcome, Times), Refusal> {
        let no_recipe = || Refusal::NoRecipe { model: self.name.clone() };
        let recipe = self.recipe.as_deref().ok_or_else(no_recipe)?;
        let mut answers = Vec::with_capacity(images.len());
        let mut times = Times::default();
        for (index, image) in images.iter().enumerate() {
            let start = Instant::now();
            let index = (images.len() > 1).then_some(index);
            let bad_image = |reason| Refusal::BadImage { index, reason };
            let input = [recipe.prepare(image).map_err(bad_image)?];
            let prepared = Instant::now();
            self.check(&input)?;
            let outputs = self.run(&input)?;
            let ran = Instant::now();
            answers.push(self.classes(recipe, outputs.first())?);
            times.decode += prepared - start;
            times.infer += ran - prepared;
            times.encode += ran.elapsed();
        }
        Ok((Outcome::Answers(answers), times))
    }

    fn check(&self, inputs: &[Tensor]) -> Result<(), Refusal> {
        let shapes: Vec<&[usize]> = inputs.iter().map(Tensor::shape).collect();
        plan::bind(self.signature(), &shapes)?;
        for (port, tensor) in self.signature().inputs.iter().zip(inputs) {
            let (expected, found) = (port.dtype, tensor.dtype());
            if expected != found {
                return Err(Refusal::Type { input: port.name.clone(), expected, found });
            }
        }
        Ok(())
    }

    /// The engine's outputs; that they are as many as the signature says is checked here once,
    /// so that no protocol needs to.
    fn run(&self, inputs: &[Tensor]) -> Result<Vec<Tensor>, Refusal> {
        let outputs = self.engine.run(inputs).map_err(|reason| self.failure(reason))?;
        let (expected, found) = (self.signature().outputs.len(), outputs.len());
        if expected != found {
            return Err(self.failure(format!("expected {expected} outputs, found {found}")));
        }
        Ok(outputs)
    }

    fn classes(
        &self,
        recipe: &dyn ImageRecipe,
        output: Option<&Tensor>,
    ) -> Result<Answer, Refusal> {
        let output = output.ok_or_else(|| self.failure("the model has no output".to_string()))?;
        let scores = output.as_slice::<f32>().map_err(|e| self.failure(e.to_string()))?;
        recipe.answer(scores).map_err(|reason| self.failure(reason))
    }

    fn failure(&self, reason: String) -> Refusal {
        Refusal::Engine { model: self.name.clone(), reason }
    }
}

impl fmt::Debug for Servable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Servable({} version {})", self.name, self.version)
    }
}
