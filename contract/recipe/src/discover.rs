//! The recipe of a model: by the files beside it and by itself.

use crate::beside::{self, stem_of};
use crate::guess::sentence;
use crate::{Guess, ModelInput, Part, Provenance, Recipe, RecipeError};
use std::path::{Path, PathBuf};

/// The file in which a model's own recipe is stored: the first one that is looked for.
pub fn recipe_file(model: &Path) -> PathBuf {
    model.with_file_name(format!("{}.recipe.toml", stem_of(model)))
}

impl Recipe {
    /// The recipe file beside the model, if there is one: the first row of [`beside::ORIGINS`].
    pub fn discover(model: &Path) -> Result<Option<Recipe>, RecipeError> {
        Ok(beside::recipe(model)?.map(|(recipe, _)| recipe))
    }

    /// The recipe to run a model with: the file beside it; or else each part from the first of
    /// [`beside::ORIGINS`] that tells it, from the model file, or as [`Recipe::guess`] has it.
    ///
    /// A recipe file is whole but for its labels: those of a labels file come before them, and
    /// where it has none any other file may name the classes.
    ///
    /// Errors: a file that is there but cannot be read, is not what its name says, or contradicts
    /// the model; what [`Recipe::guess`] refuses.
    pub fn for_model(model: &Path, input: &ModelInput) -> Result<Guess, RecipeError> {
        let Some((recipe, path)) = beside::recipe(model)? else {
            // What takes no image needs no file; one of another model there is no mistake.
            input.check()?;
            let sources = beside::sources(model, input, &Part::ALL)?;
            return Recipe::concluded(&stem_of(model), input, &sources);
        };
        let from = format!("recipe file {}", path.display());
        let place = |part| Provenance { part, from: from.clone(), is_known: true };
        let parts = Part::ALL.map(place).to_vec();
        let mut guess = Guess { recipe, why: String::new(), is_known: true, parts };
        let is_named = !guess.recipe.post.labels.is_empty();
        let sources = match is_named {
            true => beside::own_names(model, input)?,
            false => beside::sources(model, input, &[Part::Labels])?,
        };
        guess.settle(&[Part::Labels], &sources, input)?;
        let labels = guess.recipe.post.labels.len();
        match input.classes.filter(|&classes| labels != 0 && labels != classes) {
            Some(classes) => {
                let reason = RecipeError::LabelCount { classes, labels }.to_string();
                Err(RecipeError::File { path, reason })
            }
            None => {
                let others: Vec<Provenance> =
                    guess.parts.iter().filter(|place| place.from != from).cloned().collect();
                guess.why =
                    [from, sentence(&others)].join(if others.is_empty() { "" } else { "; " });
                Ok(guess)
            }
        }
    }
}
