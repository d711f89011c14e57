//! An operator's call as its import function sees it: arguments by the places of its schema.

use super::element;
use super::value::{Content, Items, Pool, Slot, Undo, Value};
use crate::build::{Builder, Operand, Sizes};
use crate::decompose::arithmetic;
use crate::error::Reason;
use ir::{Fact, Op};
use std::rc::Rc;
use tensor::{DType, Dim, Tensor};

/// What an import function gives.
pub(super) type Made = Result<Value, Reason>;

/// A call that is being imported.
pub(super) struct Call<'c> {
    /// The operator's name.
    pub(super) op: &'c str,
    /// The names of its parameters.
    pub(super) parameters: &'static str,
    /// What it is given, by the places of the parameters.
    pub(super) args: Vec<Option<Value>>,
    pub(super) build: &'c mut Builder,
    pub(super) pool: &'c Pool,
}

// === Arguments ===

impl Call<'_> {
    /// An argument, where one is given.
    pub(super) fn arg(&self, index: usize) -> Option<&Value> {
        self.args.get(index)?.as_ref().filter(|value| !matches!(value, Value::None))
    }

    /// The refusal of an argument.
    pub(super) fn refuse(&self, index: usize, expected: &str) -> Reason {
        let name = self.parameters.split(' ').nth(index).unwrap_or("an argument").to_string();
        let found = self.arg(index).map_or_else(|| "nothing".to_string(), Value::kind);
        Reason::Attribute { name, expected: expected.to_string(), found }
    }

    /// The refusal of the types and shapes of what is given first.
    pub(super) fn refuse_input(&self, x: &Operand, expected: &str) -> Reason {
        let Fact { dtype, shape } = self.build.fact(x);
        Reason::Input {
            input: 0,
            expected: expected.to_string(),
            found: format!("{dtype}{shape:?}"),
        }
    }

    /// The slot of an argument that is a tensor.
    pub(super) fn slot(&self, index: usize) -> Result<Rc<Slot>, Reason> {
        match self.arg(index) {
            Some(Value::Tensor(slot)) => Ok(slot.clone()),
            _ => Err(self.refuse(index, "a tensor")),
        }
    }

    /// An argument that is a tensor or a number.
    pub(super) fn tensor(&mut self, index: usize) -> Result<Operand, Reason> {
        let value = self.arg(index).cloned();
        let value = value.ok_or_else(|| self.refuse(index, "a tensor"))?;
        self.operand_of(index, &value)
    }

    /// The tensor or number that a value is.
    pub(super) fn operand_of(&self, index: usize, value: &Value) -> Result<Operand, Reason> {
        let constant = |tensor: Tensor| Operand::constant(&self.build.node, tensor);
        match value {
            Value::Tensor(slot) => slot.operand().map_err(|found| {
                let expected = "a tensor whose elements are known to be its own".to_string();
                Reason::Input { input: index, expected, found }
            }),
            Value::Int(dim) => Ok(self.build.sizes(Sizes::scalar(dim.clone()))),
            Value::Float(value) => Ok(constant(Tensor::scalar(*value as f32))),
            Value::Bool(value) => {
                let made = Tensor::from_bytes(DType::Bool, &[], &[u8::from(*value)]);
                made.map(constant).map_err(|error| Reason::Evaluation(error.to_string()))
            }
            _ => Err(self.refuse(index, "a tensor")),
        }
    }

    /// A tensor that may be left out.
    pub(super) fn tensor_if(&mut self, index: usize) -> Result<Option<Operand>, Reason> {
        match self.arg(index) {
            None => Ok(None),
            Some(_) => self.tensor(index).map(Some),
        }
    }

    /// Type and shape of an argument that is a tensor.
    pub(super) fn fact(&mut self, index: usize) -> Result<Fact, Reason> {
        let x = self.tensor(index)?;
        Ok(self.build.fact(&x))
    }

    /// The tensors of a list.
    pub(super) fn tensors(&self, index: usize) -> Result<Vec<Operand>, Reason> {
        let items = self.items(index)?;
        let items = items.borrow();
        items.iter().map(|value| self.operand_of(index, value)).collect()
    }

    /// The values of a list or tuple.
    pub(super) fn items(&self, index: usize) -> Result<Items, Reason> {
        match self.arg(index) {
            Some(Value::List(items) | Value::Tuple(items)) => Ok(items.clone()),
            _ => Err(self.refuse(index, "a list")),
        }
    }

    /// Is it a tensor?
    pub(super) fn is_tensor(&self, index: usize) -> bool {
        matches!(self.arg(index), Some(Value::Tensor(_)))
    }

    /// A size that a value is.
    pub(super) fn dim_of(value: &Value) -> Option<Dim> {
        match value {
            Value::Int(dim) => Some(dim.clone()),
            Value::Bool(value) => Some(Dim::from(i64::from(*value))),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
                Some(Dim::from(*value as i64))
            }
            Value::Tensor(slot) => match <[Dim; 1]>::try_from(slot.operand().ok()?.sizes()?.dims) {
                Ok([dim]) => Some(dim),
                Err(_) => None,
            },
            _ => None,
        }
    }

    /// A size.
    pub(super) fn dim(&self, index: usize) -> Result<Dim, Reason> {
        let found = self.arg(index).and_then(Call::dim_of);
        found.ok_or_else(|| self.refuse(index, "a number that follows from the inputs' sizes"))
    }

    /// A list of sizes, or one.
    pub(super) fn dims(&self, index: usize) -> Result<Vec<Dim>, Reason> {
        let refused = || self.refuse(index, "numbers that follow from the inputs' sizes");
        match self.arg(index) {
            Some(Value::List(items) | Value::Tuple(items)) => {
                let items = items.borrow();
                items.iter().map(Call::dim_of).collect::<Option<_>>().ok_or_else(refused)
            }
            Some(Value::Tensor(slot)) => {
                let sizes = slot.operand().ok().and_then(|x| x.sizes());
                sizes.map(|sizes| sizes.dims).ok_or_else(refused)
            }
            Some(value) => Call::dim_of(value).map(|dim| vec![dim]).ok_or_else(refused),
            None => Err(refused()),
        }
    }

    /// An integer that is known, or the default.
    pub(super) fn int(&self, index: usize, default: i64) -> Result<i64, Reason> {
        if self.arg(index).is_none() {
            return Ok(default);
        }
        self.dim(index)?.known().ok_or_else(|| self.refuse(index, "a number that is known ahead"))
    }

    /// Integers that are known.
    pub(super) fn ints(&self, index: usize) -> Result<Vec<i64>, Reason> {
        let known: Option<Vec<i64>> = self.dims(index)?.iter().map(Dim::known).collect();
        known.ok_or_else(|| self.refuse(index, "numbers that are known ahead"))
    }

    /// So many integers of at least `least`: one stands for all, and none for the default.
    pub(super) fn counts(
        &self,
        index: usize,
        axes: usize,
        default: Option<usize>,
        least: usize,
    ) -> Result<Vec<usize>, Reason> {
        let given = match (self.arg(index), default) {
            (None, Some(default)) => return Ok(vec![default; axes]),
            (None, None) => return Err(self.refuse(index, "numbers")),
            (Some(_), _) => self.ints(index)?,
        };
        let expected = || self.refuse(index, &format!("{axes} numbers of at least {least}"));
        let counts = given.iter().map(|&count| {
            usize::try_from(count).ok().filter(|&count| (least..=COUNT_MAX).contains(&count))
        });
        let mut counts = counts.collect::<Option<Vec<usize>>>().ok_or_else(expected)?;
        if counts.is_empty() && default.is_some() {
            return Ok(vec![default.unwrap_or(least); axes]);
        }
        if let [one] = counts[..] {
            counts = vec![one; axes];
        }
        if counts.len() == axes { Ok(counts) } else { Err(expected()) }
    }

    /// A number that is known, or the default.
    pub(super) fn float(&mut self, index: usize, default: f64) -> Result<f64, Reason> {
        match self.arg(index) {
            None => Ok(default),
            Some(Value::Float(value)) => Ok(*value),
            Some(Value::Bool(value)) => Ok(f64::from(u8::from(*value))),
            Some(Value::Tensor(_)) => {
                let x = self.tensor(index)?;
                let wide =
                    if x.known().is_some() { Some(self.build.cast(&x, DType::F64)?) } else { None };
                let known = wide.and_then(|x| {
                    x.known().and_then(|t| t.as_slice::<f64>().ok().map(<[f64]>::to_vec))
                });
                match known.as_deref() {
                    Some(&[value]) => Ok(value),
                    _ => Err(self.refuse(index, "a number that is known ahead")),
                }
            }
            Some(_) => self.int(index, 0).map(|value| value as f64),
        }
    }

    /// A truth, or the default.
    pub(super) fn flag(&self, index: usize, default: bool) -> Result<bool, Reason> {
        match self.arg(index) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(_) => Ok(self.int(index, 0)? != 0),
        }
    }

    /// A text, or the default.
    pub(super) fn text(&self, index: usize, default: &'static str) -> Result<Rc<str>, Reason> {
        match self.arg(index) {
            None => Ok(default.into()),
            Some(Value::Text(text)) => Ok(text.clone()),
            Some(_) => Err(self.refuse(index, "a text")),
        }
    }

    /// An axis of so many.
    pub(super) fn axis(&self, index: usize, default: i64, rank: usize) -> Result<usize, Reason> {
        let value = self.int(index, default)?;
        // A single number has one axis, as far as its number goes.
        let found = arithmetic::axis(value, rank.max(1));
        found.ok_or_else(|| self.refuse(index, &format!("an axis of {rank}")))
    }

    /// Axes of so many, ascending; all where none are given.
    pub(super) fn axes(&self, index: usize, rank: usize) -> Result<Vec<usize>, Reason> {
        let given = match self.arg(index) {
            None => Vec::new(),
            Some(_) => self.ints(index)?,
        };
        if given.is_empty() {
            return Ok((0..rank).collect());
        }
        let axes: Option<Vec<usize>> =
            given.iter().map(|&axis| arithmetic::axis(axis, rank.max(1))).collect();
        let mut axes = axes.ok_or_else(|| self.refuse(index, &format!("axes of {rank}")))?;
        axes.sort_unstable();
        axes.dedup();
        axes.retain(|&axis| axis < rank);
        Ok(axes)
    }

    /// An element type, where one is given.
    pub(super) fn dtype(&self, index: usize) -> Result<Option<DType>, Reason> {
        match self.arg(index) {
            None => Ok(None),
            Some(_) => {
                let known = element::numbered(self.int(index, -1)?);
                known.map(Some).ok_or_else(|| self.refuse(index, "a type of numbers"))
            }
        }
    }
}

/// Largest number of elements that a window, stride or padding may count: beyond any axis.
const COUNT_MAX: usize = 1 << 31;

// === Results ===

impl Call<'_> {
    /// A tensor of its own.
    pub(super) fn own(&self, operand: Operand) -> Value {
        Value::Tensor(Slot::new(Content::Known(operand)))
    }

    /// What an operator makes of tensors.
    pub(super) fn emit(&mut self, op: Op, inputs: &[&Operand]) -> Made {
        let made = self.build.emit(op, inputs)?;
        Ok(self.own(made))
    }

    /// A view of the first argument.
    pub(super) fn view(&self, operand: Operand, undo: Undo) -> Made {
        Ok(self.view_of(0, operand, undo))
    }

    /// A view of an argument.
    pub(super) fn view_of(&self, index: usize, operand: Operand, undo: Undo) -> Value {
        match self.arg(index) {
            Some(Value::Tensor(slot)) => Value::Tensor(Slot::view(slot, operand, undo)),
            _ => self.own(operand),
        }
    }
}
