//! The naive twin of every operator: slow, obvious, and what all faster code is checked against.
//!
//! Floats of every width are read as `f64`, computed and summed in `f64`, and rounded once when
//! they are stored, so that an `f32` result is within half a unit in the last place of the exact
//! one, save where a sum cancels. Integers are computed in `i128` and wrap when stored. There is
//! one file for each family of operators under `ops`, named as in `compile/ir`.
//!
//! No tensor may have more than [`ELEMENTS_MAX`] elements; a larger one is an error, never an
//! allocation.
//!
//! ```
//! use ir::Op;
//! use tensor::{Bindings, Tensor, scalar::Binary};
//!
//! let a = Tensor::from_slice(&[2, 1], &[1.0f32, 2.0]).unwrap();
//! let b = Tensor::from_slice(&[3], &[10.0f32, 20.0, 30.0]).unwrap();
//! let sum = reference::evaluate(&Op::Binary(Binary::Add), &[&a, &b], &Bindings::new()).unwrap();
//! assert_eq!(sum.shape(), [2, 3]);
//! assert_eq!(sum.as_slice::<f32>().unwrap(), [11.0, 21.0, 31.0, 12.0, 22.0, 32.0]);
//! ```
#![forbid(unsafe_code)]

mod bind;
mod error;
mod numbers;
mod ops;
mod run;
mod walk;
mod work;

pub use error::ReferenceError;
pub use run::{run, run_values};
pub use work::work;

use ir::{Fact, Op};
use tensor::{Bindings, Dim, Tensor, Value, element_count};

/// The most elements that a tensor made here may have: 1 GiB of `f32`, and 2 GiB while they are
/// computed as `f64` (integers, as `i128`, take twice that).
pub const ELEMENTS_MAX: usize = 1 << 28;

/// The most bytes that a tensor may have that an operator between stages makes.
const BYTES_MAX: usize = 4 * ELEMENTS_MAX;

/// What an operator makes of `inputs`, the symbols in its parameters having the given `sizes`; the
/// first of it where it makes several.
///
/// The operator's rule is applied to the concrete shapes first: inputs that break it are an
/// error that says what was expected and found.
pub fn evaluate(op: &Op, inputs: &[&Tensor], sizes: &Bindings) -> Result<Tensor, ReferenceError> {
    evaluate_all(op, inputs, sizes).map(|mut made| made.swap_remove(0))
}

/// All that an operator makes of `inputs`, as [`evaluate`].
pub fn evaluate_all(
    op: &Op,
    inputs: &[&Tensor],
    sizes: &Bindings,
) -> Result<Vec<Tensor>, ReferenceError> {
    let op = bind::bind(op, sizes)?;
    let facts: Vec<Fact> = inputs.iter().map(|t| fact_of(t)).collect();
    let made = op
        .infer_all(&facts)
        .map_err(|error| ReferenceError::Rule { op: op.name(), error: Box::new(error) })?;
    let shapes: Vec<Vec<usize>> =
        made.iter().map(|made| concrete(&op, &made.shape)).collect::<Result<_, _>>()?;
    if let Op::Dynamic(dynamic) = &op {
        let values: Vec<Value> = inputs.iter().map(|&t| t.clone().into()).collect();
        let made = dynamic.operator.evaluate(&values, BYTES_MAX)?;
        return made.into_iter().map(run::number).collect();
    }
    if let Op::Whole(operator) = &op {
        let views: Vec<_> = inputs.iter().map(|t| t.view()).collect();
        return Ok(operator.evaluate(&views)?);
    }
    let result = dispatch(&op, inputs, made[0].dtype, &shapes[0])?;
    debug_assert_eq!((result.dtype(), result.shape()), (made[0].dtype, shapes[0].as_slice()));
    Ok(vec![result])
}

fn fact_of(tensor: &Tensor) -> Fact {
    Fact { dtype: tensor.dtype(), shape: tensor.shape().iter().map(|&d| Dim::from(d)).collect() }
}

/// The inferred shape as sizes, refused when it is negative somewhere or too large.
fn concrete(op: &Op, shape: &[Dim]) -> Result<Vec<usize>, ReferenceError> {
    let too_large = || ReferenceError::TooLarge { op: op.name(), shape: shape.to_vec() };
    let sizes: Vec<usize> =
        shape.iter().map(Dim::known_size).collect::<Option<_>>().ok_or_else(too_large)?;
    match element_count(&sizes) {
        Some(count) if count <= ELEMENTS_MAX => Ok(sizes),
        Some(_) | None => Err(too_large()),
    }
}

/// Calls the naive twin. The rule has been applied: the twins rely on arity, types and shapes.
fn dispatch(
    op: &Op,
    inputs: &[&Tensor],
    dtype: tensor::DType,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    match op {
        Op::Unary(function) => ops::elementwise::unary(*function, inputs[0], dtype),
        Op::Binary(function) => ops::elementwise::binary(*function, inputs, dtype, shape),
        Op::Select => ops::elementwise::select(inputs, shape),
        Op::Cast(dtype) => ops::elementwise::cast(*dtype, inputs[0]),
        Op::Quantize { dtype, axis } => ops::quantize::quantize(*dtype, *axis, inputs),
        Op::Dequantize { axis } => ops::quantize::dequantize(*axis, inputs),
        Op::Conv(conv) => ops::conv::conv(conv, inputs, shape),
        Op::MatMul => ops::matmul::mat_mul(inputs[0], inputs[1], shape),
        Op::Pool(pool) => ops::pool::pool(pool, inputs[0], shape),
        Op::Reduce { reduction, axes, .. } => {
            ops::reduce::reduce(*reduction, axes, inputs[0], shape)
        }
        Op::Arg(arg) => ops::reduce::arg(arg, inputs[0], shape),
        Op::Softmax { axis } => ops::norm::softmax(*axis, inputs[0]),
        Op::LogSoftmax { axis } => ops::norm::log_softmax(*axis, inputs[0]),
        Op::LayerNorm { axis, epsilon } => ops::norm::layer_norm(*axis, *epsilon, inputs),
        Op::LocalResponseNorm { size, alpha, beta, bias } => {
            ops::norm::local_response_norm(*size, [*alpha, *beta, *bias], inputs[0])
        }
        Op::Reshape { .. } => ops::movement::reshape(inputs[0], shape),
        Op::Transpose { perm } => ops::movement::transpose(perm, inputs[0], shape),
        Op::Slice { axes } => ops::movement::slice(axes, inputs[0], shape),
        Op::Concat { axis } => ops::movement::concat(*axis, inputs, shape),
        Op::Expand { .. } => ops::movement::expand(inputs[0], shape),
        Op::Gather { axis } => ops::movement::gather(*axis, inputs[0], inputs[1], shape),
        Op::Pad { before, mode, .. } => ops::movement::pad(before, *mode, inputs[0], shape),
        Op::Dimensions(dims) => ops::movement::dimensions(dims),
        Op::TreeEnsemble { reduction } => ops::trees::tree_ensemble(*reduction, inputs, shape),
        Op::Whole(_) | Op::Dynamic(_) => unreachable!("computed by the operator itself"),
        Op::If { .. } | Op::Loop(_) => Err(ReferenceError::NoBody { op: op.name() }),
    }
}
