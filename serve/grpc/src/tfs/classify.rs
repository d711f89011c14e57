//! `Classify`, `Regress` and `MultiInference`: examples to classes or numbers. Where a model has a
//! recipe, each example is one image file, in whichever feature it stands.

use super::examples::{each, each_example, tensors};
use super::messages::{
    Class, ClassificationResponse, ClassificationResult, Classifications, InferenceResult,
    MultiInferenceResponse, Regression, RegressionResponse, RegressionResult,
};
use super::spec::{SIGNATURE, Spec, answered};
use crate::fields::Fields;
use crate::frames::Message;
use crate::reply::framed;
use ::tfs::{Method, Scores, scores_of};
use bytes::Bytes;
use listen::Coding;
use server::{Answer, Charge, Exchange, Outcome, Refusal, Request, Servable};

/// A received request with examples.
#[derive(Debug)]
pub(super) struct Classify {
    pub(super) spec: Spec,
    pub(super) method: Method,
    input: Bytes,
    charge: Charge,
    max_images: usize,
    /// Examples that were read.
    rows: usize,
    /// Does the reply have the form of `MultiInference`?
    is_multiple: bool,
    pub(super) coding: Coding,
}

impl Classify {
    /// Reads the outline of a request of `Classify` or `Regress`.
    pub(super) fn read(
        message: Message,
        max_images: usize,
        method: Method,
    ) -> Result<Classify, Refusal> {
        let Message { bytes, charge, .. } = message;
        let (mut spec, mut input) = (None, Bytes::new());
        let mut fields = Fields::new(&bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => spec = Some(value.bytes()?),
                2 => input = bytes.slice_ref(value.bytes()?),
                _ => {}
            }
        }
        let outline = (Spec::read(spec)?, method);
        Ok(Classify::new(outline, input, charge, max_images, false))
    }

    /// Reads the outline of a request of `MultiInference`. All tasks mean one model, and each
    /// another signature: since there is one signature, there is one task.
    pub(super) fn read_multiple(message: Message, max_images: usize) -> Result<Classify, Refusal> {
        let Message { bytes, charge, .. } = message;
        let (mut tasks, mut input) = (Vec::new(), Bytes::new());
        let mut fields = Fields::new(&bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => tasks.push(task(value.bytes()?)?),
                2 => input = bytes.slice_ref(value.bytes()?),
                _ => {}
            }
        }
        if tasks.windows(2).any(|two| two[0].0.name != two[1].0.name) {
            return Err(invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
            ));
        }
        if tasks.len() > 1 {
            return Err(invalid(&format!("Duplicate evaluation of signature: {SIGNATURE}")));
        }
        let task = tasks.pop().ok_or_else(|| invalid("expected one task, found none"))?;
        Ok(Classify::new(task, input, charge, max_images, true))
    }

    fn new(
        (spec, method): (Spec, Method),
        input: Bytes,
        charge: Charge,
        max_images: usize,
        is_multiple: bool,
    ) -> Classify {
        let (rows, coding) = (0, Coding::Identity);
        Classify { spec, method, input, charge, max_images, rows, is_multiple, coding }
    }

    /// Refuses a signature other than the only one, in the words for such requests.
    pub(super) fn check_signature(&self) -> Result<(), Refusal> {
        let name = match self.spec.signature.as_str() {
            "" | SIGNATURE => return Ok(()),
            other => other,
        };
        Err(invalid(&match self.is_multiple {
            true => format!("Requested signature not found in model graph: {name}"),
            false => format!("No signature was found with the name: {name}"),
        }))
    }
}

impl Exchange for Classify {
    type Reply = Vec<u8>;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        if model.takes_images() && self.method == Method::Classify {
            let images = images(&self.input, self.max_images)?;
            return match images.is_empty() {
                true => Err(invalid("Input is empty.")),
                false => Ok(Request::Images(images)),
            };
        }
        let charge = &mut self.charge;
        let (rows, inputs) = tensors(&self.input, model, &mut |bytes| charge.grow(bytes))?;
        if rows == 0 {
            return Err(invalid("Input is empty."));
        }
        self.rows = rows;
        Ok(Request::Tensors(inputs))
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Vec<u8>, Refusal> {
        let model_spec = Some(answered(model, SIGNATURE));
        let mut result = InferenceResult { model_spec, ..InferenceResult::default() };
        match outcome {
            Outcome::Answers(answers) => {
                let classifications = answers.into_iter().map(classifications).collect();
                result.classification_result = Some(ClassificationResult { classifications });
            }
            Outcome::Tensors(outputs) => {
                let scores = scores_of(model, &outputs, self.rows, self.method)?.into_iter();
                match self.method {
                    Method::Classify => {
                        let classifications = scores.map(|row| labeled(row, model)).collect();
                        result.classification_result =
                            Some(ClassificationResult { classifications });
                    }
                    Method::Regress => {
                        let regressions = scores.flat_map(Scores::floats);
                        let regressions = regressions.map(|value| Regression { value }).collect();
                        result.regression_result = Some(RegressionResult { regressions });
                    }
                }
            }
        }
        if self.is_multiple {
            return Ok(framed(&MultiInferenceResponse { results: vec![result] }, self.coding));
        }
        let InferenceResult { model_spec, classification_result, regression_result } = result;
        Ok(match self.method {
            Method::Classify => {
                let result = classification_result;
                framed(&ClassificationResponse { result, model_spec }, self.coding)
            }
            Method::Regress => {
                let result = regression_result;
                framed(&RegressionResponse { result, model_spec }, self.coding)
            }
        })
    }
}

/// Scores with the labels of their classes, where those have some.
fn labeled(scores: Scores<'_>, model: &Servable) -> Classifications {
    let class = |(index, score)| {
        let label = model.label(index).unwrap_or_default().to_string();
        Class { label, score }
    };
    Classifications { classes: scores.floats().enumerate().map(class).collect() }
}

fn classifications(answer: Answer) -> Classifications {
    let class = |c: server::ClassScore| Class { label: c.label, score: c.probability };
    Classifications { classes: answer.classes.into_iter().map(class).collect() }
}

/// One `InferenceTask`.
fn task(message: &[u8]) -> Result<(Spec, Method), Refusal> {
    let (mut spec, mut method) = (None, "");
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => spec = Some(value.bytes()?),
            2 => method = value.name()?,
            _ => {}
        }
    }
    match Method::named(method) {
        Some(method) => Ok((Spec::read(spec)?, method)),
        None => Err(Refusal::Unimplemented(format!("Unsupported signature method_name: {method}"))),
    }
}

/// The image of each example of an `Input`. What all examples share is passed over.
fn images(input: &[u8], most: usize) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut images = Vec::new();
    each_example(input, &mut |example| {
        if images.len() == most {
            return Err(Refusal::TooManyImages { limit: most });
        }
        images.push(image(example)?.to_vec());
        Ok(())
    })?;
    Ok(images)
}

/// The only value of bytes among the features of an `Example`.
fn image(example: &[u8]) -> Result<&[u8], Refusal> {
    let mut found = None;
    each(example, 1, &mut |features| {
        each(features, 1, &mut |entry| {
            each(entry, 2, &mut |feature| {
                each(feature, 1, &mut |list| {
                    each(list, 1, &mut |value| match found.replace(value) {
                        None => Ok(()),
                        Some(_) => Err(one_image("more")),
                    })
                })
            })
        })
    })?;
    found.ok_or_else(|| one_image("none"))
}

fn one_image(found: &str) -> Refusal {
    invalid(&format!("expected one image as the bytes of a feature in each example, found {found}"))
}

fn invalid(text: &str) -> Refusal {
    Refusal::InvalidArgument(text.to_string())
}
