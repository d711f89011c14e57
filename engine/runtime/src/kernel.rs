//! Which kernel carries out a step.

use kernels::{Row, attention, catalogue, matmul};
use plan::{Operation, Plan, PoolKind, Precision, Step, WinogradTile};
use simd::Isa;
use tensor::DType;

/// The row of the catalogue; nothing for steps that no kernel is needed for.
pub(crate) fn of_step(plan: &Plan, step: &Step, isa: Isa) -> Option<&'static Row> {
    let is_bf16 = step.inputs.iter().any(|&id| plan.buffer(id).dtype == DType::BF16);
    let is_f32 = step.inputs.iter().all(|&id| plan.buffer(id).dtype == DType::F32);
    let by_type = |f32: &'static str, other: &'static str| if is_f32 { f32 } else { other };
    let by_precision = |f32: &'static str, bf16: &'static str| if is_bf16 { bf16 } else { f32 };
    let (family, name) = match &step.operation {
        Operation::BatchMatMul(_) if !is_f32 => ("matmul", "matmul_scalar"),
        Operation::MatMul(plan::MatMul { epilogue, .. })
        | Operation::Convolution(plan::Convolution { epilogue, .. })
            if epilogue.integers.is_some() =>
        {
            return Some(matmul::int8_row(isa));
        }
        Operation::Convolution(_) if !is_f32 && !is_bf16 => ("conv", "conv_scalar"),
        Operation::MatMul(_) | Operation::Convolution(_) | Operation::BatchMatMul(_) => {
            return Some(matmul::tile_row(isa, is_bf16));
        }
        Operation::Attention(p) => {
            return Some(attention::row(isa, p.precision == Precision::Bf16));
        }
        Operation::Winograd { tile: WinogradTile::Two, .. } => {
            ("winograd", by_precision("winograd_f32_nhwc_2x2_3x3", "winograd_bf16_nhwc_2x2_3x3"))
        }
        Operation::Winograd { tile: WinogradTile::Four, .. } => {
            ("winograd", by_precision("winograd_f32_nhwc_4x4_3x3", "winograd_bf16_nhwc_4x4_3x3"))
        }
        Operation::Depthwise(p) if p.epilogue.integers.is_some() => {
            ("depthwise", "depthwise_u8i8_nhwc")
        }
        Operation::Depthwise(_) => {
            ("depthwise", by_precision("depthwise_f32_nhwc", "depthwise_bf16_nhwc"))
        }
        Operation::Chain(_) => {
            ("chain", by_precision("chain_f32_nhwc_strips", "chain_bf16_nhwc_strips"))
        }
        Operation::Pool(plan::Pool { kind: PoolKind::Max, .. })
            if plan.buffer(step.output).dtype == DType::U8 =>
        {
            ("pool", "max_u8_nhwc")
        }
        Operation::Pool(_) if !is_f32 => ("pool", "pool_scalar"),
        Operation::Pool(plan::Pool { kind: PoolKind::Max, .. }) => ("pool", "max_f32_nhwc"),
        Operation::Pool(_) => ("pool", "average_f32_nhwc"),
        Operation::Resize(_) => ("resize", "resize_f32_nhwc"),
        Operation::Unary(_) => ("elementwise", by_type("unary_f32", "unary_scalar")),
        Operation::Binary(_) => ("elementwise", by_type("binary_f32", "binary_scalar")),
        Operation::Select => ("elementwise", "select"),
        Operation::Cast => ("elementwise", "cast"),
        Operation::Quantize { .. } => ("quantize", "quantize"),
        Operation::Dequantize { .. } => ("quantize", "dequantize"),
        Operation::ByteSum(_) => ("quantize", "byte_sum"),
        Operation::Reduce { .. } => ("reduce", by_type("reduce_f32", "reduce_scalar")),
        Operation::Arg { .. } => ("reduce", "arg_reduce"),
        Operation::Softmax { .. } => ("norm", by_type("softmax_f32", "norm_scalar")),
        Operation::LayerNorm { .. } => ("norm", by_type("layer_norm_f32", "norm_scalar")),
        Operation::LocalResponseNorm { .. } => {
            ("norm", by_type("local_response_f32", "norm_scalar"))
        }
        Operation::Copy(_) => ("movement", "strided_copy"),
        Operation::Fill(_) => ("movement", "fill"),
        Operation::Gather { .. } => ("movement", "gather"),
        Operation::TreeEnsemble { .. } => ("trees", "tree_ensemble"),
        Operation::Dimensions(_)
        | Operation::Whole(_)
        | Operation::Dynamic { .. }
        | Operation::If(_)
        | Operation::Loop(_) => return None,
    };
    catalogue().find(|row| row.family == family && row.name == name && row.isa == isa)
}
