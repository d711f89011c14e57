//! What architectures are written down with: layers that take their weights by name.

use super::State;
use crate::build::Operand;
use crate::decompose::{same_padded, same_pads};
use crate::error::Reason;
use crate::pytorch::value::{Content, Slot, Value};
use crate::pytorch::walk::Walk;
use crate::{Options, Remark};
use ir::{Op, PadMode};
use tensor::{DType, Dim};

/// A network on its way to a graph.
pub(super) struct Net<'s> {
    pub(super) walk: Walk,
    pub(super) state: &'s mut State,
    /// What batch normalizations add to variances.
    pub(super) epsilon: f64,
    /// Is the odd row of padding behind the data, as TensorFlow has it?
    pub(super) pads_behind: bool,
    /// What somebody should know of the network that was built.
    pub(super) remarks: Vec<Remark>,
    options: &'s Options,
    nodes: usize,
}

impl<'s> Net<'s> {
    pub(super) fn new(state: &'s mut State, options: &'s Options) -> Net<'s> {
        let (walk, remarks) = (Walk::new(options), Vec::new());
        Net { walk, state, epsilon: 1e-5, pads_behind: false, remarks, options, nodes: 0 }
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
        args.extend([Value::Bool(false), Value::Float(0.1), Value::Float(self.epsilon)]);
        Ok(self.apply("batch_norm", &args))
    }

    /// A convolution and its normalization, padded so that a stride of 1 keeps the size; what it
    /// makes, and how many channels that has.
    pub(super) fn layer(
        &mut self,
        [conv, norm]: [&str; 2],
        x: &Value,
        stride: i64,
        channels: usize,
        activation: Option<&str>,
    ) -> Result<(Value, usize), Reason> {
        let kernel = self.kernel(conv);
        let made = match self.pads_behind && stride > 1 {
            true => {
                let x = self.padded(x, kernel, stride as usize)?;
                self.conv(conv, &x, [stride, 0], channels)?
            }
            false => self.conv(conv, x, [stride, (kernel / 2) as i64], channels)?,
        };
        let made = self.batch_norm(norm, &made)?;
        let made = activation.map(|op| self.apply(op, std::slice::from_ref(&made))).unwrap_or(made);
        Ok((made, self.channels(conv)))
    }

    /// An image with zeros around it for as many windows as the stride has steps.
    fn padded(&mut self, x: &Value, kernel: usize, stride: usize) -> Result<Value, Reason> {
        // What is refused before it stays so.
        let Value::Tensor(slot) = x else { return Ok(x.clone()) };
        let x = slot.operand().map_err(Reason::Signature)?;
        let build = &mut self.walk.build;
        let shape = build.fact(&x).shape;
        let window = [[kernel; 2], [stride; 2], [1; 2]];
        let pads = same_pads(shape.get(2..).unwrap_or_default(), &window[0], &window[1], &[1, 1]);
        let made = match pads.as_deref() {
            Some([rows, columns]) => {
                let before = vec![0, 0, rows.0 as i64, columns.0 as i64];
                let after = vec![0, 0, rows.1 as i64, columns.1 as i64];
                build.emit(Op::Pad { before, after, mode: PadMode::Constant(0.0) }, &[&x])?
            }
            _ => same_padded(build, &x, window.each_ref().map(|sizes| &sizes[..]), 0.0)?,
        };
        Ok(Value::Tensor(Slot::new(Content::Known(made))))
    }

    /// `x * gate(wide(activation(narrow(pool(x)))))`
    pub(super) fn gated(
        &mut self,
        [narrow, wide]: [&str; 2],
        x: &Value,
        channels: usize,
        [activation, gate]: [&str; 2],
    ) -> Result<Value, Reason> {
        let own = self.apply("adaptive_avg_pool2d", &[x.clone(), Value::int(1)]);
        let own = self.conv(narrow, &own, [1, 0], channels)?;
        let own = self.apply(activation, &[own]);
        let own = self.conv(wide, &own, [1, 0], self.channels(narrow))?;
        let own = self.apply(gate, &[own]);
        Ok(self.apply("mul", &[x.clone(), own]))
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

    /// The width of a convolution's windows.
    pub(super) fn kernel(&self, name: &str) -> usize {
        let sizes = self.state.sizes(&format!("{name}.weight"));
        sizes.and_then(|sizes| sizes.last().copied()).unwrap_or(1)
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
