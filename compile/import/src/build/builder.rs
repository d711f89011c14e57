//! The graph under construction. Every operator goes through [`Builder::emit`], which decides
//! whether it is a constant, arithmetic on sizes, or a node.

use super::operand::{Operand, Sizes};
use super::{fold, sizes};
use crate::error::Reason;
use ir::{Fact, Graph, GraphError, Op, ValueId};
use std::rc::Rc;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Dim, Tensor};

/// Most bytes of constants that one import may compute, results that are dropped again included.
/// Shapes and indices sit far below; the largest we know is 1 GB, a graph whose weights are all
/// made by `ConstantOfShape`.
pub(crate) const FOLDED_BYTES_MAX: usize = 1 << 30;

/// A graph under construction.
pub(crate) struct Builder {
    /// What has been built so far.
    pub(crate) graph: Graph,
    /// Names of the classes, where the model gives text and the graph gives indices.
    pub(crate) labels: Vec<String>,
    /// The foreign node that is being imported; what it makes gets its name.
    pub(crate) node: String,
    folded_bytes: usize,
}

impl Builder {
    /// Nothing so far.
    pub(crate) fn new(name: &str) -> Builder {
        let graph = Graph::new(name);
        Builder { graph, labels: Vec::new(), node: String::new(), folded_bytes: 0 }
    }

    /// Type and shape of an operand.
    pub(crate) fn fact(&self, operand: &Operand) -> Fact {
        match operand {
            Operand::Value(id) => self.graph.fact(*id),
            Operand::Constant(constant) => fact_of(&constant.tensor),
            Operand::Sizes(sizes) => sizes.fact(),
        }
    }

    /// What `op` makes of `inputs`: a constant when all of them are, sizes when they are sizes
    /// and the operator keeps them so, otherwise a node.
    pub(crate) fn emit(&mut self, op: Op, inputs: &[&Operand]) -> Result<Operand, Reason> {
        self.emit_all(op, inputs).map(|mut made| made.swap_remove(0))
    }

    /// All that `op` makes of `inputs`, as [`Builder::emit`].
    pub(crate) fn emit_all(&mut self, op: Op, inputs: &[&Operand]) -> Result<Vec<Operand>, Reason> {
        let facts: Vec<Fact> = inputs.iter().map(|x| self.fact(x)).collect();
        let made =
            op.infer_all(&facts).map_err(|error| Reason::Rule { error, inputs: facts.clone() })?;
        let known: Option<Vec<_>> = inputs.iter().map(|x| x.known()).collect();
        let mut sizes = made.iter().flat_map(|made| &made.shape);
        let is_known = sizes.all(|d| d.known().is_some()) && !starts_at_symbol(&op);
        if let Some(known) = known
            && is_known
        {
            made.iter().try_for_each(|made| self.reserve(made))?;
            let constants = fold::evaluate(&op, &known)?.into_iter();
            return Ok(constants.map(|t| Operand::constant(&self.node, t)).collect());
        }
        if inputs.iter().any(|x| matches!(x, Operand::Sizes(_))) {
            let entries: Option<Vec<Sizes>> = inputs.iter().map(|x| x.sizes()).collect();
            if let Some(sizes) = entries.and_then(|entries| sizes::evaluate(&op, &entries)) {
                return Ok(vec![self.sizes(sizes)]);
            }
        }
        let ids = inputs.iter().map(|x| self.materialize(x)).collect::<Result<Vec<_>, _>>()?;
        self.add(op, &ids)?;
        let made = self.graph.nodes.last().map(|node| node.outputs().map(Operand::Value).collect());
        Ok(made.unwrap_or_default())
    }

    /// Sizes as an operand: a constant when no symbol is left.
    pub(crate) fn sizes(&self, sizes: Sizes) -> Operand {
        match sizes.to_tensor() {
            Some(tensor) => Operand::constant(&self.node, tensor),
            None => Operand::Sizes(Rc::new(sizes)),
        }
    }

    /// The graph's value for an operand.
    pub(crate) fn materialize(&mut self, operand: &Operand) -> Result<ValueId, Reason> {
        match operand {
            Operand::Value(id) => Ok(*id),
            Operand::Constant(constant) => Ok(*constant
                .id
                .get_or_init(|| self.graph.constant(&constant.name, constant.tensor.clone()))),
            Operand::Sizes(sizes) => match sizes.id.get() {
                Some(id) => Ok(*id),
                None => {
                    let mut id = self.add(Op::Dimensions(sizes.dims.clone()), &[])?;
                    if sizes.is_scalar {
                        id = self.add(Op::Reshape { shape: vec![] }, &[id])?;
                    }
                    if sizes.dtype != DType::I64 {
                        id = self.add(Op::Cast(sizes.dtype), &[id])?;
                    }
                    Ok(*sizes.id.get_or_init(|| id))
                }
            },
        }
    }

    /// The function of each element.
    pub(crate) fn unary(&mut self, function: Unary, x: &Operand) -> Result<Operand, Reason> {
        self.emit(Op::Unary(function), &[x])
    }

    /// The function of each pair, broadcasting.
    pub(crate) fn binary(
        &mut self,
        function: Binary,
        a: &Operand,
        b: &Operand,
    ) -> Result<Operand, Reason> {
        self.emit(Op::Binary(function), &[a, b])
    }

    /// The elements under another shape; the operand itself when it has that shape.
    pub(crate) fn reshape(&mut self, x: &Operand, shape: Vec<Dim>) -> Result<Operand, Reason> {
        if self.fact(x).shape == shape {
            return Ok(x.clone());
        }
        self.emit(Op::Reshape { shape }, &[x])
    }

    /// Broadcast to a shape; the operand itself when it has that shape.
    pub(crate) fn expand(&mut self, x: &Operand, shape: Vec<Dim>) -> Result<Operand, Reason> {
        if self.fact(x).shape == shape {
            return Ok(x.clone());
        }
        self.emit(Op::Expand { shape }, &[x])
    }

    /// The axes in another order; the operand itself when the order is the same.
    pub(crate) fn transpose(&mut self, x: &Operand, perm: Vec<usize>) -> Result<Operand, Reason> {
        if perm.len() == self.fact(x).rank() && perm.iter().copied().eq(0..perm.len()) {
            return Ok(x.clone());
        }
        self.emit(Op::Transpose { perm }, &[x])
    }

    /// The elements converted; the operand itself when it is of that type.
    pub(crate) fn cast(&mut self, x: &Operand, dtype: DType) -> Result<Operand, Reason> {
        if self.fact(x).dtype == dtype {
            return Ok(x.clone());
        }
        self.emit(Op::Cast(dtype), &[x])
    }

    /// A constant number of some type, of rank 0.
    pub(crate) fn number(&mut self, dtype: DType, value: f64) -> Result<Operand, Reason> {
        let number = Operand::constant(&self.node, Tensor::scalar(value));
        self.cast(&number, dtype)
    }

    fn add(&mut self, op: Op, inputs: &[ValueId]) -> Result<ValueId, Reason> {
        self.graph.add(&self.node, op, inputs).map_err(|error| match error {
            GraphError::Rule { error, .. } => {
                let inputs = inputs.iter().map(|&id| self.graph.fact(id)).collect();
                Reason::Rule { error, inputs }
            }
            GraphError::Undefined { .. } | GraphError::Outputs { .. } | GraphError::Fact { .. } => {
                Reason::Evaluation(error.to_string())
            }
        })
    }

    /// Takes the bytes of a constant that is about to be computed from the budget.
    fn reserve(&mut self, made: &Fact) -> Result<(), Reason> {
        let too_large = Reason::TooLarge { limit_bytes: FOLDED_BYTES_MAX };
        let shape: Option<Vec<usize>> = made.shape.iter().map(Dim::known_size).collect();
        let bytes = shape
            .and_then(|shape| tensor::element_count(&shape))
            .and_then(|count| count.checked_mul(made.dtype.size()));
        match bytes.and_then(|bytes| self.folded_bytes.checked_add(bytes)) {
            Some(total) if total <= FOLDED_BYTES_MAX => {
                self.folded_bytes = total;
                Ok(())
            }
            _ => Err(too_large),
        }
    }
}

/// Does a slice start at a place that is not known, though its length is?
fn starts_at_symbol(op: &Op) -> bool {
    matches!(op, Op::Slice { axes } if axes.iter().any(|cut| cut.start.known().is_none()))
}

/// Type and shape of a tensor.
pub(crate) fn fact_of(tensor: &Tensor) -> Fact {
    let shape = tensor.shape().iter().map(|&d| Dim::from(d)).collect();
    Fact { dtype: tensor.dtype(), shape }
}
