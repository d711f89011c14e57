//! Products with weights of few bits. Integers are centered and scaled in f32; where ONNX Runtime
//! sums integers exactly, the difference is the rounding of f32 sums.

use super::super::quantize::{
    along, dequantize_linear, dequantized, dynamically_rounded, float, quantize_linear, stored,
};
use super::super::{Row, microsoft};
use crate::build::Operand;
use crate::error::Reason;
use crate::onnx::call::{Call, Made};
use ir::{Op, SliceAxis};
use std::sync::Arc;
use tensor::scalar::Binary;
use tensor::{DType, Dim, Tensor};

pub(in crate::onnx::ops) const OPS: &[Row] = &[
    // ONNX com.microsoft.DequantizeLinear-1 and com.microsoft.QuantizeLinear-1, as the standard's.
    microsoft("DequantizeLinear", &["axis"], dequantize_linear),
    microsoft("DynamicQuantizeMatMul", &[], dynamic_quantize_mat_mul),
    microsoft("MatMulIntegerToFloat", &[], mat_mul_integer_to_float),
    microsoft(
        "MatMulNBits",
        &["K", "N", "accuracy_level", "bits", "block_size", "weight_prepacked"],
        mat_mul_n_bits,
    ),
    microsoft("QGemm", &["alpha", "transA", "transB"], q_gemm),
    microsoft("QuantizeLinear", &["axis"], quantize_linear),
];

/// `a * b`, and the bias where there is one.
fn product(
    call: &mut Call<'_>,
    a: &Operand,
    b: &Operand,
    bias: Option<Operand>,
) -> Result<Operand, Reason> {
    let product = call.build.emit(Op::MatMul, &[a, b])?;
    match bias {
        Some(bias) => call.build.binary(Binary::Add, &product, &bias),
        None => Ok(product),
    }
}

/// ONNX com.microsoft.DynamicQuantizeMatMul-1: the first operand is rounded to 256 steps over its
/// range, as DynamicQuantizeLinear does.
fn dynamic_quantize_mat_mul(call: &mut Call<'_>) -> Made {
    let a = dynamically_rounded(call)?;
    let columns = call.fact(1)?.rank().saturating_sub(1);
    let b = dequantized(call, 1, 2, Some(3), columns)?;
    let bias = call.optional(4);
    Ok(vec![product(call, &a, &b, bias)?])
}

/// ONNX com.microsoft.MatMulIntegerToFloat-1. Refused: several scales of the first operand.
fn mat_mul_integer_to_float(call: &mut Call<'_>) -> Made {
    let scales = call.fact(2)?.shape;
    if !scales.iter().all(|size| size.known() == Some(1)) {
        let (expected, found) = ("one scale".to_string(), format!("{scales:?}"));
        return Err(Reason::Input { input: 2, expected, found });
    }
    let a = dequantized(call, 0, 2, Some(4), 0)?;
    let columns = call.fact(1)?.rank().saturating_sub(1);
    let b = dequantized(call, 1, 3, Some(5), columns)?;
    let bias = call.optional(6);
    Ok(vec![product(call, &a, &b, bias)?])
}

/// ONNX com.microsoft.QGemm-1: `alpha * A' * B' + C` of what the integers stand for, as integers
/// where scale and zero point of the result are given.
fn q_gemm(call: &mut Call<'_>) -> Made {
    let is_turned = [call.flag("transA", false)?, call.flag("transB", false)?];
    let columns = usize::from(!is_turned[1]);
    let mut operands =
        [dequantized(call, 0, 1, Some(2), 0)?, dequantized(call, 3, 4, Some(5), columns)?];
    for (operand, is_turned) in operands.iter_mut().zip(is_turned) {
        if is_turned {
            *operand = call.build.transpose(operand, vec![1, 0])?;
        }
    }
    let alpha = f64::from(call.float("alpha")?.unwrap_or(1.0));
    let alpha = call.build.number(DType::F32, alpha)?;
    let mut made = product(call, &operands[0], &operands[1], None)?;
    made = call.build.binary(Binary::Mul, &made, &alpha)?;
    if call.optional(6).is_some() {
        let (c, a, b) = (float(call, 6)?, float(call, 1)?, float(call, 4)?);
        let b = along(call, &b, 1, 2)?;
        let scale = call.build.binary(Binary::Mul, &a, &b)?;
        let scale = call.build.binary(Binary::Mul, &scale, &alpha)?;
        let c = call.build.binary(Binary::Mul, &c, &scale)?;
        made = call.build.binary(Binary::Add, &made, &c)?;
    }
    let (Some(_), Some(zero)) = (call.optional(7), call.optional(8)) else {
        return Ok(vec![made]);
    };
    let dtype = call.build.fact(&zero).dtype;
    Ok(vec![stored(call, &made, [7, 8], dtype)?])
}

/// ONNX com.microsoft.MatMulNBits-1, its weights unpacked at import. Accepted: 2, 4 and 8 bits,
/// zero points packed or as floats. Refused: weights that are computed, the order of columns
/// (`g_idx`).
fn mat_mul_n_bits(call: &mut Call<'_>) -> Made {
    if call.flag("weight_prepacked", false)? {
        return Err(call.refuse("weight_prepacked", "0", "1"));
    }
    if call.optional(4).is_some() {
        let (expected, found) = ("no order of columns".to_string(), "one".to_string());
        return Err(Reason::Input { input: 4, expected, found });
    }
    let weights = Packing::of(call)?.weights(call)?;
    let dtype = call.fact(0)?.dtype;
    let a = float(call, 0)?;
    let bias = match call.optional(5) {
        Some(_) => Some(float(call, 5)?),
        None => None,
    };
    let made = product(call, &a, &weights, bias)?;
    Ok(vec![call.build.cast(&made, dtype)?])
}

/// How the weights of a MatMulNBits are packed: rows of blocks for each column, numbers from the
/// low bits of a byte on.
struct Packing {
    inner: usize,
    columns: usize,
    blocks: usize,
    block: usize,
    bits: usize,
}

impl Packing {
    fn of(call: &Call<'_>) -> Result<Packing, Reason> {
        let size = |name: &str, least: i64| match call.int(name)? {
            Some(size) if (least..=0x7fff_ffff).contains(&size) => Ok(size as usize),
            other => Err(call.refuse(name, &format!("at least {least}"), &format!("{other:?}"))),
        };
        let (inner, columns, block) = (size("K", 1)?, size("N", 1)?, size("block_size", 8)?);
        let bits = match call.int("bits")?.unwrap_or(4) {
            bits @ (2 | 4 | 8) => bits as usize,
            other => return Err(call.refuse("bits", "2, 4 or 8", &other.to_string())),
        };
        Ok(Packing { inner, columns, blocks: inner.div_ceil(block), block, bits })
    }

    /// An input of so many elements, which has to be known.
    fn known(
        &self,
        call: &Call<'_>,
        index: usize,
        expected: &[usize],
    ) -> Result<Arc<Tensor>, Reason> {
        let x = call.input(index)?.known().cloned();
        let x = x.ok_or_else(|| call.data_dependent(index, "packed weights"))?;
        if tensor::element_count(expected) == Some(x.len()) {
            return Ok(x);
        }
        let Packing { columns, blocks, block, .. } = self;
        let expected = format!("{columns} columns of {blocks} blocks of {block}");
        Err(Reason::Input { input: index, expected, found: format!("{x:?}") })
    }

    /// The numbers of rows of `len` each, every row beginning with a byte of its own.
    fn unpacked(&self, bytes: &[u8], len: usize) -> Vec<f32> {
        let in_byte = 8 / self.bits;
        let mask = u8::MAX >> (8 - self.bits);
        let row = |bytes: &[u8]| -> Vec<f32> {
            let at = |i: usize| bytes[i / in_byte] >> (i % in_byte * self.bits) & mask;
            (0..len).map(|i| f32::from(at(i))).collect()
        };
        bytes.chunks_exact(len.div_ceil(in_byte)).flat_map(row).collect()
    }

    /// A number for each block, so that it broadcasts over the block.
    fn per_block(&self, call: &mut Call<'_>, x: &Operand) -> Result<Operand, Reason> {
        let shape = vec![Dim::from(self.columns), Dim::from(self.blocks), Dim::from(1)];
        call.build.reshape(x, shape)
    }

    /// The zero points: given packed or as floats, otherwise the middle of the range.
    fn zeros(&self, call: &mut Call<'_>) -> Result<Operand, Reason> {
        let Some(given) = call.optional(3) else {
            return call.build.number(DType::F32, f64::from(1u16 << (self.bits - 1)));
        };
        if call.build.fact(&given).dtype != DType::U8 {
            self.known(call, 3, &[self.columns, self.blocks])?;
            let zeros = float(call, 3)?;
            return self.per_block(call, &zeros);
        }
        let packed = self.known(call, 3, &[self.columns, (self.blocks * self.bits).div_ceil(8)])?;
        let zeros = self.unpacked(packed.bytes(), self.blocks);
        constant(call, &[self.columns, self.blocks, 1], &zeros)
    }

    /// The weights as `[K, N]` in f32.
    fn weights(&self, call: &mut Call<'_>) -> Result<Operand, Reason> {
        let &Packing { inner, columns, blocks, block, bits } = self;
        let packed = self.known(call, 1, &[columns, blocks, block * bits / 8])?;
        if packed.dtype() != DType::U8 || !(block * bits).is_multiple_of(8) {
            let (expected, found) = ("whole bytes in u8".to_string(), format!("{packed:?}"));
            return Err(Reason::Input { input: 1, expected, found });
        }
        let weights = self.unpacked(packed.bytes(), block);
        let weights = constant(call, &[columns, blocks, block], &weights)?;
        let zeros = self.zeros(call)?;
        self.known(call, 2, &[columns, blocks])?;
        let scale = float(call, 2)?;
        let scale = self.per_block(call, &scale)?;
        let centered = call.build.binary(Binary::Sub, &weights, &zeros)?;
        let scaled = call.build.binary(Binary::Mul, &centered, &scale)?;
        let rows = vec![Dim::from(columns), Dim::from(blocks * block)];
        let rows = call.build.reshape(&scaled, rows)?;
        let turned = call.build.transpose(&rows, vec![1, 0])?;
        // The last block need not be whole.
        let cut = SliceAxis { axis: 0, start: Dim::from(0), len: Dim::from(inner), step: 1 };
        call.build.emit(Op::Slice { axes: vec![cut] }, &[&turned])
    }
}

fn constant(call: &Call<'_>, shape: &[usize], elements: &[f32]) -> Result<Operand, Reason> {
    let tensor = Tensor::from_slice(shape, elements)
        .map_err(|error| Reason::Evaluation(error.to_string()))?;
    Ok(Operand::constant(&call.build.node, tensor))
}
