//! The f32 loops over the vectors of any ISA.

use crate::floats::{Stored, Target, map};
use simd::{F32Vector, Token, Vectorize, math};
use tensor::scalar::{Binary, Unary};

/// Numbers of bf16 that are widened at a time: with the f32 beside them a part of the first-level
/// cache.
const WIDENED: usize = 1 << 10;

/// `data[i] = op(data[i])`, for the epilogues of other families.
///
/// # Safety
/// `data` is valid for reads and writes of `len` numbers, alone; `op` yields f32.
pub(crate) unsafe fn activate(token: Token, op: Unary, data: Target, len: usize) {
    match data {
        Target::F32(floats) => token.run(UnaryRun { op, source: floats, target: floats, len }),
        Target::U8(_) => unreachable!("what becomes bytes is activated before"),
        Target::Bf16(halves) => {
            let mut floats = [0.0f32; WIDENED];
            for first in (0..len).step_by(WIDENED) {
                let (halves, len) = (halves.wrapping_add(first), (len - first).min(WIDENED));
                let between = floats.as_mut_ptr();
                token.run(Convert { source: halves.cast_const(), target: between, len });
                token.run(UnaryRun { op, source: between, target: between, len });
                token.run_in_bf16(Convert { source: between.cast_const(), target: halves, len });
            }
        }
    }
}

/// As [`activate`], of f32 that will be rounded to bf16: functions may err by less than that.
///
/// # Safety
/// As [`activate`].
pub(crate) unsafe fn activate_short(token: Token, op: Unary, data: *mut f32, len: usize) {
    if op == Unary::Gelu {
        token.run(GeluShort { data, len });
    } else {
        // SAFETY: the caller's.
        unsafe { activate(token, op, Target::F32(data), len) };
    }
}

struct GeluShort {
    data: *mut f32,
    len: usize,
}

impl Vectorize for GeluShort {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let mut i = 0;
        while i < self.len {
            // SAFETY: the caller vouches for `len` numbers.
            unsafe {
                let x = load::<V>(self.data, i, self.len);
                store(math::gelu_short(x), self.data, i, self.len);
            }
            i += V::LANES;
        }
    }
}

/// `target[i] = source[i]`, rounded where the type asks for it.
pub(super) struct Convert<A, B> {
    pub(super) source: *const A,
    pub(super) target: *mut B,
    pub(super) len: usize,
}

impl<A: Stored, B: Stored> Vectorize for Convert<A, B> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller vouches for `len` numbers.
        unsafe { map::<V, A, B>(self.source, self.target, self.len, |x| x) }
    }
}

/// `target[i] = op(source[i])`. The two are equal or do not overlap; `op` yields f32.
pub(super) struct UnaryRun {
    pub(super) op: Unary,
    pub(super) source: *const f32,
    pub(super) target: *mut f32,
    pub(super) len: usize,
}

/// Loads a vector at element `i` of `len`, or what is left there.
#[inline(always)]
unsafe fn load<V: F32Vector>(source: *const f32, i: usize, len: usize) -> V {
    // SAFETY: the caller vouches for `len` floats.
    unsafe {
        if i + V::LANES <= len {
            V::load(source.add(i))
        } else {
            V::load_partial(source.add(i), len - i)
        }
    }
}

/// Stores a vector at element `i` of `len`, or what fits there.
#[inline(always)]
unsafe fn store<V: F32Vector>(v: V, target: *mut f32, i: usize, len: usize) {
    // SAFETY: the caller vouches for `len` floats.
    unsafe {
        if i + V::LANES <= len {
            v.store(target.add(i));
        } else {
            v.store_partial(target.add(i), len - i);
        }
    }
}

/// The loop with a vector expression as its body. A closure would not do: only what is certainly
/// inlined is compiled for the ISA.
macro_rules! map {
    ($run:ident, $V:ident, $x:ident => $y:expr) => {{
        let mut i = 0;
        while i < $run.len {
            // SAFETY: `i < len`, and the caller vouches for both runs.
            unsafe {
                let $x = load::<$V>($run.source, i, $run.len);
                store($y, $run.target, i, $run.len);
            }
            i += $V::LANES;
        }
    }};
}

impl Vectorize for UnaryRun {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        let run = self;
        match run.op {
            Unary::Abs => map!(run, V, x => x.abs()),
            Unary::Neg => map!(run, V, x => x.neg()),
            Unary::Exp => map!(run, V, x => math::exp(x)),
            Unary::Log => map!(run, V, x => math::ln(x)),
            Unary::Sqrt => map!(run, V, x => x.sqrt()),
            Unary::Reciprocal => map!(run, V, x => x.fill(1.0).div(x)),
            Unary::Floor => map!(run, V, x => x.floor()),
            Unary::Ceil => map!(run, V, x => x.ceil()),
            Unary::Round => map!(run, V, x => x.round_even()),
            Unary::Sign => map!(run, V, x => sign(x)),
            Unary::Erf => map!(run, V, x => math::erf(x)),
            Unary::Sin => map!(run, V, x => x.map_lanes(f32::sin)),
            Unary::Cos => map!(run, V, x => x.map_lanes(f32::cos)),
            Unary::Tanh => map!(run, V, x => math::tanh(x)),
            Unary::Sigmoid => map!(run, V, x => math::sigmoid(x)),
            Unary::Softplus => map!(run, V, x => math::softplus(x)),
            Unary::Relu => map!(run, V, x => x.fill(0.0).max(x)),
            Unary::LeakyRelu { alpha } => {
                map!(run, V, x => V::select(x.gt(x.fill(0.0)), x, x.mul(x.fill(alpha))))
            }
            Unary::Elu { alpha } => map!(run, V, x => {
                V::select(x.gt(x.fill(0.0)), x, math::exp_m1(x).mul(x.fill(alpha)))
            }),
            Unary::HardSigmoid { alpha, beta } => {
                map!(run, V, x => hard_sigmoid(x, alpha, beta))
            }
            Unary::HardSwish => map!(run, V, x => x.mul(hard_sigmoid(x, 1.0 / 6.0, 0.5))),
            Unary::Silu => map!(run, V, x => math::silu(x)),
            Unary::Gelu => map!(run, V, x => math::gelu(x)),
            Unary::GeluTanh => map!(run, V, x => math::gelu_tanh(x)),
            Unary::Clip { min, max } => {
                map!(run, V, x => x.fill(max).min(x.fill(min).max(x)))
            }
            Unary::Not | Unary::IsNan => unreachable!("{:?} yields booleans", run.op),
        }
    }
}

#[inline(always)]
fn sign<V: F32Vector>(x: V) -> V {
    let zero = x.fill(0.0);
    let negative = V::select(zero.gt(x), x.fill(-1.0), zero);
    V::select(x.is_nan(), x, V::select(x.gt(zero), x.fill(1.0), negative))
}

#[inline(always)]
fn hard_sigmoid<V: F32Vector>(x: V, alpha: f32, beta: f32) -> V {
    let line = x.mul_add(x.fill(alpha), x.fill(beta));
    x.fill(0.0).max(x.fill(1.0).min(line))
}

/// `target[i] = op(a[i], b[i])`, where each operand is a run of `len` floats, or one float that
/// is read again and again.
pub(super) struct BinaryRun {
    pub(super) op: Binary,
    pub(super) a: *const f32,
    pub(super) a_is_scalar: bool,
    pub(super) b: *const f32,
    pub(super) b_is_scalar: bool,
    pub(super) target: *mut f32,
    pub(super) len: usize,
}

impl Vectorize for BinaryRun {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        // SAFETY: the caller's.
        unsafe {
            match (self.a_is_scalar, self.b_is_scalar) {
                (false, false) => zip::<V, false, false>(&self),
                (false, true) => zip::<V, false, true>(&self),
                (true, false) => zip::<V, true, false>(&self),
                (true, true) => zip::<V, true, true>(&self),
            }
        }
    }
}

#[inline(always)]
unsafe fn operand<V: F32Vector, const SCALAR: bool>(p: *const f32, i: usize, len: usize) -> V {
    // SAFETY: the caller vouches for `len` floats, or for one.
    unsafe { if SCALAR { V::splat(*p) } else { load(p, i, len) } }
}

macro_rules! zip {
    ($run:ident, $V:ident, $A:ident, $B:ident, $a:ident, $b:ident => $y:expr) => {{
        let mut i = 0;
        while i < $run.len {
            // SAFETY: `i < len`, and the caller vouches for all runs.
            unsafe {
                let $a = operand::<$V, $A>($run.a, i, $run.len);
                let $b = operand::<$V, $B>($run.b, i, $run.len);
                store($y, $run.target, i, $run.len);
            }
            i += $V::LANES;
        }
    }};
}

/// # Safety
/// As [`BinaryRun`] says, `A` and `B` being its flags.
#[inline(always)]
unsafe fn zip<V: F32Vector, const A: bool, const B: bool>(run: &BinaryRun) {
    match run.op {
        Binary::Add => zip!(run, V, A, B, a, b => a.add(b)),
        Binary::Sub => zip!(run, V, A, B, a, b => a.sub(b)),
        Binary::Mul => zip!(run, V, A, B, a, b => a.mul(b)),
        Binary::Div => zip!(run, V, A, B, a, b => a.div(b)),
        Binary::Max => zip!(run, V, A, B, a, b => V::select(a.is_nan(), a, a.max(b))),
        Binary::Min => zip!(run, V, A, B, a, b => V::select(a.is_nan(), a, a.min(b))),
        Binary::Mod => zip!(run, V, A, B, a, b => a.zip_lanes(b, super::scalar::floor_mod)),
        Binary::Fmod => zip!(run, V, A, B, a, b => a.zip_lanes(b, |a, b| a % b)),
        Binary::Pow => {
            // SAFETY: a scalar operand is one float.
            if B && unsafe { *run.b } == 2.0 {
                zip!(run, V, A, B, a, _b => a.mul(a));
            } else {
                zip!(run, V, A, B, a, b => a.zip_lanes(b, f32::powf));
            }
        }
        Binary::Equal
        | Binary::Less
        | Binary::LessOrEqual
        | Binary::Greater
        | Binary::GreaterOrEqual
        | Binary::And
        | Binary::Or
        | Binary::Xor => unreachable!("{:?} yields booleans", run.op),
    }
}
