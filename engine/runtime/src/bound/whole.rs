//! Operators that are computed as written, on whole tensors.

use super::{Facts, Operands};
use crate::RunError;
use kernels::SharedMut;
use operators::Operator;
use tensor::rule::Fact;
use tensor::{DType, Dim, View, ViewMut};

pub(crate) struct Whole {
    step: String,
    operator: Operator,
    inputs: Vec<(DType, Vec<usize>)>,
    outputs: Vec<(DType, Vec<usize>)>,
}

impl Whole {
    pub(crate) fn bind(operator: &Operator, facts: &Facts<'_>) -> Result<Whole, RunError> {
        let count = facts.shapes.len();
        facts.require(count <= plan::INPUTS_MAX, "more inputs than a step takes")?;
        let operator = operator.bind(facts.sizes).map_err(|e| RunError::size(facts.name, &e))?;
        let owned = |(dtype, shape): (DType, &[usize])| (dtype, shape.to_vec());
        let inputs = facts.dtypes.iter().copied().zip(facts.shapes.iter().copied());
        let inputs: Vec<_> = inputs.map(owned).collect();
        let outputs = [(facts.output_dtype, facts.output)];
        let outputs: Vec<_> =
            outputs.into_iter().chain(facts.further.iter().copied()).map(owned).collect();
        let fact = |(dtype, shape): &(DType, Vec<usize>)| Fact {
            dtype: *dtype,
            shape: shape.iter().map(|&size| Dim::from(size)).collect(),
        };
        let taken: Vec<Fact> = inputs.iter().map(fact).collect();
        let made = operator.infer(&taken).map_err(|error| facts.refuse(error.to_string()))?;
        let is_made = made.iter().eq(outputs.iter().map(fact).collect::<Vec<_>>().iter());
        facts.require(is_made, "the operator makes something else")?;
        Ok(Whole { step: facts.name.to_string(), operator, inputs, outputs })
    }

    pub(crate) fn run(&self, operands: &Operands<'_>) -> Result<(), RunError> {
        let inputs = self.inputs.iter().zip(operands.inputs);
        let inputs: Vec<View<'_>> =
            inputs.map(|((dtype, shape), bytes)| View { dtype: *dtype, shape, bytes }).collect();
        let memory = std::iter::once(operands.output).chain(operands.further.iter().copied());
        let mut outputs: Vec<ViewMut<'_>> = Vec::with_capacity(self.outputs.len());
        for ((dtype, shape), memory) in self.outputs.iter().zip(memory) {
            let memory: SharedMut<'_, u8> = memory;
            // SAFETY: the session has checked that no output meets an input or another output, and
            // this thread alone runs the step.
            let bytes =
                unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr(), memory.len()) };
            outputs.push(ViewMut { dtype: *dtype, shape, bytes });
        }
        self.operator
            .compute(&inputs, &mut outputs)
            .map_err(|error| RunError::Index { step: self.step.clone(), reason: error.to_string() })
    }
}
