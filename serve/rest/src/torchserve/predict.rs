//! A prediction: what happens to a received body on a worker thread.

use super::input::{self, Input, Shape};
use super::reply::INDENT;
use crate::json::{Elements, Pretty, number, values};
use crate::response::{JSON, Reply};
use crate::tfs;
use listen::Received;
use plan::Port;
use server::{Answer, Exchange, Outcome, Refusal, Request, Servable};
use tensor::Value;

/// A received prediction.
#[derive(Debug)]
pub(super) struct Predict {
    pub(super) received: Received,
    pub(super) content_type: String,
    pub(super) max_images: usize,
    /// Must it be `{"instances": …}` or `{"inputs": …}`?
    pub(super) is_enveloped: bool,
    pub(super) shape: Shape,
}

impl Exchange for Predict {
    type Reply = Reply;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let body = self.received.open()?;
        let Input { shape, request } = match self.is_enveloped {
            true => input::enveloped(&body, model, self.max_images)?,
            false => input::parse(body, &self.content_type, model, self.max_images)?,
        };
        self.shape = shape;
        Ok(request)
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Reply, Refusal> {
        let ports = &model.signature().outputs;
        let mut json = Pretty::new(INDENT);
        match (outcome, self.shape) {
            (Outcome::Tensors(outputs), Shape::Enveloped(form)) => {
                return Ok(Reply::ok(JSON, tfs::reply::tensors(form, ports, &outputs)?));
            }
            (Outcome::Tensors(outputs), Shape::Bare) if ports.len() == 1 => {
                outputs.iter().for_each(|output| tensor(&mut json, output));
            }
            (Outcome::Tensors(outputs), Shape::Bare | Shape::Named) => {
                named(&mut json, ports, &outputs);
            }
            (Outcome::Answers(answers), Shape::Enveloped(form)) => {
                json.object();
                json.string(tfs::reply::key(form));
                list(&mut json, &answers);
                json.end_object();
            }
            (Outcome::Answers(answers), Shape::Bare | Shape::Named) => match answers.as_slice() {
                [only] => classes(&mut json, only),
                several => list(&mut json, several),
            },
        }
        Ok(Reply::ok(JSON, json.finish()))
    }
}

/// `{"tabby": 0.4, …}`, as the image classifier of TorchServe answers: the best classes, by name,
/// or by number where there is no name.
fn classes(json: &mut Pretty, answer: &Answer) {
    json.object();
    let mut seen: Vec<&str> = Vec::new();
    for class in &answer.classes {
        // An object has each key once; the more probable class of a name comes first.
        if seen.contains(&&*class.label) && !class.label.is_empty() {
            continue;
        }
        seen.push(&class.label);
        match class.label.is_empty() {
            true => json.string(&class.index.to_string()),
            false => json.string(&class.label),
        }
        number::each(tensor::DType::F32, &class.probability.to_le_bytes(), |t| json.raw(t));
    }
    json.end_object();
}

fn list(json: &mut Pretty, answers: &[Answer]) {
    json.array();
    answers.iter().for_each(|answer| classes(json, answer));
    json.end_array();
}

fn named(json: &mut Pretty, ports: &[Port], outputs: &[Value]) {
    json.object();
    for (port, output) in ports.iter().zip(outputs) {
        json.string(&port.name);
        tensor(json, output);
    }
    json.end_object();
}

fn tensor(json: &mut Pretty, output: &Value) {
    values(json, Elements::of(output), output.shape());
}
