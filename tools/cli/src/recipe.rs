//! `schooner recipe`: how a model's images are prepared, who says so, and what to do where nobody
//! does.

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::model::{self, Loaded, ModelArgs, ModelOptions};
use crate::recipes::{self, Chosen};
use ::recipe::presets::{PRESETS, Preset};
use ::recipe::{Provenance, recipe_file};
use clap::Args;
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Show how a model's images are prepared and who says so, and settle what is only a guess
///
/// The recipe is taken from what lies beside the model and in it. Where nothing says how pixels are
/// normalized it is a guess: on a terminal a preset is asked for once and stored beside the model
/// as STEM.recipe.toml; elsewhere nothing is asked, and --recipe with --write stores it. Exit 3
/// when the model has no recipe for images.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner recipe fashion.onnx
  schooner recipe cat_dog.h5 --recipe unit --write")]
pub(crate) struct Recipe {
    #[command(flatten)]
    model: ModelArgs,

    /// Store the recipe beside the model, without asking
    #[arg(long, env = "SCHOONER_WRITE")]
    write: bool,

    /// Replace another recipe that is stored there
    #[arg(long, env = "SCHOONER_FORCE")]
    force: bool,
}

/// A recipe, and who says so.
#[derive(Serialize)]
struct Shown {
    model: String,
    /// Is it more than a guess?
    is_known: bool,
    why: String,
    parts: Vec<Provenance>,
    recipe: Option<::recipe::Recipe>,
    /// Where it was stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<PathBuf>,
}

/// How often a preset is asked for.
const TRIES: usize = 3;

impl Recipe {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let ModelArgs { model: path, options } = &self.model;
        let path = &model::in_folder(path);
        let loaded = model::load(console, path, options)?;
        let mut shown = Shown::of(&loaded);
        let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let may_ask = is_terminal && !self.write && !console.json && !console.is_quiet();
        if self.write {
            shown.store(path, self.force)?;
        } else if !shown.is_known && may_ask {
            console.result(&shown);
            let asked = ask(&mut std::io::stdin().lock(), &mut std::io::stderr().lock());
            let Some(preset) = asked else { return Ok(shown.exit()) };
            shown.settle(path, options, &loaded, preset)?;
            shown.store(path, self.force)?;
        }
        console.result(&shown);
        let (command, path) = (recipes::command(path), quoted(path.display()));
        match (&shown.stored, shown.is_known) {
            (Some(stored), _) => {
                console.info(format_args!("stored in {}", stored.display()));
                console.next(format_args!("schooner run {path} --image IMAGE"));
            }
            (None, true) if shown.recipe.is_some() => {
                console.next(format_args!("schooner run {path} --image IMAGE"));
            }
            (None, true) => console.next(format_args!("schooner inspect {path}")),
            (None, false) => {
                let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
                console.next(format_args!(
                    "{command} --recipe PRESET --write, the preset being that of the training \
                     code ({}) or a file",
                    names.join(", ")
                ));
            }
        }
        Ok(shown.exit())
    }
}

impl Shown {
    fn of(loaded: &Loaded) -> Shown {
        Shown {
            model: loaded.model.name().to_string(),
            is_known: loaded.recipe_is_known,
            why: loaded.recipe_why.clone(),
            parts: loaded.recipe_parts.clone(),
            recipe: loaded.model.recipe().cloned(),
            stored: None,
        }
    }

    /// Takes the recipe of a preset instead.
    fn settle(
        &mut self,
        path: &Path,
        options: &ModelOptions,
        loaded: &Loaded,
        preset: &Preset,
    ) -> Result<(), Error> {
        let options = ModelOptions { recipe: Some(preset.name.to_string()), ..options.clone() };
        let source = loaded.source.as_ref().map(|source| (&source.graph, &source.metadata));
        let signature = loaded.model.signature();
        let Chosen { recipe, why, is_known, parts } =
            recipes::choose(path, &options, signature, None, source)?;
        (self.recipe, self.why, self.is_known, self.parts) = (recipe, why, is_known, parts);
        Ok(())
    }

    /// Writes the recipe beside the model, unless another one is there that was not to be replaced.
    fn store(&mut self, path: &Path, replaces: bool) -> Result<(), Error> {
        let Some(recipe) = &self.recipe else {
            return Err(Error::Usage(format!(
                "there is no recipe to store: {}; give one with --recipe PRESET|FILE",
                self.why
            )));
        };
        let file = recipe_file(path);
        let failed = |error| Error::of_file(&file, error);
        let text = format!("{}\n{}", self.comment(), recipe.to_toml()?);
        if file.try_exists().map_err(failed)? && !replaces {
            let there = model::read_text(&file)?;
            let is_same = ::recipe::Recipe::from_toml(&there).is_ok_and(|there| there == *recipe);
            if !is_same {
                return Err(Error::Usage(format!(
                    "{}: another recipe is stored there; look at it, and replace it with --force",
                    file.display()
                )));
            }
        } else {
            std::fs::write(&file, text).map_err(failed)?;
        }
        self.stored = Some(file);
        Ok(())
    }

    /// Where the parts are from, as comments.
    fn comment(&self) -> String {
        if self.parts.is_empty() {
            return format!("# {}\n", self.why);
        }
        let sources = Provenance::by_source(&self.parts);
        let width = sources.iter().map(|(names, _)| names.len()).max().unwrap_or_default();
        let line = |(names, Provenance { from, is_known, .. }): &(String, &Provenance)| {
            let guess = if *is_known { "" } else { "a guess: " };
            format!("# {names:<width$}  {guess}{from}\n")
        };
        sources.iter().map(line).collect()
    }

    fn exit(&self) -> Exit {
        if self.recipe.is_some() { Exit::Ok } else { Exit::No }
    }
}

/// The preset that somebody at the terminal chooses, by number or by name; none when they leave it
/// open.
fn ask(from: &mut impl BufRead, to: &mut impl Write) -> Option<&'static Preset> {
    let mut question = "\nHow were its images prepared in training?\n".to_string();
    for (index, Preset { name, sentence, .. }) in PRESETS.iter().enumerate() {
        let _ = writeln!(question, "  {}  {name:<18}{sentence}", index + 1);
    }
    // Who cannot be asked has no answer either.
    to.write_all(question.as_bytes()).ok()?;
    for _ in 0..TRIES {
        write!(to, "number or name, or nothing to leave it a guess: ").ok()?;
        to.flush().ok()?;
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        let word = line.trim();
        if word.is_empty() {
            return None;
        }
        let number = word.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let by_number = number.and_then(|index| PRESETS.get(index));
        if let Some(preset) = by_number.or_else(|| PRESETS.iter().find(|p| p.name == word)) {
            return Some(preset);
        }
        writeln!(to, "expected 1 to {} or a name, found `{word}`", PRESETS.len()).ok()?;
    }
    None
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(recipe) = &self.recipe else {
            return writeln!(f, "{} has no recipe for images: {}", self.model, self.why);
        };
        write!(f, "{}{}", self.comment(), recipes::shown(recipe).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(typed: &str) -> (Option<&'static str>, String) {
        let mut shown = Vec::new();
        let preset = ask(&mut typed.as_bytes(), &mut shown);
        (preset.map(|preset| preset.name), String::from_utf8(shown).unwrap())
    }

    #[test]
    fn a_preset_is_chosen_by_number_or_name() {
        let (preset, shown) = answer("1\n");
        assert_eq!(preset, Some(PRESETS[0].name));
        assert!(PRESETS.iter().all(|p| shown.contains(p.name) && shown.contains(p.sentence)));
        assert_eq!(answer("caffe\n").0, Some("caffe"));
        assert_eq!(answer("0\nnope\n3\n").0, Some(PRESETS[2].name));
        assert!(answer("0\nnope\n3\n").1.contains("found `nope`"));
    }

    #[test]
    fn nobody_is_asked_forever() {
        for typed in ["", "\n", "x\nx\nx\n1\n", "99999999999999999999999\n"] {
            assert_eq!(answer(typed).0, None, "{typed:?}");
        }
    }
}
