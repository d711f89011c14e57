//! A node as its import function sees it.

use super::params::element_type;
use super::symbol::{Node, tuple};
use super::walk::Walk;
use crate::build::{Builder, Operand};
use crate::decompose::arithmetic;
use crate::error::Reason;
use ir::{Fact, Op};
use tensor::DType;

/// What the import function of a node gives: the values that it makes, in order.
pub(super) type Made = Result<Vec<Operand>, Reason>;

/// Most elements that an attribute may ask for along one axis: no model has as many.
const SIZE_MAX: i64 = 1 << 31;

/// A node that is being imported.
pub(super) struct Call<'c, 'a> {
    /// The node.
    pub(super) node: &'c Node,
    /// What it takes.
    pub(super) inputs: Vec<Operand>,
    /// The state of the import.
    pub(super) walk: &'c mut Walk<'a>,
}

// === Inputs ===

impl Call<'_, '_> {
    /// The graph under construction.
    pub(super) fn build(&mut self) -> &mut Builder {
        &mut self.walk.build
    }

    /// An input that must be there.
    pub(super) fn input(&self, index: usize) -> Result<Operand, Reason> {
        self.inputs.get(index).cloned().ok_or_else(|| Reason::Input {
            input: index,
            expected: "a value".to_string(),
            found: "nothing".to_string(),
        })
    }

    /// Type and shape of an input that must be there.
    pub(super) fn fact(&self, index: usize) -> Result<Fact, Reason> {
        Ok(self.walk.build.fact(&self.input(index)?))
    }

    /// How many axes an input has that must be there.
    pub(super) fn rank(&self, index: usize) -> Result<usize, Reason> {
        Ok(self.fact(index)?.rank())
    }

    /// An input that must have so many axes at least.
    pub(super) fn of_rank(&self, index: usize, least: usize) -> Result<Operand, Reason> {
        let shape = self.fact(index)?.shape;
        if shape.len() >= least {
            return self.input(index);
        }
        let (expected, found) = (format!("at least {least} axes"), format!("{shape:?}"));
        Err(Reason::Input { input: index, expected, found })
    }

    /// A node with one output.
    pub(super) fn emit(&mut self, op: Op, inputs: &[&Operand]) -> Made {
        Ok(vec![self.walk.build.emit(op, inputs)?])
    }
}

// === Attributes ===

impl Call<'_, '_> {
    /// An attribute's text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.node.attribute(name).filter(|text| *text != "None")
    }

    /// An attribute that is on or off.
    pub(super) fn flag(&self, name: &str, default: bool) -> Result<bool, Reason> {
        match self.text(name) {
            None => Ok(default),
            Some("True" | "true" | "1") => Ok(true),
            Some("False" | "false" | "0") => Ok(false),
            Some(other) => Err(self.refuse(name, "True or False", other)),
        }
    }

    /// An attribute that is one number.
    pub(super) fn float(&self, name: &str, default: f64) -> Result<f64, Reason> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().map_err(|_| self.refuse(name, "a number", text))
    }

    /// An attribute that is a list of numbers, or the default.
    pub(super) fn floats(&self, name: &str, default: &[f32]) -> Result<Vec<f32>, Reason> {
        let Some(text) = self.text(name) else { return Ok(default.to_vec()) };
        let inner = text.trim_matches(|c| matches!(c, '(' | ')' | '[' | ']'));
        let parts = inner.split(',').map(str::trim).filter(|part| !part.is_empty());
        let numbers: Result<Vec<f32>, _> = parts.map(str::parse).collect();
        numbers.map_err(|_| self.refuse(name, "a list of numbers", text))
    }

    /// An attribute that is so many numbers, or the default.
    pub(super) fn several<const N: usize>(
        &self,
        name: &str,
        default: [f32; N],
    ) -> Result<[f32; N], Reason> {
        let numbers = self.floats(name, &default)?;
        let found =
            |numbers: Vec<f32>| self.refuse(name, &format!("{N} numbers"), &format!("{numbers:?}"));
        numbers.try_into().map_err(found)
    }

    /// An attribute that is one integer.
    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Reason> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.refuse(name, "an integer", text))
    }

    /// An attribute that is a number of things.
    pub(super) fn count(&self, name: &str, default: usize) -> Result<usize, Reason> {
        let Some(value) = self.int(name)? else { return Ok(default) };
        let count = usize::try_from(value).ok().filter(|_| value <= SIZE_MAX);
        count.ok_or_else(|| self.refuse(name, "a number of at least 0", &value.to_string()))
    }

    /// An attribute that is a list of integers, `None` among them where one is open.
    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<Option<i64>>>, Reason> {
        let Some(text) = self.text(name) else { return Ok(None) };
        tuple(text).map(Some).ok_or_else(|| self.refuse(name, "a list of integers", text))
    }

    /// An attribute that is a list of integers, all given.
    pub(super) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, Reason> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let found = || self.refuse(name, "a list of integers", "an open one");
        list.into_iter().collect::<Option<Vec<i64>>>().map(Some).ok_or_else(found)
    }

    /// An attribute that is one number for each of so many axes; empty and left out ones are the
    /// default.
    pub(super) fn sizes(
        &self,
        name: &str,
        count: usize,
        default: usize,
    ) -> Result<Vec<usize>, Reason> {
        let Some(list) = self.ints(name)?.filter(|list| !list.is_empty()) else {
            return Ok(vec![default; count]);
        };
        let fitting = |&value: &i64| usize::try_from(value).ok().filter(|_| value <= SIZE_MAX);
        let sizes = list.iter().map(fitting).collect::<Option<Vec<usize>>>();
        sizes.filter(|sizes| sizes.len() == count).ok_or_else(|| {
            self.refuse(name, &format!("{count} numbers of at least 0"), &format!("{list:?}"))
        })
    }

    /// An attribute that is an axis of something, or the default.
    pub(super) fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize, Reason> {
        let value = self.int(name)?.unwrap_or(default);
        self.axis_of(name, value, rank)
    }

    /// The axis that a number names.
    pub(super) fn axis_of(&self, name: &str, value: i64, rank: usize) -> Result<usize, Reason> {
        let found = || self.refuse(name, &format!("one of {rank} axes"), &value.to_string());
        arithmetic::axis(value, rank).ok_or_else(found)
    }

    /// An attribute that is axes of something; none where it is left out or empty.
    pub(super) fn axes(&self, name: &str, rank: usize) -> Result<Vec<usize>, Reason> {
        let given = self.ints(name)?.unwrap_or_default();
        given.into_iter().map(|axis| self.axis_of(name, axis, rank)).collect()
    }

    /// An attribute that is an element type, by its name or its number.
    pub(super) fn dtype(&self, name: &str, default: DType) -> Result<DType, Reason> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let dtype = match text {
            "float32" => Some(DType::F32),
            "float64" => Some(DType::F64),
            "float16" => Some(DType::F16),
            "bfloat16" => Some(DType::BF16),
            "bool" => Some(DType::Bool),
            "uint8" => Some(DType::U8),
            "int8" => Some(DType::I8),
            "int32" => Some(DType::I32),
            "int64" => Some(DType::I64),
            number => number.parse().ok().and_then(element_type),
        };
        dtype.ok_or_else(|| self.refuse(name, "a type of numbers", text))
    }

    /// The refusal of an attribute's value.
    pub(super) fn refuse(&self, name: &str, expected: &str, found: &str) -> Reason {
        let (name, expected, found) = (name.to_string(), expected.to_string(), found.to_string());
        Reason::Attribute { name, expected, found }
    }
}
