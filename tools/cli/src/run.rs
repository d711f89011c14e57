//! `schooner run`: one answer, no server.

use crate::console::{Console, quoted};
use crate::error::Error;
use crate::exit::Exit;
use crate::inputs::InputArgs;
use crate::model::{self, Loaded, ModelArgs};
use crate::tensors;
use clap::Args;
use recipe::ClassScore;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;
use tensor::Value;

/// Run a model once: an image in, class names out; or tensors in, tensors out
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  schooner run fashion.onnx --image shoe.jpg
  schooner run fashion.onnx --input image=x.npy --output logits=y.npy
  schooner run bert.onnx --random --shape ids=1x128")]
pub(crate) struct Run {
    #[command(flatten)]
    model: ModelArgs,

    #[command(flatten)]
    inputs: InputArgs,

    /// Write an output to a file: .npy, or .npz for all of them; may be given again
    #[arg(long = "output", value_name = "[NAME=]FILE")]
    outputs: Vec<String>,

    /// Classes to name [default: what the recipe says]
    #[arg(long, value_name = "K", env = "SCHOONER_TOP")]
    top: Option<usize>,

    /// Compute with the naive reference interpreter instead of the engine
    #[arg(long, env = "SCHOONER_REFERENCE")]
    reference: bool,
}

/// One answer.
#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    classes: Vec<ClassScore>,
    outputs: Vec<Output>,
    milliseconds: f64,
    #[serde(skip)]
    is_image: bool,
}

/// One output in short.
#[derive(Serialize)]
struct Output {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    /// The first elements.
    first: Vec<Element>,
}

/// An element as it is shown.
#[derive(Serialize)]
#[serde(untagged)]
enum Element {
    Number(f64),
    Text(String),
}

/// Elements of an output that are shown.
const SHOWN: usize = 8;

impl Run {
    pub(crate) fn execute(&self, console: &Console) -> Result<Exit, Error> {
        let loaded = model::load(console, &self.model.model, &self.model.options)?;
        let inputs = self.inputs.read(&loaded.model)?;
        if self.inputs.image().is_some() {
            console.info(format_args!("recipe: {}", loaded.recipe_why));
        }
        let start = Instant::now();
        let outputs = answer(&loaded, &inputs, self.reference)?;
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let is_image = self.inputs.image().is_some();
        let classes = if is_image { self.classes(&loaded, &outputs)? } else { Vec::new() };
        for argument in &self.outputs {
            write(argument, &loaded, &outputs)?;
        }
        let names = loaded.model.signature().outputs.iter();
        let outputs = names.zip(&outputs).map(|(port, t)| Output {
            name: port.name.clone(),
            dtype: t.dtype().to_string(),
            shape: t.shape().to_vec(),
            first: first_of(t),
        });
        console.result(&Answer { classes, outputs: outputs.collect(), milliseconds, is_image });
        let path = quoted(self.model.model.display());
        console.next(format_args!("schooner serve {path}"));
        Ok(Exit::Ok)
    }

    fn classes(&self, loaded: &Loaded, outputs: &[Value]) -> Result<Vec<ClassScore>, Error> {
        let Some(recipe) = loaded.model.recipe() else { return Ok(Vec::new()) };
        let mut recipe = recipe.clone();
        recipe.post.top_k = self.top.unwrap_or(recipe.post.top_k);
        Ok(recipe.answer(scores(outputs)?)?.classes)
    }
}

/// The outputs by the engine, or by the reference interpreter.
pub(crate) fn answer(
    loaded: &Loaded,
    inputs: &[Value],
    by_reference: bool,
) -> Result<Vec<Value>, Error> {
    if !by_reference {
        return Ok(loaded.model.run_values(inputs)?);
    }
    let source = loaded.source.as_ref().ok_or_else(|| {
        Error::Usage("--reference needs the model file; a library holds only the plan".to_string())
    })?;
    Ok(reference::run_values(&source.graph, inputs)?)
}

/// The scores of one image: the first output.
pub(crate) fn scores(outputs: &[Value]) -> Result<&[f32], Error> {
    let first = outputs.first().ok_or_else(|| Error::Failure("the model has no output".into()))?;
    let found = || Error::Failure(format!("expected scores in f32, found {first:?}"));
    first.as_slice::<f32>().map_err(|_| found())
}

fn write(argument: &str, loaded: &Loaded, outputs: &[Value]) -> Result<(), Error> {
    let ports = &loaded.model.signature().outputs;
    let all = || ports.iter().map(|p| p.name.as_str()).zip(outputs);
    let Some((name, file)) = argument.rsplit_once('=') else {
        let tensors: Vec<(&str, &Value)> = all().collect();
        return Ok(tensors::write(&PathBuf::from(argument), &tensors)?);
    };
    let tensor = all().find(|(n, _)| *n == name).ok_or_else(|| {
        let names: Vec<&str> = ports.iter().map(|p| p.name.as_str()).collect();
        let names = names.join(", ");
        Error::Usage(format!("the model has no output `{name}`; its outputs are {names}"))
    })?;
    Ok(tensors::write(&PathBuf::from(file), &[tensor])?)
}

fn first_of(value: &Value) -> Vec<Element> {
    if let Some(text) = value.text() {
        return text.elements().take(SHOWN).map(|text| Element::Text(text.to_string())).collect();
    }
    let mut all = crate::compare::numbers(value);
    all.truncate(SHOWN);
    all.into_iter().map(Element::Number).collect()
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Number(number) => number.fmt(f),
            Element::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for class in &self.classes {
            writeln!(f, "{:>6.2} %  {}", class.probability * 100.0, class.label)?;
        }
        if self.is_image {
            return writeln!(f, "{:.2} ms", self.milliseconds);
        }
        for Output { name, dtype, shape, first } in &self.outputs {
            let elements: usize = shape.iter().product();
            let dots = if elements > SHOWN { ", …" } else { "" };
            let first: Vec<String> = first.iter().map(Element::to_string).collect();
            writeln!(f, "{name}: {dtype}{shape:?} = [{}{dots}]", first.join(", "))?;
        }
        writeln!(f, "{:.2} ms", self.milliseconds)
    }
}
