//! The file under construction.

use crate::messages::port;
use crate::names::Names;
use crate::sizes::Carrier;
use crate::{ExportError, OPSET, STANDARD};
use import::onnx::decode::{AttributeProto, NodeProto, TensorProto, ValueInfoProto};
use ir::{Graph, ValueId};
use operators::numbers;
use std::collections::{BTreeMap, HashMap, HashSet};
use tensor::{DType, Dim, Tensor};

/// The first operator sets that have these element types; all others have every one.
const NEW_TYPES: &[(DType, i64)] =
    &[(DType::F4E2M1, 23), (DType::F8E8M0, 24), (DType::I2, 25), (DType::U2, 25)];

/// Versions of the operator sets beside the standard one.
const OTHER_OPSETS: &[(&str, i64)] = &[("ai.onnx.ml", 4), ("com.microsoft", 1)];

pub(crate) struct Writer<'g> {
    /// The graph that is written, behind those around it.
    pub(crate) scopes: Vec<Scope<'g>>,
    /// Of values, in all graphs.
    pub(crate) names: Names,
    node_names: Names,
    /// The name of the node that is written.
    pub(crate) node: String,
    opset: i64,
    domains: BTreeMap<&'static str, i64>,
}

/// A graph that is written.
pub(crate) struct Scope<'g> {
    pub(crate) graph: &'g Graph,
    /// The names of its values, by [`ValueId`].
    pub(crate) values: Vec<Option<String>>,
    pub(crate) nodes: Vec<NodeProto>,
    pub(crate) initializers: Vec<TensorProto>,
    /// What its nodes make.
    pub(crate) made: HashSet<String>,
    /// Sizes that were computed.
    pub(crate) sizes: HashMap<Dim, String>,
    /// Where symbols have their numbers from.
    pub(crate) carriers: HashMap<String, Carrier>,
    /// Vectors of integers that are there.
    integers: HashMap<Vec<i64>, String>,
}

impl<'g> Writer<'g> {
    pub(crate) fn new() -> Writer<'g> {
        Writer {
            scopes: Vec::new(),
            names: Names::default(),
            node_names: Names::default(),
            node: String::new(),
            opset: OPSET,
            domains: BTreeMap::new(),
        }
    }

    /// Every operator set that the file is of, with its version.
    pub(crate) fn opsets(&self) -> Vec<(&'static str, i64)> {
        let others = self.domains.iter().map(|(domain, version)| (*domain, *version));
        std::iter::once((STANDARD, self.opset)).chain(others).collect()
    }

    /// Requires an operator set.
    pub(crate) fn need(&mut self, opset: i64) {
        self.opset = self.opset.max(opset);
    }

    /// The number of an element type, whose operator set is required.
    pub(crate) fn element(&mut self, dtype: DType) -> Option<i64> {
        let new = NEW_TYPES.iter().find(|(new, _)| *new == dtype);
        self.need(new.map_or(OPSET, |(_, opset)| *opset));
        import::onnx::element_number(dtype).map(i64::from)
    }

    /// An input or output of a graph.
    pub(crate) fn port(&mut self, name: &str, dtype: DType, shape: &[Dim]) -> ValueInfoProto {
        self.element(dtype);
        port(name, dtype, shape)
    }

    pub(crate) fn scope(&mut self) -> &mut Scope<'g> {
        self.scopes.last_mut().expect("a graph is being written")
    }

    pub(crate) fn enter(&mut self, graph: &'g Graph) {
        self.scopes.push(Scope {
            graph,
            values: vec![None; graph.values.len()],
            nodes: Vec::new(),
            initializers: Vec::new(),
            made: HashSet::new(),
            sizes: HashMap::new(),
            carriers: HashMap::new(),
            integers: HashMap::new(),
        });
    }

    /// The name of a value of the present graph; a constant is written when it is first asked for.
    pub(crate) fn value(&mut self, id: ValueId) -> String {
        let scope = self.scope();
        if let Some(name) = &scope.values[id.0 as usize] {
            return name.clone();
        }
        let value = scope.graph.value(id);
        let name = match &value.constant {
            Some(tensor) => self.constant_named(&value.name, tensor),
            None => self.names.fresh(&value.name),
        };
        self.scope().values[id.0 as usize] = Some(name.clone());
        name
    }

    /// Appends a node that makes these values. Operators of other domains are named with theirs.
    pub(crate) fn push(
        &mut self,
        op: &str,
        inputs: &[&str],
        outputs: Vec<String>,
        attribute: Vec<AttributeProto>,
    ) {
        let (domain, op_type) = op.rsplit_once('.').unwrap_or((STANDARD, op));
        if let Some(&(domain, version)) = OTHER_OPSETS.iter().find(|(name, _)| *name == domain) {
            self.domains.insert(domain, version);
        }
        let name = self.node_names.fresh(&self.node);
        let node = NodeProto {
            name,
            op_type: op_type.to_string(),
            domain: domain.to_string(),
            input: inputs.iter().map(|name| name.to_string()).collect(),
            attribute,
            output: outputs.clone(),
        };
        let scope = self.scope();
        scope.made.extend(outputs);
        scope.nodes.push(node);
    }

    /// Appends a node and gives the one value that it makes.
    pub(crate) fn step(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let name = self.names.fresh(&self.node);
        self.push(op, inputs, vec![name.clone()], attributes);
        name
    }

    /// A name for an output that nothing takes.
    pub(crate) fn unused(&mut self) -> String {
        self.names.fresh(&self.node)
    }

    /// A constant of the present graph.
    pub(crate) fn constant(&mut self, tensor: &Tensor) -> String {
        let wish = self.node.clone();
        self.constant_named(&wish, tensor)
    }

    fn constant_named(&mut self, wish: &str, tensor: &Tensor) -> String {
        self.element(tensor.dtype());
        let name = self.names.fresh(wish);
        self.scope().initializers.push(import::onnx::write_tensor(&name, tensor));
        name
    }

    /// A constant vector of integers.
    pub(crate) fn integers(&mut self, integers: &[i64]) -> String {
        if let Some(known) = self.scopes.iter().rev().find_map(|s| s.integers.get(integers)) {
            return known.clone();
        }
        let tensor = Tensor::from_slice(&[integers.len()], integers);
        let name = self.constant(&tensor.expect("as many as there are"));
        self.scope().integers.insert(integers.to_vec(), name.clone());
        name
    }

    /// A constant number of some type, of rank 0.
    pub(crate) fn number(&mut self, dtype: DType, value: f64) -> String {
        let mut tensor = Tensor::zeros(dtype, &[]).expect("a number fits");
        numbers::store_floats(&mut tensor.view_mut(), &[value]);
        self.constant(&tensor)
    }

    /// Lets symbols that stand alone in a shape have their numbers from it.
    pub(crate) fn carry(&mut self, name: &str, shape: &[Dim]) {
        for (axis, dim) in shape.iter().enumerate() {
            if let Some(symbol) = dim.as_symbol() {
                self.note(symbol, || Carrier::Axis(name.to_string(), axis));
            }
        }
    }

    /// Lets a symbol have its number from somewhere, unless it has it already.
    pub(crate) fn note(&mut self, symbol: &str, carrier: impl FnOnce() -> Carrier) {
        if !self.scopes.iter().any(|scope| scope.carriers.contains_key(symbol)) {
            self.scope().carriers.insert(symbol.to_string(), carrier());
        }
    }

    /// Takes a name of a value that has to be kept.
    pub(crate) fn reserve(&mut self, name: &str) -> Result<(), ExportError> {
        if self.names.take(name) { Ok(()) } else { Err(ExportError::Name(name.to_string())) }
    }
}
