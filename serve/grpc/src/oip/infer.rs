//! `ModelInfer`: what happens to a received request on a worker thread.

use super::messages::{
    InferParameter, ModelInferResponse, ModelStreamInferResponse, TensorMetadata,
};
use super::request;
use crate::frames::Message;
use crate::reply::framed;
use bytes::Bytes;
use listen::Coding;
use oip::{Bound, Place, classification, share};
use server::{Charge, Exchange, Outcome, Refusal, Regions, Request, Servable};
use std::sync::Arc;
use std::time::Duration;

/// A received request, of which only the model is known.
pub(super) struct Infer {
    message: Bytes,
    charge: Charge,
    max_images: usize,
    regions: Arc<Regions>,
    /// How the reply is compressed.
    coding: Coding,
    /// Is the reply one of a stream?
    is_of_stream: bool,
    says_final: bool,
    max_wait: Option<Duration>,
    priority: u64,
    /// What the reply is to hold, once the request is read.
    asked: oip::reply::Asked,
}

impl Infer {
    pub(super) fn new(
        message: Message,
        max_images: usize,
        regions: Arc<Regions>,
        coding: Coding,
        is_of_stream: bool,
    ) -> Infer {
        let Message { bytes, charge, .. } = message;
        let asked = oip::reply::Asked::default();
        Infer {
            message: bytes,
            charge,
            max_images,
            regions,
            coding,
            is_of_stream,
            says_final: false,
            max_wait: None,
            priority: 0,
            asked,
        }
    }
}

impl Exchange for Infer {
    type Reply = Vec<u8>;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let charge = &mut self.charge;
        let read = request::read(&self.message, &mut |bytes| charge.grow(bytes))?;
        self.says_final = read.says_final;
        (self.max_wait, self.priority) = (read.asked.max_wait, read.asked.priority);
        let bound = oip::bind(read.asked, &[], model, &self.regions, self.max_images)?;
        let Bound { inputs, asked } = bound;
        self.asked = asked;
        Ok(Request::Tensors(inputs))
    }

    fn max_wait(&self) -> Option<Duration> {
        self.max_wait
    }

    fn priority(&self) -> u64 {
        self.priority
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Vec<u8>, Refusal> {
        let Outcome::Tensors(outputs) = outcome else {
            // Images were made tensors, so that the reply has all that the model gives.
            return Err(Refusal::Unimplemented("the protocol has no form for classes".to_string()));
        };
        let mut response = ModelInferResponse {
            model_name: model.name().to_string(),
            model_version: model.version().to_string(),
            id: self.asked.id,
            ..ModelInferResponse::default()
        };
        if self.says_final {
            let is_final = InferParameter { bool_param: Some(true) };
            response.parameters.insert("triton_final_response".to_string(), is_final);
        }
        for output in &self.asked.outputs {
            let ports = &model.signature().outputs;
            let (Some(port), Some(value)) = (ports.get(output.index), outputs.get(output.index))
            else {
                continue;
            };
            let classes;
            let value = match output.classes {
                0 => value,
                most => {
                    classes = classification::best(model, port, value, most)?.into();
                    &classes
                }
            };
            let bytes = Bytes::from(value.wire_bytes().into_owned());
            let shape = value.shape().iter().map(|&size| size as i64).collect();
            let datatype = oip::datatype::name(value.dtype()).to_string();
            let name = port.name.clone();
            response.outputs.push(TensorMetadata { name, datatype, shape });
            response.raw_output_contents.push(match &output.place {
                Place::Json | Place::Binary => bytes,
                // Positions stay those of the outputs.
                Place::Shared(shared) => {
                    share(shared, &port.name, &bytes, &self.regions)?;
                    Bytes::new()
                }
            });
        }
        Ok(match self.is_of_stream {
            false => framed(&response, self.coding),
            true => {
                let infer_response = Some(response);
                let error_message = String::new();
                framed(&ModelStreamInferResponse { error_message, infer_response }, self.coding)
            }
        })
    }
}
