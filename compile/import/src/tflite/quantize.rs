//! Integers that stand for numbers.

use super::model::{Quantization, Value};
use crate::build::{Budget, Operand};
use crate::error::Reason;
use crate::tensorflow::nodes::Nodes;
use ir::Op;
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Tensor};

/// Scales and zero points, one of all elements or one for each along an axis.
struct Parameters {
    scales: Vec<f32>,
    zeros: Vec<i64>,
}

impl Parameters {
    /// Takes room for them too: each step that uses them has constants of its own.
    fn of(quantization: &Quantization, budget: &Budget) -> Result<Parameters, Reason> {
        budget.take(quantization.scales.len().checked_mul(2 * size_of::<f32>()))?;
        let Quantization { scales, zeros, .. } = quantization;
        let zeros = match zeros.as_slice() {
            [] => vec![0; scales.len()],
            [one] => vec![*one; scales.len()],
            _ => zeros.clone(),
        };
        if zeros.len() != scales.len() {
            let found = format!("{} scales and {} zero points", scales.len(), zeros.len());
            return Err(Reason::Evaluation(found));
        }
        Ok(Parameters { scales: scales.clone(), zeros })
    }

    fn is_single(&self) -> bool {
        self.scales.len() == 1
    }

    /// As the graph's own operators take them.
    fn operands(&self, name: &str, dtype: DType) -> Result<[Operand; 2], Reason> {
        let shape: &[usize] = if self.is_single() { &[] } else { &[self.scales.len()] };
        let bytes = self.zeros.iter().map(|&zero| match dtype {
            DType::U8 => u8::try_from(zero).ok(),
            _ => i8::try_from(zero).ok().map(|zero| zero as u8),
        });
        let bytes: Option<Vec<u8>> = bytes.collect();
        let outside = || Reason::Evaluation(format!("a zero point is none of {dtype}"));
        let zeros = Tensor::from_bytes(dtype, shape, &bytes.ok_or_else(outside)?);
        let scales = Tensor::from_slice(shape, &self.scales);
        let evaluation = |error: tensor::TensorError| Reason::Evaluation(error.to_string());
        let (scales, zeros) = (scales.map_err(evaluation)?, zeros.map_err(evaluation)?);
        Ok([Operand::constant(name, scales), Operand::constant(name, zeros)])
    }

    /// As they broadcast against a value of so many axes.
    fn spread(&self, name: &str, axis: usize, rank: usize) -> Result<[Operand; 2], Reason> {
        let mut shape = vec![1; if self.is_single() { 0 } else { rank }];
        if !self.is_single() {
            let outside = || Reason::Evaluation("scales of an axis that is not there".to_string());
            *shape.get_mut(axis).ok_or_else(outside)? = self.scales.len();
        }
        let zeros: Vec<f32> = self.zeros.iter().map(|&zero| zero as f32).collect();
        let tensor = |values: &[f32]| {
            let made = Tensor::from_slice(&shape, values);
            made.map_err(|error| Reason::Evaluation(error.to_string()))
        };
        Ok([
            Operand::constant(name, tensor(&self.scales)?),
            Operand::constant(name, tensor(&zeros)?),
        ])
    }
}

/// The numbers that integers stand for, which lie along `axis` as the scales do.
pub(super) fn numbers(
    nodes: &mut Nodes<'_>,
    x: &Operand,
    quantization: &Quantization,
    axis: usize,
) -> Result<Operand, Reason> {
    let parameters = Parameters::of(quantization, &nodes.build().budget)?;
    let dtype = nodes.fact(x).dtype;
    let act = |build: &mut crate::build::Builder, x: &Operand| {
        let name = build.node.clone();
        if matches!(dtype, DType::I8 | DType::U8) {
            let [scale, zero] = parameters.operands(&name, dtype)?;
            let axis = if parameters.is_single() { 0 } else { axis };
            return build.emit(Op::Dequantize { axis }, &[x, &scale, &zero]);
        }
        let [scale, zero] = parameters.spread(&name, axis, build.fact(x).rank())?;
        let x = build.cast(x, DType::F32)?;
        let moved = build.binary(Binary::Sub, &x, &zero)?;
        build.binary(Binary::Mul, &moved, &scale)
    };
    match parameters.is_single() {
        true => nodes.of_elements(x, act),
        false => act(nodes.build(), x),
    }
}

/// The integers of a value's type that stand for numbers.
pub(super) fn integers(
    nodes: &mut Nodes<'_>,
    x: &Operand,
    value: &Value<'_>,
) -> Result<Operand, Reason> {
    let dtype = value.dtype()?;
    let Some(quantization) = &value.quantization else { return nodes.build().cast(x, dtype) };
    let parameters = Parameters::of(quantization, &nodes.build().budget)?;
    let axis = quantization.axis;
    let act = |build: &mut crate::build::Builder, x: &Operand| {
        let name = build.node.clone();
        let x = build.cast(x, DType::F32)?;
        if matches!(dtype, DType::I8 | DType::U8) {
            let [scale, zero] = parameters.operands(&name, dtype)?;
            let axis = if parameters.is_single() { 0 } else { axis };
            return build.emit(Op::Quantize { dtype, axis }, &[&x, &scale, &zero]);
        }
        let [scale, zero] = parameters.spread(&name, axis, build.fact(&x).rank())?;
        let steps = build.binary(Binary::Div, &x, &scale)?;
        let steps = build.unary(Unary::Round, &steps)?;
        let moved = build.binary(Binary::Add, &steps, &zero)?;
        let kept = match dtype {
            DType::I16 => build.unary(Unary::Clip { min: -32768.0, max: 32767.0 }, &moved)?,
            _ => moved,
        };
        build.cast(&kept, dtype)
    };
    match parameters.is_single() {
        true => nodes.of_elements(x, act),
        false => act(nodes.build(), x),
    }
}
