//! `:classify` and `:regress`: what happens to a received body on a worker thread.

use super::examples::{self, Parsed};
use crate::json::{Pretty, number};
use crate::response::{JSON, Reply};
use listen::Received;
use server::{ClassScore, Exchange, Outcome, Refusal, Request, Servable};
use tensor::{DType, Value};

/// Spaces a level, as RapidJSON's `PrettyWriter` has by default.
const INDENT: usize = 4;

/// What the outputs of classifiers are called that have several of floats.
const SCORES: [&str; 3] = ["scores", "probabilities", "output_probability"];

/// What is asked about each example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Classes and their scores.
    Classify,
    /// One number.
    Regress,
}

/// A received request.
#[derive(Debug)]
pub(super) struct Examples {
    received: Received,
    method: Method,
    max_images: usize,
    rows: usize,
}

impl Method {
    /// Can this model answer so? It needs one output of floats that are the scores.
    pub(super) fn check(self, model: &Servable) -> Result<(), Refusal> {
        let is_image = model.takes_images() && self == Method::Classify;
        if is_image || scores(model).is_some() {
            return Ok(());
        }
        let (kind, name) = match self {
            Method::Classify => ("classification", "classify"),
            Method::Regress => ("regression", "regress"),
        };
        Err(Refusal::InvalidArgument(format!(
            "Expected {kind} signature method_name to be tensorflow/serving/{name}. \
             Was: tensorflow/serving/predict"
        )))
    }
}

/// The output that holds scores: the only one of floats, or the one that is called so.
fn scores(model: &Servable) -> Option<usize> {
    let outputs = &model.signature().outputs;
    let mut floats = (0..outputs.len()).filter(|&index| outputs[index].dtype.is_float());
    let named = floats.clone().find(|&index| SCORES.contains(&&*outputs[index].name));
    let only = floats.next().filter(|_| floats.next().is_none());
    named.or(only)
}

impl Examples {
    pub(super) fn new(received: Received, method: Method, max_images: usize) -> Examples {
        Examples { received, method, max_images, rows: 0 }
    }
}

impl Exchange for Examples {
    type Reply = Reply;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let body = self.received.open()?;
        let Parsed { rows, request } = examples::parse(&body, model, self.max_images)?;
        self.rows = rows;
        Ok(request)
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Reply, Refusal> {
        let mut json = Pretty::new(INDENT);
        json.object();
        json.string("results");
        json.is_single_line = self.method == Method::Regress;
        json.array();
        match outcome {
            Outcome::Answers(answers) => {
                let bytes = |class: &ClassScore| class.probability.to_le_bytes();
                for answer in &answers {
                    line(&mut json, |json| {
                        let classes = answer.classes.iter();
                        classes.for_each(|c| pair(json, &c.label, DType::F32, &bytes(c)));
                    });
                }
            }
            Outcome::Tensors(outputs) => {
                let output = scores(model).and_then(|index| outputs.get(index));
                for row in rows(output, self.rows, self.method)? {
                    match self.method {
                        Method::Classify => line(&mut json, |json| row.write_pairs(json, model)),
                        Method::Regress => number::each(row.dtype, row.bytes, |t| json.raw(t)),
                    }
                }
            }
        }
        json.end_array();
        json.end_object();
        Ok(Reply::ok(JSON, json.finish()))
    }
}

/// The scores of one example, which lie one behind the other.
struct Row<'a> {
    dtype: DType,
    bytes: &'a [u8],
    count: usize,
}

impl Row<'_> {
    /// Pairs of a label, where there is one, and a score.
    fn write_pairs(&self, json: &mut Pretty, model: &Servable) {
        let scores = self.bytes.chunks_exact((self.bytes.len() / self.count.max(1)).max(1));
        for (index, score) in scores.enumerate() {
            pair(json, model.label(index).unwrap_or_default(), self.dtype, score);
        }
    }
}

/// The rows of an output, as many as there were examples.
fn rows(output: Option<&Value>, count: usize, method: Method) -> Result<Vec<Row<'_>>, Refusal> {
    let (shape, dtype, bytes) = match output.and_then(Value::tensor) {
        Some(output) => (output.shape(), output.dtype(), output.bytes()),
        None => (&[][..], DType::F32, &[][..]),
    };
    let wrong = |text: String| Err(Refusal::InvalidArgument(text));
    if shape.first() != Some(&count) {
        return wrong(format!(
            "Expected output batch size to be equal to input batch size {count}, \
             found an output of shape {shape:?}"
        ));
    }
    let (size, scores) = (bytes.len() / count.max(1), shape[1..].iter().product());
    if method == Method::Regress && scores != 1 {
        return wrong(format!("Expected one number for each example, found the shape {shape:?}"));
    }
    let row = |row: usize| Row { dtype, bytes: &bytes[row * size..][..size], count: scores };
    Ok((0..count).map(row).collect())
}

/// A list on one line.
fn line(json: &mut Pretty, write: impl FnOnce(&mut Pretty)) {
    json.is_single_line = true;
    json.array();
    write(json);
    json.end_array();
    json.is_single_line = false;
}

fn pair(json: &mut Pretty, label: &str, dtype: DType, score: &[u8]) {
    json.array();
    json.string(label);
    number::each(dtype, score, |text| json.raw(text));
    json.end_array();
}
