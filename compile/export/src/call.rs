//! A node as the function that writes it sees it.

use crate::ExportError;
use crate::writer::Writer;
use import::onnx::decode::AttributeProto;
use ir::{Fact, Graph, Node, Op};
use std::sync::Arc;
use tensor::{DType, Dim, Tensor};

/// What the function of an operator gives.
pub(crate) type Written = Result<(), ExportError>;

/// A node that is being written.
pub(crate) struct Call<'w, 'g> {
    pub(crate) node: &'g Node,
    pub(crate) graph: &'g Graph,
    /// The names of what it takes.
    pub(crate) inputs: Vec<String>,
    /// The names of what it makes.
    pub(crate) outputs: Vec<String>,
    pub(crate) writer: &'w mut Writer<'g>,
}

impl Call<'_, '_> {
    /// The name of an input that the operator's rule requires.
    pub(crate) fn input(&self, index: usize) -> String {
        self.inputs[index].clone()
    }

    /// The name of an input, empty where there is none.
    pub(crate) fn optional(&self, index: usize) -> String {
        self.inputs.get(index).cloned().unwrap_or_default()
    }

    /// Type and shape of an input.
    pub(crate) fn fact(&self, index: usize) -> Fact {
        self.graph.fact(self.node.inputs[index])
    }

    /// Type and shape of what the node makes first.
    pub(crate) fn made(&self) -> Fact {
        self.graph.fact(self.node.output)
    }

    /// The elements of an input, which have to be known ahead in the file.
    pub(crate) fn known(&self, index: usize, what: &str) -> Result<&Arc<Tensor>, ExportError> {
        let known = self.graph.known(self.node.inputs[index]);
        known.ok_or_else(|| self.refuse(format!("{what} that are computed")))
    }

    /// The refusal of the node.
    pub(crate) fn refuse(&self, reason: impl Into<String>) -> ExportError {
        let op = match &self.node.op {
            Op::Whole(operator) => operator.name().to_string(),
            Op::Dynamic(dynamic) => dynamic.operator.name().to_string(),
            op => op.name().to_string(),
        };
        ExportError::NoCounterpart { node: self.node.name.clone(), op, reason: reason.into() }
    }

    /// An operator between, with the one value that it makes.
    pub(crate) fn step(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        self.writer.step(op, inputs, attributes)
    }

    /// The operator that makes what the node does.
    pub(crate) fn last(
        &mut self,
        op: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> Written {
        self.writer.push(op, inputs, self.outputs.clone(), attributes);
        Ok(())
    }

    /// The operator that makes what the node does of all that the node takes.
    pub(crate) fn same(&mut self, op: &str, attributes: Vec<AttributeProto>) -> Written {
        let inputs: Vec<String> = self.inputs.clone();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.last(op, &inputs, attributes)
    }

    /// The node makes a value that is there already.
    pub(crate) fn is(&mut self, name: &str) -> Written {
        let made = self.node.output.0 as usize;
        self.writer.scope().values[made] = Some(name.to_string());
        Ok(())
    }

    /// A constant.
    pub(crate) fn constant(&mut self, tensor: &Tensor) -> String {
        self.writer.constant(tensor)
    }

    /// A constant number of some type, of rank 0.
    pub(crate) fn number(&mut self, dtype: DType, value: f64) -> String {
        self.writer.number(dtype, value)
    }

    /// A constant vector of integers.
    pub(crate) fn integers(&mut self, integers: &[i64]) -> String {
        self.writer.integers(integers)
    }

    /// Sizes as an `i64` vector.
    pub(crate) fn sizes(&mut self, dims: &[Dim]) -> Result<String, ExportError> {
        self.writer.sizes(dims)
    }

    /// A size as an `i64` of rank 0.
    pub(crate) fn scalar(&mut self, dim: &Dim) -> Result<String, ExportError> {
        if let Some(known) = dim.known() {
            return Ok(self.constant(&Tensor::scalar(known)));
        }
        let (size, none) = (self.writer.size(dim)?, self.integers(&[]));
        Ok(self.step("Reshape", &[&size, &none], vec![]))
    }

    /// An input converted to a type, itself when it is of that type.
    pub(crate) fn cast(&mut self, index: usize, dtype: DType) -> String {
        let name = self.input(index);
        if self.fact(index).dtype == dtype { name } else { self.converted(&name, dtype) }
    }

    /// A value converted to a type.
    pub(crate) fn converted(&mut self, name: &str, dtype: DType) -> String {
        let to = self.element(dtype);
        self.step("Cast", &[name], vec![crate::messages::int("to", to)])
    }

    /// The number of an element type.
    pub(crate) fn element(&mut self, dtype: DType) -> i64 {
        self.writer.element(dtype).unwrap_or_default()
    }
}
