//! Steps with concrete parameters: what is left to do at run time is to lay the operands'
//! addresses beside them and call the kernel.

mod attention;
mod chain;
mod elementwise;
mod movement;
mod product;
mod quantize;
mod resize;
mod rows;
mod side;
mod trees;
mod whole;
mod window;

use crate::RunError;
use kernels::{SharedMut, Task};
use plan::Operation;
use simd::Isa;
use tensor::{Bindings, DType, Element};
use window::Form;

/// A step whose sizes are known.
pub(crate) enum Bound {
    MatMul(product::MatMul),
    BatchMatMul(product::BatchMatMul),
    Attention(attention::Attention),
    Convolution(window::Convolution),
    ScalarConvolution(window::ScalarConvolution),
    Chain(chain::Chain),
    Pool(window::Pool),
    Resize(resize::Resize),
    Map(elementwise::Map),
    Affine(quantize::Affine),
    ByteSum(quantize::ByteSum),
    Rows(rows::Rows),
    Movement(movement::Movement),
    Trees(trees::Trees),
    Whole(whole::Whole),
}

/// What is known of a step's operands when its sizes are bound.
pub(crate) struct Facts<'a> {
    pub(crate) name: &'a str,
    /// Shapes of the inputs, in physical order.
    pub(crate) shapes: &'a [&'a [usize]],
    /// Element types of the inputs.
    pub(crate) dtypes: &'a [DType],
    /// Shape of the output, in physical order.
    pub(crate) output: &'a [usize],
    pub(crate) output_dtype: DType,
    /// Types and shapes of what is written beside the output.
    pub(crate) further: &'a [(DType, &'a [usize])],
    pub(crate) sizes: &'a Bindings,
    /// No image may be larger, also one that lies in no buffer.
    pub(crate) bytes_max: usize,
}

/// The operands of one run.
pub(crate) struct Operands<'a> {
    pub(crate) inputs: [&'a [u8]; plan::INPUTS_MAX],
    pub(crate) output: SharedMut<'a, u8>,
    /// What is written beside it.
    pub(crate) further: &'a [SharedMut<'a, u8>],
    /// Threads that run the pieces: how a step is cut may depend on it, what it computes not.
    pub(crate) threads: usize,
}

/// Runs the pieces of a call.
pub(crate) type Execute<'e> = &'e mut dyn FnMut(&dyn Task);

impl Bound {
    /// Lays the sizes of the operands beside an operation. Every length that a kernel would
    /// panic on is refused here, once, instead.
    pub(crate) fn bind(operation: &Operation, facts: &Facts<'_>) -> Result<Bound, RunError> {
        Ok(match operation {
            Operation::MatMul(p) => Bound::MatMul(product::MatMul::bind(p, facts)?),
            Operation::BatchMatMul(p) => Bound::BatchMatMul(product::BatchMatMul::bind(p, facts)?),
            Operation::Attention(p) => Bound::Attention(attention::Attention::bind(p, facts)?),
            Operation::Convolution(p) if facts.output_dtype == DType::F64 => {
                Bound::ScalarConvolution(window::ScalarConvolution::bind(p, facts)?)
            }
            Operation::Convolution(p) => {
                Bound::Convolution(window::Convolution::bind(p, Form::Plain, facts)?)
            }
            Operation::Winograd { tile, convolution } => {
                let form = Form::Winograd(window::tile(*tile));
                Bound::Convolution(window::Convolution::bind(convolution, form, facts)?)
            }
            Operation::Depthwise(p) => {
                Bound::Convolution(window::Convolution::bind(p, Form::Depthwise, facts)?)
            }
            Operation::Chain(stages) => Bound::Chain(chain::Chain::bind(stages, facts)?),
            Operation::Pool(p) => Bound::Pool(window::Pool::bind(p, facts)?),
            Operation::Resize(p) => Bound::Resize(resize::Resize::bind(p, facts)?),
            Operation::Unary(_) | Operation::Binary(_) | Operation::Select | Operation::Cast => {
                Bound::Map(elementwise::Map::bind(operation, facts)?)
            }
            Operation::Quantize { axis } => {
                Bound::Affine(quantize::Affine::bind(false, *axis, facts)?)
            }
            Operation::Dequantize { axis } => {
                Bound::Affine(quantize::Affine::bind(true, *axis, facts)?)
            }
            Operation::ByteSum(p) => Bound::ByteSum(quantize::ByteSum::bind(*p, facts)?),
            Operation::Reduce { .. }
            | Operation::Arg { .. }
            | Operation::Softmax { .. }
            | Operation::LayerNorm { .. }
            | Operation::LocalResponseNorm { .. } => {
                Bound::Rows(rows::Rows::bind(operation, facts)?)
            }
            Operation::Copy(_)
            | Operation::Fill(_)
            | Operation::Gather { .. }
            | Operation::Dimensions(_) => {
                Bound::Movement(movement::Movement::bind(operation, facts)?)
            }
            Operation::TreeEnsemble { reduction } => {
                Bound::Trees(trees::Trees::bind(*reduction, facts)?)
            }
            Operation::Whole(operator) => Bound::Whole(whole::Whole::bind(operator, facts)?),
            Operation::Dynamic { .. } | Operation::If(_) | Operation::Loop(_) => {
                return Err(facts.refuse("it runs between stages"));
            }
        })
    }

    pub(crate) fn run(
        &self,
        isa: Isa,
        operands: &Operands<'_>,
        execute: Execute<'_>,
    ) -> Result<(), RunError> {
        match self {
            Bound::MatMul(bound) => bound.run(isa, operands, execute),
            Bound::BatchMatMul(bound) => bound.run(isa, operands, execute),
            Bound::Attention(bound) => bound.run(isa, operands, execute),
            Bound::Convolution(bound) => bound.run(isa, operands, execute),
            Bound::ScalarConvolution(bound) => bound.run(operands, execute),
            Bound::Chain(bound) => bound.run(isa, operands, execute),
            Bound::Pool(bound) => bound.run(isa, operands, execute),
            Bound::Resize(bound) => bound.run(isa, operands, execute),
            Bound::Map(bound) => bound.run(isa, operands, execute),
            Bound::Affine(bound) => bound.run(isa, operands, execute),
            Bound::ByteSum(bound) => bound.run(isa, operands, execute),
            Bound::Rows(bound) => bound.run(isa, operands, execute),
            Bound::Movement(bound) => return bound.run(isa, operands, execute),
            Bound::Trees(bound) => return bound.run(operands, execute),
            Bound::Whole(bound) => return bound.run(operands),
        }
        Ok(())
    }
}

impl Facts<'_> {
    /// The refusal of this step for its sizes.
    pub(crate) fn refuse(&self, reason: impl Into<String>) -> RunError {
        RunError::Size { step: self.name.to_string(), reason: reason.into() }
    }

    /// Requires a relation of sizes that the kernel relies on.
    pub(crate) fn require(&self, holds: bool, reason: &str) -> Result<(), RunError> {
        if holds {
            return Ok(());
        }
        let (shapes, output) = (self.shapes, self.output);
        Err(self.refuse(format!("{reason} (inputs {shapes:?}, output {output:?})")))
    }

    /// Requires that inputs and output hold elements of this type.
    pub(crate) fn require_types(&self, dtype: DType) -> Result<(), RunError> {
        let is_typed = self.output_dtype == dtype && self.dtypes.iter().all(|&d| d == dtype);
        self.require(is_typed, &format!("the kernel takes and gives {dtype}"))
    }

    /// The value of a size that must not be negative.
    pub(crate) fn size(&self, dim: &tensor::Dim) -> Result<usize, RunError> {
        let value = dim.evaluate(self.sizes).map_err(|e| RunError::size(self.name, &e))?;
        usize::try_from(value).map_err(|_| self.refuse(format!("dimension `{dim}` is {value}")))
    }

    /// The value of an offset or stride, which may be negative.
    pub(crate) fn signed(&self, dim: &tensor::Dim) -> Result<isize, RunError> {
        let value = dim.evaluate(self.sizes).map_err(|e| RunError::size(self.name, &e))?;
        isize::try_from(value).map_err(|_| self.refuse(format!("stride `{dim}` is {value}")))
    }
}

impl<'a> Operands<'a> {
    /// The elements of an input.
    pub(crate) fn input<T: Element>(&self, index: usize) -> &'a [T] {
        bytemuck::cast_slice(self.inputs[index])
    }

    /// The elements of an input that may be absent.
    pub(crate) fn optional<T: Element>(&self, index: usize, is_there: bool) -> Option<&'a [T]> {
        is_there.then(|| self.input(index))
    }

    /// The elements of the output.
    pub(crate) fn output<T: Element>(&self) -> SharedMut<'a, T> {
        self.output.cast()
    }
}
