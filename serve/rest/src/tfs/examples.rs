//! The body of `:classify` and `:regress`: examples, each with features by name, and a context
//! whose features all examples have that do not have their own.

use super::column::Column;
use super::read::{self, format_error, invalid};
use crate::json::{Pull, quote};
use ::tfs::Context;
use jiter::Peek;
use plan::Port;
use server::{Refusal, Request, Servable};

/// A request that was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) rows: usize,
    pub(super) request: Request,
}

/// Reads a body. Features become the inputs of their names; others are ignored, as a graph that
/// parses examples ignores them.
pub(super) fn parse(body: &[u8], model: &Servable, max_images: usize) -> Result<Parsed, Refusal> {
    let mut json = read::begin(body)?;
    let (mut context, mut examples) = (None, None);
    let mut key = json.object()?;
    while let Some(name) = key {
        match name.as_str() {
            "signature_name" => read::signature_name(body, &mut json)?,
            _ => {
                let value = json.skip_next()?;
                match name.as_str() {
                    "context" => context = Some(value),
                    "examples" => examples = Some(value),
                    _ => {}
                }
            }
        }
        key = json.next_key()?;
    }
    let missing = "When method is classify, key 'examples' is expected and was not found";
    let examples = examples.ok_or_else(|| format_error(body, missing))?;
    let context = Context::new(context.map_or(Ok(Vec::new()), features)?);
    let inputs = &model.signature().inputs;
    let takes_images = model.takes_images() && inputs.len() == 1;
    let max_images = takes_images.then_some(max_images);
    let columns = inputs.iter().map(|port| Column::new(port, max_images)).collect();
    let mut reader = Reader { body, inputs, context, columns, takes_images };
    let rows = reader.examples(examples)?;
    reader.finish(rows)
}

struct Reader<'a> {
    body: &'a [u8],
    inputs: &'a [Port],
    context: Context<&'a [u8]>,
    columns: Vec<Column<'a>>,
    takes_images: bool,
}

/// Names and texts of an example's features.
fn features(example: &[u8]) -> Result<Vec<(String, &[u8])>, Refusal> {
    let mut json = Pull::new(example);
    let peek = json.peek()?;
    if peek != Peek::Object {
        let kind = kind(peek);
        return Err(invalid(format!("Example must be JSON object but got JSON {kind}")));
    }
    json.members()
}

impl<'a> Reader<'a> {
    /// Reads the list; how many examples it has.
    fn examples(&mut self, text: &'a [u8]) -> Result<usize, Refusal> {
        let mut json = Pull::new(text);
        if json.peek()? != Peek::Array {
            return Err(format_error(self.body, "Expecting 'examples' value to be an list/array"));
        }
        let mut next = json.array()?;
        if next.is_none() {
            return Err(format_error(self.body, "'examples' value is an empty array"));
        }
        let mut rows = 0;
        while let Some(peek) = next {
            self.example(features(json.skip(peek)?)?)?;
            rows += 1;
            next = json.array_step()?;
        }
        Ok(rows)
    }

    fn example(&mut self, features: Vec<(String, &'a [u8])>) -> Result<(), Refusal> {
        if let ([(_, only)], true) = (features.as_slice(), self.takes_images) {
            // The only feature of an example is its image, whatever graphs call it.
            return self.feature(0, only);
        }
        for (index, port) in self.inputs.iter().enumerate() {
            let text = self.context.feature(port, &features)?;
            self.feature(index, text)?;
        }
        Ok(())
    }

    fn feature(&mut self, index: usize, text: &[u8]) -> Result<(), Refusal> {
        let mut json = Pull::new(text);
        let peek = json.peek()?;
        if peek == Peek::Null {
            let name = quote(self.inputs[index].name.as_bytes());
            let text = format!("Feature: {name} has element with unexpected JSON type: Null");
            return Err(invalid(text));
        }
        self.columns[index].read_feature(&mut json, peek)
    }

    fn finish(mut self, rows: usize) -> Result<Parsed, Refusal> {
        if let Some(first) = self.columns.first_mut()
            && let Some(images) = first.images()?
        {
            return match images.len() == rows {
                true => Ok(Parsed { rows, request: Request::Images(images) }),
                false => Err(invalid("expected one image for each example".to_string())),
            };
        }
        let tensors = self.columns.into_iter().map(|column| column.stack_features(rows));
        Ok(Parsed { rows, request: Request::Tensors(tensors.collect::<Result<_, _>>()?) })
    }
}

fn kind(peek: Peek) -> &'static str {
    match peek {
        Peek::Null => "Null",
        Peek::True => "True",
        Peek::False => "False",
        Peek::String => "String",
        Peek::Object => "Object",
        Peek::Array => "Array",
        _ => "Number",
    }
}
