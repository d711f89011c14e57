//! A plan cut at the steps that run between stages.
//!
//! Sizes behind such a step may depend on what it makes, so that the steps up to the next one can
//! be bound only when it has run. The steps between two of them are a plan of their own: what it
//! takes from before are its inputs, what is needed later its outputs.

use crate::{Buffer, BufferId, Place, Plan, Port, Signature, Step};
use std::collections::{BTreeMap, BTreeSet};

/// What is done in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What is done.
    pub work: Work,
    /// Buffers of the whole plan that nothing needs any more when it is done.
    pub dead: Vec<BufferId>,
}

/// What a stage does.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Runs steps that are bound together.
    Compute {
        /// The steps, with buffers of their own.
        plan: Box<Plan>,
        /// The buffer of the whole plan that each input of `plan` is.
        inputs: Vec<BufferId>,
        /// The buffer of the whole plan that each output of `plan` is.
        outputs: Vec<BufferId>,
        /// The first step, in the order of the whole plan.
        first_step: usize,
    },
    /// Runs the step with this index, which is [`crate::Operation::is_staged`].
    Step(usize),
}

impl Plan {
    /// Do all steps run in one go, on numbers?
    pub fn is_single_stage(&self) -> bool {
        let mut ports = self.signature.inputs.iter().chain(&self.signature.outputs);
        ports.all(|port| port.dtype.is_dense())
            && !self.steps.iter().any(|step| step.operation.is_staged())
    }

    /// The stages, in order.
    pub fn stages(&self) -> Vec<Stage> {
        let mut ranges = Vec::new();
        let mut start = 0;
        for (index, step) in self.steps.iter().enumerate() {
            if step.operation.is_staged() {
                ranges.extend((start < index).then_some(start..index));
                ranges.push(index..index + 1);
                start = index + 1;
            }
        }
        ranges.extend((start < self.steps.len()).then_some(start..self.steps.len()));
        let last_use = self.last_uses(&ranges);
        let stages = ranges.iter().enumerate().map(|(stage, range)| {
            let steps = &self.steps[range.clone()];
            let work = match steps {
                [step] if step.operation.is_staged() => Work::Step(range.start),
                _ => self.cut(range.start, steps, |id| last_use.get(&id) > Some(&stage)),
            };
            let dead = last_use.iter().filter(|(_, last)| **last == stage).map(|(&id, _)| id);
            Stage { work, dead: dead.collect() }
        });
        stages.collect()
    }

    /// For the storage of each buffer, the last stage that touches it; outputs are touched by one
    /// stage more than there are.
    fn last_uses(&self, ranges: &[std::ops::Range<usize>]) -> BTreeMap<BufferId, usize> {
        let mut last = BTreeMap::new();
        for (stage, range) in ranges.iter().enumerate() {
            for step in &self.steps[range.clone()] {
                let touched = step.inputs.iter().copied().chain(step.outputs());
                last.extend(touched.map(|id| (self.storage(id), stage)));
            }
        }
        let outputs = self.outputs.iter().map(|&id| self.storage(id));
        last.extend(outputs.map(|id| (id, ranges.len())));
        last
    }

    /// The plan of some steps.
    fn cut(
        &self,
        first_step: usize,
        steps: &[Step],
        is_needed_later: impl Fn(BufferId) -> bool,
    ) -> Work {
        let written: BTreeSet<BufferId> =
            steps.iter().flat_map(Step::outputs).map(|id| self.storage(id)).collect();
        let mut used = BTreeSet::new();
        for mut id in steps.iter().flat_map(|s| s.inputs.iter().copied().chain(s.outputs())) {
            while used.insert(id)
                && let Place::Alias(of) = self.buffer(id).place
            {
                id = of;
            }
        }
        // In their order, so that an alias stays behind what it is an alias of.
        let new_ids: BTreeMap<BufferId, BufferId> =
            used.iter().enumerate().map(|(new, &old)| (old, BufferId(new as u32))).collect();
        let mut inputs = Vec::new();
        let mut buffers = Vec::with_capacity(used.len());
        for &id in &used {
            let Buffer { dtype, shape, place } = self.buffer(id).clone();
            let place = match place {
                Place::Alias(of) => Place::Alias(new_ids[&of]),
                Place::Constant { .. } => place,
                Place::Arena if written.contains(&id) => place,
                Place::Arena | Place::Held | Place::Input(_) => {
                    inputs.push(id);
                    Place::Input(inputs.len() as u32 - 1)
                }
            };
            buffers.push(Buffer { dtype, shape, place });
        }
        let outputs: Vec<BufferId> =
            written.into_iter().filter(|&id| is_needed_later(id)).collect();
        let port = |id: &BufferId| {
            let Buffer { dtype, shape, .. } = self.buffer(*id).clone();
            Port { name: format!("buffer {}", id.0), dtype, shape }
        };
        let signature = Signature {
            inputs: inputs.iter().map(port).collect(),
            outputs: outputs.iter().map(port).collect(),
        };
        let move_ids = |ids: &[BufferId]| ids.iter().map(|id| new_ids[id]).collect::<Vec<_>>();
        let steps = steps.iter().map(|step| Step {
            name: step.name.clone(),
            operation: step.operation.clone(),
            inputs: move_ids(&step.inputs),
            output: new_ids[&step.output],
            further: move_ids(&step.further),
        });
        let plan = Plan {
            name: self.name.clone(),
            steps: steps.collect(),
            buffers,
            signature,
            outputs: move_ids(&outputs),
            defaults: BTreeMap::new(),
        };
        Work::Compute { plan: Box::new(plan), inputs, outputs, first_step }
    }
}
