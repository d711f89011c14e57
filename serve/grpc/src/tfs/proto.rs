//! `TensorProto` to tensors and back.

use super::messages::{Dim, TensorProto, TensorShapeProto};
use super::types::{DT_STRING, TYPES, Type};
use crate::elements::{self, Form};
use crate::fields::{self, Fields};
use plan::Port;
use server::Refusal;
use tensor::{DType, Tensor, TextRow, Value, element_count};

/// Most dimensions of a shape. 64: TensorFlow has 254 at most, and no model as many.
const RANK_MAX: usize = 64;

/// A tensor as a client sends it, with its elements where they came.
#[derive(Debug)]
pub(super) struct Given<'a> {
    message: &'a [u8],
    number: i32,
    pub(super) shape: Vec<usize>,
    content: &'a [u8],
}

impl<'a> Given<'a> {
    /// Reads everything but the elements.
    pub(super) fn read(message: &'a [u8]) -> Result<Given<'a>, Refusal> {
        let mut given = Given { message, number: 0, shape: Vec::new(), content: &[] };
        let mut fields = Fields::of_elements(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => given.number = i32::try_from(value.varint()?).unwrap_or(0),
                2 => shape(value.bytes()?, &mut given.shape)?,
                4 => given.content = value.bytes()?,
                _ => {}
            }
        }
        Ok(given)
    }

    /// Are the elements text or bytes?
    pub(super) fn is_of_strings(&self) -> bool {
        self.number == DT_STRING
    }

    /// How many bytes the tensor takes: none when its type is not known, the most that there are
    /// when the number cannot be told.
    pub(super) fn size(&self) -> Result<usize, Refusal> {
        let count = element_count(&self.shape);
        if self.is_of_strings() {
            let (mut found, mut bytes, mut last) = (0, 0usize, 0);
            self.each_string(|string| {
                (found, last) = (found + 1, string.len());
                bytes = bytes.saturating_add(last);
                Ok(())
            })?;
            // The last one stands for all that are missing.
            let count = count.unwrap_or(usize::MAX);
            let repeated = count.saturating_sub(found).saturating_mul(last);
            let places = count.saturating_mul(size_of::<usize>());
            return Ok(bytes.saturating_add(repeated).saturating_add(places));
        }
        let Some(row) = Type::numbered(self.number) else { return Ok(0) };
        Ok(count.and_then(|count| count.checked_mul(row.dtype.size())).unwrap_or(usize::MAX))
    }

    /// The tensor for this port. Its size is checked before: call [`Given::size`].
    pub(super) fn value(&self, port: &Port) -> Result<Value, Refusal> {
        let wrong = |text: &str| {
            Refusal::InvalidArgument(format!("tensor parsing error: {}: {text}", port.name))
        };
        if self.is_of_strings() && port.dtype == DType::String {
            return self.text(&wrong);
        }
        let Some(row) = Type::numbered(self.number) else {
            return Err(wrong(&format!("expected {}, found {}", port.dtype, self.type_text())));
        };
        if row.dtype != port.dtype {
            let (input, expected, found) = (port.name.clone(), port.dtype, row.dtype);
            return Err(Refusal::Type { input, expected, found });
        }
        let mut tensor =
            Tensor::zeros(row.dtype, &self.shape).map_err(|error| wrong(&error.to_string()))?;
        let (expected, found) = (tensor.bytes().len(), self.content.len());
        if found == 0 {
            self.fill(row, tensor.bytes_mut())?;
        } else if found == expected {
            content(row.dtype, self.content, tensor.bytes_mut());
        } else {
            let text = format!("expected {expected} bytes of tensor_content, found {found}");
            return Err(wrong(&text));
        }
        Ok(tensor.into())
    }

    /// The elements of an input of text, by the rule of [`Given::fill`].
    fn text(&self, wrong: &dyn Fn(&str) -> Refusal) -> Result<Value, Refusal> {
        if !self.content.is_empty() {
            return Err(wrong("expected text in string_val, found tensor_content"));
        }
        let count = element_count(&self.shape).unwrap_or(usize::MAX);
        let mut row = TextRow::default();
        self.each_string(|string| {
            if row.len() < count {
                let element = std::str::from_utf8(string);
                row.push(element.map_err(|error| {
                    wrong(&format!("expected text in UTF-8 in element {}: {error}", row.len()))
                })?);
            }
            Ok(())
        })?;
        let last = row.element(row.len().saturating_sub(1)).to_string();
        row.extend(std::iter::repeat_n(last, count - row.len()));
        Ok(row.shaped(&self.shape).map_err(|error| wrong(&error.to_string()))?.into())
    }

    /// Reads the elements from the field of their type: the last one stands for all that are
    /// missing, zero when there is none, and what is too much is passed over, as TensorFlow does.
    fn fill(&self, row: &Type, to: &mut [u8]) -> Result<(), Refusal> {
        let size = row.dtype.size();
        let found = elements::read(self.message, row.field, row.form, row.dtype, to)?;
        let at = found.saturating_mul(size).min(to.len());
        let Some(last) = at.checked_sub(size) else { return Ok(()) };
        let (written, rest) = to.split_at_mut(at);
        let last = &written[last..];
        rest.chunks_exact_mut(size).for_each(|element| element.copy_from_slice(last));
        Ok(())
    }

    /// The elements when they are images; none stands for another here.
    pub(super) fn images(&self, most: usize) -> Result<Vec<Vec<u8>>, Refusal> {
        let mut images = Vec::new();
        self.each_string(|image| {
            if images.len() == most {
                return Err(Refusal::TooManyImages { limit: most });
            }
            images.push(image.to_vec());
            Ok(())
        })?;
        Ok(images)
    }

    /// Calls `act` with each element that is text or bytes.
    fn each_string(
        &self,
        mut act: impl FnMut(&'a [u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut fields = Fields::of_elements(self.message);
        while let Some((number, value)) = fields.next()? {
            if number == 8 {
                act(value.bytes()?)?;
            }
        }
        Ok(())
    }

    /// `DT_STRING`, or the number of a type that is not known.
    fn type_text(&self) -> String {
        match self.number {
            DT_STRING => "DT_STRING".to_string(),
            number => format!("elements of type {number}"),
        }
    }
}

/// Copies `tensor_content`; any byte but zero is true.
fn content(dtype: DType, from: &[u8], to: &mut [u8]) {
    to.copy_from_slice(from);
    if dtype == DType::Bool {
        to.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
}

fn shape(message: &[u8], shape: &mut Vec<usize>) -> Result<(), Refusal> {
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (2, value) => {
                if shape.len() == RANK_MAX {
                    let text = format!("expected at most {RANK_MAX} dimensions, found more");
                    return Err(Refusal::InvalidArgument(text));
                }
                shape.push(dim(value.bytes()?)?);
            }
            (3, fields::Value::Varint(1..)) => {
                let text = "expected a tensor with a shape, found one of unknown rank";
                return Err(Refusal::InvalidArgument(text.to_string()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn dim(message: &[u8]) -> Result<usize, Refusal> {
    let mut size = 0;
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            size = value.varint()?.cast_signed();
        }
    }
    usize::try_from(size).map_err(|_| {
        Refusal::InvalidArgument(format!("expected a size of at least 0, found {size}"))
    })
}

/// A tensor in the field of its type, as TensorFlow Serving answers.
pub(super) fn proto(value: &Value) -> Result<TensorProto, Refusal> {
    match value {
        Value::Tensor(tensor) => numbers(tensor),
        Value::Text(text) => Ok(strings(text.shape(), text.elements())),
        Value::Sequence(_) | Value::Optional(_) => Err(no_type(value.dtype())),
    }
}

fn no_type(dtype: DType) -> Refusal {
    Refusal::Unimplemented(format!("TensorFlow has no elements of type {dtype}"))
}

/// A tensor of numbers in the field of its type.
pub(super) fn numbers(tensor: &Tensor) -> Result<TensorProto, Refusal> {
    let dtype = tensor.dtype();
    let row = Type::of(dtype).ok_or_else(|| no_type(dtype))?;
    let mut proto = TensorProto {
        dtype: row.number,
        tensor_shape: Some(sizes(tensor.shape())),
        ..TensorProto::default()
    };
    let elements = match row.form {
        Form::Fixed => tensor.bytes().to_vec(),
        Form::Varint => varints(tensor),
    };
    *match row.field {
        5 => &mut proto.float_val,
        6 => &mut proto.double_val,
        7 => &mut proto.int_val,
        10 => &mut proto.int64_val,
        11 => &mut proto.bool_val,
        13 => &mut proto.half_val,
        16 => &mut proto.uint32_val,
        _ => &mut proto.uint64_val,
    } = elements;
    Ok(proto)
}

/// Texts, in the field of bytes.
pub(super) fn strings<'a>(shape: &[usize], texts: impl Iterator<Item = &'a str>) -> TensorProto {
    TensorProto {
        dtype: DT_STRING,
        tensor_shape: Some(sizes(shape)),
        string_val: texts.map(|text| text.as_bytes().to_vec()).collect(),
        ..TensorProto::default()
    }
}

fn sizes(shape: &[usize]) -> TensorShapeProto {
    let dim = |&size: &usize| Dim { size: size as i64, name: String::new() };
    TensorShapeProto { dim: shape.iter().map(dim).collect() }
}

/// Elements as numbers of variable length; negative ones as numbers of 64 bits.
fn varints(tensor: &Tensor) -> Vec<u8> {
    let bytes = tensor.bytes();
    let is_signed = matches!(tensor.dtype(), DType::I8 | DType::I16 | DType::I32);
    let size = tensor.dtype().size();
    let mut packed = Vec::with_capacity(bytes.len());
    for element in bytes.chunks_exact(size.max(1)) {
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(element);
        if is_signed && element[size - 1] >= 0x80 {
            wide[size..].fill(0xff);
        }
        prost::encoding::encode_varint(u64::from_le_bytes(wide), &mut packed);
    }
    packed
}

/// The number of a model's type in metadata; 0 when TensorFlow has none.
pub(super) fn number(dtype: DType) -> i32 {
    if dtype == DType::String {
        return DT_STRING;
    }
    TYPES.iter().find(|row| row.dtype == dtype).map_or(0, |row| row.number)
}
