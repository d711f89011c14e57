//! The graph under construction. Every operator goes through [`Builder::emit`], which decides
//! whether it is a constant, arithmetic on sizes, or a node.

use super::budget::{Budget, byte_count};
use super::operand::{Operand, SIZES_MAX, Sizes};
use super::{Kind, fold, sizes, text};
use crate::error::Reason;
use ir::{Fact, Graph, GraphError, Op, ValueId};
use operators::Dynamic;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use tensor::rule::RuleError;
use tensor::scalar::{Binary, Unary};
use tensor::{Bindings, DType, Dim, Tensor, Value};

/// Elements that one import may visit to compute constants, each as often as it is: some seconds of
/// the naive twins. Weights that are converted or moved are visited once; what goes beyond is left
/// to the engine, which is faster, or is a hostile file's.
const WORK_MAX: usize = 1 << 30;

/// Elements of constants of which an operator between stages makes others at import: shapes, axes
/// and tables have fewer, and none of these operators takes more than the square of that.
const DYNAMIC_ELEMENTS_MAX: usize = 4096;

/// Nodes among which a condition's parts are looked for.
const NEAR: usize = 64;

/// Deepest sequence of sequences. Exporters write sequences of tensors.
const KIND_DEPTH_MAX: usize = 8;

/// Bytes that one element takes while a naive twin computes with it, in `f64` or `i128`.
const COMPUTED_BYTES: usize = 16;

/// A graph under construction.
pub(crate) struct Builder {
    /// What has been built so far.
    pub(crate) graph: Graph,
    /// Names of the classes, where the model has some.
    pub(crate) labels: Vec<String>,
    /// The foreign node that is being imported; what it makes gets its name.
    pub(crate) node: String,
    /// What constants may take in all.
    pub(crate) budget: Budget,
    /// Sizes so far that only turn out while the model runs.
    measured: usize,
    /// Of values that are no tensors of numbers.
    kinds: BTreeMap<ValueId, Kind>,
    /// What may still be visited, of [`WORK_MAX`].
    work_left: usize,
}

impl Builder {
    /// Nothing so far.
    pub(crate) fn new(name: &str, budget: Budget) -> Builder {
        let graph = Graph::new(name);
        let (labels, node, kinds) = (Vec::new(), String::new(), BTreeMap::new());
        let (measured, work_left) = (0, WORK_MAX);
        Builder { graph, labels, node, budget, measured, kinds, work_left }
    }

    /// An empty graph inside of `outer`: sizes that turn out in it have names of their own, and
    /// what it takes from the budget is taken from that of `outer`.
    pub(crate) fn inside(outer: &mut Builder, name: &str) -> Builder {
        let mut inner = Builder::new(name, Budget::new(0));
        inner.node.clone_from(&outer.node);
        outer.hand_over(&mut inner);
        inner
    }

    /// Back in the graph around `inner`.
    pub(crate) fn leave(&mut self, mut inner: Builder) {
        inner.hand_over(self);
    }

    /// What constants have taken so far, in bytes and in work.
    pub(crate) fn taken(&self) -> (usize, usize) {
        (self.budget.taken(), self.work_left)
    }

    /// Gives back what constants have taken since then: they are dropped.
    pub(crate) fn give_back(&mut self, (bytes, work_left): (usize, usize)) {
        self.budget.set_taken(bytes);
        self.work_left = work_left;
    }

    fn hand_over(&mut self, other: &mut Builder) {
        other.measured = self.measured;
        other.work_left = self.work_left;
        std::mem::swap(&mut other.budget, &mut self.budget);
        other.labels = std::mem::take(&mut self.labels);
    }

    /// How many sizes so far only turn out while the model runs.
    pub(crate) const fn measured(&self) -> usize {
        self.measured
    }

    /// Does a size depend on one that was not there when so many were?
    pub(crate) fn is_new(&self, size: &Dim, since: usize) -> bool {
        size.is_measured_after(since)
    }

    /// The two sizes, when an operand is whether they are equal.
    pub(crate) fn size_equality(&self, operand: &Operand) -> Option<(Dim, Dim)> {
        // A condition stands close behind what it asks about.
        let near = self.graph.nodes.len().saturating_sub(NEAR);
        let node = |id: ValueId| self.graph.nodes[near..].iter().rfind(|node| node.output == id);
        let size = |mut id: ValueId| loop {
            if let Some(known) = self.graph.known(id) {
                let known = Sizes::of_tensor(known)?;
                return <[Dim; 1]>::try_from(known.dims).ok();
            }
            let maker = node(id)?;
            match &maker.op {
                Op::Dimensions(dims) => return <[Dim; 1]>::try_from(dims.clone()).ok(),
                Op::Reshape { .. } | Op::Cast(_) => id = maker.inputs[0],
                _ => return None,
            }
        };
        let Operand::Value(mut id) = *operand else { return None };
        loop {
            let maker = node(id)?;
            match &maker.op {
                Op::Binary(Binary::Equal) => {
                    let ([a], [b]) = (size(maker.inputs[0])?, size(maker.inputs[1])?);
                    return Some((a, b));
                }
                Op::Reshape { .. } | Op::Cast(DType::Bool) => id = maker.inputs[0],
                _ => return None,
            }
        }
    }

    /// What an operator makes that runs graphs.
    pub(crate) fn run(
        &mut self,
        op: Op,
        inputs: &[ValueId],
        bodies: Vec<Graph>,
        kinds: Vec<Kind>,
    ) -> Result<Vec<Operand>, Reason> {
        let node = self.node.clone();
        let added = self.graph.add_with(&node, op, inputs, bodies);
        added.map_err(|error| Reason::Evaluation(error.to_string()))?;
        let made = self.made_last();
        for (operand, kind) in made.iter().zip(kinds) {
            if let Operand::Value(id) = operand {
                self.note_kind(*id, kind);
            }
        }
        Ok(made)
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
        if facts.first().is_some_and(|fact| fact.dtype == DType::String) {
            return text::moved(self, op, inputs);
        }
        let made =
            op.infer_all(&facts).map_err(|error| Reason::Rule { error, inputs: facts.clone() })?;
        let known: Option<Vec<_>> = inputs.iter().map(|x| x.known()).collect();
        let mut sizes = made.iter().flat_map(|made| &made.shape);
        let is_known = sizes.all(|d| d.known().is_some()) && !starts_at_symbol(&op);
        // Weights of integers may be multiplied as they are; the passes know.
        let is_weights = matches!(op, Op::Dequantize { .. }) && made[0].rank() > 1;
        let is_known = is_known && !is_weights;
        if let Some(known) = known.filter(|_| is_known) {
            let is_copied = fold::is_short_cut(&op, &known);
            // What is too large for a constant is too large for a run as well.
            self.budget.require(bytes_of(&made))?;
            if is_copied || self.spend(&op, &facts, &made) {
                self.reserve(&made, &known, is_copied)?;
                let constants = fold::evaluate(&op, &known)?.into_iter();
                return Ok(constants.map(|t| Operand::constant(&self.node, t)).collect());
            }
        }
        if inputs.iter().any(|x| matches!(x, Operand::Sizes(_))) {
            let entries: Option<Vec<Sizes>> = inputs.iter().map(|x| x.sizes()).collect();
            if let Some(sizes) = entries.and_then(|entries| sizes::evaluate(&op, &entries)) {
                return Ok(vec![self.sizes(sizes)]);
            }
        }
        let ids = inputs.iter().map(|x| self.materialize(x)).collect::<Result<Vec<_>, _>>()?;
        self.add(op, &ids)?;
        Ok(self.made_last())
    }

    /// A size that only turns out while the model runs.
    pub(crate) fn fresh(&mut self) -> Dim {
        self.measured += 1;
        Dim::measured(self.measured)
    }

    /// What an operator between stages makes of `inputs`, of these types and shapes: constants
    /// when all inputs are.
    pub(crate) fn dynamic(
        &mut self,
        operator: impl Into<Dynamic>,
        inputs: &[&Operand],
        made: Vec<Fact>,
    ) -> Result<Vec<Operand>, Reason> {
        let operator = operator.into();
        let known: Option<Vec<Value>> =
            inputs.iter().map(|x| x.known().cloned().map(Value::Tensor)).collect();
        if !operator.takes_objects()
            && let Some(at) = inputs.iter().position(|x| !self.fact(x).dtype.is_dense())
        {
            let inputs: Vec<Fact> = inputs.iter().map(|x| self.fact(x)).collect();
            let expected = "a tensor of numbers".to_string();
            let error = RuleError::Type { input: at, expected, found: inputs[at].dtype };
            return Err(Reason::Rule { error, inputs });
        }
        let elements: usize =
            known.iter().flatten().map(|x| x.shape().iter().product::<usize>()).sum();
        if let Some(known) = known
            && elements <= DYNAMIC_ELEMENTS_MAX
            && made.iter().all(|fact| fact.dtype.is_dense())
        {
            let constants = operator.evaluate(&known, self.budget.left());
            let constants = constants.map_err(|error| Reason::Evaluation(error.to_string()))?;
            let mut made = Vec::with_capacity(constants.len());
            for tensor in constants.iter().filter_map(Value::tensor) {
                self.budget.take(Some(tensor.bytes().len()))?;
                made.push(Operand::constant(&self.node, tensor.clone()));
            }
            return Ok(made);
        }
        let ids = inputs.iter().map(|x| self.materialize(x)).collect::<Result<Vec<_>, _>>()?;
        let dynamic = ir::Dynamic { operator, made, elements: vec![] };
        self.add(Op::Dynamic(dynamic), &ids)?;
        Ok(self.made_last())
    }

    /// Text that the model holds.
    pub(crate) fn literal(&mut self, value: &Value) -> Result<Operand, Reason> {
        let text = value.text().ok_or(Reason::UnknownRank)?;
        let elements = text.elements().map(str::to_string).collect();
        let shape = text.shape().to_vec();
        let made = shape.iter().map(|&size| Dim::from(size)).collect();
        let made = vec![Fact { dtype: DType::String, shape: made }];
        let literal = operators::dynamic::Literal { shape, elements };
        Ok(self.dynamic(literal, &[], made)?.swap_remove(0))
    }

    /// What kind of value an operand is.
    pub(crate) fn kind(&self, operand: &Operand) -> Kind {
        let known = match operand {
            Operand::Value(id) => self.kinds.get(id).cloned(),
            Operand::Constant(_) | Operand::Sizes(_) => None,
        };
        known.unwrap_or_else(|| Kind::of(&self.fact(operand)))
    }

    /// Notes the kind of a value, where type and shape do not tell it.
    pub(crate) fn note_kind(&mut self, id: ValueId, kind: Kind) {
        if self.graph.value(id).dtype == DType::Object {
            self.kinds.insert(id, kind);
        }
    }

    /// The one value of some kind that an operator between stages makes.
    pub(crate) fn object(
        &mut self,
        operator: impl Into<Dynamic>,
        inputs: &[&Operand],
        kind: Kind,
    ) -> Result<Operand, Reason> {
        if kind.depth() > KIND_DEPTH_MAX {
            return Err(Reason::Expansion);
        }
        let made = kind.fact(|| self.fresh()).ok_or(Reason::UnknownRank)?;
        let made = self.dynamic(operator, inputs, vec![made])?.swap_remove(0);
        if let Operand::Value(id) = made {
            self.note_kind(id, kind);
        }
        Ok(made)
    }

    /// The elements of a short vector, or the one number, as sizes that turn out while the model
    /// runs.
    pub(crate) fn measure(&mut self, x: &Operand) -> Result<Option<Sizes>, Reason> {
        let fact = self.fact(x);
        let count = match fact.shape.as_slice() {
            [] => Some(1),
            [count] => count.known_size(),
            _ => None,
        };
        let is_integer = matches!(fact.dtype, DType::I64 | DType::I32);
        let Some(count) = count.filter(|&count| is_integer && count <= SIZES_MAX) else {
            return Ok(None);
        };
        let dims: Vec<Dim> = (0..count).map(|_| self.fresh()).collect();
        let id = self.materialize(x)?;
        let made = vec![Fact { dtype: DType::I64, shape: vec![Dim::from(count)] }];
        let elements = dims.iter().filter_map(Dim::as_symbol).map(str::to_string).collect();
        let operator = operators::dynamic::Elements.into();
        self.add(Op::Dynamic(ir::Dynamic { operator, made, elements }), &[id])?;
        let is_scalar = fact.shape.is_empty();
        Ok(Some(Sizes { dims, is_scalar, dtype: fact.dtype, id: OnceCell::new() }))
    }

    /// What the last node makes.
    fn made_last(&self) -> Vec<Operand> {
        let node = self.graph.nodes.last();
        node.map_or(vec![], |node| node.outputs().map(Operand::Value).collect())
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
            GraphError::Undefined { .. }
            | GraphError::Outputs { .. }
            | GraphError::Fact { .. }
            | GraphError::Body { .. } => Reason::Evaluation(error.to_string()),
        })
    }

    /// May the operator be computed, as far as work goes? Then it is taken off what is left.
    fn spend(&mut self, op: &Op, inputs: &[Fact], made: &[Fact]) -> bool {
        let work = |made| reference::work(op, inputs, made, &Bindings::new());
        let work = made.iter().try_fold(0usize, |sum, made| sum.checked_add(work(made)?));
        let left = work.and_then(|work| self.work_left.checked_sub(work));
        self.work_left = left.unwrap_or(self.work_left);
        left.is_some()
    }

    /// Takes the bytes of constants that are about to be computed from the budget, and requires
    /// that there is enough to compute them where they are not merely copied.
    fn reserve(
        &self,
        made: &[Fact],
        inputs: &[&Arc<Tensor>],
        is_copied: bool,
    ) -> Result<(), Reason> {
        self.budget.take(bytes_of(made))?;
        if is_copied {
            return Ok(());
        }
        let mut elements = inputs.iter().try_fold(0usize, |sum, x| sum.checked_add(x.len()));
        for made in made {
            let count = known_shape(made).and_then(|shape| tensor::element_count(&shape));
            elements = elements.zip(count).and_then(|(a, b)| a.checked_add(b));
        }
        self.budget.require(elements.and_then(|count| count.checked_mul(COMPUTED_BYTES)))
    }
}

fn known_shape(fact: &Fact) -> Option<Vec<usize>> {
    fact.shape.iter().map(Dim::known_size).collect()
}

/// Bytes of tensors of known shapes; `None` when they cannot be counted.
fn bytes_of(facts: &[Fact]) -> Option<usize> {
    facts
        .iter()
        .try_fold(0usize, |sum, fact| sum.checked_add(byte_count(fact.dtype, &known_shape(fact)?)?))
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
