//! Which values between steps are bf16, when products multiply bf16.
//!
//! A value in the arena is rounded when it is written if every step that writes it and every step
//! that reads it has a kernel for bf16: products, attention, the depthwise convolutions and
//! poolings between them, copies; normalizations can write it. What a normalization, a sum or a
//! caller reads stays f32, and so does what is added to a matrix product: the path of residuals
//! through a transformer is never rounded.

use plan::{Buffer, BufferId, Operation, Place, Plan, Precision, Step};
use tensor::DType;

/// How a step treats types.
enum Rule {
    /// All operands are what they are.
    Fixed,
    /// Each of these may be bf16.
    Free(Vec<BufferId>),
    /// All of these are bf16, or none.
    Same(Vec<BufferId>),
}

/// Makes values bf16 where no step objects.
pub(crate) fn narrow(plan: &mut Plan) {
    let mut is_half: Vec<bool> = plan
        .buffers
        .iter()
        .map(|buffer| buffer.place == Place::Arena && buffer.dtype == DType::F32)
        .collect();
    for &output in &plan.outputs {
        is_half[plan.storage(output).0 as usize] = false;
    }
    let steps: Vec<(Vec<BufferId>, Rule)> = plan
        .steps
        .iter()
        .map(|step| (step.inputs.iter().copied().chain(step.outputs()).collect(), rule(plan, step)))
        .collect();
    let storage = |id: BufferId| plan.storage(id).0 as usize;
    for (operands, rule) in &steps {
        let free = match rule {
            Rule::Fixed => &[][..],
            Rule::Free(free) | Rule::Same(free) => free,
        };
        for id in operands.iter().filter(|id| !free.contains(id)) {
            is_half[storage(*id)] = false;
        }
    }
    // A step that cannot have one of its operands as bf16 has none so.
    loop {
        let mut is_stable = true;
        for (_, rule) in &steps {
            let Rule::Same(same) = rule else { continue };
            if same.iter().any(|&id| !is_half[storage(id)]) {
                for &id in same {
                    is_stable &= !std::mem::take(&mut is_half[storage(id)]);
                }
            }
        }
        if is_stable {
            break;
        }
    }
    let narrowed: Vec<bool> =
        (0..plan.buffers.len()).map(|b| is_half[storage(BufferId(b as u32))]).collect();
    for (buffer, _) in plan.buffers.iter_mut().zip(narrowed).filter(|(_, is_half)| *is_half) {
        buffer.dtype = DType::BF16;
    }
    round_images(plan);
}

/// Rounds images of f32 in front of convolutions whose windows overlap, which would round each
/// pixel again for every window.
fn round_images(plan: &mut Plan) {
    let mut steps = Vec::with_capacity(plan.steps.len());
    for mut step in std::mem::take(&mut plan.steps) {
        if let Operation::Convolution(p) = &step.operation
            && plan.buffer(step.inputs[1]).dtype == DType::BF16
            && plan.buffer(step.inputs[0]).dtype == DType::F32
            && p.kernel[0] * p.kernel[1] > p.strides[0] * p.strides[1]
        {
            let shape = plan.buffer(step.inputs[0]).shape.clone();
            let rounded = BufferId(plan.buffers.len() as u32);
            plan.buffers.push(Buffer { dtype: DType::BF16, shape, place: Place::Arena });
            let from = std::mem::replace(&mut step.inputs[0], rounded);
            steps.push(Step {
                name: step.name.clone(),
                operation: Operation::Cast,
                inputs: vec![from],
                output: rounded,
                further: vec![],
            });
        }
        steps.push(step);
    }
    plan.steps = steps;
}

fn rule(plan: &Plan, step: &Step) -> Rule {
    // Input, residual, output; weights and bias are what they are.
    let images = |residual_at: Option<usize>| {
        let residual = residual_at.map(|at| step.inputs[at]);
        [step.inputs[0], step.output].into_iter().chain(residual).collect::<Vec<_>>()
    };
    let residual_at =
        |epilogue: &plan::Epilogue| epilogue.has_residual.then_some(epilogue.residual_at(1));
    let is_bf16 = || plan.buffer(step.inputs[1]).dtype == DType::BF16;
    match &step.operation {
        Operation::MatMul(_) if is_bf16() => Rule::Free(images(None)),
        Operation::Attention(p) if p.precision == Precision::Bf16 => {
            Rule::Free(step.inputs[..3].iter().copied().chain([step.output]).collect())
        }
        Operation::LayerNorm { .. } => Rule::Free(vec![step.output]),
        Operation::Convolution(p) if is_bf16() => Rule::Free(images(residual_at(&p.epilogue))),
        Operation::Winograd { convolution, .. } => {
            Rule::Free(images(residual_at(&convolution.epilogue)))
        }
        Operation::Depthwise(p) => Rule::Same(images(residual_at(&p.epilogue))),
        Operation::Copy(_) => Rule::Same(images(None)),
        _ => Rule::Fixed,
    }
}
