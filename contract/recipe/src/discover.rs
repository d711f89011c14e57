//! Recipe and labels that lie beside a model.

use crate::{Guess, ModelInput, Recipe, RecipeError, labels};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Largest recipe or labels file in bytes: a million names of some tens of bytes.
const FILE_BYTES_MAX: u64 = 32 << 20;

/// What lies beside a model.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Discovered {
    /// The recipe and the file it is from.
    pub recipe: Option<(Recipe, PathBuf)>,
    /// The labels and the file they are from.
    pub labels: Option<(Vec<String>, PathBuf)>,
}

/// Looks beside the model file for its recipe (`STEM.recipe.toml`, `STEM.recipe.json`,
/// `recipe.toml`, `recipe.json`) and labels (`STEM.labels.txt`, `STEM.labels.json`, `labels.txt`,
/// `labels.json`): the first of each that exists.
///
/// Errors: a file that exists but cannot be read, or is not what its name says.
pub fn discover(model: &Path) -> Result<Discovered, RecipeError> {
    let stem = stem_of(model);
    let folder = model.parent().unwrap_or(Path::new(""));
    let first = |names: [String; 4]| -> Result<Option<(PathBuf, String)>, RecipeError> {
        for name in names {
            let path = folder.join(name);
            if let Some(text) = read_if_there(&path)? {
                return Ok(Some((path, text)));
            }
        }
        Ok(None)
    };
    let mut found = Discovered::default();
    if let Some((path, text)) = first([
        format!("{stem}.recipe.toml"),
        format!("{stem}.recipe.json"),
        "recipe.toml".to_string(),
        "recipe.json".to_string(),
    ])? {
        let is_json = path.extension().is_some_and(|e| e == "json");
        let read = if is_json { Recipe::from_json(&text) } else { Recipe::from_toml(&text) };
        found.recipe = Some((read.map_err(|e| in_file(&path, &e))?, path));
    }
    if let Some((path, text)) = first([
        format!("{stem}.labels.txt"),
        format!("{stem}.labels.json"),
        "labels.txt".to_string(),
        "labels.json".to_string(),
    ])? {
        let read = labels::parse(&text, None).map_err(|e| in_file(&path, &e))?;
        found.labels = Some((read, path));
    }
    Ok(found)
}

impl Recipe {
    /// The recipe file beside the model, if there is one. See [`discover`] for the names.
    pub fn discover(model: &Path) -> Result<Option<Recipe>, RecipeError> {
        Ok(discover(model)?.recipe.map(|(recipe, _)| recipe))
    }

    /// The recipe to run a model with: the file beside it, or else a guess from its name and
    /// input; a labels file beside it wins over labels from either.
    ///
    /// Errors: as [`discover`] and [`Recipe::guess`], and labels that are not as many as the
    /// model's classes.
    pub fn for_model(model: &Path, input: &ModelInput) -> Result<Guess, RecipeError> {
        let found = discover(model)?;
        let mut guess = match found.recipe {
            Some((recipe, path)) => {
                let why = format!("recipe file {}", path.display());
                Guess { recipe, why, is_known: true }
            }
            None => Recipe::guess(&stem_of(model), input)?,
        };
        if let Some((labels, path)) = found.labels {
            guess.recipe.post.labels = labels;
            guess.why.push_str(&format!("; labels from {}", path.display()));
        }
        match (input.classes, guess.recipe.post.labels.len()) {
            (Some(classes), labels) if labels != 0 && labels != classes => {
                Err(RecipeError::LabelCount { classes, labels })
            }
            (Some(_) | None, _) => Ok(guess),
        }
    }
}

fn stem_of(model: &Path) -> String {
    model.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn in_file(path: &Path, error: &RecipeError) -> RecipeError {
    RecipeError::File { path: path.to_path_buf(), reason: error.to_string() }
}

/// The file's text, or `None` when there is no such file.
fn read_if_there(path: &Path) -> Result<Option<String>, RecipeError> {
    let refuse = |reason: String| RecipeError::File { path: path.to_path_buf(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(refuse(e.to_string())),
    };
    let mut text = String::new();
    let mut bounded = file.take(FILE_BYTES_MAX + 1);
    bounded.read_to_string(&mut text).map_err(|e| refuse(e.to_string()))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let reason = format!("expected at most {FILE_BYTES_MAX} bytes, found more; shorten it");
        return Err(refuse(reason));
    }
    Ok(Some(text))
}
