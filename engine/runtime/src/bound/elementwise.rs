//! Functions of single elements.

use super::{Execute, Facts, Operands};
use crate::RunError;
use kernels::elementwise::{BinaryMap, Cast, Operand, Select, UnaryMap};
use plan::Operation;
use simd::Isa;
use tensor::DType;
use tensor::scalar::{Binary, Unary};

/// The most axes that kernels broadcast over.
const RANK_MAX: usize = 8;

pub(crate) struct Map {
    function: Function,
    shapes: Vec<Vec<usize>>,
    dtype: DType,
    output: Vec<usize>,
    output_dtype: DType,
}

enum Function {
    Unary(Unary),
    Binary(Binary),
    Select,
    Cast,
}

impl Map {
    pub(crate) fn bind(operation: &Operation, facts: &Facts<'_>) -> Result<Map, RunError> {
        let dtype = facts.dtypes[0];
        let (function, is_supported, output) = match operation {
            Operation::Unary(op) => {
                let output = UnaryMap::output_type(*op, dtype);
                (Function::Unary(*op), UnaryMap::supports(*op, dtype), output)
            }
            Operation::Binary(op) => {
                let is_supported = BinaryMap::supports(*op, dtype) && facts.dtypes[1] == dtype;
                let output = BinaryMap::output_type(*op, dtype);
                (Function::Binary(*op), is_supported, output)
            }
            Operation::Select => {
                let is_supported = dtype == DType::Bool && facts.dtypes[1] == facts.dtypes[2];
                (Function::Select, is_supported, facts.dtypes[1])
            }
            _ => (Function::Cast, true, facts.output_dtype),
        };
        let is_typed = is_supported && output == facts.output_dtype;
        facts.require(is_typed, &format!("no kernel for {:?}", facts.dtypes))?;
        let is_of_one = matches!(function, Function::Unary(_) | Function::Cast);
        let is_same = tensor::element_count(facts.shapes[0]) == tensor::element_count(facts.output);
        facts.require(!is_of_one || is_same, "the result has another size")?;
        let does_broadcast = facts.shapes.iter().all(|shape| broadcasts(shape, facts.output));
        facts.require(does_broadcast, "the operands do not broadcast to the output")?;
        facts.require(facts.output.len() <= RANK_MAX, "more than 8 axes")?;
        Ok(Map {
            function,
            shapes: facts.shapes.iter().map(|s| s.to_vec()).collect(),
            dtype,
            output: facts.output.to_vec(),
            output_dtype: facts.output_dtype,
        })
    }

    pub(crate) fn run(&self, isa: Isa, operands: &Operands<'_>, execute: Execute<'_>) {
        let out = operands.output;
        let operand = |at: usize| Operand { bytes: operands.inputs[at], shape: &self.shapes[at] };
        match self.function {
            Function::Unary(op) => {
                execute(&UnaryMap::new(isa, op, self.dtype, operands.inputs[0], out));
            }
            Function::Binary(op) => {
                let (a, b) = (operand(0), operand(1));
                execute(&BinaryMap::new(isa, op, self.dtype, a, b, &self.output, out));
            }
            Function::Select => {
                let (condition, a, b) = (operand(0), operand(1), operand(2));
                execute(&Select::new(self.output_dtype, condition, a, b, &self.output, out));
            }
            Function::Cast => {
                execute(&Cast::new(isa, self.dtype, operands.inputs[0], self.output_dtype, out));
            }
        }
    }
}

/// Is each size, counted from the innermost, the output's or one?
fn broadcasts(shape: &[usize], output: &[usize]) -> bool {
    shape.len() <= output.len()
        && shape.iter().rev().zip(output.iter().rev()).all(|(&s, &o)| s == o || s == 1)
}
