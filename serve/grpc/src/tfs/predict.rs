//! `Predict`: named tensors, or images, to named tensors.

use super::messages::{PredictResponse, TensorProto};
use super::proto::{self, Given};
use super::spec::{SIGNATURE, Spec, answered};
use crate::fields::Fields;
use crate::frames::Message;
use crate::reply::framed;
use bytes::Bytes;
use listen::Coding;
use plan::{Port, Signature};
use server::{Answer, Charge, Exchange, Limits, Outcome, Refusal, Request, Servable};
use tensor::{DType, Tensor, Value};

/// A received request, of which the tensors are not read yet.
#[derive(Debug)]
pub(super) struct Predict {
    pub(super) spec: Spec,
    inputs: Vec<(String, Bytes)>,
    output_filter: Vec<String>,
    charge: Charge,
    limits: Limits,
    /// How the reply is compressed.
    pub(super) coding: Coding,
}

impl Predict {
    /// Reads the outline of the request.
    pub(super) fn read(message: Message, limits: &Limits) -> Result<Predict, Refusal> {
        let Message { bytes, charge, .. } = message;
        let (mut spec, mut inputs, mut output_filter) = (None, Vec::new(), Vec::new());
        let mut fields = Fields::new(&bytes);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => spec = Some(value.bytes()?),
                2 => {
                    let (name, tensor) = entry(value.bytes()?)?;
                    // Of two entries with one key the last one counts.
                    inputs.retain(|(other, _)| other != name);
                    inputs.push((name.to_string(), bytes.slice_ref(tensor)));
                }
                3 => output_filter.push(value.name()?.to_string()),
                _ => {}
            }
        }
        let spec = Spec::read(spec)?;
        spec.check_signature()?;
        let limits = limits.clone();
        Ok(Predict { spec, inputs, output_filter, charge, limits, coding: Coding::Identity })
    }

    /// As many inputs as the model has, by their names.
    fn check_names(&self, signature: &Signature) -> Result<(), Refusal> {
        let mut found: Vec<&str> = self.inputs.iter().map(|(name, _)| name.as_str()).collect();
        let mut expected: Vec<&str> = signature.inputs.iter().map(|p| p.name.as_str()).collect();
        found.sort_unstable();
        expected.sort_unstable();
        let without = |from: &[&str], names: &[&str]| {
            let left: Vec<&str> =
                from.iter().copied().filter(|name| !names.contains(name)).collect();
            left.join(",")
        };
        if found.len() != expected.len() {
            return Err(Refusal::InvalidArgument(format!(
                "input size does not match signature: {}!={} len({{{}}}) != len({{{}}}). Sent \
                 extra: {{{}}}. Missing but required: {{{}}}.",
                found.len(),
                expected.len(),
                found.join(","),
                expected.join(","),
                without(&found, &expected),
                without(&expected, &found)
            )));
        }
        match expected.iter().find(|name| !found.contains(name)) {
            None => Ok(()),
            Some(name) => Err(Refusal::InvalidArgument(format!(
                "Signature input alias: {name}(feed name: {name}) not found in request and no \
                 default value provided. Inputs expected to be in the request {{{}}}, or default \
                 input alias set: ",
                found.join(",")
            ))),
        }
    }

    /// The outputs that are wanted are among these, and none twice.
    fn check_filter(&self, outputs: &[&str]) -> Result<(), Refusal> {
        for (index, name) in self.output_filter.iter().enumerate() {
            if !outputs.contains(&name.as_str()) {
                let mut outputs = outputs.to_vec();
                outputs.sort_unstable();
                return Err(Refusal::InvalidArgument(format!(
                    "output tensor alias not found in signature: {name} Outputs expected to be in \
                     the set {{{}}}.",
                    outputs.join(",")
                )));
            }
            if self.output_filter[..index].contains(name) {
                let text = format!("duplicate output tensor alias: {name}");
                return Err(Refusal::InvalidArgument(text));
            }
        }
        Ok(())
    }

    fn wants(&self, name: &str) -> bool {
        self.output_filter.is_empty() || self.output_filter.iter().any(|wanted| wanted == name)
    }

    /// The inputs in the order of the signature. Memory is taken after the shapes are found to be
    /// the model's.
    fn tensors(&mut self, signature: &Signature) -> Result<Vec<Value>, Refusal> {
        let mut given: Vec<(&Port, Given<'_>)> = Vec::new();
        for port in &signature.inputs {
            if let Some((_, message)) = self.inputs.iter().find(|(name, _)| *name == port.name) {
                given.push((port, Given::read(message)?));
            }
        }
        let shapes: Vec<&[usize]> = given.iter().map(|(_, given)| &*given.shape).collect();
        plan::bind(signature, &shapes)?;
        let limit = self.limits.max_decompressed_bytes;
        let mut total = 0usize;
        for (_, given) in &given {
            total = total.saturating_add(given.size()?);
        }
        if total > limit {
            return Err(Refusal::DecompressedTooLarge { limit });
        }
        self.charge.grow(total)?;
        given.iter().map(|(port, given)| given.value(port)).collect()
    }

    /// The image files, when they are what was sent and what the model takes.
    fn images(&self, model: &Servable) -> Result<Option<Vec<Vec<u8>>>, Refusal> {
        let [(_, message)] = self.inputs.as_slice() else { return Ok(None) };
        let given = Given::read(message)?;
        let takes_text = model.signature().inputs.iter().any(|port| port.dtype == DType::String);
        if !given.is_of_strings() || takes_text {
            return Ok(None);
        }
        if !model.takes_images() {
            return Err(Refusal::NoRecipe { model: model.name().to_string() });
        }
        let images = given.images(self.limits.max_images)?;
        let is_one_each = matches!(given.shape.as_slice(), [] | [_])
            && given.shape.iter().product::<usize>() == images.len();
        if !is_one_each || images.is_empty() {
            return Err(Refusal::InvalidArgument(format!(
                "expected images as DT_STRING of shape [n] or [], found {} images and shape {:?}",
                images.len(),
                given.shape
            )));
        }
        Ok(Some(images))
    }
}

impl Exchange for Predict {
    type Reply = Vec<u8>;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let signature = model.signature();
        self.check_names(signature)?;
        if let Some(images) = self.images(model)? {
            self.check_filter(&IMAGE_OUTPUTS)?;
            return Ok(Request::Images(images));
        }
        let outputs: Vec<&str> = signature.outputs.iter().map(|port| port.name.as_str()).collect();
        self.check_filter(&outputs)?;
        Ok(Request::Tensors(self.tensors(signature)?))
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Vec<u8>, Refusal> {
        let mut response = PredictResponse {
            model_spec: Some(answered(model, SIGNATURE)),
            ..PredictResponse::default()
        };
        match &outcome {
            Outcome::Tensors(outputs) => {
                for (port, output) in model.signature().outputs.iter().zip(outputs) {
                    if self.wants(&port.name) {
                        response.outputs.insert(port.name.clone(), proto::proto(output)?);
                    }
                }
            }
            Outcome::Answers(answers) => {
                for (name, classes) in IMAGE_OUTPUTS.into_iter().zip(classes(answers)?) {
                    if self.wants(name) {
                        response.outputs.insert(name.to_string(), classes);
                    }
                }
            }
        }
        Ok(framed(&response, self.coding))
    }
}

/// What images are answered with, named as TensorFlow names the outputs of classifiers.
const IMAGE_OUTPUTS: [&str; 3] = ["classes", "indices", "scores"];

/// The best classes of each image: names, positions and probabilities, a row for each.
fn classes(answers: &[Answer]) -> Result<[TensorProto; 3], Refusal> {
    let columns = answers.iter().map(|answer| answer.classes.len()).min().unwrap_or(0);
    let shape = [answers.len(), columns];
    let all = || answers.iter().flat_map(|answer| answer.classes.iter().take(columns));
    let indices: Vec<i64> = all().map(|class| class.index as i64).collect();
    let scores: Vec<f32> = all().map(|class| class.probability).collect();
    let failed = |error: ::tensor::TensorError| Refusal::InvalidArgument(error.to_string());
    Ok([
        proto::strings(&shape, all().map(|class| class.label.as_str())),
        proto::numbers(&Tensor::from_slice(&shape, &indices).map_err(failed)?)?,
        proto::numbers(&Tensor::from_slice(&shape, &scores).map_err(failed)?)?,
    ])
}

/// A name and a tensor of a map.
fn entry(message: &[u8]) -> Result<(&str, &[u8]), Refusal> {
    let (mut name, mut tensor) = ("", &[][..]);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = value.name()?,
            2 => tensor = value.bytes()?,
            _ => {}
        }
    }
    Ok((name, tensor))
}
