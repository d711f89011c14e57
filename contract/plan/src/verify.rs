//! What every plan must satisfy before it may run.

use crate::{ALIGNMENT, BufferId, Place, Plan, Step};

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
    #[error("step `{step}` writes buffer {buffer}, which is not in the arena")]
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
}

impl Plan {
    /// Checks the plan against constants of `constant_bytes` bytes. Lengths of buffers depend on
    /// the sizes of a run and are checked there.
    pub fn verify(&self, constant_bytes: u64) -> Result<(), PlanError> {
        let mut is_written = vec![false; self.buffers.len()];
        for (index, buffer) in self.buffers.iter().enumerate() {
            match buffer.place {
                Place::Arena => {}
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
                    if buffers > ports {
                        return Err(PlanError::Ports { what: "inputs", ports, buffers });
                    }
                    is_written[index] = true;
                }
                // An alias of an earlier buffer only: so no chain of aliases is a loop.
                Place::Alias(of) if (of.0 as usize) < index => {}
                Place::Alias(of) => {
                    let by = format!("alias {index}");
                    return Err(PlanError::Unwritten { by, buffer: of.0 });
                }
            }
        }
        for step in &self.steps {
            self.verify_step(step, &mut is_written)?;
        }
        let (ports, buffers) = (self.signature.outputs.len(), self.outputs.len());
        if ports != buffers {
            return Err(PlanError::Ports { what: "outputs", ports, buffers });
        }
        self.outputs.iter().try_for_each(|&id| self.verify_read("output", id, &is_written))
    }

    fn verify_step(&self, step: &Step, is_written: &mut [bool]) -> Result<(), PlanError> {
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
        self.verify_named(&step.name, step.output)?;
        let storage = self.storage(step.output);
        if self.buffer(storage).place != Place::Arena {
            let buffer = step.output.0;
            return Err(PlanError::NotWritable { step: step.name.clone(), buffer });
        }
        is_written[storage.0 as usize] = true;
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
