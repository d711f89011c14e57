//! The JSON of `infer`: what is asked, before anybody looks at the model.

use super::reader::{Reader, missing, unparsable};
use crate::json::{decode_base64, list};
use ::oip::{Asked, Data, Given, Shared, Wanted, datatype};
use server::Refusal;
use tensor::{DType, Tensor, element_count};

/// Most inputs or outputs in one request. 1024: no model has as many, and each costs memory
/// though its text may be three bytes.
const MAX_TENSORS: usize = 1024;

/// Most dimensions of a shape. 64: no model has as many.
const MAX_RANK: usize = 64;

/// Reads the JSON; strings are image files in base64, at most `max_images`, or text where there is
/// no such number. Memory is bounded by the JSON's length: no element takes more than eight bytes,
/// one of text beside its own, and none less than two bytes of JSON.
pub(crate) fn parse(text: &[u8], max_images: Option<usize>) -> Result<Asked, Refusal> {
    let mut asked = Asked::default();
    let mut has_inputs = false;
    Reader::new(text).document(|reader, key| {
        match key {
            "id" => asked.id = reader.string("id")?,
            "parameters" => parameters(reader, &mut asked)?,
            "inputs" => {
                has_inputs = true;
                reader.list("inputs", |reader| {
                    check_count(asked.inputs.len())?;
                    asked.inputs.push(input(text, reader, max_images)?);
                    Ok(())
                })?;
            }
            "outputs" => asked.outputs = Some(outputs(reader)?),
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    if has_inputs { Ok(asked) } else { Err(missing("inputs")) }
}

fn check_count(count: usize) -> Result<(), Refusal> {
    if count < MAX_TENSORS {
        return Ok(());
    }
    let text = format!("expected at most {MAX_TENSORS} inputs or outputs, found more");
    Err(Refusal::InvalidArgument(text))
}

/// The parameters of the request.
fn parameters(reader: &mut Reader<'_>, asked: &mut Asked) -> Result<(), Refusal> {
    reader.object("parameters", |reader, key| {
        match key {
            "binary_data_output" => asked.is_binary = reader.boolean(key)?,
            "sequence_start" | "sequence_end" => drop(reader.boolean(key)?),
            "priority" => asked.priority = reader.unsigned(key)?,
            "timeout" => asked.max_wait = ::oip::max_wait(reader.unsigned(key)?),
            "sequence_id" => drop(reader.setting(key)?),
            _ if key.starts_with("triton_") => {
                let text = "parameter keys starting with 'triton_' are reserved for Triton usage \
                            and should not be specified.";
                return Err(Refusal::InvalidArgument(text.to_string()));
            }
            _ => reader.skip()?,
        }
        Ok(())
    })
}

/// What one input's object says; whatever it leaves out is checked at its end.
#[derive(Default)]
struct Fields {
    name: Option<String>,
    shape: Option<Vec<usize>>,
    datatype: Option<String>,
    binary: Option<usize>,
    shared: Option<Shared>,
    /// Where `data` begins.
    data_at: Option<usize>,
    /// What was read of `data`, when its type and shape were known by then.
    data: Option<Data>,
}

/// What an input's data are.
struct Kind<'a> {
    name: &'a str,
    dtype: DType,
    shape: &'a [usize],
}

fn input(
    text: &[u8],
    reader: &mut Reader<'_>,
    max_images: Option<usize>,
) -> Result<Given, Refusal> {
    let mut fields = Fields::default();
    reader.object("inputs", |reader, key| {
        match key {
            "name" => fields.name = Some(reader.string("name")?),
            "datatype" => fields.datatype = Some(reader.string("datatype")?),
            "shape" => fields.shape = Some(shape(reader)?),
            "parameters" => fields.parameters(reader)?,
            "data" => {
                fields.data_at = Some(reader.index()?);
                match fields.kind() {
                    Some(kind) => fields.data = Some(data(reader, kind, max_images)?),
                    None => reader.skip()?,
                }
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    fields.given(text, max_images)
}

impl Fields {
    fn parameters(&mut self, reader: &mut Reader<'_>) -> Result<(), Refusal> {
        reader.object("parameters", |reader, key| match key {
            "binary_data_size" => {
                let size = reader.unsigned(key)?;
                self.binary = Some(usize::try_from(size).unwrap_or(usize::MAX));
                Ok(())
            }
            _ => shared_parameter(&mut self.shared, reader, key),
        })
    }

    /// What the data are, when the input said all of it before them.
    fn kind(&self) -> Option<Kind<'_>> {
        let (name, shape) = (self.name.as_deref()?, self.shape.as_deref()?);
        Some(Kind { name, dtype: datatype::from_name(self.datatype.as_deref()?)?, shape })
    }

    fn given(self, text: &[u8], max_images: Option<usize>) -> Result<Given, Refusal> {
        // Offset and size mean nothing without a region.
        let shared = self.shared.filter(|shared| !shared.region.is_empty());
        let set = [
            (self.data_at.is_some(), " 'data'"),
            (self.binary.is_some(), " 'binary_data_size'"),
            (shared.is_some(), " 'shared_memory_region'"),
        ];
        let set: Vec<&str> =
            set.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name).collect();
        if set.len() != 1 {
            let found = match set.as_slice() {
                [] => " no field is set".to_string(),
                names => format!(" set{}", names.concat()),
            };
            return Err(Refusal::InvalidArgument(format!(
                "Input must set only one of the following fields: 'data', 'binary_data_size' in \
                 'parameters', 'shared_memory_region' in 'parameters'. But{found}"
            )));
        }
        let name = self.name.ok_or_else(|| missing("name"))?;
        let datatype = self.datatype.ok_or_else(|| missing("datatype"))?;
        let shape = self.shape.ok_or_else(|| missing("shape"))?;
        let invalid = || Refusal::InvalidArgument(format!("invalid datatype for input {name}"));
        let dtype = datatype::from_name(&datatype).ok_or_else(invalid)?;
        let data = match (self.data, self.binary, shared) {
            (Some(data), _, _) => data,
            (None, Some(size), _) => Data::Binary(size),
            (None, None, Some(shared)) => Data::Shared(shared),
            (None, None, None) => {
                let mut reader = Reader::at(text, self.data_at.unwrap_or_default());
                data(&mut reader, Kind { name: &name, dtype, shape: &shape }, max_images)?
            }
        };
        Ok(Given { name, shape, dtype, data })
    }
}

/// Reads a parameter that says where in shared memory a tensor is; skips all others.
fn shared_parameter(
    shared: &mut Option<Shared>,
    reader: &mut Reader<'_>,
    key: &str,
) -> Result<(), Refusal> {
    if !key.starts_with("shared_memory_") {
        return reader.skip();
    }
    let shared = shared.get_or_insert_default();
    match key {
        "shared_memory_region" => shared.region = reader.string(key)?,
        "shared_memory_offset" => shared.offset = reader.unsigned(key)?,
        "shared_memory_byte_size" => shared.byte_size = reader.unsigned(key)?,
        _ => reader.skip()?,
    }
    Ok(())
}

fn shape(reader: &mut Reader<'_>) -> Result<Vec<usize>, Refusal> {
    let mut shape = Vec::new();
    reader.list("shape", |reader| {
        if shape.len() == MAX_RANK {
            let why = format!("expected at most {MAX_RANK} dimensions, found more");
            return Err(unparsable("shape", &why));
        }
        shape.push(usize::try_from(reader.unsigned("shape")?).unwrap_or(usize::MAX));
        Ok(())
    })?;
    Ok(shape)
}

/// The value of `data`.
fn data(
    reader: &mut Reader<'_>,
    kind: Kind<'_>,
    max_images: Option<usize>,
) -> Result<Data, Refusal> {
    let Kind { name, dtype, shape } = kind;
    if dtype == DType::String {
        return match max_images {
            Some(max_images) => images(reader, max_images),
            None => Ok(Data::Strings(reader.strings("data")?)),
        };
    }
    if !list::has_numbers(dtype) {
        reader.skip()?;
        let dtype = datatype::name(dtype);
        return Err(Refusal::InvalidArgument(format!(
            "receiving {dtype} data via JSON is not supported. Please use the binary data format \
             for input {name}"
        )));
    }
    // Before memory is taken for what the shape claims: an element has a digit and a comma.
    let most = reader.left()? / 2 + 1;
    let count = element_count(shape).filter(|&count| count <= most);
    let fitting = if count.is_some() { shape } else { &[0] };
    let tensor = Tensor::zeros(dtype, fitting);
    let mut tensor = tensor.map_err(|e| Refusal::InvalidArgument(format!("{name}: {e}")))?;
    if count == Some(0) {
        // As Triton does: where there is no element, nobody looks for one.
        reader.skip()?;
    } else {
        reader.elements("data", &mut tensor)?;
    }
    match count {
        Some(_) => Ok(Data::Tensor(tensor)),
        None => Err(unparsable("data", "Shape does not match true shape of 'data' field")),
    }
}

/// Image files as base64: JSON has no other way to hold them. They become what they would be
/// without JSON: each behind its length in four bytes.
fn images(reader: &mut Reader<'_>, max_images: usize) -> Result<Data, Refusal> {
    let (mut bytes, mut count) = (Vec::new(), 0);
    reader.list("data", |reader| {
        if count == max_images {
            return Err(Refusal::TooManyImages { limit: max_images });
        }
        let image = decode_base64(&reader.string("data")?)?;
        tensor::push_prefixed(&mut bytes, &image);
        count += 1;
        Ok(())
    })?;
    Ok(Data::Raw(bytes.into()))
}

fn outputs(reader: &mut Reader<'_>) -> Result<Vec<Wanted>, Refusal> {
    let mut outputs = Vec::new();
    reader.list("outputs", |reader| {
        check_count(outputs.len())?;
        outputs.push(output(reader)?);
        Ok(())
    })?;
    Ok(outputs)
}

fn output(reader: &mut Reader<'_>) -> Result<Wanted, Refusal> {
    let mut wanted = Wanted::default();
    let mut name = None;
    reader.object("outputs", |reader, key| {
        match key {
            "name" => name = Some(reader.string("name")?),
            "parameters" => reader.object("parameters", |reader, key| {
                match key {
                    "binary_data" => wanted.is_binary = Some(reader.boolean(key)?),
                    "classification" => {
                        let classes = reader.unsigned(key)?;
                        wanted.classes = usize::try_from(classes).unwrap_or(usize::MAX);
                    }
                    _ => shared_parameter(&mut wanted.shared, reader, key)?,
                }
                Ok(())
            })?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    wanted.shared = wanted.shared.filter(|shared| !shared.region.is_empty());
    if wanted.shared.is_some() && (wanted.classes > 0 || wanted.is_binary == Some(true)) {
        let text = "expected an output in shared memory, or as classes or binary data, not both";
        return Err(Refusal::InvalidArgument(text.to_string()));
    }
    wanted.name = name.ok_or_else(|| missing("name"))?;
    Ok(wanted)
}
