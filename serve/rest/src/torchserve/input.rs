//! What a body asks a model: images, text, or tensors in JSON, alone or in the fields of a form.

use super::form::{self, Field};
use crate::json::{Pull, decode_base64};
use crate::media::has_image_magic;
use crate::tfs::read::{self, Form};
use jiter::Peek;
use plan::Port;
use server::{Refusal, Request, Servable, whole_text};
use tensor::DType;

/// Names under which handlers look for what was sent, in this order.
const WHOLE: [&str; 2] = ["data", "body"];

/// How the body named its inputs, and therefore how the reply names its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A tensor without a name: the reply is one too, when there is one output.
    Bare,
    /// An object of named tensors, and so is the reply.
    Named,
    /// `{"instances": …}` or `{"inputs": …}`.
    Enveloped(Form),
}

/// A request that was read.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) shape: Shape,
    pub(super) request: Request,
}

/// Reads a body.
pub(super) fn parse(
    body: Vec<u8>,
    content_type: &str,
    model: &Servable,
    max_images: usize,
) -> Result<Input, Refusal> {
    let is_plain = has_image_magic(&body) || first(&body).is_some_and(|b| b"{[\"".contains(&b));
    let fields = match form::boundary(content_type) {
        Some(boundary) => form::multipart(&body, &boundary),
        // `curl -d` calls every body a form.
        None if form::is_urlencoded(content_type) && !is_plain => {
            let fields = form::urlencoded(&body);
            let has_names = |fields: &Vec<Field>| fields.iter().any(|field| is_named(field, model));
            if text_port(model).is_some() && !fields.as_ref().is_ok_and(has_names) {
                return value(body, model, max_images);
            }
            fields
        }
        None => return value(body, model, max_images),
    };
    of_fields(fields.map_err(Refusal::InvalidArgument)?, model, max_images)
}

/// The only input of a model, of text: a body may be it as it stands.
fn text_port(model: &Servable) -> Option<&Port> {
    match model.signature().inputs.as_slice() {
        [port] if port.dtype == DType::String => Some(port),
        _ => None,
    }
}

/// Is the field called as an input is, or as a whole request?
fn is_named(field: &Field, model: &Servable) -> bool {
    let mut inputs = model.signature().inputs.iter();
    WHOLE.contains(&&*field.name) || inputs.any(|port| port.name == field.name)
}

fn of_fields(
    mut fields: Vec<Field>,
    model: &Servable,
    max_images: usize,
) -> Result<Input, Refusal> {
    let inputs = &model.signature().inputs;
    let is_input = |field: &Field| inputs.iter().any(|port| port.name == field.name);
    if !fields.is_empty() && fields.iter().all(|field| has_image_magic(&field.value)) {
        if fields.len() > max_images {
            return Err(Refusal::TooManyImages { limit: max_images });
        }
        let images = fields.into_iter().map(|field| field.value).collect();
        return Ok(Input { shape: Shape::Bare, request: images_for(images, model)? });
    }
    if fields.iter().any(is_input) {
        return named(&fields, model, max_images);
    }
    let whole = WHOLE.iter().find_map(|name| fields.iter().position(|f| f.name == *name));
    match (whole, fields.len()) {
        (Some(at), _) => value(fields.swap_remove(at).value, model, max_images),
        (None, 1) => value(fields.swap_remove(0).value, model, max_images),
        _ => {
            let names: Vec<&str> = inputs.iter().map(|port| port.name.as_str()).collect();
            let names = names.join(", ");
            let text = format!("expected a field `data`, or fields of the inputs {names}");
            Err(Refusal::InvalidArgument(text))
        }
    }
}

/// Fields that are named as the inputs, each with JSON.
fn named(fields: &[Field], model: &Servable, max_images: usize) -> Result<Input, Refusal> {
    let mut object = b"{".to_vec();
    let inputs = &model.signature().inputs;
    for field in fields.iter().filter(|f| inputs.iter().any(|port| port.name == f.name)) {
        if object.len() > 1 {
            object.push(b',');
        }
        let mut key = crate::json::Pretty::new(0);
        key.string(&field.name);
        object.extend_from_slice(&key.finish());
        object.push(b':');
        object.extend_from_slice(&field.value);
    }
    object.push(b'}');
    json(&object, Shape::Named, model, max_images)
}

/// A body or a field: an image, as it is or in base64; JSON; or the only text of a model of text.
fn value(bytes: Vec<u8>, model: &Servable, max_images: usize) -> Result<Input, Refusal> {
    let is_image = has_image_magic(&bytes);
    let is_json = first(&bytes).is_some_and(|byte| b"{[\"".contains(&byte));
    if is_image || (model.takes_images() && !is_json) {
        let image = match is_image {
            true => bytes,
            false => of_base64(&bytes)?,
        };
        return Ok(Input { shape: Shape::Bare, request: images_for(vec![image], model)? });
    }
    if let (Some(port), false) = (text_port(model), is_json) {
        let request = Request::Tensors(vec![whole_text(port, &bytes)?]);
        return Ok(Input { shape: Shape::Bare, request });
    }
    if first(&bytes) != Some(b'{') {
        return json(&bytes, Shape::Bare, model, max_images);
    }
    let is_input = |name: &str| model.signature().inputs.iter().any(|port| port.name == name);
    let keys = keys(&bytes)?;
    let is_enveloped = |name: &str| keys.iter().any(|key| key == name) && !is_input(name);
    match is_enveloped("instances") || is_enveloped("inputs") {
        true => enveloped(&bytes, model, max_images),
        false => json(&bytes, Shape::Named, model, max_images),
    }
}

/// `{"instances": …}` or `{"inputs": …}`, as KServe's handlers take them.
pub(super) fn enveloped(
    body: &[u8],
    model: &Servable,
    max_images: usize,
) -> Result<Input, Refusal> {
    let parsed = read::parse(body, model, max_images)?;
    Ok(Input { shape: Shape::Enveloped(parsed.form), request: parsed.request })
}

/// Tensors as they would stand behind `inputs`.
fn json(text: &[u8], shape: Shape, model: &Servable, max_images: usize) -> Result<Input, Refusal> {
    let body = [b"{\"inputs\":", text, b"}"].concat();
    let parsed = read::parse(&body, model, max_images)?;
    Ok(Input { shape, request: parsed.request })
}

/// Text that is no JSON may be an image in base64; what it then is, the decoder says.
fn of_base64(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let not_an_image = || Refusal::NotAnImage { found: "neither an image nor base64".to_string() };
    let text = std::str::from_utf8(bytes).map_err(|_| not_an_image())?;
    decode_base64(text.trim()).ok().filter(|image| has_image_magic(image)).ok_or_else(not_an_image)
}

fn images_for(images: Vec<Vec<u8>>, model: &Servable) -> Result<Request, Refusal> {
    match model.takes_images() {
        true => Ok(Request::Images(images)),
        false => Err(Refusal::NoRecipe { model: model.name().to_string() }),
    }
}

/// The keys of an object, which is read no further than its syntax.
fn keys(text: &[u8]) -> Result<Vec<String>, Refusal> {
    let mut json = Pull::new(text);
    if json.peek()? != Peek::Object {
        return Ok(Vec::new());
    }
    Ok(json.members()?.into_iter().map(|(key, _)| key).collect())
}

fn first(body: &[u8]) -> Option<u8> {
    body.trim_ascii_start().first().copied()
}
