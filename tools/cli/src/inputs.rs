//! The inputs of a run: from an image, from files of tensors, or made up.

use crate::error::Error;
use crate::tensors;
use clap::Args;
use plan::{Port, Signature};
use runtime::{Model, RunError};
use std::path::PathBuf;
use tensor::{Bindings, DType, Tensor, Text, Value};

/// Where inputs come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// Image (JPEG, PNG or WebP), prepared by the model's recipe
    #[arg(long, value_name = "FILE", conflicts_with_all = ["inputs", "shapes", "random"])]
    image: Option<PathBuf>,

    /// Tensor for an input, in .npy, .npz or TensorProto .pb; NAME may be left out when the
    /// model has one input or the file names its tensors; may be given again
    #[arg(long = "input", value_name = "[NAME=]FILE")]
    inputs: Vec<String>,

    /// Make up inputs: pseudo-random numbers, the same in every run
    #[arg(long)]
    random: bool,

    /// Shape of a made-up input; may be given again
    #[arg(long = "shape", value_name = "NAME=1x3x224x224", value_parser = name_and_shape)]
    shapes: Vec<(String, Vec<usize>)>,
}

impl InputArgs {
    /// Is the input an image?
    pub(crate) fn image(&self) -> Option<&PathBuf> {
        self.image.as_ref()
    }

    /// The inputs in the order of the signature.
    pub(crate) fn read(&self, model: &Model) -> Result<Vec<Value>, Error> {
        if let Some(path) = &self.image {
            return Ok(vec![prepare(model, path)?.into()]);
        }
        if self.random || !self.shapes.is_empty() {
            return made_up(model, &self.shapes);
        }
        let signature = model.signature();
        let mut given: Vec<Option<Value>> = vec![None; signature.inputs.len()];
        for argument in &self.inputs {
            for (name, tensor) in read_argument(argument)? {
                let at = place(signature, name.as_deref())?;
                if given[at].replace(tensor).is_some() {
                    let name = &signature.inputs[at].name;
                    return Err(Error::Usage(format!("input `{name}` is given twice")));
                }
            }
        }
        let named = signature.inputs.iter().zip(given);
        named.map(|(port, tensor)| tensor.ok_or_else(|| missing(port, model))).collect()
    }
}

/// The model's input for an image file.
pub(crate) fn prepare(model: &Model, path: &PathBuf) -> Result<Tensor, Error> {
    let recipe = model.recipe().ok_or_else(|| {
        Error::Usage(format!(
            "`{}` has no recipe for images; give --recipe, or tensors with --input",
            model.name()
        ))
    })?;
    let encoded = std::fs::read(path).map_err(|e| Error::of_file(path, e))?;
    recipe.prepare(&encoded).map_err(|e| Error::Failure(format!("{}: {e}", path.display())))
}

/// Does the error say that a made-up text is none that the model knows? Which are nobody says.
pub(crate) fn is_unknown_text(inputs: &[Value], error: &RunError) -> bool {
    matches!(error, RunError::Index { .. })
        && inputs.iter().any(|input| input.dtype() == DType::String)
}

/// Pseudo-random inputs of the default sizes, or of these shapes.
pub(crate) fn made_up(model: &Model, shapes: &[(String, Vec<usize>)]) -> Result<Vec<Value>, Error> {
    let signature = model.signature();
    for (name, _) in shapes {
        place(signature, Some(name))?;
    }
    // Sizes that the given shapes imply hold for the other inputs too.
    let mut sizes: Bindings = model.plan().defaults.clone();
    for port in &signature.inputs {
        let given = shapes.iter().find(|(name, _)| *name == port.name);
        for (dim, &size) in port.shape.iter().zip(given.iter().flat_map(|(_, shape)| shape)) {
            if let (Some(symbol), Ok(size)) = (dim.as_symbol(), i64::try_from(size)) {
                sizes.insert(symbol.to_string(), size);
            }
        }
    }
    let tensor = |port: &Port| {
        let given = shapes.iter().find(|(name, _)| *name == port.name);
        let shape = match given {
            Some((_, shape)) => shape.clone(),
            None => port
                .shape
                .iter()
                .map(|d| d.evaluate(&sizes).ok().and_then(|v| usize::try_from(v).ok()))
                .collect::<Option<_>>()
                .ok_or_else(|| {
                    Error::Usage(format!("give --shape {}=… for {:?}", port.name, port.shape))
                })?,
        };
        fill(port.dtype, &shape)
    };
    signature.inputs.iter().map(tensor).collect()
}

/// Floats in -1..1, integers and booleans 0 or 1: these are indices that every table has. Texts are
/// those digits.
fn fill(dtype: DType, shape: &[usize]) -> Result<Value, Error> {
    let refused = |e: tensor::TensorError| Error::Usage(format!("--shape: {e}"));
    // Knuth's multiplicative hash of the index: the fill of the golden cases.
    let hash = |i: usize| (i as u64).wrapping_mul(2_654_435_761).wrapping_add(12_345) as u32;
    if dtype == DType::String {
        let count = tensor::element_count(shape).unwrap_or(usize::MAX);
        let digit = |i: usize| if (hash(i) >> 16) & 1 == 0 { "0" } else { "1" };
        return Ok(Text::new(shape, (0..count).map(digit)).map_err(refused)?.into());
    }
    let mut tensor = Tensor::zeros(dtype, shape).map_err(refused)?;
    let unit = |i: usize| (f64::from(hash(i)) / 4_294_967_296.0).mul_add(2.0, -1.0);
    let size = dtype.size();
    for (i, element) in tensor.bytes_mut().chunks_exact_mut(size).enumerate() {
        match dtype {
            DType::F32 => element.copy_from_slice(&(unit(i) as f32).to_le_bytes()),
            DType::F64 => element.copy_from_slice(&unit(i).to_le_bytes()),
            // The sign and a large power of two: halves of both kinds have their exponent there.
            DType::F16 => element.copy_from_slice(&[0, if hash(i) & 1 == 0 { 0x38 } else { 0xb8 }]),
            DType::BF16 => {
                element.copy_from_slice(&[0, if hash(i) & 1 == 0 { 0x3f } else { 0xbf }])
            }
            DType::I8
            | DType::I16
            | DType::I32
            | DType::I64
            | DType::U8
            | DType::U16
            | DType::U32
            | DType::U64
            | DType::Bool
            | DType::F8E4M3FN
            | DType::F8E4M3FNUZ
            | DType::F8E5M2
            | DType::F8E5M2FNUZ
            | DType::F8E8M0
            | DType::F4E2M1
            | DType::I4
            | DType::U4
            | DType::I2
            | DType::U2 => element[0] = (hash(i) >> 16) as u8 & 1,
            // No tensor has elements of these.
            DType::String | DType::Object => {}
        }
    }
    Ok(tensor.into())
}

/// The tensors of one `--input`, each with the name of the input that it is for, if any.
fn read_argument(argument: &str) -> Result<Vec<(Option<String>, Value)>, Error> {
    // A name of an input may hold any character, a file name too: the file is what exists.
    let whole = PathBuf::from(argument);
    match argument.rsplit_once('=') {
        Some((name, file)) if !whole.exists() => {
            let tensor = tensors::read_one(&PathBuf::from(file))?;
            Ok(vec![(Some(name.to_string()), tensor)])
        }
        Some(_) | None => tensors::read(&whole),
    }
}

/// The position of the input with this name; of the only input, whatever a file calls it.
fn place(signature: &Signature, name: Option<&str>) -> Result<usize, Error> {
    let names: Vec<&str> = signature.inputs.iter().map(|p| p.name.as_str()).collect();
    let found = name.and_then(|name| names.iter().position(|n| *n == name));
    match (found, name) {
        (Some(at), _) => Ok(at),
        (None, None) if names.len() == 1 => Ok(0),
        (None, None) => Err(Error::Usage(format!(
            "the model has inputs {}; say which one with --input NAME=FILE",
            names.join(", ")
        ))),
        (None, Some(name)) => Err(Error::Usage(format!(
            "the model has no input `{name}`; its inputs are {}",
            names.join(", ")
        ))),
    }
}

fn missing(port: &Port, model: &Model) -> Error {
    let or_image = if model.recipe().is_some() { " or --image FILE" } else { "" };
    Error::Usage(format!(
        "input `{}` ({}{:?}) is not given; give --input {}=FILE{or_image}, or --random to try",
        port.name, port.dtype, port.shape, port.name
    ))
}

/// Parses `name=1x3x224x224`; a name alone is a scalar's.
pub(crate) fn name_and_shape(text: &str) -> Result<(String, Vec<usize>), String> {
    let (name, shape) = text.rsplit_once('=').ok_or("expected NAME=SIZES, e.g. x=1x3x224x224")?;
    let size = |s: &str| s.parse().map_err(|_| format!("expected a size, found `{s}`"));
    let shape = shape.split('x').filter(|s| !s.is_empty()).map(size);
    Ok((name.to_string(), shape.collect::<Result<_, _>>()?))
}
