//! A node as its import function sees it: inputs resolved, attributes checked for their type.

use super::decode::{AttributeProto, AttributeType as Type, NodeProto, TensorProto};
use super::tensors;
use crate::build::{Builder, Kind, Operand};
use crate::error::Reason;
use ir::{Fact, Op};
use std::path::Path;
use tensor::{DType, Dim, Tensor, Value};

/// What the import function of a node gives: its outputs, in order. An operator may make fewer
/// than the node names; the missing ones are refused where somebody takes them.
pub(crate) type Made = Result<Vec<Operand>, Reason>;

/// A node that is being imported.
pub(crate) struct Call<'a> {
    /// The message.
    pub(crate) node: &'a NodeProto,
    /// Version of the operator set that the node is from.
    pub(crate) opset: i64,
    /// What it takes; `None` where an optional input is left out.
    pub(crate) inputs: Vec<Option<Operand>>,
    /// The graph under construction.
    pub(crate) build: &'a mut Builder,
    /// Where files with external data lie.
    pub(crate) folder: Option<&'a Path>,
}

const TYPE_NAMES: [&str; 15] = [
    "undefined",
    "a float",
    "an integer",
    "a string",
    "a tensor",
    "a graph",
    "floats",
    "integers",
    "strings",
    "tensors",
    "graphs",
    "a sparse tensor",
    "sparse tensors",
    "a type",
    "types",
];

// === Inputs ===

impl Call<'_> {
    /// An input that must be there.
    pub(crate) fn input(&self, index: usize) -> Result<Operand, Reason> {
        self.optional(index).ok_or_else(|| Reason::Input {
            input: index,
            expected: "a value".to_string(),
            found: "nothing".to_string(),
        })
    }

    /// An input that may be left out.
    pub(crate) fn optional(&self, index: usize) -> Option<Operand> {
        self.inputs.get(index).cloned().flatten()
    }

    /// All inputs of an operator that takes any number of them, at least one.
    pub(crate) fn variadic(&self) -> Result<Vec<Operand>, Reason> {
        (0..self.inputs.len().max(1)).map(|i| self.input(i)).collect()
    }

    /// Type and shape of an input that must be there.
    pub(crate) fn fact(&self, index: usize) -> Result<Fact, Reason> {
        Ok(self.build.fact(&self.input(index)?))
    }

    /// An input that is sizes: a number of repeats, the shape of an expansion. What is computed
    /// from data becomes symbols that have their values when it has been computed.
    pub(crate) fn dims(&mut self, index: usize, what: &str) -> Result<Vec<Dim>, Reason> {
        let x = self.input(index)?;
        if let Some(sizes) = x.sizes() {
            return Ok(sizes.dims);
        }
        match self.build.measure(&x)? {
            Some(sizes) if x.known().is_none() => Ok(sizes.dims),
            Some(_) | None => Err(self.data_dependent(index, what)),
        }
    }

    /// An input that is sizes, when it is known as such ahead.
    pub(crate) fn known_dims(&self, index: usize) -> Option<Vec<Dim>> {
        Some(self.optional(index)?.sizes()?.dims)
    }

    /// An input that is integers without symbols, when it is known as such ahead.
    pub(crate) fn known_integers(&self, index: usize) -> Option<Vec<i64>> {
        self.known_dims(index)?.iter().map(Dim::known).collect()
    }

    /// How many elements an input has that is a vector; a single number counts as one of 1.
    pub(crate) fn count(&self, index: usize) -> Result<usize, Reason> {
        let shape = self.fact(index)?.shape;
        let count = match shape.as_slice() {
            [] => Some(1),
            [count] => count.known_size(),
            _ => None,
        };
        count.ok_or_else(|| Reason::Input {
            input: index,
            expected: "a vector of known length".to_string(),
            found: format!("{shape:?}"),
        })
    }

    /// A constant vector of integers.
    pub(crate) fn vector(&mut self, values: &[i64]) -> Result<Operand, Reason> {
        let tensor = Tensor::from_slice(&[values.len()], values);
        let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
        Ok(Operand::constant(&self.build.node, tensor))
    }

    /// An input as a vector of `i64`.
    pub(crate) fn as_vector(&mut self, index: usize) -> Result<Operand, Reason> {
        let count = self.count(index)?;
        let x = self.input(index)?;
        let wide = self.build.cast(&x, DType::I64)?;
        self.build.reshape(&wide, vec![Dim::from(count)])
    }

    /// An input that the import has to know as integers without symbols.
    pub(crate) fn integers(&self, index: usize, what: &str) -> Result<Vec<i64>, Reason> {
        self.input(index)?;
        let dims = self.known_dims(index).ok_or_else(|| self.data_dependent(index, what))?;
        let known: Option<Vec<i64>> = dims.iter().map(Dim::known).collect();
        known.ok_or_else(|| Reason::Input {
            input: index,
            expected: format!("{what} that does not depend on the inputs' sizes"),
            found: format!("{dims:?}"),
        })
    }

    /// The refusal of an input that is not known ahead.
    pub(crate) fn data_dependent(&self, index: usize, what: &str) -> Reason {
        let known = self.optional(index).and_then(|x| x.known().cloned());
        match known {
            Some(tensor) => Reason::Input {
                input: index,
                expected: format!("{what}: a short vector of i64 or i32"),
                found: format!("{tensor:?}"),
            },
            None => Reason::DataDependent { input: index, what: what.to_string() },
        }
    }

    /// A node with one output.
    pub(crate) fn emit(&mut self, op: Op, inputs: &[&Operand]) -> Made {
        Ok(vec![self.build.emit(op, inputs)?])
    }
}

// === Attributes ===

impl Call<'_> {
    /// An attribute that is one integer.
    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, Reason> {
        Ok(self.attribute(name, Type::Int)?.map(|a| a.i))
    }

    /// An attribute that is 0 for false.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, Reason> {
        Ok(self.int(name)?.map_or(default, |v| v != 0))
    }

    /// An attribute that is one float.
    pub(crate) fn float(&self, name: &str) -> Result<Option<f32>, Reason> {
        Ok(self.attribute(name, Type::Float)?.map(|a| a.f))
    }

    /// An attribute that is a list of integers.
    pub(crate) fn ints(&self, name: &str) -> Result<Option<&[i64]>, Reason> {
        Ok(self.attribute(name, Type::Ints)?.map(|a| a.ints.as_slice()))
    }

    /// An attribute that is a list of integers none of which is negative.
    pub(crate) fn counts(&self, name: &str) -> Result<Option<Vec<usize>>, Reason> {
        let Some(values) = self.ints(name)? else { return Ok(None) };
        let counts: Option<Vec<usize>> =
            values.iter().map(|&v| u32::try_from(v).ok().map(|v| v as usize)).collect();
        let refused = || self.refuse(name, "integers from 0 to 2^32", &format!("{values:?}"));
        counts.map(Some).ok_or_else(refused)
    }

    /// An attribute that is a list of floats.
    pub(crate) fn floats(&self, name: &str) -> Result<Option<&[f32]>, Reason> {
        Ok(self.attribute(name, Type::Floats)?.map(|a| a.floats.as_slice()))
    }

    /// An attribute that is a text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, Reason> {
        let Some(attribute) = self.attribute(name, Type::String)? else { return Ok(None) };
        let text = std::str::from_utf8(&attribute.s);
        text.map(Some).map_err(|_| self.refuse(name, "text", "bytes that are not UTF-8"))
    }

    /// An attribute that is a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, Reason> {
        let Some(attribute) = self.attribute(name, Type::Strings)? else { return Ok(None) };
        let texts = attribute.strings.iter();
        Ok(Some(texts.map(|s| String::from_utf8_lossy(s).into_owned()).collect()))
    }

    /// An attribute that is a tensor.
    pub(crate) fn tensor(&self, name: &str) -> Result<Option<Tensor>, Reason> {
        let Some(attribute) = self.attribute(name, Type::Tensor)? else { return Ok(None) };
        let empty = TensorProto::default();
        let proto = attribute.t.as_ref().unwrap_or(&empty);
        tensors::read(proto, self.folder, &self.build.budget).map(Some)
    }

    /// An attribute that is a tensor of numbers or text.
    pub(crate) fn value(&self, name: &str) -> Result<Option<Value>, Reason> {
        let Some(attribute) = self.attribute(name, Type::Tensor)? else { return Ok(None) };
        let empty = TensorProto::default();
        let proto = attribute.t.as_ref().unwrap_or(&empty);
        tensors::read_value(proto, self.folder, &self.build.budget).map(Some)
    }

    /// The kind of value that an attribute declares.
    pub(crate) fn kind(&self, name: &str) -> Result<Option<Kind>, Reason> {
        let declared = self.node.attribute.iter().find(|a| a.name == name);
        let Some(declared) = declared.and_then(|a| a.tp.as_ref()) else { return Ok(None) };
        let refused = || self.refuse(name, "a type of tensors and sequences", "another");
        super::values::kind(declared).map(Some).ok_or_else(refused)
    }

    /// The refusal of an attribute's value.
    pub(crate) fn refuse(&self, name: &str, expected: &str, found: &str) -> Reason {
        let (name, expected, found) = (name.to_string(), expected.to_string(), found.to_string());
        Reason::Attribute { name, expected, found }
    }

    /// The axis that an attribute names, counted from the end when negative.
    pub(crate) fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize, Reason> {
        let value = self.int(name)?.unwrap_or(default);
        axis(value, rank).ok_or_else(|| {
            self.refuse(name, &format!("an axis of {rank} axes"), &value.to_string())
        })
    }

    fn attribute(&self, name: &str, kind: Type) -> Result<Option<&AttributeProto>, Reason> {
        let Some(attribute) = self.node.attribute.iter().find(|a| a.name == name) else {
            return Ok(None);
        };
        // Files older than the type field leave it out; the value is then in the right field.
        if attribute.r#type == 0 || attribute.r#type == kind as i32 {
            return Ok(Some(attribute));
        }
        let found = usize::try_from(attribute.r#type).ok().and_then(|t| TYPE_NAMES.get(t));
        let found = found.copied().unwrap_or("an unknown type");
        Err(self.refuse(name, TYPE_NAMES[kind as usize], found))
    }
}

/// The axis that `value` names, counted from the end when negative.
pub(crate) fn axis(value: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let from_start = if value < 0 { value.checked_add(rank)? } else { value };
    usize::try_from(from_start).ok().filter(|_| from_start < rank)
}

/// The axes that `values` name, ascending, each once.
pub(crate) fn axes(values: &[i64], rank: usize) -> Option<Vec<usize>> {
    let mut axes = values.iter().map(|&v| axis(v, rank)).collect::<Option<Vec<_>>>()?;
    axes.sort_unstable();
    axes.windows(2).all(|pair| pair[0] < pair[1]).then_some(axes)
}
