//! `Classify`, `Regress` and `MultiInference`: examples to classes. A model classifies when it has
//! a recipe: each example is then one image file, in whichever feature it stands.

use super::messages::{
    Class, ClassificationResponse, ClassificationResult, Classifications, InferenceResult,
    MultiInferenceResponse,
};
use super::spec::{SIGNATURE, Spec, answered};
use crate::fields::Fields;
use crate::frames::Message;
use crate::reply::framed;
use bytes::Bytes;
use listen::Coding;
use server::{Answer, Charge, Exchange, Outcome, Refusal, Request, Servable};

/// What a classifier's method is called.
const CLASSIFY: &str = "tensorflow/serving/classify";
const REGRESS: &str = "tensorflow/serving/regress";
const PREDICT: &str = "tensorflow/serving/predict";

/// A received request with examples.
#[derive(Debug)]
pub(super) struct Classify {
    pub(super) spec: Spec,
    input: Bytes,
    /// Lives as long as the bytes.
    _charge: Charge,
    max_images: usize,
    /// Does the reply have the form of `MultiInference`?
    is_multiple: bool,
    pub(super) coding: Coding,
}

impl Classify {
    /// Reads the outline of a request of `Classify` or `Regress`.
    pub(super) fn read(message: Message, max_images: usize) -> Result<Classify, Refusal> {
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
        let (spec, coding) = (Spec::read(spec)?, Coding::Identity);
        Ok(Classify { spec, input, _charge: charge, max_images, is_multiple: false, coding })
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
        if tasks.windows(2).any(|two| two[0].name != two[1].name) {
            return Err(invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
            ));
        }
        if tasks.len() > 1 {
            return Err(invalid(&format!("Duplicate evaluation of signature: {SIGNATURE}")));
        }
        let spec = tasks.pop().ok_or_else(|| invalid("expected one task, found none"))?;
        let coding = Coding::Identity;
        Ok(Classify { spec, input, _charge: charge, max_images, is_multiple: true, coding })
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

/// What `Regress` is answered with: no model here has such a signature.
pub(super) fn no_regression(model: &Servable) -> Refusal {
    invalid(&format!(
        "Expected regression signature method_name to be {REGRESS}. Was: {}",
        method(model)
    ))
}

/// What the model's signature is for.
fn method(model: &Servable) -> &'static str {
    if model.takes_images() { CLASSIFY } else { PREDICT }
}

impl Exchange for Classify {
    type Reply = Vec<u8>;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        if !model.takes_images() {
            return Err(invalid(&format!(
                "Expected classification signature method_name to be {CLASSIFY}. Was: {}",
                method(model)
            )));
        }
        let images = images(&self.input, self.max_images)?;
        if images.is_empty() {
            return Err(invalid("Input is empty."));
        }
        Ok(Request::Images(images))
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Vec<u8>, Refusal> {
        let Outcome::Answers(answers) = outcome else {
            return Err(invalid("expected classes, the model gives tensors; use Predict"));
        };
        let classifications = answers.into_iter().map(classifications).collect();
        let result = Some(ClassificationResult { classifications });
        let model_spec = Some(answered(model, SIGNATURE));
        Ok(match self.is_multiple {
            false => framed(&ClassificationResponse { result, model_spec }, self.coding),
            true => {
                let result = InferenceResult { model_spec, classification_result: result };
                framed(&MultiInferenceResponse { results: vec![result] }, self.coding)
            }
        })
    }
}

fn classifications(answer: Answer) -> Classifications {
    let class = |c: server::ClassScore| Class { label: c.label, score: c.probability };
    Classifications { classes: answer.classes.into_iter().map(class).collect() }
}

/// One `InferenceTask`.
fn task(message: &[u8]) -> Result<Spec, Refusal> {
    let (mut spec, mut method) = (None, "");
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => spec = Some(value.bytes()?),
            2 => method = value.name()?,
            _ => {}
        }
    }
    match method {
        CLASSIFY => Spec::read(spec),
        REGRESS => Err(invalid(&format!(
            "Expected regression signature method_name to be {REGRESS}. Was: {PREDICT}"
        ))),
        other => Err(Refusal::Unimplemented(format!("Unsupported signature method_name: {other}"))),
    }
}

/// The image of each example of an `Input`. What all examples share is passed over.
fn images(input: &[u8], most: usize) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut images = Vec::new();
    let mut kinds = Fields::new(input);
    while let Some((_, list)) = kinds.next()? {
        let mut examples = Fields::new(list.bytes()?);
        while let Some((number, example)) = examples.next()? {
            if number != 1 {
                continue;
            }
            if images.len() == most {
                return Err(Refusal::TooManyImages { limit: most });
            }
            images.push(image(example.bytes()?)?.to_vec());
        }
    }
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

/// Calls `visit` with each message or value of bytes in field `number`.
fn each<'a>(
    message: &'a [u8],
    number: u32,
    visit: &mut dyn FnMut(&'a [u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut fields = Fields::new(message);
    while let Some((found, value)) = fields.next()? {
        if found == number {
            visit(value.bytes()?)?;
        }
    }
    Ok(())
}

fn one_image(found: &str) -> Refusal {
    invalid(&format!("expected one image as the bytes of a feature in each example, found {found}"))
}

fn invalid(text: &str) -> Refusal {
    Refusal::InvalidArgument(text.to_string())
}
