//! The values of one input, while they are read.

use super::read::invalid;
use crate::json::number::{self, NotAnElement};
use crate::json::{Pull, decode_base64, quote};
use jiter::Peek;
use plan::Port;
use server::Refusal;
use tensor::{DType, Tensor, TensorError, TextRow, Value};

/// Deepest nesting of lists. 32: no model has tensors of as many dimensions, and the reader's
/// stack holds it easily.
const MAX_RANK: usize = 32;

/// The values of one input: elements in a flat buffer, texts, or images.
pub(crate) struct Column<'a> {
    port: &'a Port,
    /// Most images that the column may hold; `None` when the model takes no images.
    max_images: Option<usize>,
    elements: Vec<u8>,
    texts: TextRow,
    images: Vec<Vec<u8>>,
    /// The shape of the rows read so far, once there is one.
    row: Option<Vec<usize>>,
}

/// The sizes of the value that is being read, as far as they are known.
#[derive(Default)]
struct Sizes {
    /// The number of dimensions, known from the first element on.
    rank: Option<usize>,
    /// The size of each level, known from the end of its first list on.
    sizes: Vec<Option<usize>>,
}

impl<'a> Column<'a> {
    pub(crate) fn new(port: &'a Port, max_images: Option<usize>) -> Column<'a> {
        let (elements, texts, images) = (Vec::new(), TextRow::default(), Vec::new());
        Column { port, max_images, elements, texts, images, row: None }
    }

    /// Reads one row of a batch, which must have the shape of the rows before.
    pub(crate) fn read_row(&mut self, json: &mut Pull<'_>, peek: Peek) -> Result<(), Refusal> {
        let found = self.read(json, peek)?;
        self.end_row(found)
    }

    /// Reads the rest of a row that began with `{"b64":`.
    pub(crate) fn read_base64_row(&mut self, json: &mut Pull<'_>) -> Result<(), Refusal> {
        self.read_base64(json)?;
        self.end_row(Vec::new())
    }

    /// Reads the whole tensor; its shape.
    pub(crate) fn read(&mut self, json: &mut Pull<'_>, peek: Peek) -> Result<Vec<usize>, Refusal> {
        if peek == Peek::Array
            && let Some(shape) = json.even(self.port.dtype, MAX_RANK, &mut self.elements)
        {
            return Ok(shape);
        }
        let mut sizes = Sizes::default();
        self.value(json, peek, 0, &mut sizes)?;
        Ok(sizes.finish())
    }

    /// Reads the string and the end of an image or a text that began with `{"b64":`.
    pub(crate) fn read_base64(&mut self, json: &mut Pull<'_>) -> Result<(), Refusal> {
        if !self.takes_base64() {
            let expected = ::tfs::type_name(self.port.dtype);
            return Err(invalid(format!(
                "JSON Value: {{\"b64\": …}} Type: Object is not of expected type: {expected}"
            )));
        }
        let start = json.index();
        let text = json.string()?;
        let bytes = decode_base64(text)?;
        if json.next_key()?.is_some() {
            let quoted = quote(json.since(start));
            return Err(invalid(format!(
                "JSON Value: {{\"b64\": {quoted}… not formatted correctly for base64 data"
            )));
        }
        match self.max_images {
            Some(_) => self.push_image(bytes),
            None => self.push_text(&bytes),
        }
    }

    /// Are there elements that may be written in base64?
    fn takes_base64(&self) -> bool {
        self.max_images.is_some() || self.port.dtype == DType::String
    }

    /// Reads one feature of an example: a value, or a flat list of values.
    pub(crate) fn read_feature(&mut self, json: &mut Pull<'_>, peek: Peek) -> Result<(), Refusal> {
        let sizes = self.read(json, peek)?;
        if sizes.len() > 1 {
            let name = &self.port.name;
            let text = format!("Feature: {name} has element with unexpected JSON type: Array");
            return Err(invalid(text));
        }
        self.end_row(vec![sizes.iter().product()])
    }

    /// The tensor of `rows` features, in the shape that the input wants.
    pub(crate) fn stack_features(self, rows: usize) -> Result<Value, Refusal> {
        let count: usize = self.row.iter().flatten().product();
        let shape = ::tfs::feature_shape(self.port, rows, count);
        self.tensor(&shape)
    }

    /// The images, when there are images and nothing else.
    pub(crate) fn images(&mut self) -> Result<Option<Vec<Vec<u8>>>, Refusal> {
        match (self.images.is_empty(), self.elements.is_empty()) {
            (true, _) => Ok(None),
            (false, true) => Ok(Some(std::mem::take(&mut self.images))),
            (false, false) => {
                let name = &self.port.name;
                Err(invalid(format!("input `{name}`: expected images or numbers, found both")))
            }
        }
    }

    /// The tensor of `rows` rows that were read.
    pub(crate) fn stack(self, rows: usize) -> Result<Value, Refusal> {
        let mut shape = vec![rows];
        shape.extend_from_slice(self.row.as_deref().unwrap_or_default());
        self.tensor(&shape)
    }

    /// The tensor that was read, whose shape `read` gave.
    pub(crate) fn tensor(self, shape: &[usize]) -> Result<Value, Refusal> {
        let made = match self.port.dtype {
            DType::String => self.texts.shaped(shape).map(Value::from),
            dtype => Tensor::from_bytes(dtype, shape, &self.elements).map(Value::from),
        };
        made.map_err(|e: TensorError| invalid(format!("input `{}`: {e}", self.port.name)))
    }

    fn end_row(&mut self, found: Vec<usize>) -> Result<(), Refusal> {
        let Some(expected) = &self.row else {
            self.row = Some(found);
            return Ok(());
        };
        let (size, expected_size): (usize, usize) =
            (found.iter().product(), expected.iter().product());
        ::tfs::check_row(expected_size, size)?;
        if *expected != found {
            let (expected, found) = (shape_text(expected), shape_text(&found));
            return Err(invalid(format!("Expecting shape {expected} but got: {found}")));
        }
        Ok(())
    }

    fn value(
        &mut self,
        json: &mut Pull<'_>,
        peek: Peek,
        level: usize,
        sizes: &mut Sizes,
    ) -> Result<(), Refusal> {
        if peek == Peek::Array {
            return self.list(json, level, sizes);
        }
        let rank = *sizes.rank.get_or_insert(level);
        if level != rank {
            let value = quote(json.skip(peek)?);
            return Err(invalid(format!(
                "JSON Value: {value} found at incorrect level: {} in the JSON DOM. \
                 Expected at level: {rank}",
                level + 1
            )));
        }
        self.leaf(json, peek)
    }

    fn list(
        &mut self,
        json: &mut Pull<'_>,
        level: usize,
        sizes: &mut Sizes,
    ) -> Result<(), Refusal> {
        let rank = sizes.rank.unwrap_or(MAX_RANK);
        if level >= rank {
            return Err(invalid(format!(
                "Encountered list at unexpected level: {level} expected < {rank}"
            )));
        }
        let mut count = 0;
        let mut next = json.array()?;
        while let Some(peek) = next {
            self.value(json, peek, level + 1, sizes)?;
            count += 1;
            next = json.array_step()?;
        }
        sizes.end_list(level, count)
    }

    fn leaf(&mut self, json: &mut Pull<'_>, peek: Peek) -> Result<(), Refusal> {
        let dtype = self.port.dtype;
        if peek == Peek::True || peek == Peek::False {
            if dtype != DType::Bool {
                return Err(type_error(json, peek, dtype));
            }
            let value = json.boolean(peek)?;
            self.elements.push(u8::from(value));
            return Ok(());
        }
        if self.max_images.is_some() && peek == Peek::String {
            let image = decode_base64(json.string()?)?;
            return self.push_image(image);
        }
        if dtype == DType::String && peek == Peek::String {
            self.texts.push(json.string()?);
            return Ok(());
        }
        if self.takes_base64() && peek == Peek::Object {
            let key = json.object()?;
            if key.as_deref() == Some("b64") {
                return self.read_base64(json);
            }
            let key = key.unwrap_or_default();
            return Err(invalid(format!("expected {{\"b64\": …}}, found key `{key}`")));
        }
        if !peek.is_num() || dtype == DType::String {
            return Err(type_error(json, peek, dtype));
        }
        self.number(json, peek)
    }

    fn number(&mut self, json: &mut Pull<'_>, peek: Peek) -> Result<(), Refusal> {
        let dtype = self.port.dtype;
        let token = json.number(peek)?;
        number::push(token, dtype, &mut self.elements).map_err(|why| {
            let (token, expected) = (quote(token.as_bytes()), ::tfs::type_name(dtype));
            invalid(match why {
                NotAnElement::Type => {
                    format!("JSON Value: {token} Type: Number is not of expected type: {expected}")
                }
                NotAnElement::Lossy => format!(
                    "Cannot convert JSON value: {token} to {expected} without loss of precision."
                ),
            })
        })
    }

    fn push_text(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let name = &self.port.name;
            invalid(format!("input `{name}`: expected text in UTF-8 as base64: {error}"))
        })?;
        self.texts.push(text);
        Ok(())
    }

    fn push_image(&mut self, image: Vec<u8>) -> Result<(), Refusal> {
        let limit = self.max_images.unwrap_or(0);
        if self.images.len() >= limit {
            return Err(Refusal::TooManyImages { limit });
        }
        self.images.push(image);
        Ok(())
    }
}

impl Sizes {
    fn end_list(&mut self, level: usize, count: usize) -> Result<(), Refusal> {
        if self.sizes.len() <= level {
            self.sizes.resize(level + 1, None);
        }
        // An empty list is as deep as it gets, as far as anybody can know.
        if count == 0 {
            self.rank.get_or_insert(level + 1);
        }
        let size = *self.sizes[level].get_or_insert(count);
        if size != count {
            return Err(invalid(format!(
                "Encountered list at unexpected size: {count} at level: {level} \
                 expected size: {size}"
            )));
        }
        Ok(())
    }

    fn finish(self) -> Vec<usize> {
        self.sizes.into_iter().flatten().collect()
    }
}

/// `[2,3]`, as TensorFlow Serving writes shapes.
fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(","))
}

fn type_error(json: &mut Pull<'_>, peek: Peek, dtype: DType) -> Refusal {
    let name = match peek {
        Peek::Null => "Null",
        Peek::True => "True",
        Peek::False => "False",
        Peek::String => "String",
        Peek::Object => "Object",
        _ => "Number",
    };
    let expected = ::tfs::type_name(dtype);
    match json.skip(peek) {
        Ok(value) => {
            let value = quote(value);
            invalid(format!("JSON Value: {value} Type: {name} is not of expected type: {expected}"))
        }
        Err(refusal) => refusal,
    }
}
