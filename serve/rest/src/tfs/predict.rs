//! `:predict`: what happens to a received body on a worker thread.

use super::read::{self, Form, Parsed};
use super::reply;
use crate::media::{Media, is_image};
use crate::response::{JSON, Reply};
use listen::Received;
use server::{Exchange, Outcome, Refusal, Request, Servable};

/// A received `:predict` request.
#[derive(Debug)]
pub(crate) struct Predict {
    received: Received,
    media: Media,
    max_images: usize,
    form: Form,
}

impl Predict {
    pub(crate) fn new(received: Received, media: Media, max_images: usize) -> Predict {
        Predict { received, media, max_images, form: Form::Row }
    }
}

impl Exchange for Predict {
    type Reply = Reply;

    fn decode(&mut self, model: &Servable) -> Result<Request, Refusal> {
        let body = self.received.open()?;
        if is_image(&body, self.media, model)? {
            return Ok(Request::Images(vec![body]));
        }
        let Parsed { form, request } = read::parse(&body, model, self.max_images)?;
        self.form = form;
        Ok(request)
    }

    fn is_small(&self) -> bool {
        self.received.is_small()
    }

    fn encode(self, model: &Servable, outcome: Outcome) -> Result<Reply, Refusal> {
        let body = match outcome {
            Outcome::Answers(answers) => reply::answers(self.form, model, &answers),
            Outcome::Tensors(outputs) => {
                reply::tensors(self.form, &model.signature().outputs, &outputs)?
            }
        };
        Ok(Reply::ok(JSON, body))
    }
}
