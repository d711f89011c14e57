//! `:classify` and `:regress`: what happens to a received body on a worker thread.

use super::examples::{self, Parsed};
use crate::json::{Pretty, number};
use crate::response::{JSON, Reply};
use ::tfs::{Method, Scores, scores_of};
use listen::Received;
use server::{ClassScore, Exchange, Outcome, Refusal, Request, Servable};
use tensor::DType;

/// Spaces a level, as RapidJSON's `PrettyWriter` has by default.
const INDENT: usize = 4;

/// A received request.
#[derive(Debug)]
pub(super) struct Examples {
    received: Received,
    method: Method,
    max_images: usize,
    rows: usize,
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
                for scores in scores_of(model, &outputs, self.rows, self.method)? {
                    match self.method {
                        Method::Classify => line(&mut json, |json| pairs(json, scores, model)),
                        Method::Regress => {
                            number::each(scores.dtype, scores.bytes, |text| json.raw(text));
                        }
                    }
                }
            }
        }
        json.end_array();
        json.end_object();
        Ok(Reply::ok(JSON, json.finish()))
    }
}

/// Pairs of a label, where there is one, and a score.
fn pairs(json: &mut Pretty, scores: Scores<'_>, model: &Servable) {
    for (index, score) in scores.each().enumerate() {
        pair(json, model.label(index).unwrap_or_default(), scores.dtype, score);
    }
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
