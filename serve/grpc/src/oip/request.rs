//! `ModelInferRequest`: what is asked, before anybody looks at the model.

use crate::elements::{self, Form};
use crate::fields::{Fields, Value, varint};
use ::oip::{Asked, Data, Given, Shared, Wanted, refused};
use bytes::Bytes;
use server::Refusal;
use std::time::Duration;
use tensor::{DType, Tensor, element_count};

/// Most inputs or outputs in one request. 1024: no model has as many.
const TENSORS_MAX: usize = 1024;

/// Most dimensions of a shape. 64: no model has as many.
const RANK_MAX: usize = 64;

/// The value of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Parameter<'a> {
    Bool(bool),
    Int(i64),
    Text(&'a str),
    Double,
    Unsigned(u64),
    /// Nothing is set.
    Empty,
}

/// A request as it was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) asked: Asked,
    /// Does the reply say that it is the last one of the request?
    pub(super) says_final: bool,
}

/// The model that a request means: its name, version and id.
pub(super) fn outline(message: &[u8]) -> Result<(&str, &str, &str), Refusal> {
    let (mut name, mut version, mut id) = ("", "", "");
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = value.name()?,
            2 => version = value.name()?,
            3 => id = value.name()?,
            _ => {}
        }
    }
    Ok((name, version, id))
}

/// Reads all of a request. `charge` is asked before memory is taken for elements.
pub(super) fn read(
    message: &Bytes,
    charge: &mut dyn FnMut(usize) -> Result<(), Refusal>,
) -> Result<Read, Refusal> {
    let (model, _, id) = outline(message)?;
    let (mut inputs, mut raw, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    let mut parameters = Parameters::default();
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            4 => parameter(value.bytes()?, &mut parameters)?,
            5 | 6 if inputs.len() + outputs.len() == TENSORS_MAX => {
                let text = format!("expected at most {TENSORS_MAX} inputs or outputs, found more");
                return Err(Refusal::InvalidArgument(text));
            }
            5 => inputs.push(value.bytes()?),
            6 => outputs.push(wanted(value.bytes()?)?),
            7 => raw.push(message.slice_ref(value.bytes()?)),
            _ => {}
        }
    }
    let mut reading = Reading { model, id, raw: raw.into_iter(), charge };
    let has_raw = reading.raw.len() > 0;
    let inputs: Result<Vec<Given>, Refusal> =
        inputs.into_iter().map(|input| reading.input(input, has_raw)).collect();
    let inputs = inputs?;
    if reading.raw.len() > 0 {
        let text = format!("unexpected additional input data for model '{model}'");
        return Err(Refusal::InvalidArgument(text));
    }
    let (id, outputs) = (id.to_string(), Some(outputs));
    let Parameters { says_final, max_wait, priority } = parameters;
    let asked = Asked { id, inputs, outputs, is_binary: true, max_wait, priority };
    Ok(Read { asked, says_final })
}

struct Reading<'a> {
    model: &'a str,
    id: &'a str,
    /// The elements of those inputs that do not say where theirs are.
    raw: std::vec::IntoIter<Bytes>,
    charge: &'a mut dyn FnMut(usize) -> Result<(), Refusal>,
}

impl Reading<'_> {
    /// One `InferInputTensor`.
    fn input(&mut self, message: &[u8], has_raw: bool) -> Result<Given, Refusal> {
        let (mut name, mut datatype, mut contents) = ("", "", None);
        let mut shape = Vec::new();
        let mut shared = None;
        let mut fields = Fields::new(message);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => name = value.name()?,
                2 => datatype = value.name()?,
                3 => sizes(value, &mut shape)?,
                4 => shared_parameter(value.bytes()?, &mut shared)?,
                5 => contents = Some(value.bytes()?),
                _ => {}
            }
        }
        let dtype = ::oip::datatype::from_name(datatype).ok_or_else(|| {
            Refusal::InvalidArgument(format!("invalid datatype for input {name}"))
        })?;
        let shared = shared.filter(|shared: &Shared| !shared.region.is_empty());
        let data = match (shared, contents) {
            (Some(_), Some(_)) => {
                return Err(self.wrong(
                    name,
                    "unexpected 'content' provided when using shared \
                                             memory for input tensor",
                ));
            }
            (Some(shared), None) => Data::Shared(shared),
            (None, Some(_)) if has_raw => {
                return Err(self.wrong(
                    name,
                    "contents field must not be specified when using \
                                             raw_input_contents for",
                ));
            }
            (None, Some(contents)) => self.contents(name, dtype, &shape, contents)?,
            (None, None) => match self.raw.next() {
                Some(bytes) => Data::Raw(bytes),
                None => {
                    return Err(Refusal::InvalidArgument(format!(
                        "unable to find data for input tensor '{name}' for model '{}' in request.",
                        self.model
                    )));
                }
            },
        };
        Ok(Given { name: name.to_string(), shape, dtype, data })
    }

    /// Elements in the field of their type.
    fn contents(
        &mut self,
        name: &str,
        dtype: DType,
        shape: &[usize],
        contents: &[u8],
    ) -> Result<Data, Refusal> {
        let Some((field, form)) = field(dtype) else {
            return Err(Refusal::InvalidArgument(format!(
                "expected elements of type {} in raw_input_contents, found none for input '{name}'",
                ::oip::datatype::name(dtype)
            )));
        };
        self.check_field(name, dtype, field, contents)?;
        if dtype == DType::String {
            return self.strings(field, contents);
        }
        let size = dtype.size();
        // Before memory is taken for what the shape claims: an element has a byte.
        let count = element_count(shape).filter(|&count| count <= contents.len());
        let mut tensor = match count {
            None => Tensor::zeros(dtype, &[0]),
            Some(count) => {
                (self.charge)(count.saturating_mul(size))?;
                Tensor::zeros(dtype, shape)
            }
        }
        .map_err(|error| Refusal::InvalidArgument(format!("{name}: {error}")))?;
        let found = elements::read(contents, field, form, dtype, tensor.bytes_mut())?;
        if count == Some(found) {
            return Ok(Data::Tensor(tensor));
        }
        let expected = element_count(shape).and_then(|count| count.checked_mul(size));
        let expected = expected.map_or("more than memory can hold".to_string(), |e| e.to_string());
        Err(refused(
            self.id,
            &format!(
                "input byte size mismatch for input '{name}' for model '{}'. Expected {expected}, \
                 got {}",
                self.model,
                found.saturating_mul(size)
            ),
        ))
    }

    /// Elements of another type are none of this one.
    fn check_field(
        &self,
        name: &str,
        dtype: DType,
        field: u32,
        contents: &[u8],
    ) -> Result<(), Refusal> {
        let mut fields = Fields::of_elements(contents);
        while let Some((number, value)) = fields.next()? {
            let is_empty = value == Value::Bytes(&[]) && number != 8;
            let Some(other) = FIELDS.get(number as usize).filter(|_| number != field) else {
                continue;
            };
            if !is_empty && !other.is_empty() {
                return Err(Refusal::InvalidArgument(format!(
                    "unexpected explicit tensor data for input tensor '{name}' for model '{}' of \
                     type '{other}', expected datatype '{}'",
                    self.model,
                    ::oip::datatype::name(dtype)
                )));
            }
        }
        Ok(())
    }

    /// Elements of any length, as they would be in `raw_input_contents`: each behind its length in
    /// four bytes. An element takes as much of the message or half of that.
    fn strings(&mut self, field: u32, contents: &[u8]) -> Result<Data, Refusal> {
        (self.charge)(contents.len().saturating_mul(2))?;
        let mut prefixed = Vec::with_capacity(contents.len().saturating_mul(2));
        let mut fields = Fields::of_elements(contents);
        while let Some((number, value)) = fields.next()? {
            if number == field {
                tensor::push_prefixed(&mut prefixed, value.bytes()?);
            }
        }
        Ok(Data::Raw(prefixed.into()))
    }

    fn wrong(&self, name: &str, text: &str) -> Refusal {
        Refusal::InvalidArgument(format!("{text} '{name}' for model '{}'", self.model))
    }
}

/// The type that each field of `InferTensorContents` is named by in errors.
const FIELDS: [&str; 9] =
    ["", "BOOL", "INT32", "INT64", "UINT32", "UINT64", "FP32", "FP64", "BYTES"];

/// The field of `InferTensorContents` for elements of a type.
fn field(dtype: DType) -> Option<(u32, Form)> {
    Some(match dtype {
        DType::Bool => (1, Form::Varint),
        DType::I8 | DType::I16 | DType::I32 => (2, Form::Varint),
        DType::I64 => (3, Form::Varint),
        DType::U8 | DType::U16 | DType::U32 => (4, Form::Varint),
        DType::U64 => (5, Form::Varint),
        DType::F32 => (6, Form::Fixed),
        DType::F64 => (7, Form::Fixed),
        DType::String => (8, Form::Fixed),
        _ => return None,
    })
}

/// One `InferRequestedOutputTensor`.
fn wanted(message: &[u8]) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted { is_binary: Some(true), ..Wanted::default() };
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => wanted.name = value.name()?.to_string(),
            2 => {
                let entry = value.bytes()?;
                match self::entry(entry)? {
                    ("classification", Parameter::Int(classes)) => {
                        wanted.classes = usize::try_from(classes).unwrap_or(0);
                    }
                    ("classification", _) => {
                        return Err(kind("classification", "int64_param"));
                    }
                    _ => shared_parameter(entry, &mut wanted.shared)?,
                }
            }
            _ => {}
        }
    }
    wanted.shared = wanted.shared.filter(|shared| !shared.region.is_empty());
    Ok(wanted)
}

/// What the parameters of a request ask for.
#[derive(Default)]
struct Parameters {
    /// That the reply says that it is the last one.
    says_final: bool,
    max_wait: Option<Duration>,
    priority: u64,
}

/// A parameter of the request.
fn parameter(message: &[u8], parameters: &mut Parameters) -> Result<(), Refusal> {
    /// The one parameter of those that Triton reserves that a client may set.
    const FINAL: &str = "triton_enable_empty_final_response";
    match entry(message)? {
        ("sequence_id", Parameter::Int(_) | Parameter::Text(_)) => {}
        ("sequence_id", _) => return Err(kind("sequence_id", "int64_param or string_param")),
        ("sequence_start" | "sequence_end", Parameter::Bool(_)) => {}
        (key @ ("sequence_start" | "sequence_end"), _) => return Err(kind(key, "bool_param")),
        ("priority", Parameter::Unsigned(priority)) => parameters.priority = priority,
        (key @ ("priority" | "timeout"), Parameter::Int(..0)) => {
            let text = format!("invalid value for '{key}', expected value >= 0.");
            return Err(Refusal::InvalidArgument(text));
        }
        ("priority", Parameter::Int(priority)) => parameters.priority = priority.unsigned_abs(),
        ("priority", _) => return Err(kind("priority", "int64_param or uint64_param")),
        ("timeout", Parameter::Int(timeout)) => {
            parameters.max_wait = ::oip::max_wait(timeout.unsigned_abs());
        }
        ("timeout", _) => return Err(kind("timeout", "int64_param")),
        (FINAL, Parameter::Bool(is_wanted)) => parameters.says_final = is_wanted,
        (key, _) if key.starts_with("triton_") => {
            return Err(Refusal::InvalidArgument(format!(
                "parameter keys starting with 'triton_' are reserved for Triton usage. Only the \
                 following keys starting with 'triton_' are allowed: {FINAL}"
            )));
        }
        (key, Parameter::Empty) => {
            return Err(kind(key, "int64_param, bool_param, or string_param"));
        }
        (_, Parameter::Bool(_) | Parameter::Int(_) | Parameter::Text(_)) => {}
        (_, Parameter::Double | Parameter::Unsigned(_)) => {}
    }
    Ok(())
}

/// A parameter that says where in shared memory a tensor is; all others mean nothing here.
fn shared_parameter(message: &[u8], shared: &mut Option<Shared>) -> Result<(), Refusal> {
    let (key, value) = entry(message)?;
    if !key.starts_with("shared_memory_") {
        return Ok(());
    }
    let shared = shared.get_or_insert_with(Shared::default);
    match (key, value) {
        ("shared_memory_region", Parameter::Text(region)) => shared.region = region.to_string(),
        ("shared_memory_region", _) => return Err(kind(key, "string_param")),
        ("shared_memory_offset", Parameter::Int(offset)) => {
            shared.offset = u64::try_from(offset).unwrap_or(u64::MAX);
        }
        ("shared_memory_byte_size", Parameter::Int(size)) => {
            shared.byte_size = u64::try_from(size).unwrap_or(u64::MAX);
        }
        ("shared_memory_offset" | "shared_memory_byte_size", _) => {
            return Err(kind(key, "int64_param"));
        }
        _ => {}
    }
    Ok(())
}

fn kind(key: &str, expected: &str) -> Refusal {
    let text = format!("invalid value type for '{key}' parameter, expected {expected}.");
    Refusal::InvalidArgument(text)
}

/// A name and an `InferParameter`.
fn entry(message: &[u8]) -> Result<(&str, Parameter<'_>), Refusal> {
    let (mut key, mut parameter) = ("", Parameter::Empty);
    let mut fields = Fields::new(message);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => key = value.name()?,
            2 => {
                let mut choices = Fields::new(value.bytes()?);
                while let Some((number, value)) = choices.next()? {
                    parameter = match number {
                        1 => Parameter::Bool(value.varint()? != 0),
                        2 => Parameter::Int(value.varint()?.cast_signed()),
                        3 => Parameter::Text(value.name()?),
                        4 => Parameter::Double,
                        5 => Parameter::Unsigned(value.varint()?),
                        _ => parameter,
                    };
                }
            }
            _ => {}
        }
    }
    Ok((key, parameter))
}

/// Adds sizes of a shape, one or several. A negative one is no size that a model has.
fn sizes(value: Value<'_>, shape: &mut Vec<usize>) -> Result<(), Refusal> {
    let mut push = |size: u64| {
        if shape.len() == RANK_MAX {
            let text = format!("expected at most {RANK_MAX} dimensions, found more");
            return Err(Refusal::InvalidArgument(text));
        }
        shape.push(usize::try_from(size.cast_signed()).unwrap_or(usize::MAX));
        Ok(())
    };
    match value {
        Value::Bytes(mut all) => {
            while !all.is_empty() {
                push(varint(&mut all)?)?;
            }
            Ok(())
        }
        one => push(one.varint()?),
    }
}
