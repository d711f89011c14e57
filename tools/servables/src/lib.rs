//! Small models that the tests of the server share, each one function. A dev-dependency only.
#![forbid(unsafe_code)]

use plan::{Port, Signature};
use server::{Answer, ClassScore, Engine, ImageRecipe, Servable};
use tensor::{DType, Dim, Tensor, Value};

/// What is answered by the function, under the signature.
struct Computed<F> {
    signature: Signature,
    function: F,
}

impl<F> Engine for Computed<F>
where
    F: Fn(&[Value]) -> Result<Vec<Value>, String> + Send + Sync + 'static,
{
    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn run(&self, inputs: &[Value]) -> Result<Vec<Value>, String> {
        (self.function)(inputs)
    }
}

/// A port of a model.
pub fn port(name: &str, dtype: DType, shape: Vec<Dim>) -> Port {
    Port { name: name.to_string(), dtype, shape }
}

/// The size `n`, that of the batch.
pub fn n() -> Dim {
    Dim::symbol("n")
}

/// A model of one function.
pub fn model<F, T>(name: &str, inputs: Vec<Port>, outputs: Vec<Port>, function: F) -> Servable
where
    F: Fn(&[Value]) -> Result<Vec<T>, String> + Send + Sync + 'static,
    T: Into<Value>,
{
    let function = move |inputs: &[Value]| {
        Ok(function(inputs)?.into_iter().map(Into::into).collect::<Vec<Value>>())
    };
    Servable::new(name, Computed { signature: Signature { inputs, outputs }, function })
}

/// Gives back its input `x` as `y`.
pub fn echo(name: &str, dtype: DType, shape: Vec<Dim>) -> Servable {
    let ports = |name: &str| vec![port(name, dtype, shape.clone())];
    model(name, ports("x"), ports("y"), |inputs| Ok(inputs.to_vec()))
}

/// `y = x / 2 + 2` over a batch of scalars: the model that TensorFlow Serving tests itself with.
pub fn half_plus_two() -> Servable {
    let ports = |name: &str| vec![port(name, DType::F32, vec![n()])];
    model("half_plus_two", ports("x"), ports("y"), |inputs| {
        let x = inputs[0].as_slice::<f32>().map_err(|error| error.to_string())?;
        let y: Vec<f32> = x.iter().map(|x| x / 2.0 + 2.0).collect();
        Ok(vec![Tensor::from_slice(inputs[0].shape(), &y).map_err(|error| error.to_string())?])
    })
}

/// Gives back two inputs `a` (f32) and `b` (i64), each `n` rows of two.
pub fn pair() -> Servable {
    let ports = || {
        let shape = || vec![n(), Dim::from(2)];
        vec![port("a", DType::F32, shape()), port("b", DType::I64, shape())]
    };
    model("pair", ports(), ports(), |inputs| Ok(inputs.to_vec()))
}

/// Gives back its texts `x` as `y`.
pub fn words() -> Servable {
    echo("words", DType::String, vec![n()])
}

/// Gives back its texts `x` as `y`, and the length of each as `score`.
pub fn lengths() -> Servable {
    let text = |name| port(name, DType::String, vec![n()]);
    let outputs = vec![text("y"), port("score", DType::F32, vec![n()])];
    model("lengths", vec![text("x")], outputs, |inputs| {
        let text = inputs[0].text().ok_or("expected text")?;
        let lengths: Vec<f32> = text.elements().map(|text| text.len() as f32).collect();
        let lengths = Tensor::from_slice(text.shape(), &lengths).map_err(|e| e.to_string())?;
        Ok(vec![inputs[0].clone(), lengths.into()])
    })
}

/// Takes the last byte of an "image" as its brightness; two classes.
#[derive(Debug, Clone, Copy)]
pub struct Brightness;

impl ImageRecipe for Brightness {
    fn prepare(&self, image: &[u8]) -> Result<Tensor, String> {
        match image.last() {
            Some(0) | None => Err("the image is too dark to decode".to_string()),
            Some(&byte) => Tensor::from_slice(&[1, 1], &[f32::from(byte) / 256.0])
                .map_err(|error| error.to_string()),
        }
    }

    fn answer(&self, scores: &[f32]) -> Result<Answer, String> {
        let class = |index: usize, label: &str, probability| {
            let label = label.to_string();
            ClassScore { index, label, probability }
        };
        let bright = scores[0];
        Ok(Answer { classes: vec![class(1, "bright", bright), class(0, "dark", 1.0 - bright)] })
    }

    fn label(&self, index: usize) -> Option<&str> {
        ["dark", "bright"].get(index).copied()
    }
}

/// The classifier of brightness.
pub fn brightness(name: &str) -> Servable {
    echo(name, DType::F32, vec![Dim::from(1), Dim::from(1)]).with_recipe(Brightness)
}

/// A body that begins as a JPEG does.
pub fn jpeg(brightness: u8) -> Vec<u8> {
    vec![0xff, 0xd8, 0xff, 0xe0, brightness]
}
