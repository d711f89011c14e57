//! A call of a layer as its import function sees it: what it takes is there, its weights are read.

use super::config::Config;
use super::layers::activation;
use super::net::Layer;
use super::walk::Walk;
use crate::build::Operand;
use crate::error::Reason;
use ir::Fact;
use serde_json::Value;
use tensor::{DType, Dim};

/// What the import function of a layer gives: the tensors that the call makes.
pub(super) type Made = Result<Vec<Operand>, Reason>;

/// A value on its way between layers.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    /// The value, with its axes in the order of Keras.
    pub(super) operand: Operand,
    /// Which steps of each sequence count, `bool[N, T]`, where not all do.
    pub(super) mask: Option<Operand>,
}

/// One argument of a call.
#[derive(Debug, Clone)]
pub(super) enum Given<'a> {
    /// A value.
    Tensor(Flow),
    /// What the description holds.
    Constant(&'a Value),
    /// Several.
    List(Vec<Given<'a>>),
}

/// A call that is being imported.
pub(super) struct Call<'c, 'a> {
    /// The layer.
    pub(super) layer: &'c Layer<'a>,
    /// Where its weights lie.
    pub(super) path: &'c str,
    /// The state of the import.
    pub(super) walk: &'c mut Walk<'a>,
    /// What it takes by position, in order.
    pub(super) args: Vec<Given<'a>>,
    /// What it takes by name.
    pub(super) named: Vec<(&'a str, Given<'a>)>,
    /// All tensors among what it takes by position.
    pub(super) inputs: Vec<Flow>,
    /// Its weights.
    pub(super) weights: Vec<(&'static str, Operand)>,
    /// The mask of what it makes.
    pub(super) mask: Option<Operand>,
}

impl<'a> Call<'_, 'a> {
    /// The layer's configuration.
    pub(super) fn config(&self) -> Config<'a> {
        self.layer.config
    }

    /// The tensor that it takes.
    pub(super) fn input(&self) -> Result<Operand, Reason> {
        self.input_at(0)
    }

    /// One of the tensors that it takes.
    pub(super) fn input_at(&self, index: usize) -> Result<Operand, Reason> {
        let flow = self.inputs.get(index);
        flow.map(|flow| flow.operand.clone()).ok_or_else(|| Reason::Input {
            input: index,
            expected: "a tensor".to_string(),
            found: "nothing".to_string(),
        })
    }

    /// Type and shape of the tensor that it takes.
    pub(super) fn fact(&self) -> Result<Fact, Reason> {
        Ok(self.walk.build.fact(&self.input()?))
    }

    /// The tensor that it takes, which has to have so many axes.
    pub(super) fn input_of_rank(&self, rank: usize) -> Result<Operand, Reason> {
        let x = self.input()?;
        self.require_rank(0, &x, rank)?;
        Ok(x)
    }

    /// Requires a tensor to have so many axes.
    pub(super) fn require_rank(
        &self,
        input: usize,
        x: &Operand,
        rank: usize,
    ) -> Result<(), Reason> {
        let shape = self.walk.build.fact(x).shape;
        if shape.len() == rank {
            return Ok(());
        }
        let (expected, found) = (format!("{rank} axes"), format!("{shape:?}"));
        Err(Reason::Input { input, expected, found })
    }

    /// A weight that has to be there.
    pub(super) fn weight(&self, name: &str) -> Result<Operand, Reason> {
        self.weight_if(name).ok_or_else(|| Reason::Tensor {
            name: name.to_string(),
            reason: format!("is not there, though a {} has it", self.layer.class),
        })
    }

    /// A weight that may be left out.
    pub(super) fn weight_if(&self, name: &str) -> Option<Operand> {
        let found = self.weights.iter().find(|(known, _)| *known == name);
        found.map(|(_, weight)| weight.clone())
    }

    /// The known sizes of a weight, which has to have so many axes.
    pub(super) fn sizes_of<const N: usize>(&self, weight: &Operand) -> Result<[usize; N], Reason> {
        let shape = self.walk.build.fact(weight).shape;
        let sizes: Option<Vec<usize>> = shape.iter().map(Dim::known_size).collect();
        sizes.and_then(|sizes| sizes.try_into().ok()).ok_or_else(|| Reason::Tensor {
            name: self.layer.name.to_string(),
            reason: format!("expected a weight of {N} axes, found {shape:?}"),
        })
    }

    /// What is given by name.
    pub(super) fn given(&self, name: &str) -> Option<&Given<'a>> {
        let found = self.named.iter().find(|(known, _)| *known == name);
        found.map(|(_, given)| given).filter(|given| !matches!(given, Given::Constant(Value::Null)))
    }

    /// The tensors that are given by name, one or several.
    pub(super) fn tensors_given(&self, name: &str) -> Vec<Flow> {
        let mut found = Vec::new();
        if let Some(given) = self.given(name) {
            given.flatten(&mut found);
        }
        found
    }

    /// Is a switch on that is given by name?
    pub(super) fn is_asked(&self, name: &str) -> bool {
        matches!(self.given(name), Some(Given::Constant(Value::Bool(true))))
    }

    /// The type that the layer computes in.
    pub(super) fn compute_type(&self) -> DType {
        self.config().compute_type()
    }

    /// The layer's `activation` of a value.
    pub(super) fn activated(&mut self, x: Operand) -> Result<Operand, Reason> {
        activation::applied(self, self.config().get("activation"), x)
    }

    /// The layer's `activation` of a value whose channels are second, with them where they belong.
    pub(super) fn activated_channels(
        &mut self,
        x: Operand,
        is_last: bool,
    ) -> Result<Operand, Reason> {
        // Functions of single elements come right behind what makes them, which computes both.
        let (mut x, is_of_elements) = (x, activation::is_of_elements(self.config()));
        if is_of_elements {
            x = self.activated(x)?;
        }
        if is_last {
            x = self.walk.channels_last(x)?;
        }
        if is_of_elements { Ok(x) } else { self.activated(x) }
    }
}

impl Given<'_> {
    /// All tensors in it.
    pub(super) fn flatten(&self, found: &mut Vec<Flow>) {
        match self {
            Given::Tensor(flow) => found.push(flow.clone()),
            Given::Constant(_) => {}
            Given::List(list) => list.iter().for_each(|given| given.flatten(found)),
        }
    }
}
