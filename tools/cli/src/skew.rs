//! `schooner skew`: does the recipe make of an image what the trainer made of it?

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::inputs;
use crate::model::{self, Loaded, ModelArgs};
use crate::{compare, recipes, run, tensors};
use ::skew::{Comparison, Trainer, Verdict};
use clap::Args;
use recipe::{ClassScore, Limits, Recipe, SampleType, recipe_file};
use serde::Serialize;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use tensor::{DType, Tensor, Value};

/// Name the steps in which a trainer's tensor of an image differs from what is served
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner skew model.onnx --tensor x0.npy --image cat.jpg
  schooner skew model.onnx --tensor x0.npy --image cat.jpg --recipe caffe --picture skew.png
  schooner skew model.onnx --tensor x0.npy --image cat.jpg --write model.recipe.toml

The tensor is what the training or evaluation code feeds to the model for this very file, without
augmentation: numpy.save(\"x0.npy\", x[0]). Exit code 0: the recipe does the same; 3: it does
not.")]
pub(crate) struct Skew {
    #[command(flatten)]
    model: ModelArgs,

    /// What the trainer fed to the model for the image, in .npy, .npz or TensorProto .pb: one
    /// image, with or without the batch axis
    #[arg(long, value_name = "FILE")]
    tensor: PathBuf,

    /// The same image as a file: JPEG, PNG or WebP
    #[arg(long, value_name = "FILE")]
    image: PathBuf,

    /// Draw the recipe's tensor, the trainer's and their difference side by side, as a PNG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,

    /// Write the recipe that agrees with the trainer, in .toml or .json; named STEM.recipe.toml
    /// beside the model, it is used from then on
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// Write over a recipe that is there
    #[arg(long, requires = "write")]
    force: bool,
}

/// What is told.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    comparison: Comparison,
    /// The recipe that agrees, as TOML; nothing where none does or none is needed.
    recipe: Option<String>,
    /// The same as people read it.
    #[serde(skip)]
    shown: Option<String>,
    answers: Answers,
}

/// What the model says to both tensors.
#[derive(Serialize)]
struct Answers {
    recipe: Option<ClassScore>,
    trainer: Option<ClassScore>,
    /// Why one of them is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Skew {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let loaded = model::load(console, &self.model.model, &self.model.options)?;
        let recipe = loaded.model.recipe().ok_or_else(|| {
            Error::Usage(format!(
                "expected a model that takes an image, found that {}; give --recipe, or compare \
                 tensors with `schooner verify`",
                loaded.recipe_why
            ))
        })?;
        console.info(format_args!("recipe: {}", loaded.recipe_why));
        let of_file =
            |path: &Path, e: ::skew::SkewError| Error::Failure(format!("{}: {e}", path.display()));
        let value = tensors::read_one(&self.tensor)?;
        let numbers = compare::numbers(&value);
        let trainer = Trainer::new(value.shape(), value.dtype(), &numbers, recipe.layout)
            .map_err(|e| of_file(&self.tensor, e))?;
        let image = std::fs::read(&self.image).map_err(|e| Error::of_file(&self.image, e))?;
        let comparison = ::skew::compare(&image, &trainer, recipe, &Limits::default())
            .map_err(|e| of_file(&self.image, e))?;
        if let Some(path) = &self.picture {
            std::fs::write(path, &comparison.picture).map_err(|e| Error::of_file(path, e))?;
        }
        let proposed = proposed(&comparison, recipe, &loaded);
        if let Some(path) = &self.write {
            self.store(console, path, proposed.as_ref())?;
        }
        let exit = match comparison.verdict {
            Verdict::Agrees => Exit::Ok,
            Verdict::Differs | Verdict::Partly | Verdict::Unexplained => Exit::No,
        };
        let shown = proposed.as_ref().map(recipes::shown).transpose()?;
        let recipe = proposed.map(|recipe| recipe.to_toml()).transpose()?;
        let is_unwritten = recipe.is_some() && self.write.is_none();
        let answers = self.answers(&loaded, &trainer);
        console.result(&Report { comparison, recipe, shown, answers });
        if is_unwritten {
            let path = recipe_file(&model::in_folder(&self.model.model));
            console.next(format_args!("the same with --write {}", quoted(path.display())));
        }
        Ok(exit)
    }

    /// Writes the recipe, over nothing unless that was asked for.
    fn store(&self, console: &Console, path: &Path, recipe: Option<&Recipe>) -> Result<(), Error> {
        let Some(recipe) = recipe else {
            console.info("nothing is written: there is no other recipe that agrees better");
            return Ok(());
        };
        let text = match path.extension().and_then(|e| e.to_str()) {
            Some("toml") => recipe.to_toml()?,
            Some("json") => recipe.to_json()?,
            Some(_) | None => {
                let reason = "expected a file in .toml or .json, found";
                return Err(Error::Usage(format!("--write: {reason} `{}`", path.display())));
            }
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(!self.force).create(true).truncate(self.force);
        let mut file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Error::Usage(format!(
                "--write: expected a new file, found that {} is there; give --force to replace it",
                path.display()
            )),
            _ => Error::of_file(path, error),
        })?;
        file.write_all(text.as_bytes()).map_err(|e| Error::of_file(path, e))?;
        console.info(format_args!("wrote {}", path.display()));
        Ok(())
    }

    fn answers(&self, loaded: &Loaded, trainer: &Trainer) -> Answers {
        let top = |input: Result<Tensor, Error>| -> Result<Option<ClassScore>, Error> {
            let outputs = loaded.model.run_values(&[Value::from(input?)])?;
            let Some(recipe) = loaded.model.recipe() else { return Ok(None) };
            Ok(recipe.answer(run::scores(&outputs)?)?.classes.into_iter().next())
        };
        let mut note = None;
        let mut said = |whose: &str, answer: Result<Option<ClassScore>, Error>| {
            answer.unwrap_or_else(|error| {
                note = Some(format!("the model does not answer the {whose} tensor: {error}"));
                None
            })
        };
        let of_recipe = said("recipe's", top(inputs::prepare(&loaded.model, &self.image)));
        let of_trainer = said("trainer's", top(input(loaded, trainer)));
        Answers { recipe: of_recipe, trainer: of_trainer, note }
    }
}

/// The recipe that agrees, in the layout and type that the model takes; `None` where it makes an
/// input that the model does not take, or is the one that there is.
fn proposed(comparison: &Comparison, own: &Recipe, loaded: &Loaded) -> Option<Recipe> {
    let port = loaded.model.signature().inputs.first()?;
    let dtype = if port.dtype == DType::U8 { SampleType::U8 } else { SampleType::F32 };
    let recipe = Recipe { layout: own.layout, dtype, ..comparison.recipe.clone()? };
    let fits = recipes::takes(port, recipe.output_shape()?);
    (fits && recipe != *own && recipe.validate().is_ok()).then_some(recipe)
}

/// The trainer's tensor as the model takes it.
fn input(loaded: &Loaded, trainer: &Trainer) -> Result<Tensor, Error> {
    let layout = loaded.model.recipe().map(|recipe| recipe.layout).unwrap_or_default();
    let values = trainer.values(layout);
    let ((height, width), channels) = (trainer.size(), trainer.channels());
    let shape = match layout {
        recipe::Layout::Nchw => [1, channels, height, width],
        recipe::Layout::Nhwc => [1, height, width, channels],
    };
    let refused = |e: tensor::TensorError| Error::Failure(e.to_string());
    let is_levels = loaded.model.signature().inputs.first().is_some_and(|p| p.dtype == DType::U8);
    if is_levels {
        let levels: Vec<u8> = values.iter().map(|v| v.round() as u8).collect();
        return Tensor::from_slice(&shape, &levels).map_err(refused);
    }
    Tensor::from_slice(&shape, &values).map_err(refused)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.comparison)?;
        let Answers { recipe, trainer, note } = &self.answers;
        let class = |c: &ClassScore| format!("{} ({:.2} %)", c.label, c.probability * 100.0);
        match (recipe, trainer) {
            (Some(ours), Some(theirs)) if ours.index == theirs.index => {
                let (ours, theirs) = (class(ours), class(theirs));
                writeln!(
                    f,
                    "the model answers both alike: {ours} to ours, {theirs} to the trainer's"
                )?;
            }
            (Some(ours), Some(theirs)) => {
                let (ours, theirs) = (class(ours), class(theirs));
                writeln!(f, "the model answers {ours} to ours, {theirs} to the trainer's")?;
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => {}
        }
        if let Some(note) = note {
            writeln!(f, "{note}")?;
        }
        if let Some(recipe) = &self.shown {
            writeln!(f, "\nthe recipe that agrees:\n{}", recipe.trim_end())?;
        }
        Ok(())
    }
}
