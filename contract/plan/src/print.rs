//! The plan for people to read: buffers that steps make, and the steps in order.

use crate::{Body, BufferId, Operation, Place, Plan};
use std::fmt;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan {}", self.name)?;
        for port in &self.signature.inputs {
            writeln!(f, "  input {}: {}{:?}", port.name, port.dtype, port.shape)?;
        }
        for step in &self.steps {
            let output = self.buffer(step.output);
            write!(f, "  {}", Shown(self, step.output))?;
            for &id in &step.further {
                write!(f, ", {}", Shown(self, id))?;
            }
            write!(f, " = {}(", Parameters(&step.operation))?;
            for (i, &id) in step.inputs.iter().enumerate() {
                write!(f, "{}{}", if i > 0 { ", " } else { "" }, Shown(self, id))?;
            }
            writeln!(f, ") : {}{:?}  # {}", output.dtype, output.shape, step.name)?;
            for Body(body) in step.operation.bodies() {
                let text = body.to_string();
                text.lines().try_for_each(|line| writeln!(f, "    {line}"))?;
            }
        }
        for (port, &id) in self.signature.outputs.iter().zip(&self.outputs) {
            let shown = Shown(self, id);
            writeln!(f, "  output {}: {}{:?} = {shown}", port.name, port.dtype, port.shape)?;
        }
        Ok(())
    }
}

/// A buffer as steps name it: `b7` in the arena, `v7` held beside it, `c7` a constant, `in0` an
/// input.
struct Shown<'a>(&'a Plan, BufferId);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shown(plan, id) = self;
        match plan.buffer(*id).place {
            Place::Arena => write!(f, "b{}", id.0),
            Place::Constant { .. } => write!(f, "c{}", id.0),
            Place::Input(input) => write!(f, "in{input}"),
            Place::Held => write!(f, "v{}", id.0),
            Place::Alias(of) => write!(f, "{}.as{:?}", Shown(plan, of), plan.buffer(*id).shape),
        }
    }
}

/// An operation with those parameters that its buffers do not show.
struct Parameters<'a>(&'a Operation);

impl fmt::Display for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operation::MatMul(p) => write!(f, "mat_mul[k={} n={} {}]", p.k, p.n, p.epilogue),
            Operation::Convolution(p) | Operation::Depthwise(p) => write!(
                f,
                "{}[{:?} / {:?} pads {:?} groups {} {}]",
                self.0.name(),
                p.kernel,
                p.strides,
                p.pads,
                p.groups,
                p.epilogue
            ),
            Operation::Chain(stages) => {
                f.write_str("chain[")?;
                for (at, stage) in stages.iter().enumerate() {
                    let p = &stage.convolution;
                    f.write_str(if at == 0 { "" } else { " > " })?;
                    f.write_str(if stage.is_depthwise { "depthwise " } else { "" })?;
                    write!(
                        f,
                        "{:?} / {:?} {:?} {}",
                        p.kernel, p.strides, stage.output, p.epilogue
                    )?;
                }
                f.write_str("]")
            }
            Operation::Winograd { tile, convolution: p } => {
                write!(f, "winograd[{tile:?} pads {:?} {}]", p.pads, p.epilogue)
            }
            Operation::Pool(p) => {
                write!(f, "pool[{:?} {:?} / {:?} pads {:?}]", p.kind, p.kernel, p.strides, p.pads)
            }
            Operation::Resize(p) => {
                write!(f, "resize[{:?} {:?} {:?}]", p.axes, p.interpolation, p.coordinates)
            }
            Operation::Unary(function) => write!(f, "{function:?}"),
            Operation::Binary(function) => write!(f, "{function:?}"),
            Operation::Reduce { reduction, axis, axes } => {
                write!(f, "reduce[{reduction:?} {axis}..{}]", axis + axes)
            }
            Operation::TreeEnsemble { reduction } => write!(f, "tree_ensemble[{reduction:?}]"),
            Operation::Copy(p) => {
                write!(f, "copy[{:?} {:?} -> {:?}]", p.extents, p.from.strides, p.to.strides)
            }
            Operation::Fill(bytes) => write!(f, "fill[{bytes:?}]"),
            Operation::Dimensions(dims) => write!(f, "dimensions[{dims:?}]"),
            Operation::Whole(operator) => write!(f, "{operator:?}"),
            Operation::Attention(p) => write!(
                f,
                "attention[{:?} rows {:?} keys {:?} depth {:?} width {:?} scale {}]",
                p.batch, p.rows, p.keys, p.depth, p.width, p.scale
            ),
            Operation::Dynamic { operator, elements } => {
                write!(f, "{operator:?}")?;
                if elements.is_empty() { Ok(()) } else { write!(f, " -> {elements:?}") }
            }
            _ => f.write_str(self.0.name()),
        }
    }
}

impl fmt::Display for crate::Epilogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.integers.is_some() { "int8 " } else { "" })?;
        f.write_str(if self.has_bias { "+bias" } else { "" })?;
        f.write_str(if self.has_residual { "+residual" } else { "" })?;
        self.activation.map_or(Ok(()), |function| write!(f, " {function:?}"))
    }
}
