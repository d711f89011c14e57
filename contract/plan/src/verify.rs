//! What every plan must satisfy before it may run.

use crate::{ALIGNMENT, Body, Buffer, BufferId, Operation, Place, Plan, Port, Step};
use tensor::DType;

/// Why a plan contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A buffer that does not exist.
    #[error("`{by}` names buffer {buffer}, but the plan has {count}")]
    NoBuffer {
        /// What names it.
        by: String,
        /// The buffer.
        buffer: u32,
        /// How many there are.
        count: usize,
    },
    /// A buffer that is read before it is written, or an alias of a later buffer.
    #[error("`{by}` reads buffer {buffer}, which nothing before it writes")]
    Unwritten {
        /// What reads it.
        by: String,
        /// The buffer.
        buffer: u32,
    },
    /// A step that writes where it must not.
    #[error("step `{step}` writes buffer {buffer}, which is not where such a step writes")]
    NotWritable {
        /// The step.
        step: String,
        /// The buffer.
        buffer: u32,
    },
    /// A constant that is out of place.
    #[error("buffer {buffer} is {bytes} bytes at {offset} of {constant_bytes} bytes of constants")]
    Constant {
        /// The buffer.
        buffer: usize,
        /// Where it starts.
        offset: u64,
        /// Its length.
        bytes: u64,
        /// The length of all constants.
        constant_bytes: u64,
    },
    /// A step with too few or too many inputs.
    #[error("step `{step}` ({operation}) has {found} inputs, expected {expected}")]
    Arity {
        /// The step.
        step: String,
        /// Its operation.
        operation: &'static str,
        /// How many it takes.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A step with several outputs, though its operation has one.
    #[error("step `{step}` ({operation}) has several outputs, expected 1")]
    Outputs {
        /// The step.
        step: String,
        /// Its operation.
        operation: &'static str,
    },
    /// A buffer of text or objects where numbers are expected.
    #[error("`{by}` holds no numbers")]
    NoNumbers {
        /// The step or buffer.
        by: String,
    },
    /// An alias of another type than what it stands for.
    #[error("buffer {buffer} is {found}, what it stands for is {expected}")]
    Alias {
        /// The alias.
        buffer: usize,
        /// The type of what it stands for.
        expected: DType,
        /// Its own.
        found: DType,
    },
    /// A plan inside a step that does not fit it.
    #[error("step `{step}` runs a plan that takes or makes another number of values")]
    Body {
        /// The step.
        step: String,
    },
    /// Ports and buffers that do not match in number.
    #[error("the signature has {ports} {what}, the plan has {buffers}")]
    Ports {
        /// Inputs or outputs.
        what: &'static str,
        /// In the signature.
        ports: usize,
        /// In the plan.
        buffers: usize,
    },
    /// A port whose buffer has another type or shape.
    #[error("{side} `{port}` is {expected} in the signature and {found} in the plan")]
    Port {
        /// Input or output.
        side: &'static str,
        /// Its name.
        port: String,
        /// Type and shape in the signature.
        expected: String,
        /// Type and shape of the buffer.
        found: String,
    },
}

impl Plan {
    /// Checks the plan against constants of `constant_bytes` bytes. Lengths of buffers depend on
    /// the sizes of a run and are checked there.
    pub fn verify(&self, constant_bytes: u64) -> Result<(), PlanError> {
        let mut is_written = vec![false; self.buffers.len()];
        for (index, buffer) in self.buffers.iter().enumerate() {
            let is_value = matches!(buffer.place, Place::Held | Place::Input(_) | Place::Alias(_));
            if !(buffer.dtype.is_dense() || is_value) {
                return Err(PlanError::NoNumbers { by: format!("buffer {index}") });
            }
            match buffer.place {
                Place::Arena | Place::Held => {}
                Place::Constant { offset, bytes } => {
                    let end = offset.checked_add(bytes);
                    if offset % ALIGNMENT != 0 || end.is_none_or(|end| end > constant_bytes) {
                        let buffer = index;
                        return Err(PlanError::Constant { buffer, offset, bytes, constant_bytes });
                    }
                    is_written[index] = true;
                }
                Place::Input(input) => {
                    let (ports, buffers) = (self.signature.inputs.len(), input as usize + 1);
                    let Some(port) = self.signature.inputs.get(input as usize) else {
                        return Err(PlanError::Ports { what: "inputs", ports, buffers });
                    };
                    verify_port("input", port, buffer)?;
                    is_written[index] = true;
                }
                // An alias of an earlier buffer only: so no chain of aliases is a loop.
                Place::Alias(of) if (of.0 as usize) < index => {
                    if self.buffer(of).dtype != buffer.dtype {
                        let (expected, found) = (self.buffer(of).dtype, buffer.dtype);
                        return Err(PlanError::Alias { buffer: index, expected, found });
                    }
                }
                Place::Alias(of) => {
                    let by = format!("alias {index}");
                    return Err(PlanError::Unwritten { by, buffer: of.0 });
                }
            }
        }
        for step in &self.steps {
            self.verify_step(step, &mut is_written, constant_bytes)?;
        }
        let (ports, buffers) = (self.signature.outputs.len(), self.outputs.len());
        if ports != buffers {
            return Err(PlanError::Ports { what: "outputs", ports, buffers });
        }
        for (&id, port) in self.outputs.iter().zip(&self.signature.outputs) {
            self.verify_read("output", id, &is_written)?;
            verify_port("output", port, self.buffer(id))?;
        }
        Ok(())
    }

    fn verify_step(
        &self,
        step: &Step,
        is_written: &mut [bool],
        constant_bytes: u64,
    ) -> Result<(), PlanError> {
        let (fewest, most) = step.operation.arity();
        let found = step.inputs.len();
        if found < fewest || found > most {
            let (step_name, operation) = (step.name.clone(), step.operation.name());
            let expected = if found < fewest { fewest } else { most };
            return Err(PlanError::Arity { step: step_name, operation, expected, found });
        }
        for &id in &step.inputs {
            self.verify_read(&step.name, id, is_written)?;
        }
        for output in step.outputs() {
            self.verify_named(&step.name, output)?;
            let storage = self.storage(output);
            let place = if step.operation.is_staged() { Place::Held } else { Place::Arena };
            if self.buffer(storage).place != place {
                return Err(PlanError::NotWritable { step: step.name.clone(), buffer: output.0 });
            }
            is_written[storage.0 as usize] = true;
        }
        if step.operation.is_staged() {
            return self.verify_bodies(step, constant_bytes);
        }
        let mut touched = step.inputs.iter().copied().chain(step.outputs());
        if touched.any(|id| !self.buffer(id).dtype.is_dense()) {
            return Err(PlanError::NoNumbers { by: step.name.clone() });
        }
        let is_whole = matches!(step.operation, Operation::Whole(_));
        if is_whole || step.further.is_empty() {
            return Ok(());
        }
        let (step, operation) = (step.name.clone(), step.operation.name());
        Err(PlanError::Outputs { step, operation })
    }

    /// Plans inside a step have to be valid, and to take and make as many values as it does.
    fn verify_bodies(&self, step: &Step, constant_bytes: u64) -> Result<(), PlanError> {
        let (inputs, outputs) = (step.inputs.len(), step.outputs().count());
        let expected = match &step.operation {
            Operation::Loop(p) => (inputs - p.iteration.own_inputs() + 2, outputs + 1),
            _ => (inputs.saturating_sub(1), outputs),
        };
        for Body(body) in step.operation.bodies() {
            body.verify(constant_bytes)?;
            let found = (body.signature.inputs.len(), body.signature.outputs.len());
            let is_fitting = match &step.operation {
                Operation::Loop(p) => p.iteration.states <= outputs,
                _ => true,
            };
            if found != expected || !is_fitting {
                return Err(PlanError::Body { step: step.name.clone() });
            }
        }
        Ok(())
    }

    fn verify_read(&self, by: &str, id: BufferId, is_written: &[bool]) -> Result<(), PlanError> {
        self.verify_named(by, id)?;
        if is_written[self.storage(id).0 as usize] {
            return Ok(());
        }
        Err(PlanError::Unwritten { by: by.to_string(), buffer: id.0 })
    }

    fn verify_named(&self, by: &str, id: BufferId) -> Result<(), PlanError> {
        let count = self.buffers.len();
        if (id.0 as usize) < count {
            return Ok(());
        }
        Err(PlanError::NoBuffer { by: by.to_string(), buffer: id.0, count })
    }
}

/// Callers hold to the signature, kernels to the buffers: they must say the same.
fn verify_port(side: &'static str, port: &Port, buffer: &Buffer) -> Result<(), PlanError> {
    if port.dtype == buffer.dtype && port.shape == buffer.shape {
        return Ok(());
    }
    let expected = format!("{}{:?}", port.dtype, port.shape);
    let found = format!("{}{:?}", buffer.dtype, buffer.shape);
    Err(PlanError::Port { side, port: port.name.clone(), expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signature;
    use tensor::scalar::Unary;
    use tensor::{Bindings, DType, Dim};

    /// One function over an input of four elements.
    fn plan() -> Plan {
        let shape = || vec![Dim::from(4)];
        let buffer = |place| Buffer { dtype: DType::F32, shape: shape(), place };
        let port = |name: &str| Port { name: name.into(), dtype: DType::F32, shape: shape() };
        Plan {
            name: "small".into(),
            buffers: vec![buffer(Place::Input(0)), buffer(Place::Arena)],
            steps: vec![Step {
                name: "relu".into(),
                operation: Operation::Unary(Unary::Relu),
                inputs: vec![BufferId(0)],
                output: BufferId(1),
                further: vec![],
            }],
            signature: Signature { inputs: vec![port("x")], outputs: vec![port("y")] },
            outputs: vec![BufferId(1)],
            defaults: Bindings::default(),
        }
    }

    #[track_caller]
    fn refused(alter: impl FnOnce(&mut Plan), expected: &str) {
        let mut plan = plan();
        alter(&mut plan);
        let reason = plan.verify(0).unwrap_err().to_string();
        assert!(reason.contains(expected), "expected `{expected}`, found `{reason}`");
    }

    #[test]
    fn a_plan_that_contradicts_itself_is_refused() {
        assert_eq!(plan().verify(0), Ok(()));
        refused(|p| p.steps[0].inputs.clear(), "has 0 inputs, expected 1");
        refused(|p| p.steps[0].inputs[0] = BufferId(2), "names buffer 2, but the plan has 2");
        refused(|p| p.steps[0].inputs[0] = BufferId(1), "which nothing before it writes");
        refused(|p| p.steps[0].output = BufferId(0), "which is not where such a step writes");
        refused(|p| p.buffers[0].place = Place::Input(1), "the signature has 1 inputs");
        let constant = Place::Constant { offset: 0, bytes: 16 };
        refused(|p| p.buffers[0].place = constant, "of 0 bytes of constants");
    }

    #[test]
    fn ports_have_the_type_and_shape_of_their_buffers() {
        let five = || vec![Dim::from(5)];
        refused(|p| p.buffers[0].shape = five(), "input `x` is f32[4] in the signature");
        refused(|p| p.signature.outputs[0].shape = five(), "and f32[4] in the plan");
        refused(|p| p.signature.outputs[0].dtype = DType::I64, "output `y` is i64[4]");
    }
}
