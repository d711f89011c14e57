//! What lies beside a model: recipes and names of ours, and what other tools leave there.
//!
//! To add an origin: write `beside/<origin>.rs` with a function from the file's object to what it
//! says, and add a row to [`ORIGINS`].

mod fields;
mod hugging_face;
mod preprocessor;
mod teachable_machine;
mod timm;

use crate::{ModelInput, Part, Recipe, RecipeError, Stated, labels};
use fields::Fields;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A kind of file that may lie beside a model.
#[derive(Debug)]
pub struct Origin {
    /// Its names, the first one that is there counts; `STEM` stands for that of the model's file.
    pub names: &'static [&'static str],
    /// Who writes it.
    pub by: &'static str,
    /// What it can tell.
    pub tells: &'static [Part],
    reader: Reader,
}

/// How a file is read.
#[derive(Debug)]
enum Reader {
    /// A whole recipe.
    Recipe,
    /// A list of names.
    Names,
    /// A JSON object of another tool; `None` when it is of some other tool yet.
    Object(fn(&Fields<'_>, &ModelInput) -> Result<Option<Stated>, String>),
}

/// Every kind of file, in the order in which they are trusted: each part of a recipe is from the
/// first that tells it. What the model file itself says is between our own and the others'.
pub const ORIGINS: &[Origin] = &[
    Origin {
        names: &["STEM.recipe.toml", "STEM.recipe.json", "recipe.toml", "recipe.json"],
        by: "`schooner recipe`, or a person",
        tells: &Part::ALL,
        reader: Reader::Recipe,
    },
    Origin {
        names: &["STEM.labels.txt", "STEM.labels.json", "labels.txt", "labels.json"],
        by: "a person, Teachable Machine",
        tells: &[Part::Labels],
        reader: Reader::Names,
    },
    Origin {
        names: &["preprocessor_config.json"],
        by: "Hugging Face image processors",
        tells: &[Part::Color, Part::Size, Part::Normalize],
        reader: Reader::Object(preprocessor::read),
    },
    Origin {
        names: &["config.json"],
        by: "timm",
        tells: &[Part::Color, Part::Size, Part::Normalize, Part::Labels],
        reader: Reader::Object(timm::read),
    },
    Origin {
        names: &["config.json"],
        by: "Hugging Face models",
        tells: &[Part::Activation, Part::Labels],
        reader: Reader::Object(hugging_face::read),
    },
    Origin {
        names: &["metadata.json"],
        by: "Teachable Machine",
        tells: &[Part::Color, Part::Size, Part::Normalize, Part::Labels],
        reader: Reader::Object(teachable_machine::read),
    },
    Origin {
        names: &["index_to_name.json"],
        by: "TorchServe",
        tells: &[Part::Labels],
        reader: Reader::Names,
    },
    Origin {
        names: &["class_indices.json"],
        by: "users of Keras' generators",
        tells: &[Part::Labels],
        reader: Reader::Names,
    },
    Origin {
        names: &["synset.txt", "synset_words.txt", "imagenet_classes.txt"],
        by: "MXNet, Caffe, PyTorch's hub",
        tells: &[Part::Labels],
        reader: Reader::Names,
    },
];

/// Largest file of names or recipe in bytes: a million names of some tens of bytes.
const TEXT_BYTES_MAX: u64 = 32 << 20;

/// Largest configuration of another tool in bytes: one with the 21 thousand names of ImageNet has
/// one and a half million; as a tree it takes thirty times its bytes at most.
const OBJECT_BYTES_MAX: u64 = 8 << 20;

impl Origin {
    /// Is it one of the files that are written for this tool?
    pub fn is_own(&self) -> bool {
        match self.reader {
            Reader::Recipe => true,
            Reader::Names => self.names.iter().any(|name| name.contains("STEM")),
            Reader::Object(_) => false,
        }
    }

    /// The first file of these names beside the model, with its text.
    fn find(&self, model: &Path) -> Result<Option<(PathBuf, String)>, RecipeError> {
        let stem = stem_of(model);
        for folder in folders(model) {
            for name in self.names {
                let path = folder.join(name.replace("STEM", &stem));
                let limit = match self.reader {
                    Reader::Recipe | Reader::Names => TEXT_BYTES_MAX,
                    Reader::Object(_) => OBJECT_BYTES_MAX,
                };
                if let Some(text) = read_if_there(&path, limit)? {
                    return Ok(Some((path, text)));
                }
            }
        }
        Ok(None)
    }

    /// What a file of this kind beside the model says, if there is one. A recipe is no source
    /// among others: see [`recipe`].
    ///
    /// Errors: it cannot be read, or is not what its name says.
    fn read(&self, model: &Path, input: &ModelInput) -> Result<Option<Stated>, RecipeError> {
        if matches!(self.reader, Reader::Recipe) {
            return Ok(None);
        }
        let Some((path, text)) = self.find(model)? else { return Ok(None) };
        let refuse = |reason| RecipeError::File { path: path.clone(), reason };
        let origin = path.display().to_string();
        Ok(match self.reader {
            Reader::Recipe => None,
            Reader::Names => {
                let names = labels::parse(&text, None).map_err(|e| refuse(e.to_string()))?;
                Some(Stated { origin, labels: Some(names), ..Stated::default() })
            }
            Reader::Object(read) => {
                let object = object(&text).map_err(refuse)?;
                let stated = read(&Fields(&object), input).map_err(|found| {
                    let fix = "mend the file, or store a recipe of the model's own beside it";
                    refuse(format!("{found}; {fix}"))
                })?;
                stated.map(|stated| Stated { origin, ..stated })
            }
        })
    }
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    let expected = "expected a JSON object, found";
    let fix = "mend the file or remove it";
    match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(format!("{expected} another JSON value; {fix}")),
        Err(error) => Err(format!("{expected} text that is none: {error}; {fix}")),
    }
}

/// Our recipe beside the model, with its file.
pub(crate) fn recipe(model: &Path) -> Result<Option<(Recipe, PathBuf)>, RecipeError> {
    let rows = ORIGINS.iter().filter(|origin| matches!(origin.reader, Reader::Recipe));
    for row in rows {
        let Some((path, text)) = row.find(model)? else { continue };
        let is_json = path.extension().is_some_and(|suffix| suffix == "json");
        let read = if is_json { Recipe::from_json(&text) } else { Recipe::from_toml(&text) };
        return match read {
            Ok(recipe) => Ok(Some((recipe, path))),
            Err(error) => Err(RecipeError::File { path, reason: error.to_string() }),
        };
    }
    Ok(None)
}

/// What the files beside the model, and the model file itself, say of these parts, the most trusted
/// first.
pub(crate) fn sources(
    model: &Path,
    input: &ModelInput,
    parts: &[Part],
) -> Result<Vec<Stated>, RecipeError> {
    let mut all = own_names(model, input)?;
    all.push(input.says.clone());
    let others = ORIGINS.iter().filter(|origin| !origin.is_own());
    for origin in others.filter(|origin| origin.tells.iter().any(|part| parts.contains(part))) {
        all.extend(origin.read(model, input)?);
    }
    Ok(all)
}

/// The names in a file of ours beside the model.
pub(crate) fn own_names(model: &Path, input: &ModelInput) -> Result<Vec<Stated>, RecipeError> {
    let rows = ORIGINS.iter().filter(|origin| origin.is_own());
    let said = rows.map(|origin| origin.read(model, input)).collect::<Result<Vec<_>, _>>()?;
    Ok(said.into_iter().flatten().collect())
}

/// The folders in which files count as beside the model: its own, or that of the whole repository
/// where the model lies in its folder `onnx`; the model itself where it is a folder.
fn folders(model: &Path) -> Vec<&Path> {
    let parent = model.parent().unwrap_or(Path::new(""));
    let above = parent.parent().filter(|_| parent.file_name().is_some_and(|name| name == "onnx"));
    let inside = model.is_dir().then_some(model);
    inside.into_iter().chain([parent]).chain(above).collect()
}

/// The model's file name without its last suffix.
pub(crate) fn stem_of(model: &Path) -> String {
    model.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The file's text, or `None` when there is no such file.
fn read_if_there(path: &Path, limit: u64) -> Result<Option<String>, RecipeError> {
    let refuse = |reason: String| RecipeError::File { path: path.to_path_buf(), reason };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(refuse(e.to_string())),
    };
    let mut text = String::new();
    let mut bounded = file.take(limit + 1);
    bounded.read_to_string(&mut text).map_err(|e| refuse(e.to_string()))?;
    if text.len() as u64 > limit {
        return Err(refuse(format!("expected at most {limit} bytes, found more; shorten it")));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_origin() {
        let documentation = include_str!("../../../../docs/recipes.md");
        for Origin { names, by, tells, .. } in ORIGINS {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let tells: Vec<String> = tells.iter().map(Part::to_string).collect();
            let row = format!("| {} | {by} | {} |", names.join(", "), tells.join(", "));
            assert!(documentation.contains(&row), "docs/recipes.md has no row\n{row}");
        }
    }
}
