//! Functions of single elements.

use crate::ReferenceError;
use crate::numbers::{Numbers, read, read_floats, read_integers, store_floats, store_integers};
use crate::walk::{Layout, walk};
use tensor::scalar::{Binary, Unary};
use tensor::{DType, Tensor};

/// The function of each element.
pub(crate) fn unary(function: Unary, x: &Tensor, dtype: DType) -> Result<Tensor, ReferenceError> {
    match read(x)? {
        Numbers::Float(elements) => {
            let y: Vec<f64> = elements.into_iter().map(|x| float_unary(function, x)).collect();
            store_floats(dtype, x.shape(), &y)
        }
        Numbers::Integer(elements) => {
            let y: Vec<i128> = elements.into_iter().map(|x| integer_unary(function, x)).collect();
            store_integers(dtype, x.shape(), &y)
        }
    }
}

/// The function of each pair.
pub(crate) fn binary(
    function: Binary,
    inputs: &[&Tensor],
    dtype: DType,
    shape: &[usize],
) -> Result<Tensor, ReferenceError> {
    let [a, b] = [inputs[0], inputs[1]];
    let layouts = [&Layout::broadcast(a.shape(), shape), &Layout::broadcast(b.shape(), shape)];
    if a.dtype().is_float() {
        let (a, b) = (read_floats(a)?, read_floats(b)?);
        let mut y = Vec::with_capacity(shape.iter().product());
        walk(shape, layouts, |[i, j]| y.push(float_binary(function, a[i], b[j])));
        return store_floats(dtype, shape, &y);
    }
    let (a, b) = (read_integers(a)?, read_integers(b)?);
    let mut y = Vec::with_capacity(shape.iter().product());
    walk(shape, layouts, |[i, j]| y.push(integer_binary(function, a[i], b[j])));
    store_integers(dtype, shape, &y)
}

/// `a` where the condition holds, else `b`.
pub(crate) fn select(inputs: &[&Tensor], shape: &[usize]) -> Result<Tensor, ReferenceError> {
    let [condition, a, b] = [inputs[0], inputs[1], inputs[2]];
    let layout = |t: &Tensor| Layout::broadcast(t.shape(), shape);
    let mut y = Tensor::zeros(a.dtype(), shape)?;
    let size = a.dtype().size();
    let mut elements = y.bytes_mut().chunks_exact_mut(size);
    walk(shape, [&layout(condition), &layout(a), &layout(b)], |[c, i, j]| {
        let (from, at) = if condition.bytes()[c] != 0 { (a, i) } else { (b, j) };
        if let Some(element) = elements.next() {
            element.copy_from_slice(&from.bytes()[at * size..][..size]);
        }
    });
    Ok(y)
}

/// Each element converted.
pub(crate) fn cast(dtype: DType, x: &Tensor) -> Result<Tensor, ReferenceError> {
    match read(x)? {
        Numbers::Float(elements) => store_floats(dtype, x.shape(), &elements),
        Numbers::Integer(elements) => store_integers(dtype, x.shape(), &elements),
    }
}

fn float_unary(function: Unary, x: f64) -> f64 {
    match function {
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round_ties_even(),
        Unary::Sign if x == 0.0 || x.is_nan() => x,
        Unary::Sign => x.signum(),
        Unary::Erf => libm::erf(x),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => sigmoid(x),
        // log(1 + e^x) = max(x, 0) + log(1 + e^-|x|), which cannot overflow.
        Unary::Softplus => maximum(x, 0.0) + (-x.abs()).exp().ln_1p(),
        Unary::Relu => maximum(x, 0.0),
        Unary::LeakyRelu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * x
            }
        }
        Unary::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * x.exp_m1()
            }
        }
        Unary::HardSigmoid { alpha, beta } => {
            clip(f64::from(alpha) * x + f64::from(beta), 0.0, 1.0)
        }
        Unary::HardSwish => x * clip(x / 6.0 + 0.5, 0.0, 1.0),
        // An infinite x: -inf * 0 would be NaN where the limit is 0.
        Unary::Silu if x == f64::NEG_INFINITY => 0.0,
        Unary::Silu => x * sigmoid(x),
        Unary::Gelu | Unary::GeluTanh if x == f64::NEG_INFINITY => 0.0,
        // 1 + erf(z) = erfc(-z), which keeps its digits for very negative z.
        Unary::Gelu => x / 2.0 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Unary::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            x / 2.0 * (1.0 + inner.tanh())
        }
        Unary::Clip { min, max } => clip(x, f64::from(min), f64::from(max)),
        Unary::Not => f64::from(x == 0.0),
        Unary::IsNan => f64::from(x.is_nan()),
    }
}

/// Those functions that take integers, exactly; for the others, which the rule keeps to floats,
/// the float function truncated.
fn integer_unary(function: Unary, x: i128) -> i128 {
    match function {
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Sign => x.signum(),
        Unary::Relu => x.max(0),
        Unary::Not => i128::from(x == 0),
        Unary::Floor | Unary::Ceil | Unary::Round => x,
        Unary::IsNan => 0,
        Unary::Exp
        | Unary::Log
        | Unary::Sqrt
        | Unary::Reciprocal
        | Unary::Erf
        | Unary::Sin
        | Unary::Cos
        | Unary::Tanh
        | Unary::Sigmoid
        | Unary::Softplus
        | Unary::LeakyRelu { .. }
        | Unary::Elu { .. }
        | Unary::HardSigmoid { .. }
        | Unary::HardSwish
        | Unary::Silu
        | Unary::Gelu
        | Unary::GeluTanh
        | Unary::Clip { .. } => float_unary(function, x as f64) as i128,
    }
}

fn float_binary(function: Binary, a: f64, b: f64) -> f64 {
    match function {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Max => maximum(a, b),
        Binary::Min => minimum(a, b),
        Binary::Mod => {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        }
        Binary::Fmod => a % b,
        Binary::Equal => f64::from(a == b),
        Binary::Less => f64::from(a < b),
        Binary::LessOrEqual => f64::from(a <= b),
        Binary::Greater => f64::from(a > b),
        Binary::GreaterOrEqual => f64::from(a >= b),
        Binary::And => f64::from(a != 0.0 && b != 0.0),
        Binary::Or => f64::from(a != 0.0 || b != 0.0),
        Binary::Xor => f64::from((a != 0.0) != (b != 0.0)),
    }
}

fn integer_binary(function: Binary, a: i128, b: i128) -> i128 {
    match function {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div => a.checked_div(b).unwrap_or(0),
        Binary::Pow => integer_power(a, b),
        Binary::Max => a.max(b),
        Binary::Min => a.min(b),
        Binary::Mod => {
            let rest = a.checked_rem(b).unwrap_or(0);
            if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }
        }
        Binary::Fmod => a.checked_rem(b).unwrap_or(0),
        Binary::Equal => i128::from(a == b),
        Binary::Less => i128::from(a < b),
        Binary::LessOrEqual => i128::from(a <= b),
        Binary::Greater => i128::from(a > b),
        Binary::GreaterOrEqual => i128::from(a >= b),
        Binary::And => a & b,
        Binary::Or => a | b,
        Binary::Xor => a ^ b,
    }
}

/// Repeated multiplication, wrapping; a negative exponent gives the reciprocal rounded towards
/// zero, and that of 0 gives 0.
fn integer_power(base: i128, exponent: i128) -> i128 {
    if exponent < 0 {
        return match base {
            1 => 1,
            -1 if exponent % 2 == 0 => 1,
            -1 => -1,
            _ => 0,
        };
    }
    let (mut result, mut square, mut bits) = (1i128, base, exponent);
    while bits > 0 {
        if bits & 1 == 1 {
            result = result.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        bits >>= 1;
    }
    result
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The larger; NaN if either is NaN.
pub(crate) fn maximum(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// The smaller; NaN if either is NaN.
pub(crate) fn minimum(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) }
}

fn clip(x: f64, min: f64, max: f64) -> f64 {
    minimum(maximum(x, min), max)
}
