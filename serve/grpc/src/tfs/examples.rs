//! Examples of an `Input` to the inputs of a model that takes tensors: each feature becomes the row
//! of the input of its name; others are ignored, as a graph that parses examples ignores them.

use crate::elements::{self, Form};
use crate::fields::{Fields, malformed};
use ::tfs::{Context, check_row, feature_shape, type_name};
use plan::Port;
use server::{Refusal, Servable};
use tensor::{DType, Tensor, TextRow, Value};

/// The lists of a `Feature`.
const BYTES: u32 = 1;
const FLOATS: u32 = 2;
const INTEGERS: u32 = 3;

/// How many examples there are, and the model's inputs. `grow` is told of memory before it is
/// taken.
pub(super) fn tensors(
    input: &[u8],
    model: &Servable,
    grow: &mut dyn FnMut(usize) -> Result<(), Refusal>,
) -> Result<(usize, Vec<Value>), Refusal> {
    let Outline { lists, context } = outline(input)?;
    let mut context = Context::new(context.map_or(Ok(Vec::new()), features)?);
    let ports = &model.signature().inputs;
    let mut columns: Vec<Column<'_>> = ports.iter().map(Column::new).collect();
    let mut rows = 0;
    for list in lists {
        each(list, 1, &mut |example| {
            let own = features(example)?;
            for column in &mut columns {
                column.read(context.feature(column.port, &own)?, grow)?;
            }
            rows += 1;
            Ok(())
        })?;
    }
    let values = columns.into_iter().map(|column| column.stack(rows));
    Ok((rows, values.collect::<Result<_, _>>()?))
}

/// Calls `visit` with each example of an `Input`.
pub(super) fn each_example<'a>(
    input: &'a [u8],
    visit: &mut dyn FnMut(&'a [u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    outline(input)?.lists.into_iter().try_for_each(|list| each(list, 1, visit))
}

/// What an `Input` holds.
struct Outline<'a> {
    /// Messages whose first field is an example.
    lists: Vec<&'a [u8]>,
    /// The example whose features all others have that do not have their own.
    context: Option<&'a [u8]>,
}

fn outline(input: &[u8]) -> Result<Outline<'_>, Refusal> {
    let (mut lists, mut context) = (Vec::new(), None);
    let mut kinds = Fields::new(input);
    while let Some((kind, list)) = kinds.next()? {
        let list = list.bytes()?;
        lists.push(list);
        if kind == 2 {
            each(list, 2, &mut |example| {
                context = Some(example);
                Ok(())
            })?;
        }
    }
    Ok(Outline { lists, context })
}

/// Names and messages of an example's features.
fn features(example: &[u8]) -> Result<Vec<(String, &[u8])>, Refusal> {
    let mut found = Vec::new();
    each(example, 1, &mut |features| {
        // Of a map a client can make an entry of two bytes.
        let mut entries = Fields::new(features);
        while let Some((number, entry)) = entries.next()? {
            if number == 1 {
                found.push(feature(entry.bytes()?)?);
            }
        }
        Ok(())
    })?;
    Ok(found)
}

fn feature(entry: &[u8]) -> Result<(String, &[u8]), Refusal> {
    let (mut name, mut feature) = ("", &[][..]);
    let mut fields = Fields::new(entry);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => name = value.name()?,
            2 => feature = value.bytes()?,
            _ => {}
        }
    }
    Ok((name.to_string(), feature))
}

/// The rows of one input, while they are read.
struct Column<'a> {
    port: &'a Port,
    elements: Vec<u8>,
    texts: TextRow,
    /// Elements of each row, once there is one.
    row: Option<usize>,
}

impl<'a> Column<'a> {
    fn new(port: &'a Port) -> Column<'a> {
        Column { port, elements: Vec::new(), texts: TextRow::default(), row: None }
    }

    /// Reads one `Feature`.
    fn read(
        &mut self,
        feature: &[u8],
        grow: &mut dyn FnMut(usize) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let (mut kind, mut list) = (0, &[][..]);
        let mut fields = Fields::new(feature);
        while let Some((number, value)) = fields.next()? {
            if (BYTES..=INTEGERS).contains(&number) {
                (kind, list) = (number, value.bytes()?);
            }
        }
        let dtype = self.port.dtype;
        let found = match (kind, dtype) {
            (BYTES, DType::String) => self.texts(list, grow)?,
            (FLOATS, DType::F32 | DType::F64) => {
                let floats = numbers(list, Form::Fixed, DType::F32, grow)?;
                let count = floats.len() / size_of::<f32>();
                grow(count * dtype.size())?;
                for float in floats.as_chunks().0 {
                    match dtype {
                        DType::F32 => self.elements.extend_from_slice(float),
                        _ => {
                            let wide = f64::from(f32::from_le_bytes(*float));
                            self.elements.extend_from_slice(&wide.to_le_bytes());
                        }
                    }
                }
                count
            }
            (INTEGERS, _) if dtype == DType::Bool || (dtype.is_number() && !dtype.is_float()) => {
                let integers = numbers(list, Form::Varint, DType::I64, grow)?;
                let count = integers.len() / size_of::<i64>();
                grow(count * dtype.size())?;
                for integer in integers.as_chunks().0 {
                    self.integer(i64::from_le_bytes(*integer))?;
                }
                count
            }
            _ => return Err(self.mistyped(kind)),
        };
        check_row(*self.row.get_or_insert(found), found)
    }

    fn texts(
        &mut self,
        list: &[u8],
        grow: &mut dyn FnMut(usize) -> Result<(), Refusal>,
    ) -> Result<usize, Refusal> {
        let before = self.texts.len();
        each(list, 1, &mut |text| {
            let text = std::str::from_utf8(text).map_err(|error| {
                let name = &self.port.name;
                invalid(&format!("Feature: {name}: expected text in UTF-8: {error}"))
            })?;
            grow(text.len() + size_of::<usize>())?;
            self.texts.push(text);
            Ok(())
        })?;
        Ok(self.texts.len() - before)
    }

    /// Appends an integer that the input's type holds.
    fn integer(&mut self, value: i64) -> Result<(), Refusal> {
        macro_rules! narrowed {
            ($rust:ty) => {
                <$rust>::try_from(value)
                    .ok()
                    .map(|v| self.elements.extend_from_slice(&v.to_le_bytes()))
            };
        }
        let pushed = match self.port.dtype {
            DType::Bool => {
                u8::try_from(value).ok().filter(|bit| *bit <= 1).map(|bit| self.elements.push(bit))
            }
            DType::I8 => narrowed!(i8),
            DType::I16 => narrowed!(i16),
            DType::I32 => narrowed!(i32),
            DType::I64 => narrowed!(i64),
            DType::U8 => narrowed!(u8),
            DType::U16 => narrowed!(u16),
            DType::U32 => narrowed!(u32),
            DType::U64 => narrowed!(u64),
            _ => return Err(self.mistyped(INTEGERS)),
        };
        pushed.ok_or_else(|| {
            let (name, dtype) = (&self.port.name, type_name(self.port.dtype));
            invalid(&format!("Feature: {name} (data type: {dtype}) does not hold {value}"))
        })
    }

    fn mistyped(&self, kind: u32) -> Refusal {
        let (name, expected) = (&self.port.name, type_name(self.port.dtype));
        let found = match kind {
            BYTES => "string",
            FLOATS => "float",
            INTEGERS => "int64",
            _ => "no list of values",
        };
        let text = "Data types don't match.";
        invalid(&format!("Feature: {name}. {text} Expected type: {expected}, found: {found}"))
    }

    fn stack(self, rows: usize) -> Result<Value, Refusal> {
        let shape = feature_shape(self.port, rows, self.row.unwrap_or(0));
        let made = match self.port.dtype {
            DType::String => self.texts.shaped(&shape).map(Value::from),
            dtype => Tensor::from_bytes(dtype, &shape, &self.elements).map(Value::from),
        };
        made.map_err(|error| invalid(&format!("input `{}`: {error}", self.port.name)))
    }
}

/// The elements of a list of numbers, little-endian.
fn numbers(
    list: &[u8],
    form: Form,
    dtype: DType,
    grow: &mut dyn FnMut(usize) -> Result<(), Refusal>,
) -> Result<Vec<u8>, Refusal> {
    let count = elements::read(list, 1, form, dtype, &mut [])?;
    let size = count.checked_mul(dtype.size()).ok_or_else(malformed)?;
    grow(size)?;
    let mut bytes = vec![0; size];
    elements::read(list, 1, form, dtype, &mut bytes)?;
    Ok(bytes)
}

/// Calls `visit` with each message or value of bytes in field `number` of a list.
pub(super) fn each<'a>(
    message: &'a [u8],
    number: u32,
    visit: &mut dyn FnMut(&'a [u8]) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut fields = Fields::of_elements(message);
    while let Some((found, value)) = fields.next()? {
        if found == number {
            visit(value.bytes()?)?;
        }
    }
    Ok(())
}

fn invalid(text: &str) -> Refusal {
    Refusal::InvalidArgument(text.to_string())
}
