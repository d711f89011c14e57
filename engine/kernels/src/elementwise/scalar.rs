//! The types that have no vectors: one element at a time.

use tensor::DType;
use tensor::scalar::{Binary, Unary};

/// Does the function of an integer yield an integer?
pub(super) fn is_integral(op: Unary) -> bool {
    matches!(
        op,
        Unary::Abs
            | Unary::Neg
            | Unary::Sign
            | Unary::Relu
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round
            | Unary::Clip { .. }
    )
}

/// `target[i] = op(source[i])`.
///
/// # Safety
/// `source` and `target` hold `len` elements, aligned, and are equal or do not overlap.
pub(super) unsafe fn unary(
    op: Unary,
    dtype: DType,
    source: *const u8,
    target: *mut u8,
    len: usize,
) {
    // SAFETY: the caller's, for all calls below.
    unsafe {
        match (dtype, op) {
            (DType::F32, Unary::IsNan) => map(source, target, len, |x: f32| u8::from(x.is_nan())),
            (DType::F64, Unary::IsNan) => map(source, target, len, |x: f64| u8::from(x.is_nan())),
            (DType::F64, op) => map(source, target, len, |x: f64| float(op, x)),
            (DType::Bool, Unary::Not) => map(source, target, len, |x: u8| u8::from(x == 0)),
            (DType::I8, op) => map(source, target, len, |x: i8| integer(op, x)),
            (DType::I16, op) => map(source, target, len, |x: i16| integer(op, x)),
            (DType::I32, op) => map(source, target, len, |x: i32| integer(op, x)),
            (DType::I64, op) => map(source, target, len, |x: i64| integer(op, x)),
            (DType::U8, op) => map(source, target, len, |x: u8| integer(op, x)),
            (DType::U16, op) => map(source, target, len, |x: u16| integer(op, x)),
            (DType::U32, op) => map(source, target, len, |x: u32| integer(op, x)),
            (DType::U64, op) => map(source, target, len, |x: u64| integer(op, x)),
            (dtype, op) => unreachable!("no {op:?} of {dtype}: the constructor refuses it"),
        }
    }
}

/// # Safety
/// As [`unary`].
unsafe fn map<S: Copy, T>(source: *const u8, target: *mut u8, len: usize, f: impl Fn(S) -> T) {
    let (source, target) = (source.cast::<S>(), target.cast::<T>());
    for i in 0..len {
        // SAFETY: the caller's.
        unsafe { target.add(i).write(f(source.add(i).read())) };
    }
}

fn float(op: Unary, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match op {
        Unary::Abs => x.abs(),
        Unary::Neg => -x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round_ties_even(),
        Unary::Sign if x > 0.0 => 1.0,
        Unary::Sign if x < 0.0 => -1.0,
        Unary::Sign => x * 0.0,
        Unary::Erf => libm::erf(x),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => sigmoid(x),
        Unary::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Unary::Relu => clip(x, 0.0, f64::INFINITY),
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
        Unary::Silu => x * sigmoid(x),
        Unary::Gelu => x / 2.0 * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)),
        Unary::GeluTanh => {
            let scale = (2.0 / std::f64::consts::PI).sqrt();
            x / 2.0 * (1.0 + (scale * (x + 0.044_715 * x * x * x)).tanh())
        }
        Unary::Clip { min, max } => clip(x, f64::from(min), f64::from(max)),
        Unary::Not | Unary::IsNan => unreachable!("{op:?} yields booleans"),
    }
}

/// `min(max(x, low), high)`, keeping NaN.
fn clip(x: f64, low: f64, high: f64) -> f64 {
    let raised = if low > x { low } else { x };
    if high < raised { high } else { raised }
}

/// What the integer types share.
trait Integer: Copy + Ord {
    const ZERO: Self;
    const ONE: Self;
    fn negative(self) -> Self;
    fn saturated(x: f32) -> Self;
    fn divided(self, b: Self) -> Self;
    fn remainder(self, b: Self) -> Self;
    fn power(self, b: Self) -> Self;
    fn plus(self, b: Self) -> Self;
    fn minus(self, b: Self) -> Self;
    fn times(self, b: Self) -> Self;
}

macro_rules! integer {
    ($($T:ty),*) => { $(
        impl Integer for $T {
            const ZERO: $T = 0;
            const ONE: $T = 1;
            fn negative(self) -> $T { self.wrapping_neg() }
            fn saturated(x: f32) -> $T { x as $T }
            fn divided(self, b: $T) -> $T { if b == 0 { 0 } else { self.wrapping_div(b) } }
            fn remainder(self, b: $T) -> $T { if b == 0 { 0 } else { self.wrapping_rem(b) } }
            fn power(self, b: $T) -> $T {
                // A negative exponent gives a fraction below 1, whose integer part is 0, save
                // for the bases whose powers are integers.
                match u64::try_from(b) {
                    Ok(b) => (0..64).rev().fold(1, |y: $T, bit| {
                        let y = y.wrapping_mul(y);
                        if b >> bit & 1 == 1 { y.wrapping_mul(self) } else { y }
                    }),
                    Err(_) if self == 1 => 1,
                    Err(_) if self.wrapping_add(1) == 0 => if b % 2 == 0 { 1 } else { self },
                    Err(_) => 0,
                }
            }
            fn plus(self, b: $T) -> $T { self.wrapping_add(b) }
            fn minus(self, b: $T) -> $T { self.wrapping_sub(b) }
            fn times(self, b: $T) -> $T { self.wrapping_mul(b) }
        }
    )* };
}
integer!(i8, i16, i32, i64, u8, u16, u32, u64);

fn integer<T: Integer>(op: Unary, x: T) -> T {
    match op {
        Unary::Abs if x < T::ZERO => x.negative(),
        Unary::Neg => x.negative(),
        Unary::Sign if x > T::ZERO => T::ONE,
        Unary::Sign if x < T::ZERO => T::ONE.negative(),
        Unary::Relu => x.max(T::ZERO),
        Unary::Clip { min, max } => x.max(T::saturated(min)).min(T::saturated(max)),
        // Those left by the guards above, and the roundings: the element itself.
        _ => x,
    }
}

/// `a - floor(a / b) * b`, computed without the rounding of the quotient.
pub(super) fn floor_mod(a: f32, b: f32) -> f32 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

/// Operands of a run: element `i` is at `i * step`.
#[derive(Clone, Copy)]
pub(super) struct Steps {
    pub(super) a: *const u8,
    pub(super) a_step: usize,
    pub(super) b: *const u8,
    pub(super) b_step: usize,
    pub(super) target: *mut u8,
    pub(super) len: usize,
}

/// `target[i] = op(a[i], b[i])`.
///
/// # Safety
/// The runs hold `len` elements at their steps, aligned; the target overlaps no operand.
pub(super) unsafe fn binary(op: Binary, dtype: DType, run: Steps) {
    // SAFETY: the caller's, for all calls below.
    unsafe {
        match dtype {
            DType::F32 => predicates::<f32>(op, run, |x| x != 0.0),
            DType::F64 if op.is_predicate() => predicates::<f64>(op, run, |x| x != 0.0),
            DType::F64 => zip(run, |a: f64, b: f64| float_pair(op, a, b)),
            DType::I8 => integers::<i8>(op, run),
            DType::I16 => integers::<i16>(op, run),
            DType::I32 => integers::<i32>(op, run),
            DType::I64 => integers::<i64>(op, run),
            DType::U8 | DType::Bool => integers::<u8>(op, run),
            DType::U16 => integers::<u16>(op, run),
            DType::U32 => integers::<u32>(op, run),
            DType::U64 => integers::<u64>(op, run),
            _ => unreachable!("no {op:?} of {dtype}: the constructor refuses it"),
        }
    }
}

/// # Safety
/// As [`binary`].
unsafe fn zip<S: Copy, T>(run: Steps, f: impl Fn(S, S) -> T) {
    let (a, b, target) = (run.a.cast::<S>(), run.b.cast::<S>(), run.target.cast::<T>());
    for i in 0..run.len {
        // SAFETY: the caller's.
        unsafe {
            let y = f(a.add(i * run.a_step).read(), b.add(i * run.b_step).read());
            target.add(i).write(y);
        }
    }
}

/// # Safety
/// As [`binary`].
unsafe fn integers<T: Integer>(op: Binary, run: Steps) {
    // SAFETY: the caller's, for all calls below.
    unsafe {
        match op {
            Binary::Add => zip(run, T::plus),
            Binary::Sub => zip(run, T::minus),
            Binary::Mul => zip(run, T::times),
            Binary::Div => zip(run, T::divided),
            Binary::Pow => zip(run, T::power),
            Binary::Max => zip(run, T::max),
            Binary::Min => zip(run, T::min),
            Binary::Fmod => zip(run, T::remainder),
            Binary::Mod => zip(run, |a: T, b: T| {
                let rest = a.remainder(b);
                let differs = rest != T::ZERO && (rest < T::ZERO) != (b < T::ZERO);
                if differs { rest.plus(b) } else { rest }
            }),
            Binary::Equal
            | Binary::Less
            | Binary::LessOrEqual
            | Binary::Greater
            | Binary::GreaterOrEqual
            | Binary::And
            | Binary::Or
            | Binary::Xor => predicates::<T>(op, run, |x| x != T::ZERO),
        }
    }
}

/// # Safety
/// As [`binary`].
unsafe fn predicates<T: Copy + PartialOrd>(op: Binary, run: Steps, is_true: fn(T) -> bool) {
    // SAFETY: the caller's, for all calls below.
    unsafe {
        match op {
            Binary::Equal => zip(run, |a: T, b: T| u8::from(a == b)),
            Binary::Less => zip(run, |a: T, b: T| u8::from(a < b)),
            Binary::LessOrEqual => zip(run, |a: T, b: T| u8::from(a <= b)),
            Binary::Greater => zip(run, |a: T, b: T| u8::from(a > b)),
            Binary::GreaterOrEqual => zip(run, |a: T, b: T| u8::from(a >= b)),
            Binary::And => zip(run, |a: T, b: T| u8::from(is_true(a) & is_true(b))),
            Binary::Or => zip(run, |a: T, b: T| u8::from(is_true(a) | is_true(b))),
            Binary::Xor => zip(run, |a: T, b: T| u8::from(is_true(a) ^ is_true(b))),
            Binary::Add
            | Binary::Sub
            | Binary::Mul
            | Binary::Div
            | Binary::Pow
            | Binary::Max
            | Binary::Min
            | Binary::Mod
            | Binary::Fmod => unreachable!("{op:?} is no predicate"),
        }
    }
}

fn float_pair(op: Binary, a: f64, b: f64) -> f64 {
    let either_nan = a.is_nan() || b.is_nan();
    match op {
        Binary::Add => a + b,
        Binary::Sub => a - b,
        Binary::Mul => a * b,
        Binary::Div => a / b,
        Binary::Pow => a.powf(b),
        Binary::Max | Binary::Min if either_nan => f64::NAN,
        Binary::Max => a.max(b),
        Binary::Min => a.min(b),
        Binary::Fmod => a % b,
        Binary::Mod => {
            let rest = a % b;
            if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
        }
        Binary::Equal
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::Greater
        | Binary::GreaterOrEqual
        | Binary::And
        | Binary::Or
        | Binary::Xor => unreachable!("{op:?} is a predicate"),
    }
}
