//! What architectures are written down with: layers that take their weights by name.

use super::State;
use crate::Options;
use crate::build::Operand;
use crate::error::Reason;
use crate::pytorch::value::{Content, Slot, Value};
use crate::pytorch::walk::Walk;
use tensor::{DType, Dim};

/// A network on its way to a graph.
pub(super) struct Net<'s> {
    pub(super) walk: Walk,
    pub(super) state: &'s mut State,
    options: &'s Options,
    nodes: usize,
}

impl<'s> Net<'s> {
    pub(super) fn new(state: &'s mut State, options: &'s Options) -> Net<'s> {
        Net { walk: Walk::new(options), state, options, nodes: 0 }
    }

    /// Images of three channels: of this size, or of any.
    pub(super) fn images(&mut self, size: Option<usize>) -> Value {
        let open = |axis: usize, default: Option<usize>| {
            let name = if axis == 0 { "batch".to_string() } else { format!("input_{axis}") };
            let told = self.options.sizes.get(&name).copied().map(Dim::from);
            told.or(default.map(Dim::from)).unwrap_or_else(|| Dim::symbol(&name))
        };
        let shape = vec![open(0, None), Dim::from(3), open(2, size), open(3, size)];
        let id = self.walk.build.graph.input("input", DType::F32, shape);
        Value::Tensor(Slot::new(Content::Known(Operand::Value(id))))
    }

    pub(super) fn output(&mut self, value: &Value) {
        self.walk.output("output", value);
    }

    /// An operator of values and numbers.
    pub(super) fn apply(&mut self, op: &str, args: &[Value]) -> Value {
        self.nodes += 1;
        let name = format!("{op}_{}", self.nodes);
        let args = args.iter().map(|value| (None, value.clone())).collect();
        self.walk.apply(&name, op, args)
    }

    /// A tensor of the weights, in f32.
    pub(super) fn weights(&mut self, name: &str) -> Result<Value, Reason> {
        let tensor = self.state.read(name, &self.walk.build.budget)?;
        let operand = Operand::constant(name, tensor);
        let operand = match self.walk.build.fact(&operand).dtype {
            DType::F16 | DType::BF16 => self.walk.build.cast(&operand, DType::F32)?,
            _ => operand,
        };
        Ok(Value::Tensor(Slot::new(Content::Known(operand))))
    }

    /// A tensor that may not be there.
    fn weights_if(&mut self, name: &str) -> Result<Value, Reason> {
        if self.state.has(name) { self.weights(name) } else { Ok(Value::None) }
    }

    /// The convolution `<name>.weight`: stride and padding; its groups follow from the channels.
    pub(super) fn conv(
        &mut self,
        name: &str,
        x: &Value,
        [stride, pad]: [i64; 2],
        channels: usize,
    ) -> Result<Value, Reason> {
        let weight = format!("{name}.weight");
        let own = self.state.sizes(&weight).and_then(|sizes| sizes.get(1).copied()).unwrap_or(1);
        let groups = Value::int((channels / own.max(1)) as i64);
        let weight = self.weights(&weight)?;
        let bias = self.weights_if(&format!("{name}.bias"))?;
        let [stride, pad] = [stride, pad].map(Value::int);
        Ok(self.apply("conv2d", &[x.clone(), weight, bias, stride, pad, Value::int(1), groups]))
    }

    /// The batch normalization of this name.
    pub(super) fn batch_norm(&mut self, name: &str, x: &Value) -> Result<Value, Reason> {
        let mut args = vec![x.clone()];
        for part in ["weight", "bias", "running_mean", "running_var"] {
            args.push(self.weights(&format!("{name}.{part}"))?);
        }
        args.extend([Value::Bool(false), Value::Float(0.1), Value::Float(1e-5)]);
        Ok(self.apply("batch_norm", &args))
    }

    /// The layer normalization of this name.
    pub(super) fn layer_norm(&mut self, name: &str, x: &Value) -> Result<Value, Reason> {
        let weight = format!("{name}.weight");
        let width = self.state.sizes(&weight).and_then(|sizes| sizes.first().copied());
        let width = self.walk.pool.list(vec![Value::int(width.unwrap_or(0) as i64)]);
        let (weight, bias) = (self.weights(&weight)?, self.weights(&format!("{name}.bias"))?);
        Ok(self.apply("layer_norm", &[x.clone(), width, weight, bias, Value::Float(1e-6)]))
    }

    /// The linear layer of this name.
    pub(super) fn linear(&mut self, name: &str, x: &Value) -> Result<Value, Reason> {
        self.linear_of(&[&format!("{name}.weight"), &format!("{name}.bias")], x)
    }

    /// The linear layer with weights and bias of these names.
    pub(super) fn linear_of(&mut self, names: &[&str; 2], x: &Value) -> Result<Value, Reason> {
        let (weight, bias) = (self.weights(names[0])?, self.weights_if(names[1])?);
        Ok(self.apply("linear", &[x.clone(), weight, bias]))
    }

    /// The channels of a convolution's result.
    pub(super) fn channels(&self, name: &str) -> usize {
        let sizes = self.state.sizes(&format!("{name}.weight"));
        sizes.and_then(|sizes| sizes.first().copied()).unwrap_or(0)
    }

    pub(super) fn relu(&mut self, x: &Value) -> Value {
        self.apply("relu", std::slice::from_ref(x))
    }

    pub(super) fn max_pool(&mut self, x: &Value, window: [i64; 3]) -> Value {
        let [kernel, stride, pad] = window.map(Value::int);
        self.apply("max_pool2d", &[x.clone(), kernel, stride, pad])
    }

    /// Pooled to a square of this size, and flattened.
    pub(super) fn pooled(&mut self, x: &Value, size: i64) -> Value {
        let x = self.apply("adaptive_avg_pool2d", &[x.clone(), Value::int(size)]);
        self.apply("flatten", &[x, Value::int(1)])
    }
}
