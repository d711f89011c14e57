//! The body of `:predict`: `instances` (one value for each row of the batch) or `inputs` (one
//! value for each tensor).

use super::column::Column;
use crate::json::{Pull, quote};
use jiter::Peek;
use server::{Refusal, Request, Servable};
use tensor::Value;

/// How the request lays out its tensors, and therefore how the reply does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `instances` and `predictions`.
    Row,
    /// `inputs` and `outputs`.
    Columnar,
}

/// A request that was read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) form: Form,
    pub(crate) request: Request,
}

/// The only signature that our models have, by the name that TensorFlow gives it.
pub(crate) const SIGNATURE: &str = "serving_default";

/// Reads a body. Memory is bounded by the body's length: no element takes more than eight bytes,
/// one of text beside its own, and none less than two bytes of JSON.
pub(crate) fn parse(body: &[u8], model: &Servable, max_images: usize) -> Result<Parsed, Refusal> {
    Reader { body, json: begin(body)?, model, max_images }.request()
}

/// A document that is an object, before its first key.
pub(super) fn begin(body: &[u8]) -> Result<Pull<'_>, Refusal> {
    if body.trim_ascii().is_empty() {
        let reason = "The document is empty".to_string();
        return Err(Refusal::JsonSyntax { reason, offset: body.len() });
    }
    let mut json = Pull::new(body);
    match json.peek()? {
        Peek::Object => Ok(json),
        _ => Err(format_error(body, "Is not object")),
    }
}

/// Reads the value of `signature_name`, which must be that of the only signature.
pub(super) fn signature_name(body: &[u8], json: &mut Pull<'_>) -> Result<(), Refusal> {
    if json.peek()? != Peek::String {
        let text = "not formatted correctly. 'signature_name' key must be a string value.";
        return Err(format_error(body, text));
    }
    let name = json.string()?;
    if !name.is_empty() && name != SIGNATURE {
        return Err(Refusal::SignatureNotFound(quote(name.as_bytes())));
    }
    Ok(())
}

/// What is wrong with a document as a whole.
pub(super) fn format_error(body: &[u8], text: &str) -> Refusal {
    invalid(format!("JSON Value: {} {text}", quote(body)))
}

pub(crate) fn invalid(text: String) -> Refusal {
    Refusal::InvalidArgument(text)
}

struct Reader<'a> {
    body: &'a [u8],
    json: Pull<'a>,
    model: &'a Servable,
    max_images: usize,
}

/// A key of the request's object.
enum Key {
    Signature,
    Instances,
    Inputs,
    Other,
}

impl<'a> Reader<'a> {
    fn request(mut self) -> Result<Parsed, Refusal> {
        if self.model.signature().inputs.is_empty() {
            let text = "Failed to get input map for signature: DEFAULT";
            return Err(invalid(text.to_string()));
        }
        let mut parsed: Option<Parsed> = None;
        let mut key = self.json.object()?.as_deref().map(Key::of);
        while let Some(found) = key {
            let form = match found {
                Key::Signature => {
                    signature_name(self.body, &mut self.json)?;
                    None
                }
                Key::Other => {
                    self.json.skip_next()?;
                    None
                }
                Key::Instances => Some(Form::Row),
                Key::Inputs => Some(Form::Columnar),
            };
            if let Some(form) = form {
                if parsed.is_some() {
                    let text = "Not formatted correctly expecting only one of 'inputs' or \
                                'instances' keys to exist ";
                    return Err(format_error(self.body, text));
                }
                let request = match form {
                    Form::Row => self.instances()?,
                    Form::Columnar => self.inputs()?,
                };
                parsed = Some(Parsed { form, request });
            }
            key = self.json.next_key()?.as_deref().map(Key::of);
        }
        // What follows the object is ignored, as TensorFlow Serving does.
        parsed.ok_or_else(|| invalid("Missing 'inputs' or 'instances' key".to_string()))
    }

    fn instances(&mut self) -> Result<Request, Refusal> {
        if self.json.peek()? != Peek::Array {
            return Err(format_error(self.body, "Excepting 'instances' to be an list/array"));
        }
        let Some(first) = self.json.array()? else {
            return Err(format_error(self.body, "No values in 'instances' array"));
        };
        if first != Peek::Object && self.model.signature().inputs.len() > 1 {
            let text = "instances is a plain list, but expecting list of objects as multiple \
                        input tensors required as per tensorinfo_map";
            return Err(invalid(text.to_string()));
        }
        let mut columns = self.columns();
        let mut are_objects: Option<bool> = None;
        let mut rows = 0;
        let mut next = Some(first);
        while let Some(peek) = next {
            let is_object = self.instance(peek, rows, &mut columns)?;
            check_kind(rows, is_object, *are_objects.get_or_insert(is_object))?;
            rows += 1;
            next = self.json.array_step()?;
        }
        if let Some(images) = images(&mut columns)? {
            return match images.len() == rows {
                true => Ok(Request::Images(images)),
                false => Err(invalid("expected one image for each instance".to_string())),
            };
        }
        let tensors: Result<Vec<Value>, Refusal> =
            columns.into_iter().map(|column| column.stack(rows)).collect();
        Ok(Request::Tensors(tensors?))
    }

    /// One element of `instances`; was it an object of named inputs?
    fn instance(
        &mut self,
        peek: Peek,
        row: usize,
        columns: &mut [Column<'a>],
    ) -> Result<bool, Refusal> {
        let failed = |refusal| in_element(row, None, refusal);
        let [first, others @ ..] = columns else { return Ok(false) };
        if peek != Peek::Object {
            first.read_row(&mut self.json, peek).map_err(failed)?;
            return Ok(false);
        }
        let start = self.json.index();
        let mut key = self.json.object()?;
        if others.is_empty() && key.as_deref() == Some("b64") {
            first.read_base64_row(&mut self.json).map_err(failed)?;
            return Ok(false);
        }
        let names: Vec<&str> = self.names();
        let mut seen = vec![false; names.len()];
        while let Some(name) = key {
            let failed = |refusal| in_element(row, Some(&name), refusal);
            let Some(index) = names.iter().position(|&n| n == name) else {
                let text =
                    format!("JSON object: does not have named input: {}", quote(name.as_bytes()));
                return Err(failed(invalid(text)));
            };
            let is_repeated = std::mem::replace(&mut seen[index], true);
            if is_repeated {
                return Err(self.keys_error(row, start));
            }
            let peek = self.json.peek()?;
            columns[index].read_row(&mut self.json, peek).map_err(failed)?;
            key = self.json.next_key()?;
        }
        if seen.contains(&false) {
            return Err(self.keys_error(row, start));
        }
        Ok(true)
    }

    fn inputs(&mut self) -> Result<Request, Refusal> {
        let mut columns = self.columns();
        let mut shapes: Vec<Option<Vec<usize>>> = vec![None; columns.len()];
        let peek = self.json.peek()?;
        if peek != Peek::Object {
            self.check_single_input()?;
            shapes[0] = Some(columns[0].read(&mut self.json, peek)?);
        } else {
            self.named_inputs(&mut columns, &mut shapes)?;
        }
        if let Some(images) = images(&mut columns)? {
            return Ok(Request::Images(images));
        }
        let mut tensors = Vec::with_capacity(columns.len());
        for ((column, shape), name) in columns.into_iter().zip(shapes).zip(self.names()) {
            let missing = || invalid(format!("Missing named input: {name} in 'inputs' object."));
            tensors.push(column.tensor(&shape.ok_or_else(missing)?)?);
        }
        Ok(Request::Tensors(tensors))
    }

    /// The object of `inputs`: named tensors, or one image. Names that the model does not have
    /// are ignored, as TensorFlow Serving does.
    fn named_inputs(
        &mut self,
        columns: &mut [Column<'a>],
        shapes: &mut [Option<Vec<usize>>],
    ) -> Result<(), Refusal> {
        let names = self.names();
        let mut key = self.json.object()?;
        if key.as_deref() == Some("b64") && !names.contains(&"b64") {
            self.check_single_input()?;
            shapes[0] = Some(Vec::new());
            return columns[0].read_base64(&mut self.json);
        }
        while let Some(name) = key {
            let peek = self.json.peek()?;
            match names.iter().position(|&n| n == name) {
                None => drop(self.json.skip(peek)?),
                Some(index) if shapes[index].is_some() => {
                    let text = format!("input `{name}` is given twice in 'inputs' object.");
                    return Err(invalid(text));
                }
                Some(index) => shapes[index] = Some(columns[index].read(&mut self.json, peek)?),
            }
            key = self.json.next_key()?;
        }
        Ok(())
    }

    fn check_single_input(&self) -> Result<(), Refusal> {
        if self.model.signature().inputs.len() == 1 {
            return Ok(());
        }
        let text = "inputs is a plain value/list, but expecting an object as multiple \
                    input tensors required as per tensorinfo_map";
        Err(invalid(text.to_string()))
    }

    fn columns(&self) -> Vec<Column<'a>> {
        let inputs = &self.model.signature().inputs;
        let takes_images = self.model.takes_images() && inputs.len() == 1;
        let max_images = takes_images.then_some(self.max_images);
        inputs.iter().map(|port| Column::new(port, max_images)).collect()
    }

    fn names(&self) -> Vec<&'a str> {
        self.model.signature().inputs.iter().map(|port| port.name.as_str()).collect()
    }

    fn keys_error(&self, row: usize, start: usize) -> Refusal {
        let mut names = self.names();
        names.sort_unstable();
        let (object, names) = (quote(self.json.since(start)), names.join(","));
        invalid(format!(
            "Failed to process element: {row} of 'instances' list. \
             JSON object: {object} keys must be equal to: {names}"
        ))
    }
}

impl Key {
    fn of(name: &str) -> Key {
        match name {
            "signature_name" => Key::Signature,
            "instances" => Key::Instances,
            "inputs" => Key::Inputs,
            _ => Key::Other,
        }
    }
}

/// The images of the only input, when it was given images.
fn images(columns: &mut [Column<'_>]) -> Result<Option<Vec<Vec<u8>>>, Refusal> {
    columns.first_mut().map_or(Ok(None), Column::images)
}

fn check_kind(row: usize, is_object: bool, are_objects: bool) -> Result<(), Refusal> {
    match (are_objects, is_object) {
        (true, true) | (false, false) => Ok(()),
        (true, false) => {
            Err(invalid(format!("Expecting object but got list at item {row} of input list")))
        }
        (false, true) => {
            Err(invalid(format!("Expecting value/list but got object at item {row} of input list")))
        }
    }
}

/// Says in which element of `instances` the fault lies; limits keep their own status.
fn in_element(row: usize, key: Option<&str>, refusal: Refusal) -> Refusal {
    let Refusal::InvalidArgument(text) = refusal else { return refusal };
    let key = key.map_or(String::new(), |key| format!(" key: {}", quote(key.as_bytes())));
    invalid(format!(
        "Failed to process element: {row}{key} of 'instances' list. \
         Error: INVALID_ARGUMENT: {text}"
    ))
}
