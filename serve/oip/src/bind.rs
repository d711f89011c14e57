//! A request meets the model: every input finds its port, its type, its shape and its bytes. What
//! does not fit is refused in Triton's words.

use crate::reply::{self, Place};
use crate::strings::Strings;
use crate::{Asked, Data, Given, Shared, Wanted, datatype, refused};
use plan::{Port, Signature};
use server::{Refusal, Regions, Servable, whole_text};
use tensor::{DType, Dim, Tensor, TextRow, Value, element_count};

/// Inputs in the order of the signature, and what the reply is to hold.
#[derive(Debug)]
pub struct Bound {
    /// In the order of the signature.
    pub inputs: Vec<Value>,
    /// What the reply is to hold.
    pub asked: reply::Asked,
}

/// Finds the model's inputs among those given; `binary` is what follows the request.
///
/// # Errors
/// When an input is missing, unknown, of another type or shape, or not all there.
pub fn bind(
    asked: Asked,
    binary: &[u8],
    model: &Servable,
    regions: &Regions,
    max_images: usize,
) -> Result<Bound, Refusal> {
    let Asked { id, inputs, outputs, is_binary, .. } = asked;
    let binder = Binder { model, regions, id: &id, max_images };
    let outputs = binder.outputs(outputs, is_binary)?;
    binder.check_names(&inputs)?;
    let mut rest = binary;
    let mut values: Vec<Option<Value>> = model.signature().inputs.iter().map(|_| None).collect();
    for given in inputs {
        let bytes = binder.take(&given, &mut rest)?;
        let (index, port) = binder.port(&given.name)?;
        values[index] = Some(binder.value(given, bytes, port)?);
    }
    if !rest.is_empty() {
        let text = format!("unexpected additional input data for model '{}'", model.name());
        return Err(Refusal::InvalidArgument(text));
    }
    // As many names as inputs, each known and none twice: there is none missing.
    let inputs = values.into_iter().flatten().collect();
    Ok(Bound { inputs, asked: reply::Asked { id, outputs } })
}

/// A body that is the bare elements of the only input, its only text, or an image file for it.
///
/// # Errors
/// When the model has several inputs, or one of another size.
pub fn bind_raw(body: &[u8], is_image: bool, model: &Servable) -> Result<Bound, Refusal> {
    let outputs = model.signature().outputs.iter().enumerate();
    let outputs =
        outputs.map(|(index, _)| reply::Output { index, classes: 0, place: Place::Binary });
    let asked = reply::Asked { id: String::new(), outputs: outputs.collect() };
    let [port] = model.signature().inputs.as_slice() else {
        let found = model.signature().inputs.len();
        return Err(Refusal::InvalidArgument(format!(
            "expected JSON before the tensors of model '{}', which has {found} inputs, found none",
            model.name()
        )));
    };
    if model.takes_images() && is_image {
        return Ok(Bound { inputs: vec![model.prepare(body, None)?.into()], asked });
    }
    let input = match port.dtype {
        DType::String => whole_text(port, body)?,
        _ => dense(port, &raw_shape(port, body.len(), model)?, body)?,
    };
    Ok(Bound { inputs: vec![input], asked })
}

/// The shape of so many bytes: at most one size is left to find.
fn raw_shape(port: &Port, bytes: usize, model: &Servable) -> Result<Vec<usize>, Refusal> {
    let known = port.shape.iter().filter_map(Dim::known_size);
    let row = known.fold(port.dtype.size(), usize::saturating_mul);
    let open = port.shape.iter().filter(|dim| dim.known().is_none()).count();
    let fits = match open {
        0 => row == bytes,
        1 => row > 0 && bytes.is_multiple_of(row),
        _ => false,
    };
    if !fits {
        return Err(Refusal::InvalidArgument(format!(
            "expected JSON, or the bytes of input '{}' of model '{}' with shape {} and type {}; \
             found {bytes} bytes",
            port.name,
            model.name(),
            dims(&port.shape),
            datatype::name(port.dtype),
        )));
    }
    let found = bytes.checked_div(row).unwrap_or(0);
    Ok(port.shape.iter().map(|dim| dim.known_size().unwrap_or(found)).collect())
}

struct Binder<'a> {
    model: &'a Servable,
    regions: &'a Regions,
    id: &'a str,
    max_images: usize,
}

impl Binder<'_> {
    fn signature(&self) -> &Signature {
        self.model.signature()
    }

    /// A text about a request that could be read.
    fn refused(&self, text: &str) -> Refusal {
        refused(self.id, text)
    }

    /// What the reply is to hold, in the order of the signature.
    fn outputs(
        &self,
        wanted: Option<Vec<Wanted>>,
        is_binary: bool,
    ) -> Result<Vec<reply::Output>, Refusal> {
        let ports = &self.signature().outputs;
        let place = |is_binary| if is_binary { Place::Binary } else { Place::Json };
        // A list without names asks for all, as no list does.
        let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
            let all = 0..ports.len();
            return Ok(all
                .map(|index| reply::Output { index, classes: 0, place: place(is_binary) })
                .collect());
        };
        let mut outputs = Vec::with_capacity(wanted.len());
        for Wanted { name, classes, is_binary, shared } in wanted {
            let index = ports.iter().position(|port| port.name == name).ok_or_else(|| {
                let model = self.model.name();
                let text = format!("unexpected inference output '{name}' for model '{model}'");
                Refusal::InvalidArgument(text)
            })?;
            let place = match shared {
                Some(shared) => {
                    self.regions.find(&shared.region)?;
                    Place::Shared(shared)
                }
                // Naming an output takes back what the parameters of the request say.
                None => place(is_binary.unwrap_or(false)),
            };
            outputs.push(reply::Output { index, classes, place });
        }
        outputs.sort_by_key(|output| output.index);
        outputs.dedup_by_key(|output| output.index);
        Ok(outputs)
    }

    /// As many inputs as the model has, and none twice.
    fn check_names(&self, inputs: &[Given]) -> Result<(), Refusal> {
        for (index, Given { name, .. }) in inputs.iter().enumerate() {
            if inputs[..index].iter().any(|earlier| earlier.name == *name) {
                let text = format!("input '{name}' already exists in request");
                return Err(Refusal::InvalidArgument(text));
            }
        }
        let (expected, found) = (self.signature().inputs.len(), inputs.len());
        if expected == found {
            return Ok(());
        }
        let quoted = |names: Vec<&str>| {
            let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
            format!("[{}]", names.join(","))
        };
        let names = self.signature().inputs.iter().map(|port| port.name.as_str());
        let (got, missing): (Vec<&str>, Vec<&str>) =
            names.partition(|name| inputs.iter().any(|given| given.name == *name));
        Err(self.refused(&format!(
            "expected {expected} inputs but got {found} inputs for model '{}'. Got input(s) {}, \
             but missing required input(s) {}. Please provide all required input(s).",
            self.model.name(),
            quoted(got),
            quoted(missing)
        )))
    }

    fn port(&self, name: &str) -> Result<(usize, &Port), Refusal> {
        let mut ports = self.signature().inputs.iter().enumerate();
        ports.find(|(_, port)| port.name == name).ok_or_else(|| {
            let model = self.model.name();
            Refusal::InvalidArgument(format!(
                "unexpected inference input '{name}' for model '{model}'"
            ))
        })
    }

    /// The input's bytes among those behind the JSON.
    fn take<'b>(&self, given: &Given, rest: &mut &'b [u8]) -> Result<&'b [u8], Refusal> {
        let Data::Binary(size) = given.data else { return Ok(&[]) };
        let Some((bytes, left)) = rest.split_at_checked(size) else {
            return Err(Refusal::InvalidArgument(format!(
                "unexpected size for input '{}', expecting {} additional bytes for model '{}'",
                given.name,
                size - rest.len(),
                self.model.name()
            )));
        };
        *rest = left;
        Ok(bytes)
    }

    fn value(&self, given: Given, bytes: &[u8], port: &Port) -> Result<Value, Refusal> {
        let Given { name, shape, dtype, data } = given;
        let model = self.model.name();
        let is_of_images = dtype == DType::String
            && self.model.takes_images()
            && self.signature().inputs.len() == 1;
        if is_of_images {
            return self.images(&name, &shape, data, bytes).map(Value::from);
        }
        if dtype != port.dtype {
            return Err(self.refused(&format!(
                "inference input '{name}' data-type is '{}', but model '{model}' expects '{}'",
                datatype::name(dtype),
                datatype::name(port.dtype)
            )));
        }
        let is_held = |(dim, &size): (&Dim, &usize)| dim.known_size().is_none_or(|d| d == size);
        if shape.len() != port.shape.len() || !port.shape.iter().zip(&shape).all(is_held) {
            return Err(self.refused(&format!(
                "unexpected shape for input '{name}' for model '{model}'. Expected {}, got {}. ",
                dims(&port.shape),
                sizes(&shape)
            )));
        }
        if dtype == DType::String {
            return self.text(&name, &shape, data, bytes);
        }
        match data {
            Data::Tensor(tensor) => Ok(tensor.into()),
            Data::Binary(size) => {
                self.check_size(&name, &shape, dtype, size)?;
                dense(port, &shape, bytes)
            }
            Data::Raw(bytes) => {
                self.check_size(&name, &shape, dtype, bytes.len())?;
                dense(port, &shape, &bytes)
            }
            Data::Shared(shared) => {
                let size = usize::try_from(shared.byte_size).unwrap_or(usize::MAX);
                self.check_size(&name, &shape, dtype, size)?;
                let bytes = self.shared(&shared)?;
                dense(port, &shape, &bytes)
            }
            // Only elements of type `String` are read as such.
            Data::Strings(_) => Err(self.refused(&format!("input '{name}' takes no strings"))),
        }
    }

    fn check_size(
        &self,
        name: &str,
        shape: &[usize],
        dtype: DType,
        found: usize,
    ) -> Result<(), Refusal> {
        let expected = element_count(shape).and_then(|count| count.checked_mul(dtype.size()));
        if expected == Some(found) {
            return Ok(());
        }
        let expected = expected.map_or("more than memory can hold".to_string(), |e| e.to_string());
        Err(self.refused(&format!(
            "input byte size mismatch for input '{name}' for model '{}'. Expected {expected}, got \
             {found}",
            self.model.name()
        )))
    }

    /// A piece of shared memory. Memory is taken only when the region is as long.
    fn shared(&self, shared: &Shared) -> Result<Vec<u8>, Refusal> {
        let region = self.regions.find(&shared.region)?;
        if shared.byte_size > region.byte_size {
            let name = &shared.region;
            let text = format!("Invalid offset + byte size for shared memory region: '{name}'");
            return Err(Refusal::SharedMemory(text));
        }
        let mut bytes = vec![0; usize::try_from(shared.byte_size).unwrap_or(0)];
        region.read(shared.offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The elements of an input of text.
    fn text(
        &self,
        name: &str,
        shape: &[usize],
        data: Data,
        bytes: &[u8],
    ) -> Result<Value, Refusal> {
        let count = element_count(shape).unwrap_or(usize::MAX);
        let strings = Strings { input: name, model: self.model.name(), count };
        let row = match data {
            // As Triton does: where there is no element, nobody looks for one.
            _ if count == 0 => Ok(TextRow::default()),
            Data::Strings(row) => Ok(row),
            Data::Binary(_) => strings.read(bytes),
            Data::Raw(bytes) => strings.read(&bytes),
            Data::Shared(shared) => strings.read(&self.shared(&shared)?),
            Data::Tensor(_) => Ok(TextRow::default()),
        };
        let shaped = row.and_then(|row| strings.shaped(row, shape));
        shaped.map(Value::from).map_err(|text| self.refused(&text))
    }

    /// One image file for each element, each made a tensor by the recipe.
    fn images(
        &self,
        name: &str,
        shape: &[usize],
        data: Data,
        bytes: &[u8],
    ) -> Result<Tensor, Refusal> {
        let (raw, shared);
        let bytes: &[u8] = match data {
            Data::Binary(_) => bytes,
            Data::Raw(given) => {
                raw = given;
                &raw
            }
            Data::Shared(place) => {
                shared = self.shared(&place)?;
                &shared
            }
            Data::Tensor(_) | Data::Strings(_) => &[],
        };
        let images = self.elements(name, bytes)?;
        let expected = element_count(shape);
        if images.is_empty() || expected != Some(images.len()) {
            return Err(self.refused(&format!(
                "expected as many images in input '{name}' as its shape {} has elements, and at \
                 least one; found {}",
                sizes(shape),
                images.len()
            )));
        }
        let place = |index| (images.len() > 1).then_some(index);
        let rows = images.iter().enumerate();
        let rows: Result<Vec<Tensor>, Refusal> =
            rows.map(|(index, image)| self.model.prepare(image, place(index))).collect();
        stack(rows?, self.model)
    }

    /// Elements of any length: each behind its length in four bytes.
    fn elements<'b>(&self, name: &str, mut bytes: &'b [u8]) -> Result<Vec<&'b [u8]>, Refusal> {
        let mut elements = Vec::new();
        while !bytes.is_empty() {
            if elements.len() == self.max_images {
                return Err(Refusal::TooManyImages { limit: self.max_images });
            }
            let element = bytes.split_first_chunk().and_then(|(length, rest)| {
                rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
            });
            let Some((element, rest)) = element else {
                let at = elements.len();
                return Err(self.refused(&format!(
                    "input '{name}': the bytes end within element {at}; expected four bytes of \
                     length before each"
                )));
            };
            elements.push(element);
            bytes = rest;
        }
        Ok(elements)
    }
}

/// Images one after the other, when the model takes as many at once.
fn stack(mut rows: Vec<Tensor>, model: &Servable) -> Result<Tensor, Refusal> {
    if rows.len() == 1 {
        return Ok(rows.remove(0));
    }
    let takes_any = model
        .signature()
        .inputs
        .iter()
        .all(|port| port.shape.first().is_some_and(|dim| dim.known().is_none()));
    let bytes: Vec<u8> = rows.iter().flat_map(Tensor::bytes).copied().collect();
    let stacked = rows.first().filter(|_| takes_any).and_then(|first| {
        let (&size, rest) = first.shape().split_first()?;
        let shape: Vec<usize> = [size * rows.len()].iter().chain(rest).copied().collect();
        Tensor::from_bytes(first.dtype(), &shape, &bytes).ok()
    });
    stacked.ok_or_else(|| {
        Refusal::InvalidArgument(format!(
            "model '{}' takes one image at a time, found {}; send several requests",
            model.name(),
            rows.len()
        ))
    })
}

/// A tensor of these bytes, in which every boolean is 0 or 1.
fn dense(port: &Port, shape: &[usize], bytes: &[u8]) -> Result<Value, Refusal> {
    let invalid = |e| Refusal::InvalidArgument(format!("input '{}': {e}", port.name));
    let mut tensor = Tensor::from_bytes(port.dtype, shape, bytes).map_err(invalid)?;
    if port.dtype == DType::Bool {
        tensor.bytes_mut().iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
    }
    Ok(tensor.into())
}

/// `[-1,224]`.
fn dims(shape: &[Dim]) -> String {
    let sizes: Vec<String> = shape.iter().map(|d| d.known().unwrap_or(-1).to_string()).collect();
    format!("[{}]", sizes.join(","))
}

/// `[2,3]`.
fn sizes(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(","))
}
