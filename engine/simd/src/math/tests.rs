//! Every function against f64, on every ISA of this CPU.

use super::*;
use crate::{Isa, Vectorize};

struct Map<'a, F>(&'a [f32], &'a mut [f32], F);

trait Function {
    fn of<V: F32Vector>(&self, x: V) -> V;
}

impl<F: Function> Vectorize for Map<'_, F> {
    type Output = ();
    #[inline(always)]
    unsafe fn run<V: F32Vector>(self) {
        for (source, target) in self.0.chunks(V::LANES).zip(self.1.chunks_mut(V::LANES)) {
            // SAFETY: the chunks are this long; the caller vouches for the ISA.
            unsafe {
                let x = V::load_partial(source.as_ptr(), source.len());
                self.2.of(x).store_partial(target.as_mut_ptr(), target.len());
            }
        }
    }
}

macro_rules! function {
    ($($name:ident = $path:path;)*) => { $(
        #[derive(Clone, Copy)]
        struct $name;
        impl Function for $name {
            #[inline(always)]
            fn of<V: F32Vector>(&self, x: V) -> V { $path(x) }
        }
    )* };
}
function! {
    Exp = exp; ExpShort = exp_short; ExpM1 = exp_m1; Sigmoid = sigmoid; Silu = silu; Tanh = tanh;
    Ln = ln; Softplus = softplus; Erf = erf; Gelu = gelu; GeluShort = gelu_short;
    GeluTanh = gelu_tanh;
}

/// Distance in units in the last place of `exact` rounded to f32; subnormals count as normal.
fn ulps(found: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if found.is_nan() || rounded.is_nan() || !rounded.is_finite() {
        let same = found == rounded || found.is_nan() && rounded.is_nan();
        return if same { 0.0 } else { f64::INFINITY };
    }
    let magnitude = rounded.abs().max(f32::MIN_POSITIVE);
    let ulp = f64::from(f32::from_bits(magnitude.to_bits() + 1)) - f64::from(magnitude);
    (f64::from(found) - exact).abs() / ulp
}

fn check(
    function: impl Function + Copy,
    exact: fn(f64) -> f64,
    range: (f32, f32),
    error: fn(f32, f32, f64) -> f64,
    bound: f64,
) {
    let count = 200_003;
    let mut inputs: Vec<f32> = (0..count)
        .map(|i| range.0 + (range.1 - range.0) * (i as f32 / (count - 1) as f32))
        .collect();
    // Every exponent, for small arguments are where relative errors hide.
    inputs.extend((1..255u32).flat_map(|e| {
        let x = f32::from_bits((e << 23) | 0x002a_aaaa);
        [x, -x]
    }));
    inputs.retain(|x| (range.0..=range.1).contains(x));
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        let mut outputs = vec![0.0; inputs.len()];
        isa.require().run(Map(&inputs, &mut outputs, function));
        let mut worst = (0.0, 0.0f32);
        for (&x, &y) in inputs.iter().zip(&outputs) {
            let e = error(x, y, exact(f64::from(x)));
            worst = if e > worst.0 { (e, x) } else { worst };
        }
        assert!(worst.0 <= bound, "{}: error {} at {}", isa.name(), worst.0, worst.1);
    }
}

fn in_ulps(_: f32, found: f32, exact: f64) -> f64 {
    ulps(found, exact)
}

fn relative(_: f32, found: f32, exact: f64) -> f64 {
    (f64::from(found) - exact).abs() / exact.max(f64::from(f32::MIN_POSITIVE))
}

fn absolute(x: f32, found: f32, exact: f64) -> f64 {
    (f64::from(found) - exact).abs() / f64::from(x.abs().max(1.0))
}

#[test]
fn exponentials_keep_their_bounds() {
    check(Exp, f64::exp, (-103.0, 90.0), in_ulps, 2.0);
    check(ExpShort, f64::exp, (-103.0, 88.0), relative, 1.2e-4);
    check(ExpM1, f64::exp_m1, (-30.0, 88.5), in_ulps, 3.0);
    check(Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), (-87.0, 100.0), in_ulps, 3.0);
    check(Silu, |x| x / (1.0 + (-x).exp()), (-80.0, 100.0), in_ulps, 4.0);
    check(Tanh, f64::tanh, (-20.0, 20.0), in_ulps, 4.0);
}

#[test]
fn logarithms_keep_their_bounds() {
    check(Ln, f64::ln, (f32::MIN_POSITIVE, f32::MAX), in_ulps, 2.0);
    check(Ln, f64::ln, (0.25, 4.0), in_ulps, 2.0);
    check(Softplus, |x| x.exp().ln_1p(), (-80.0, 100.0), in_ulps, 4.0);
}

#[test]
fn error_functions_keep_their_bounds() {
    let gelu = |x: f64| x / 2.0 * (1.0 + libm::erf(x / 2f64.sqrt()));
    let gelu_tanh = |x: f64| {
        let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
        x / 2.0 * (1.0 + inner.tanh())
    };
    check(Erf, libm::erf, (-6.0, 6.0), in_ulps, 7.0);
    check(Gelu, gelu, (-20.0, 20.0), absolute, 4e-7);
    check(GeluShort, gelu, (-20.0, 20.0), absolute, 6e-5);
    check(GeluTanh, gelu_tanh, (-20.0, 20.0), absolute, 4e-7);
}

#[test]
fn special_values_are_those_of_ieee_754() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let input = [0.0, -0.0, inf, -inf, nan, 1e-40, -1.0, 89.0];
    fn run(isa: Isa, f: impl Function, input: &[f32]) -> Vec<f32> {
        let mut output = vec![0.0; input.len()];
        isa.require().run(Map(input, &mut output, f));
        output
    }
    let same =
        |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        let e = run(isa, Exp, &input);
        assert!(same(&e[..6], &[1.0, 1.0, inf, 0.0, nan, 1.0]), "{e:?}");
        assert_eq!(e[7], inf);
        let e = run(isa, ExpShort, &input);
        assert!(e[0] == 1.0 && e[1] == 1.0 && e[3] == 0.0 && e[4].is_nan(), "{e:?}");
        let l = run(isa, Ln, &input);
        assert!(same(&l[..5], &[-inf, -inf, inf, nan, nan]), "{l:?}");
        assert!(l[6].is_nan());
        assert!(same(&run(isa, Tanh, &input)[..5], &[0.0, 0.0, 1.0, -1.0, nan]));
        assert!(same(&run(isa, Sigmoid, &input)[..5], &[0.5, 0.5, 1.0, 0.0, nan]));
        assert!(same(&run(isa, Gelu, &input)[..5], &[0.0, 0.0, inf, 0.0, nan]));
        assert!(same(&run(isa, GeluShort, &input)[..5], &[0.0, 0.0, inf, 0.0, nan]));
        assert!(same(&run(isa, ExpM1, &input)[..5], &[0.0, 0.0, inf, -1.0, nan]));
    }
}
