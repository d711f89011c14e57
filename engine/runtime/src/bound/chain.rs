//! Convolutions that follow each other.

use super::window::{Convolution, Form};
use super::{Execute, Facts, Operands, product};
use crate::RunError;
use kernels::chain::{self, STAGES_MAX, Stage};
use plan::ChainStage;
use simd::Isa;
use tensor::DType;

/// Tasks for each thread, so that one that is late holds up few others.
const TASKS_PER_THREAD: usize = 2;

pub(crate) struct Chain {
    stages: Vec<BoundStage>,
}

struct BoundStage {
    convolution: Convolution,
    is_depthwise: bool,
    /// The input that its weights are; bias and residual follow.
    weights: usize,
}

impl Chain {
    pub(crate) fn bind(stages: &[ChainStage], facts: &Facts<'_>) -> Result<Chain, RunError> {
        let is_chain = (1..=STAGES_MAX).contains(&stages.len());
        facts.require(is_chain, "a chain has another number of stages")?;
        let (last, before) = stages.split_last().expect("there is one");
        let is_plain = before.iter().all(|stage| !stage.convolution.epilogue.has_residual);
        facts.require(is_plain, "a stage before the last has a residual")?;
        let is_of_floats = stages.iter().all(|stage| stage.convolution.epilogue.integers.is_none());
        facts.require(is_of_floats, "no kernel chains products of integers")?;
        // With these limits, no chain has more inputs.
        const { assert!(1 + 2 * STAGES_MAX < plan::INPUTS_MAX) };
        facts.require(last.dtype == facts.output_dtype, "the last stage gives another type")?;
        let size = |dim| facts.size(dim);
        let output = last.output.iter().map(size).collect::<Result<Vec<usize>, _>>()?;
        facts.require(output == facts.output, "the last stage gives another shape")?;
        let (mut taken, mut dtype) = (facts.shapes[0].to_vec(), facts.dtypes[0]);
        let mut weights = 1;
        let mut bound = Vec::with_capacity(stages.len());
        for stage in stages {
            let given = stage.output.iter().map(size).collect::<Result<Vec<usize>, _>>()?;
            let bytes =
                tensor::element_count(&given).and_then(|n| n.checked_mul(stage.dtype.size()));
            let is_bounded = bytes.is_some_and(|bytes| bytes <= facts.bytes_max);
            facts.require(is_bounded, "an image between stages is too large")?;
            let own = weights..weights + stage.operands();
            let shapes: Vec<&[usize]> =
                [&taken[..]].into_iter().chain(facts.shapes[own.clone()].iter().copied()).collect();
            let dtypes: Vec<DType> =
                std::iter::once(dtype).chain(facts.dtypes[own.clone()].iter().copied()).collect();
            let form = if stage.is_depthwise { Form::Depthwise } else { Form::Plain };
            let facts = Facts {
                shapes: &shapes,
                dtypes: &dtypes,
                output: &given,
                output_dtype: stage.dtype,
                ..*facts
            };
            let convolution = Convolution::bind(&stage.convolution, form, &facts)?;
            bound.push(BoundStage { convolution, is_depthwise: stage.is_depthwise, weights });
            (taken, dtype, weights) = (given, stage.dtype, own.end);
        }
        Ok(Chain { stages: bound })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let count = self.stages.len();
        let stages: [Stage<'_>; STAGES_MAX] = std::array::from_fn(|at| {
            let stage = &self.stages[at.min(count - 1)];
            let Convolution { shape, epilogue, types, .. } = &stage.convolution;
            Stage {
                shape: *shape,
                is_depthwise: stage.is_depthwise,
                weights: types.packed(operands, stage.weights),
                epilogue: product::epilogue(epilogue, types.residual, operands, stage.weights),
                is_bf16: types.output == product::Lanes::Bf16,
            }
        });
        let parts = if operands.threads == 1 { 1 } else { TASKS_PER_THREAD * operands.threads };
        let (first, last) = (&self.stages[0].convolution, &self.stages[count - 1].convolution);
        let input = first.types.input.floats(operands, 0);
        let output = last.types.output.output(operands);
        execute(&chain::Chain::new(isa, &stages[..count], parts, input, output));
    }
}
