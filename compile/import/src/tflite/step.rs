//! An operator as its import function sees it.

use super::flat::Table;
use super::model::{Operation, Value};
use super::quantize;
use super::walk::{Walk, widened};
use crate::build::{Builder, Operand};
use crate::error::Reason;
use crate::tensorflow::nodes::{Attribute, Nodes};
use tensor::scalar::Unary;
use tensor::{DType, Dim};

/// What the import function of an operator gives: what it makes, in order.
pub(super) type Made = Result<Vec<Operand>, Reason>;

/// An operator that is being imported.
pub(super) struct Step<'s, 'w, 'f> {
    pub(super) operation: &'f Operation<'f>,
    pub(super) walk: &'s mut Walk<'w, 'f>,
}

// === Inputs ===

impl<'w, 'f> Step<'_, 'w, 'f> {
    pub(super) fn nodes(&mut self) -> &mut Nodes<'w> {
        &mut self.walk.nodes
    }

    /// The graph under construction.
    pub(super) fn build(&mut self) -> &mut Builder {
        self.walk.nodes.build()
    }

    /// Where an input lies among the values; `None` where it is left out.
    fn place(&self, index: usize) -> Result<Option<usize>, Reason> {
        match self.operation.inputs.get(index) {
            None | Some(..0) => Ok(None),
            Some(&place) => match self.walk.value(place) {
                Some((at, _)) => Ok(Some(at)),
                None => Err(Reason::Undefined(place.to_string())),
            },
        }
    }

    /// An input that may be left out: the numbers that it stands for.
    pub(super) fn optional(&mut self, index: usize) -> Result<Option<Operand>, Reason> {
        self.place(index)?.map(|at| self.walk.numbers(at)).transpose()
    }

    /// An input that must be there.
    pub(super) fn input(&mut self, index: usize) -> Result<Operand, Reason> {
        self.optional(index)?.ok_or_else(|| Reason::Input {
            input: index,
            expected: "a value".to_string(),
            found: "nothing".to_string(),
        })
    }

    /// All inputs.
    pub(super) fn all(&mut self) -> Result<Vec<Operand>, Reason> {
        (0..self.operation.inputs.len().max(1)).map(|index| self.input(index)).collect()
    }

    /// All inputs from one on, in their own types.
    pub(super) fn stored(&mut self, from: usize) -> Result<Vec<Operand>, Reason> {
        let mut made = Vec::with_capacity(self.operation.inputs.len());
        for index in from..self.operation.inputs.len() {
            let place = self.place(index)?.ok_or(Reason::UnknownRank)?;
            made.push(self.walk.stored(place)?);
        }
        Ok(made)
    }

    /// What the model says of an input.
    pub(super) fn value(&self, index: usize) -> Option<&'f Value<'f>> {
        let place = *self.operation.inputs.get(index)?;
        self.walk.value(place).map(|(_, value)| value)
    }

    /// An input that must have so many axes, and their sizes.
    pub(super) fn of_rank(
        &mut self,
        index: usize,
        rank: usize,
    ) -> Result<(Operand, Vec<Dim>), Reason> {
        let x = self.input(index)?;
        let shape = self.walk.nodes.fact(&x).shape;
        if shape.len() == rank {
            return Ok((x, shape));
        }
        let (expected, found) = (format!("{rank} axes"), format!("{shape:?}"));
        Err(Reason::Input { input: index, expected, found })
    }

    /// Weights with their axes in another order. Of those that are integers the integers are moved,
    /// so that products find them where they look for them.
    pub(super) fn kernel(&mut self, index: usize, perm: &[usize]) -> Result<Operand, Reason> {
        let place = self.place(index)?;
        let quantization = self
            .value(index)
            .and_then(|value| value.quantization.as_ref().filter(|_| value.is_quantized()));
        let stored = place.map(|at| self.walk.stored(at)).transpose()?;
        let is_constant = stored.is_some_and(|stored| {
            stored.known().is_some() && self.walk.nodes.fact(&stored).rank() == perm.len()
        });
        let Some(at) = place.filter(|_| is_constant) else {
            let (x, _) = self.of_rank(index, perm.len())?;
            return self.build().transpose(&x, perm.to_vec());
        };
        self.walk.moved(at, perm, |nodes, stored| {
            let moved = nodes.build().transpose(stored, perm.to_vec())?;
            let Some(quantization) = quantization else { return widened(nodes, moved) };
            let axis = perm.iter().position(|&from| from == quantization.axis);
            quantize::numbers(nodes, &moved, quantization, axis.unwrap_or(usize::MAX))
        })
    }

    /// The element type of what the operator makes.
    pub(super) fn made_type(&self) -> Result<DType, Reason> {
        self.made_type_of(0)
    }

    /// The element type of one of the values that it makes.
    pub(super) fn made_type_of(&self, index: usize) -> Result<DType, Reason> {
        let place = self.operation.outputs.get(index).copied().unwrap_or(-1);
        let (_, value) = self.walk.value(place).ok_or(Reason::UnknownRank)?;
        value.dtype()
    }
}

// === Options ===

impl<'f> Step<'_, '_, 'f> {
    /// The options of the operator, where it has some.
    pub(super) fn options(&self) -> Option<Table<'f>> {
        self.operation.options
    }

    /// An option that is a number.
    pub(super) fn int(&self, field: usize) -> i64 {
        self.options().and_then(|options| options.int(field)).unwrap_or(0)
    }

    /// An option of one byte: one of several things.
    pub(super) fn choice(&self, field: usize) -> i64 {
        self.options().map_or(0, |options| options.byte(field))
    }

    /// An option that is on or off.
    pub(super) fn flag(&self, field: usize) -> bool {
        self.choice(field) != 0
    }

    /// An option that is a number with a fraction.
    pub(super) fn float(&self, field: usize) -> Option<f32> {
        self.options().and_then(|options| options.float(field))
    }

    /// An option that is a list of numbers.
    pub(super) fn ints(&self, field: usize) -> Vec<i64> {
        self.options().map_or_else(Vec::new, |options| options.ints(field))
    }

    /// The refusal of an option.
    pub(super) fn refuse(&self, name: &str, expected: &str, found: &str) -> Reason {
        let (name, expected, found) = (name.to_string(), expected.to_string(), found.to_string());
        Reason::Attribute { name, expected, found }
    }

    /// The activation that an option names.
    pub(super) fn activation(&self, field: usize) -> Result<Option<Unary>, Reason> {
        Ok(Some(match self.choice(field) {
            0 => return Ok(None),
            1 => Unary::Relu,
            2 => Unary::Clip { min: -1.0, max: 1.0 },
            3 => Unary::Clip { min: 0.0, max: 6.0 },
            4 => Unary::Tanh,
            other => {
                let (name, expected) = ("fused_activation_function", "a function up to tanh");
                return Err(self.refuse(name, expected, &format!("number {other}")));
            }
        }))
    }
}

// === Making ===

impl Step<'_, '_, '_> {
    /// What an operator of TensorFlow makes of values.
    pub(super) fn apply(
        &mut self,
        op: &str,
        attributes: &[(&str, Attribute)],
        inputs: &[&Operand],
    ) -> Made {
        self.walk.nodes.apply(op, attributes, inputs)
    }

    /// The same of all inputs.
    pub(super) fn apply_all(&mut self, op: &str, attributes: &[(&str, Attribute)]) -> Made {
        let inputs = self.all()?;
        self.apply(op, attributes, &inputs.iter().collect::<Vec<_>>())
    }

    /// The one value that an operator of TensorFlow makes.
    pub(super) fn one(
        &mut self,
        op: &str,
        attributes: &[(&str, Attribute)],
        inputs: &[&Operand],
    ) -> Result<Operand, Reason> {
        let made = self.apply(op, attributes, inputs)?;
        made.into_iter().next().ok_or(Reason::UnknownOperator)
    }

    /// A function of each element.
    pub(super) fn function(&mut self, function: Unary, x: &Operand) -> Result<Operand, Reason> {
        self.walk.nodes.of_elements(x, |build, x| build.unary(function, x))
    }

    /// A value behind the activation that an option names.
    pub(super) fn activated(&mut self, x: Operand, field: usize) -> Made {
        Ok(vec![match self.activation(field)? {
            Some(function) => self.function(function, &x)?,
            None => x,
        }])
    }
}
