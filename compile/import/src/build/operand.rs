//! What stands for a foreign value while a graph is built.

use ir::{Fact, ValueId};
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use tensor::{DType, Dim, Tensor};

/// A foreign value. Only the first kind is in the graph; the others enter it when a computed
/// value needs them as data.
#[derive(Debug, Clone)]
pub(crate) enum Operand {
    /// Given by the caller or made by a node.
    Value(ValueId),
    /// Known elements.
    Constant(Rc<Constant>),
    /// Integers that depend on nothing but the sizes of the inputs.
    Sizes(Rc<Sizes>),
}

/// Known elements, and the graph's constant for them once there is one.
#[derive(Debug)]
pub(crate) struct Constant {
    pub(crate) name: String,
    pub(crate) tensor: Arc<Tensor>,
    pub(crate) id: OnceCell<ValueId>,
}

/// Integers (or booleans, as 0 and 1) that are known up to symbols.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sizes {
    pub(crate) dims: Vec<Dim>,
    /// Of rank 0, so that `dims` has one entry; otherwise of rank 1.
    pub(crate) is_scalar: bool,
    /// `i64`, `i32` or `bool`.
    pub(crate) dtype: DType,
    pub(crate) id: OnceCell<ValueId>,
}

impl Operand {
    /// A constant.
    pub(crate) fn constant(name: &str, tensor: impl Into<Arc<Tensor>>) -> Operand {
        let (name, tensor) = (name.to_string(), tensor.into());
        Operand::Constant(Rc::new(Constant { name, tensor, id: OnceCell::new() }))
    }

    /// The operand for another graph, where what is no value of this one has its own place.
    pub(crate) fn detached(&self) -> Operand {
        match self {
            Operand::Value(_) => self.clone(),
            Operand::Constant(constant) => {
                Operand::constant(&constant.name, constant.tensor.clone())
            }
            Operand::Sizes(sizes) => {
                let sizes = Sizes { id: OnceCell::new(), ..Sizes::clone(sizes) };
                Operand::Sizes(Rc::new(sizes))
            }
        }
    }

    /// The elements, when they are known.
    pub(crate) fn known(&self) -> Option<&Arc<Tensor>> {
        match self {
            Operand::Constant(constant) => Some(&constant.tensor),
            Operand::Value(_) | Operand::Sizes(_) => None,
        }
    }

    /// The elements as sizes, when they are integers that depend on sizes alone.
    pub(crate) fn sizes(&self) -> Option<Sizes> {
        match self {
            Operand::Value(_) => None,
            Operand::Constant(constant) => Sizes::of_tensor(&constant.tensor),
            Operand::Sizes(sizes) => Some(Sizes::clone(sizes)),
        }
    }
}

/// Longest constant that is looked at as sizes. Shapes have a handful of entries and tables of
/// positions thousands; the latter gain nothing by being symbolic.
pub(super) const SIZES_MAX: usize = 256;

impl Sizes {
    /// A vector of sizes.
    pub(crate) fn vector(dims: Vec<Dim>) -> Sizes {
        Sizes { dims, is_scalar: false, dtype: DType::I64, id: OnceCell::new() }
    }

    /// One size.
    pub(crate) fn scalar(dim: Dim) -> Sizes {
        Sizes { dims: vec![dim], is_scalar: true, dtype: DType::I64, id: OnceCell::new() }
    }

    /// The elements of a short integer tensor of rank 0 or 1.
    pub(crate) fn of_tensor(tensor: &Tensor) -> Option<Sizes> {
        if tensor.shape().len() > 1 || tensor.len() > SIZES_MAX {
            return None;
        }
        let dims = integers(tensor)?.into_iter().map(Dim::from).collect();
        let is_scalar = tensor.shape().is_empty();
        Some(Sizes { dims, is_scalar, dtype: tensor.dtype(), id: OnceCell::new() })
    }

    /// The tensor, when no symbol is left.
    pub(crate) fn to_tensor(&self) -> Option<Tensor> {
        let values: Vec<i64> = self.dims.iter().map(Dim::known).collect::<Option<_>>()?;
        let shape: &[usize] = if self.is_scalar { &[] } else { &[values.len()] };
        let tensor = match self.dtype {
            DType::I64 => Tensor::from_slice(shape, &values),
            DType::I32 => {
                let narrow: Vec<i32> = values.iter().map(|&v| v as i32).collect();
                Tensor::from_slice(shape, &narrow)
            }
            DType::Bool => {
                let bytes: Vec<u8> = values.iter().map(|&v| u8::from(v != 0)).collect();
                Tensor::from_bytes(DType::Bool, shape, &bytes)
            }
            _ => return None,
        };
        tensor.ok()
    }

    /// Type and shape of the vector or scalar itself.
    pub(crate) fn fact(&self) -> Fact {
        let shape = if self.is_scalar { vec![] } else { vec![Dim::from(self.dims.len())] };
        Fact { dtype: self.dtype, shape }
    }
}

/// The elements of a tensor of type `i64`, `i32` or `bool`.
pub(crate) fn integers(tensor: &Tensor) -> Option<Vec<i64>> {
    match tensor.dtype() {
        DType::I64 => tensor.as_slice::<i64>().ok().map(<[i64]>::to_vec),
        DType::I32 => {
            let elements = tensor.as_slice::<i32>().ok()?;
            Some(elements.iter().map(|&v| i64::from(v)).collect())
        }
        DType::Bool => Some(tensor.bytes().iter().map(|&b| i64::from(b != 0)).collect()),
        _ => None,
    }
}
