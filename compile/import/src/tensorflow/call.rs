//! A node as its import function sees it: what it takes is there, its attributes are checked.

use super::proto::{AttrValue, NodeDef};
use super::tensors;
use super::walk::Walk;
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic;
use crate::error::Reason;
use ir::{Fact, Op};
use std::rc::Rc;
use tensor::{DType, Dim, Tensor};

/// What the import function of a node gives: the tensors that it makes, in order.
pub(super) type Made = Result<Vec<Operand>, Reason>;

/// What the import function of a node gives that makes more than tensors.
pub(super) type Flows = Result<Vec<Flow>, Reason>;

/// A value on its way between nodes.
#[derive(Debug, Clone)]
pub(super) enum Flow {
    /// A tensor.
    Tensor(Operand),
    /// The handle of a variable or of a table: the node of the graph that makes it.
    Handle(Rc<str>),
    /// Tensors in order.
    List(Rc<List>),
    /// What the side of a switch gives that is not taken.
    Dead,
}

/// Tensors in order, of one shape.
#[derive(Debug, Clone)]
pub(super) enum List {
    /// All of them along a first axis.
    Stacked(Operand),
    /// A sequence of tensors of so many axes.
    Sequence {
        /// The sequence.
        values: Operand,
        /// Axes of each tensor.
        rank: usize,
    },
    /// Places for tensors of a type.
    Reserved {
        /// The type.
        dtype: DType,
    },
    /// A list of places with one of them filled.
    Set {
        /// Which place.
        index: Operand,
        /// What lies there.
        value: Operand,
    },
}

/// A node that is being imported.
pub(super) struct Call<'c, 'a> {
    /// The node.
    pub(super) node: &'c NodeDef,
    /// What it takes.
    pub(super) inputs: Vec<Flow>,
    /// The state of the import.
    pub(super) walk: &'c mut Walk<'a>,
}

// === Inputs ===

impl Call<'_, '_> {
    /// The graph under construction.
    pub(super) fn build(&mut self) -> &mut Builder {
        &mut self.walk.build
    }

    /// An input that must be there, of any kind.
    pub(super) fn flow(&self, index: usize) -> Result<Flow, Reason> {
        self.inputs.get(index).cloned().ok_or_else(|| Reason::Input {
            input: index,
            expected: "a value".to_string(),
            found: "nothing".to_string(),
        })
    }

    /// An input that must be a tensor.
    pub(super) fn input(&self, index: usize) -> Result<Operand, Reason> {
        match self.flow(index)? {
            Flow::Tensor(operand) => Ok(operand),
            other => Err(Reason::Input {
                input: index,
                expected: "a tensor".to_string(),
                found: other.kind().to_string(),
            }),
        }
    }

    /// An input that may be left out.
    pub(super) fn optional(&self, index: usize) -> Option<Operand> {
        match self.inputs.get(index) {
            Some(Flow::Tensor(operand)) => Some(operand.clone()),
            _ => None,
        }
    }

    /// All inputs, which have to be tensors, at least one.
    pub(super) fn all(&self) -> Result<Vec<Operand>, Reason> {
        (0..self.inputs.len().max(1)).map(|index| self.input(index)).collect()
    }

    /// Type and shape of an input that must be there.
    pub(super) fn fact(&self, index: usize) -> Result<Fact, Reason> {
        Ok(self.walk.build.fact(&self.input(index)?))
    }

    /// An input that must have so many axes.
    pub(super) fn of_rank(&self, index: usize, rank: usize) -> Result<Operand, Reason> {
        let (x, shape) = (self.input(index)?, self.fact(index)?.shape);
        if shape.len() == rank {
            return Ok(x);
        }
        let (expected, found) = (format!("{rank} axes"), format!("{shape:?}"));
        Err(Reason::Input { input: index, expected, found })
    }

    /// An input that is sizes. What is computed from data becomes symbols that have their values
    /// when it has been computed.
    pub(super) fn dims(&mut self, index: usize, what: &str) -> Result<Vec<Dim>, Reason> {
        let x = self.input(index)?;
        if let Some(sizes) = x.sizes() {
            return Ok(sizes.dims);
        }
        match self.walk.build.measure(&x)? {
            Some(sizes) if x.known().is_none() => Ok(sizes.dims),
            Some(_) | None => Err(Reason::DataDependent { input: index, what: what.to_string() }),
        }
    }

    /// An input that is one size.
    pub(super) fn dim(&mut self, index: usize, what: &str) -> Result<Dim, Reason> {
        let dims = self.dims(index, what)?;
        let [dim] = dims.as_slice() else {
            let (expected, found) = (format!("{what}: one number"), format!("{dims:?}"));
            return Err(Reason::Input { input: index, expected, found });
        };
        Ok(dim.clone())
    }

    /// An input that is sizes, when it is known as such ahead.
    pub(super) fn known_dims(&self, index: usize) -> Option<Vec<Dim>> {
        Some(self.optional(index)?.sizes()?.dims)
    }

    /// An input that the import has to know as integers without symbols.
    pub(super) fn integers(&self, index: usize, what: &str) -> Result<Vec<i64>, Reason> {
        let x = self.input(index)?;
        let dims = match x.sizes() {
            Some(sizes) => sizes.dims,
            None => long_integers(&x)
                .ok_or_else(|| Reason::DataDependent { input: index, what: what.to_string() })?,
        };
        let known: Option<Vec<i64>> = dims.iter().map(Dim::known).collect();
        known.ok_or_else(|| Reason::Input {
            input: index,
            expected: format!("{what} that does not depend on the inputs' sizes"),
            found: format!("{dims:?}"),
        })
    }

    /// An input that the import has to know as one integer.
    pub(super) fn integer(&self, index: usize, what: &str) -> Result<i64, Reason> {
        let values = self.integers(index, what)?;
        let [value] = values.as_slice() else {
            let (expected, found) = (format!("{what}: one number"), format!("{values:?}"));
            return Err(Reason::Input { input: index, expected, found });
        };
        Ok(*value)
    }

    /// An input that the import has to know as one number.
    pub(super) fn number(&mut self, index: usize, what: &str) -> Result<f64, Reason> {
        let x = self.input(index)?;
        let refused = || Reason::DataDependent { input: index, what: what.to_string() };
        x.known().ok_or_else(refused)?;
        let wide = self.walk.build.cast(&x, DType::F64)?;
        let known = wide.known().and_then(|t| t.as_slice::<f64>().ok().map(<[f64]>::to_vec));
        match known.as_deref() {
            Some(&[value]) => Ok(value),
            _ => Err(refused()),
        }
    }

    /// An input that is an axis of so many.
    pub(super) fn axis_at(&self, index: usize, rank: usize) -> Result<usize, Reason> {
        let value = self.integer(index, "the axis")?;
        arithmetic::axis(value, rank).ok_or_else(|| Reason::Input {
            input: index,
            expected: format!("an axis of {rank}"),
            found: value.to_string(),
        })
    }

    /// An input that is axes of so many, ascending.
    pub(super) fn axes_at(&self, index: usize, rank: usize) -> Result<Vec<usize>, Reason> {
        let values = self.integers(index, "the axes")?;
        let axes: Option<Vec<usize>> =
            values.iter().map(|&value| arithmetic::axis(value, rank)).collect();
        let mut axes = axes.ok_or_else(|| Reason::Input {
            input: index,
            expected: format!("axes of {rank}"),
            found: format!("{values:?}"),
        })?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// A constant vector of integers.
    pub(super) fn vector(&mut self, values: &[i64]) -> Result<Operand, Reason> {
        let tensor = Tensor::from_slice(&[values.len()], values);
        let tensor = tensor.map_err(|error| Reason::Evaluation(error.to_string()))?;
        Ok(Operand::constant(&self.walk.build.node, tensor))
    }

    /// A node with one output.
    pub(super) fn emit(&mut self, op: Op, inputs: &[&Operand]) -> Made {
        Ok(vec![self.walk.build.emit(op, inputs)?])
    }
}

/// All integers of a constant vector, however many.
fn long_integers(x: &Operand) -> Option<Vec<Dim>> {
    let known = x.known()?;
    let values: Vec<i64> = match known.dtype() {
        DType::I64 => known.as_slice::<i64>().ok()?.to_vec(),
        DType::I32 => known.as_slice::<i32>().ok()?.iter().map(|&v| i64::from(v)).collect(),
        _ => return None,
    };
    (known.shape().len() <= 1).then(|| values.into_iter().map(Dim::from).collect())
}

impl Flow {
    /// What it is, in words.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Flow::Tensor(_) => "a tensor",
            Flow::Handle(_) => "the handle of a variable or table",
            Flow::List(_) => "a list of tensors",
            Flow::Dead => "what is not computed",
        }
    }
}

// === Attributes ===

impl Call<'_, '_> {
    fn attribute(&self, name: &str) -> Option<&AttrValue> {
        self.node.attr.get(name)
    }

    /// An attribute that is one integer.
    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    /// An attribute that is a number of things.
    pub(super) fn count(&self, name: &str) -> Result<usize, Reason> {
        let value = self.int(name);
        let count = value.and_then(|value| usize::try_from(value).ok());
        count.ok_or_else(|| self.refuse(name, "a number of at least 0", &format!("{value:?}")))
    }

    /// An attribute that is on or off.
    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.attribute(name).and_then(|value| value.b).unwrap_or(default)
    }

    /// An attribute that is one number.
    pub(super) fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.f
    }

    /// An attribute that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.attribute(name)?.s.as_ref()?).ok()
    }

    /// An attribute that is a list of integers; empty when it is none.
    pub(super) fn ints(&self, name: &str) -> &[i64] {
        self.attribute(name).and_then(|value| value.list.as_ref()).map_or(&[], |list| &list.i)
    }

    /// An attribute that is an element type.
    pub(super) fn dtype(&self, name: &str) -> Result<DType, Reason> {
        let number = self.attribute(name).and_then(|value| value.r#type);
        let number = number.ok_or_else(|| self.refuse(name, "an element type", "nothing"))?;
        tensors::element_type(number)
            .map_err(|found| self.refuse(name, "a type of numbers or text", &found))
    }

    /// An attribute that is an element type, or the default.
    pub(super) fn dtype_or(&self, name: &str, default: DType) -> Result<DType, Reason> {
        if self.attribute(name).is_none_or(|value| value.r#type.is_none()) {
            return Ok(default);
        }
        self.dtype(name)
    }

    /// The refusal of an attribute's value.
    pub(super) fn refuse(&self, name: &str, expected: &str, found: &str) -> Reason {
        let (name, expected, found) = (name.to_string(), expected.to_string(), found.to_string());
        Reason::Attribute { name, expected, found }
    }
}
