//! Operators of TensorFlow for a format that has the same ones under names of its own, and no graph
//! of nodes around them.

use super::call::Flow;
use super::graph::Model;
use super::ops;
use super::proto::{AttrValue, GraphDef, ListValue, NodeDef};
use super::resources::Resources;
use super::tensors;
use super::walk::Walk;
use crate::Options;
use crate::build::{Builder, Operand};
use crate::error::Reason;
use bytes::Bytes;
use ir::Fact;
use tensor::DType;

/// What an operator is told beside its inputs.
pub(crate) enum Attribute {
    Int(i64),
    Float(f32),
    Flag(bool),
    Text(&'static str),
    Ints(Vec<i64>),
    Type(DType),
}

impl Attribute {
    fn value(&self) -> AttrValue {
        let mut made = AttrValue::default();
        match self {
            Attribute::Int(value) => made.i = Some(*value),
            Attribute::Float(value) => made.f = Some(*value),
            Attribute::Flag(value) => made.b = Some(*value),
            Attribute::Text(text) => made.s = Some(Bytes::from_static(text.as_bytes())),
            Attribute::Ints(i) => {
                made.list = Some(ListValue { i: i.clone(), ..ListValue::default() });
            }
            Attribute::Type(dtype) => made.r#type = tensors::number_of(*dtype),
        }
        made
    }
}

/// A graph under construction to which operators are added.
pub(crate) struct Nodes<'a> {
    walk: Walk<'a>,
}

/// Lets `act` build a graph of this name.
pub(crate) fn with<T>(name: &str, options: &Options, act: impl FnOnce(Nodes<'_>) -> T) -> T {
    let graph = GraphDef::default();
    let model = Model::of(&graph);
    let resources = Resources::of(&model, None, &[], None);
    act(Nodes { walk: Walk::new(name, &model, &resources, options) })
}

impl Nodes<'_> {
    /// The graph under construction.
    pub(crate) fn build(&mut self) -> &mut Builder {
        &mut self.walk.build
    }

    /// The graph that was built.
    pub(crate) fn into_builder(self) -> Builder {
        self.walk.build
    }

    /// Type and shape of a value.
    pub(crate) fn fact(&self, x: &Operand) -> Fact {
        self.walk.fact(x)
    }

    /// A value whose channels are last, with them second.
    pub(crate) fn channels_second(&mut self, x: &Operand) -> Result<Operand, Reason> {
        self.walk.turned.channels_second(&mut self.walk.build, x)
    }

    /// A value whose channels are second, with them last.
    pub(crate) fn channels_last(&mut self, x: Operand) -> Result<Operand, Reason> {
        self.walk.turned.channels_last(&mut self.walk.build, x)
    }

    /// What `act` makes of a value, one element of each other: of the value as it was before its
    /// channels were moved, where they were.
    pub(crate) fn of_elements(
        &mut self,
        x: &Operand,
        act: impl FnOnce(&mut Builder, &Operand) -> Result<Operand, Reason>,
    ) -> Result<Operand, Reason> {
        let Some(before) = self.walk.turned.before(x) else { return act(&mut self.walk.build, x) };
        let made = act(&mut self.walk.build, &before)?;
        self.channels_last(made)
    }

    /// What an operator makes.
    pub(crate) fn apply(
        &mut self,
        op: &str,
        attributes: &[(&str, Attribute)],
        inputs: &[&Operand],
    ) -> Result<Vec<Operand>, Reason> {
        let row = ops::find(op).ok_or(Reason::UnknownOperator)?;
        let attr = attributes.iter().map(|(name, value)| ((*name).to_string(), value.value()));
        let node = NodeDef {
            name: self.walk.build.node.clone(),
            op: op.to_string(),
            attr: attr.collect(),
            ..NodeDef::default()
        };
        let inputs = inputs.iter().map(|&x| Flow::Tensor(x.clone())).collect();
        let made = self.walk.import(row, &node, inputs)?.ok_or(Reason::UnknownOperator)?;
        let tensors = made.into_iter().map(|flow| match flow {
            Flow::Tensor(operand) => Ok(operand),
            Flow::Handle(_) | Flow::List(_) | Flow::Dead => Err(Reason::UnknownOperator),
        });
        tensors.collect()
    }
}
